#![allow(
    clippy::disallowed_methods,
    reason = "image blobs are no texts with places in them, so they do not come through `source`"
)]
//! Images in a directory: the [OCI image layout].
//!
//! [OCI image layout]: https://github.com/opencontainers/image-spec/blob/main/image-layout.md

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::document::{Document, Entry};
use super::source::{Content, Listed, MAX_JSON, Source};
use super::{Descriptor, Digest, Error, Reference, by_digest, regular};
use crate::printable::printable_line;

/// Says which version of the specification a layout follows.
pub(super) const LAYOUT_FILE: &str = "oci-layout";
/// Lists the images.
const INDEX_FILE: &str = "index.json";

/// A directory of images.
#[derive(Debug)]
pub struct Layout {
    path: PathBuf,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayoutFile {
    image_layout_version: String,
}

impl Layout {
    /// Opens the layout in a directory; `None` if there is no such directory.
    pub fn open(path: &Path) -> Result<Option<Layout>, Error> {
        if let Err(error) = std::fs::metadata(path) {
            return if error.kind() == io::ErrorKind::NotFound {
                Ok(None)
            } else {
                Err(Error::io(path, error))
            };
        }
        let entries = read_entries(path, |name| read_small(&path.join(name)))?;
        Ok(Some(Layout { path: path.to_owned(), entries }))
    }

    /// Whether a directory has any part of a layout.
    pub(super) fn is_begun(path: &Path) -> bool {
        [LAYOUT_FILE, INDEX_FILE, "blobs"].iter().any(|name| path.join(name).exists())
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the OCI layout {}", self.path.display())
    }
}

impl Source for Layout {
    fn entries(&self, reference: &Reference) -> Result<Vec<Entry>, Error> {
        named(&self.entries, reference, |digest| {
            Ok(by_digest::open(&self.path, digest)?.map(|(_, size)| size))
        })
    }

    fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        by_digest::document(&self.path, digest)
    }

    fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<Option<Content>, Error> {
        by_digest::content(&self.path, &descriptor.digest, from)
    }

    fn names(&self) -> Vec<String> {
        self.entries.iter().filter_map(Entry::name).map(ToOwned::to_owned).collect()
    }
}

impl Listed for Layout {
    fn listing(&self) -> Vec<Vec<&str>> {
        self.entries.iter().map(Entry::names).collect()
    }

    fn entry(&self, index: usize) -> Result<Option<Entry>, Error> {
        Ok(self.entries.get(index).cloned())
    }
}

/// The entries of the layout at `path` by its two files, the index only if the layout is of a known version.
pub(super) fn read_entries(
    path: &Path,
    read: impl Fn(&str) -> Result<Vec<u8>, Error>,
) -> Result<Vec<Entry>, Error> {
    let layout_file = path.join(LAYOUT_FILE);
    let text = read(LAYOUT_FILE).map_err(|error| match error {
        Error::Io { error, .. } if error.kind() == io::ErrorKind::NotFound => {
            refused(path, "no OCI layout, as there is no `oci-layout` in it")
        }
        error => error,
    })?;
    let version: LayoutFile = parse(&layout_file, &text)?;
    if version.image_layout_version != "1.0.0" {
        let reason = format!("unknown layout version `{}`", version.image_layout_version);
        return Err(refused(&layout_file, &reason));
    }
    let index_file = path.join(INDEX_FILE);
    match parse(&index_file, &read(INDEX_FILE)?)? {
        Document { schema_version: 2, manifests: Some(entries), layers: None, config: None, .. } => {
            Ok(entries)
        }
        _ => Err(Error::Layout { path: index_file, reason: "not an image index".into() }),
    }
}

/// The entries that a reference names, where `size_of` knows the blobs that are there. Tools write anything from a full
/// reference to a bare tag as the name of an entry; what is no reference is no name.
pub(super) fn named(
    entries: &[Entry],
    reference: &Reference,
    size_of: impl FnOnce(&Digest) -> Result<Option<u64>, Error>,
) -> Result<Vec<Entry>, Error> {
    if let Some(digest) = reference.digest() {
        if let Some(entry) = entries.iter().find(|entry| entry.digest == *digest) {
            return Ok(vec![Entry { platform: None, ..entry.clone() }]);
        }
        let size = size_of(digest)?;
        return Ok(size.map(|size| Entry::unnamed(digest, size)).into_iter().collect());
    }
    let is_called = |entry: &&Entry| entry.name().is_some_and(|name| reference.is_written(name));
    Ok(entries.iter().filter(is_called).cloned().collect())
}

fn parse<'t, T: Deserialize<'t>>(path: &Path, bytes: &'t [u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| refused(path, &error.to_string()))
}

/// What strangers have written may be in the reason.
fn refused(path: &Path, reason: &str) -> Error {
    Error::Layout { path: path.to_owned(), reason: printable_line(reason).into_owned() }
}

fn read_small(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = regular::open(path)?.take(MAX_JSON + 1).read_to_end(&mut bytes);
    if read.map_err(|error| Error::io(path, error))? as u64 > MAX_JSON {
        return Err(Error::Layout { path: path.to_owned(), reason: format!("larger than {MAX_JSON} bytes") });
    }
    Ok(bytes)
}
