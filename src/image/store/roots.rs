#![allow(clippy::disallowed_methods, reason = "locks and bundles are looked through for digests here")]
//! Whose images a store keeps: locks and trees of bundles, by their paths.
//!
//! They are looked through for anything that is a digest. So what a later version of a lock says is kept as well, and a
//! digest too many costs nothing but room.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use super::directory::ROOTS;
use super::{Store, blobs};
use crate::image::{Digest, Error, regular};

/// The largest lock or `config.json`, as `prepare` has it.
const MAX_TEXT: u64 = 16 * 1024 * 1024;

/// A user of a store.
pub(super) struct Root {
    /// The file that remembers it.
    pub file: PathBuf,
    /// The lock or the tree.
    pub path: PathBuf,
    /// The digests it mentions; nothing if it is gone.
    pub mentions: Option<BTreeSet<Digest>>,
}

impl Store {
    /// Keeps the images that a lock or a tree of bundles mentions, as long as it is there. To be called while the store
    /// that they were fetched into is open.
    pub fn keep(&self, path: &Path) -> Result<(), Error> {
        let path = fs::canonicalize(path).map_err(|error| Error::io(path, error))?;
        let bytes = path.as_os_str().as_bytes();
        let file = self.path.join(ROOTS).join(Digest::sha256(bytes).hex());
        if fs::read(&file).is_ok_and(|known| known == bytes) {
            return Ok(());
        }
        let _lock = self.alone_in(ROOTS)?;
        self.write_whole(&file, bytes)
    }

    /// All that were remembered.
    pub(super) fn roots(&self) -> Result<Vec<Root>, Error> {
        let mut roots = Vec::new();
        for (file, _) in blobs::names(&self.path.join(ROOTS))? {
            let path = fs::read(&file).map_err(|error| Error::io(&file, error))?;
            let path = PathBuf::from(OsString::from_vec(path));
            let mentions = mentions(&path).map_err(|error| Error::Store {
                path: path.clone(),
                reason: format!(
                    "{error}; what it needs is not known, so nothing is removed: mend it, or remove {}",
                    file.display()
                ),
            })?;
            roots.push(Root { file, path, mentions });
        }
        Ok(roots)
    }
}

/// The digests in a lock, in a bundle or in a tree of bundles; `None` if it is gone.
fn mentions(path: &Path) -> io::Result<Option<BTreeSet<Digest>>> {
    let mut found = BTreeSet::new();
    let data = match fs::metadata(path) {
        Err(error) if is_gone(&error) => return Ok(None),
        data => data?,
    };
    if !data.is_dir() {
        add_digests(path, &mut found)?;
        return Ok(Some(found));
    }
    add_digests(&path.join("config.json"), &mut found)?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            add_digests(&entry.path().join("config.json"), &mut found)?;
        }
    }
    Ok(Some(found))
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn add_digests(path: &Path, found: &mut BTreeSet<Digest>) -> io::Result<()> {
    let file = match regular::open(path) {
        Err(Error::Io { error, .. }) if is_gone(&error) => return Ok(()),
        file => file.map_err(|error| io::Error::other(error.to_string()))?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_TEXT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(io::Error::other(format!("{}: larger than {MAX_TEXT} bytes", path.display())));
    }
    found.extend(digests(&String::from_utf8_lossy(&bytes)));
    Ok(())
}

/// Every digest in a text.
fn digests(text: &str) -> impl Iterator<Item = Digest> {
    let kinds = [("sha256:", 64), ("sha512:", 128)];
    kinds.into_iter().flat_map(move |(name, digits)| {
        let at = text.match_indices(name);
        at.filter_map(move |(at, _)| text.get(at..at + name.len() + digits)?.parse().ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_found_in_any_text() {
        let (one, two) = (Digest::sha256(b"one"), Digest::sha256(b"two"));
        let long = format!("sha512:{}", "0".repeat(128));
        let text = format!("sha256: x{one}{two}\"ä{long}é sha256:é sha512:{} sha256:", one.hex());
        let found: Vec<_> = digests(&text).map(|digest| digest.to_string()).collect();
        assert_eq!(found, [one.to_string(), two.to_string(), long]);
        assert_eq!(digests(&"sha256:".repeat(10_000)).count(), 0);
    }
}
