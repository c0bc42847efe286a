//! `SHA256SUMS`: what a host can verify with `sha256sum -c`, the list of the files we own, and the record that a
//! build was completed.
//!
//! Files are listed as `sha256sum` does it. A link has no content of its own, so it stands in a comment, with the
//! digest of its target. The first line says that the list is ours: a directory may well hold somebody else's
//! `SHA256SUMS`, and what that one names is not ours to remove.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::bundle::tree::{Entry, RelPath, Tree};

/// The name of the list in every output directory.
pub const NAME: &str = "SHA256SUMS";

/// The first line of a list of ours.
pub const HEADER: &str =
    "# written by bundlegen, which owns every file in this list; verify with: sha256sum -c SHA256SUMS";

const LINK: &str = "# link ";

/// The digest of some bytes, in lower-case hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The list of everything in a tree but the list itself.
pub fn render(tree: &Tree) -> Vec<u8> {
    let mut text = format!("{HEADER}\n");
    for (path, entry) in tree.iter().filter(|(path, _)| path.as_str() != NAME) {
        text.push_str(&line(path, entry));
    }
    text.into_bytes()
}

/// A line of its own begins with a backslash when the name has one, and doubles it: the rule of GNU coreutils.
fn line(path: &RelPath, entry: &Entry) -> String {
    let (start, digest) = match entry {
        Entry::File { bytes, .. } => ("", digest(bytes)),
        Entry::Link(target) => (LINK, digest(target.as_bytes())),
    };
    let escape = if path.as_str().contains('\\') { "\\" } else { "" };
    format!("{start}{escape}{digest}  {}\n", path.as_str().replace('\\', "\\\\"))
}

/// What earlier builds wrote, by path. More than one digest where an interrupted build left a second list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    files: BTreeMap<RelPath, BTreeSet<String>>,
    links: BTreeMap<RelPath, BTreeSet<String>>,
    odd_lines: usize,
}

/// Why a text is not a list of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the first line does not say that bundlegen wrote it")]
pub struct NotOurs;

impl Owned {
    /// Reads a list. Lines that are none, such as the markers of a merge, are passed over; both sides of a merge
    /// count.
    pub fn parse(text: &[u8]) -> Result<Self, NotOurs> {
        let text = String::from_utf8_lossy(text);
        let lines = text.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n')).ok_or(NotOurs)?;
        let mut owned = Owned::default();
        for line in lines.lines() {
            let (to, rest) = match line.strip_prefix(LINK) {
                Some(rest) => (&mut owned.links, rest),
                None => (&mut owned.files, line),
            };
            match parse_line(rest) {
                Some((digest, path)) => {
                    to.entry(path).or_default().insert(digest);
                }
                None => owned.odd_lines += 1,
            }
        }
        Ok(owned)
    }

    /// Adds what another list names.
    pub fn merge(&mut self, other: Owned) {
        self.odd_lines += other.odd_lines;
        for (mine, theirs) in [(&mut self.files, other.files), (&mut self.links, other.links)] {
            for (path, digests) in theirs {
                mine.entry(path).or_default().extend(digests);
            }
        }
    }

    /// Whether an earlier build wrote something at this path.
    pub fn has(&self, path: &RelPath) -> bool {
        self.files.contains_key(path) || self.links.contains_key(path)
    }

    /// Whether an earlier build made a link at this path.
    pub fn has_link(&self, path: &RelPath) -> bool {
        self.links.contains_key(path)
    }

    /// Whether every line was one that a build writes.
    pub fn is_clean(&self) -> bool {
        self.odd_lines == 0
    }

    /// Whether these bytes are what an earlier build wrote at this path.
    pub fn wrote_file(&self, path: &RelPath, bytes: &[u8]) -> bool {
        self.files.get(path).is_some_and(|digests| digests.contains(&digest(bytes)))
    }

    /// Whether this link is what an earlier build wrote at this path.
    pub fn wrote_link(&self, path: &RelPath, target: &[u8]) -> bool {
        self.links.get(path).is_some_and(|digests| digests.contains(&digest(target)))
    }

    /// The files in the list with their digests, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = (&RelPath, &str)> {
        self.files
            .iter()
            .flat_map(|(path, digests)| digests.iter().map(move |digest| (path, digest.as_str())))
    }
}

/// A path that is no [`RelPath`] is dropped here: nothing outside the directory can be ours.
fn parse_line(line: &str) -> Option<(String, RelPath)> {
    let (line, escaped) = line.strip_prefix('\\').map_or((line, false), |rest| (rest, true));
    let (digest, name) = line.split_once("  ")?;
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if digest.len() != 64 || !digest.chars().all(hex) {
        return None;
    }
    let name = if escaped { name.replace("\\\\", "\\") } else { name.to_owned() };
    RelPath::parse(&name).ok().map(|path| (digest.to_owned(), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    fn sample() -> Tree {
        let mut tree = Tree::default();
        tree.insert(path("web/config.json"), Entry::file("{}\n")).unwrap();
        tree.insert(path("back\\slash and space"), Entry::executable("x")).unwrap();
        tree.insert(path("link"), Entry::Link("web".to_owned())).unwrap();
        tree
    }

    #[test]
    fn a_list_reads_back() {
        let owned = Owned::parse(&render(&sample())).unwrap();
        assert!(owned.wrote_file(&path("web/config.json"), b"{}\n"));
        assert!(!owned.wrote_file(&path("web/config.json"), b"{}"));
        assert!(owned.wrote_file(&path("back\\slash and space"), b"x"));
        assert!(owned.wrote_link(&path("link"), b"web"));
        assert!(!owned.has(&path(NAME)));
        assert_eq!(owned.files().count(), 2);
        assert!(owned.is_clean());
    }

    #[test]
    fn somebody_elses_list_is_not_ours() {
        let list = format!("{}  release.tar.gz\n", digest(b"x"));
        assert_eq!(Owned::parse(list.as_bytes()), Err(NotOurs));
        assert_eq!(Owned::parse(b""), Err(NotOurs));
    }

    #[test]
    fn hostile_lines_name_nothing() {
        let x = digest(b"x");
        let names = ["../../x", "/etc/passwd", "a/../b", ".git/config", "", "a/"];
        let bad = names.map(|name| format!("{x}  {name}")).join("\n");
        let text = format!("{HEADER}\n{bad}\n<<<<<<< HEAD\nabc  y\n{x} *binary\n{x}  good\n");
        let owned = Owned::parse(text.as_bytes()).unwrap();
        assert_eq!(owned.files().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["good"]);
        assert!(!owned.is_clean());
    }

    #[test]
    fn coreutils_accepts_the_list() {
        let dir = tempfile::tempdir().unwrap();
        let tree = sample().seal().unwrap();
        for (path, entry) in tree.iter() {
            let at = dir.path().join(path);
            #[allow(clippy::disallowed_methods, reason = "a test makes its own input")]
            if let Entry::File { bytes, .. } = entry {
                std::fs::create_dir_all(at.parent().unwrap()).unwrap();
                std::fs::write(at, bytes).unwrap();
            }
        }
        let mut check = std::process::Command::new("sha256sum");
        let check = check.args(["-c", "--strict", "--quiet", NAME]).current_dir(dir.path()).output();
        let Ok(output) = check else { return };
        assert!(output.status.success(), "{output:?}");
        assert!(output.stderr.is_empty() && output.stdout.is_empty(), "{output:?}");
    }
}
