//! A directory in memory: exactly what git can say about one, and nothing else.
//!
//! Owns [`RelPath`], so that no other module joins output paths by hand. Reads and writes nothing; `disk` compares a
//! [`Tree`] with a directory and makes them equal.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use crate::bundle::{state, sums};

/// The longest name Linux file systems take, in bytes.
const MAX_NAME: usize = 255;

/// A path inside a tree: parts joined by `/`, never empty, never leaving the tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelPath(String);

/// Why a text is not a [`RelPath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Nothing at all.
    #[error("the path is empty")]
    Empty,
    /// It starts at the root.
    #[error("`{}` is absolute, and the output is relative to its directory", .0.escape_debug())]
    Absolute(String),
    /// Two slashes in a row, or one at the end.
    #[error("`{}` has an empty part", .0.escape_debug())]
    EmptyPart(String),
    /// A part that is `.` or `..`.
    #[error("`{}` has a part that is `.` or `..`", .0.escape_debug())]
    Dots(String),
    /// A NUL, a newline or the like: no reviewer could see it, and it would break the lines of `SHA256SUMS`.
    #[error("`{}` has a control character", .0.escape_debug())]
    Control(String),
    /// git tracks nothing of that name.
    #[error("`{}` has a part that is `.git`, which git does not track", .0.escape_debug())]
    Git(String),
    /// No file system takes it.
    #[error("`{}` has a part of more than {MAX_NAME} bytes", .0.escape_debug())]
    TooLong(String),
}

impl RelPath {
    /// Checks a text.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let owned = || text.to_owned();
        if text.is_empty() {
            return Err(InvalidPath::Empty);
        }
        if text.starts_with('/') {
            return Err(InvalidPath::Absolute(owned()));
        }
        if text.contains(char::is_control) {
            return Err(InvalidPath::Control(owned()));
        }
        for part in text.split('/') {
            match part {
                "" => return Err(InvalidPath::EmptyPart(owned())),
                "." | ".." => return Err(InvalidPath::Dots(owned())),
                _ if part.eq_ignore_ascii_case(".git") => return Err(InvalidPath::Git(owned())),
                _ if part.len() > MAX_NAME => return Err(InvalidPath::TooLong(owned())),
                _ => {}
            }
        }
        Ok(RelPath(text.to_owned()))
    }

    /// The path of `below`, which may have several parts, under this one.
    pub fn join(&self, below: &str) -> Result<Self, InvalidPath> {
        RelPath::parse(below).map(|below| RelPath(format!("{self}/{below}")))
    }

    /// The path without its last part; none at the top.
    pub fn parent(&self) -> Option<RelPath> {
        self.0.rsplit_once('/').map(|(parent, _)| RelPath(parent.to_owned()))
    }

    /// The last part.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The parts in order; at least one.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Every path above this one, the nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = RelPath> {
        std::iter::successors(self.parent(), RelPath::parent)
    }

    /// Whether this path lies below `other`.
    pub fn is_under(&self, other: &RelPath) -> bool {
        self.0.strip_prefix(&other.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RelPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        RelPath::parse(text)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<Path> for RelPath {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl Borrow<str> for RelPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The one bit of a file's mode that git keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `100644`.
    Regular,
    /// `100755`.
    Executable,
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File {
        /// Its content.
        bytes: Arc<[u8]>,
        /// Whether it can be executed.
        mode: Mode,
    },
    /// A symbolic link with this target.
    Link(String),
}

impl Entry {
    /// A file that is not executable.
    pub fn file(bytes: impl Into<Vec<u8>>) -> Self {
        Entry::File { bytes: bytes.into().into(), mode: Mode::Regular }
    }

    /// A file that is executable.
    pub fn executable(bytes: impl Into<Vec<u8>>) -> Self {
        Entry::File { bytes: bytes.into().into(), mode: Mode::Executable }
    }
}

/// Why an entry cannot be in a tree together with what is there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The path is taken.
    #[error("two things would be written to `{0}`")]
    Duplicate(RelPath),
    /// One path needs a directory where the other needs a file.
    #[error("`{file}` cannot be a file, because `{below}` would be written under it")]
    FileAndDirectory {
        /// The shorter path.
        file: RelPath,
        /// The path below it.
        below: RelPath,
    },
    /// The target of a link is empty or has a NUL.
    #[error("`{0}` cannot be a link to nothing or to a name with a NUL")]
    Target(RelPath),
    /// What is kept out of git cannot be part of the output.
    #[error("`{0}` is a place for run-time state, which `.gitignore` keeps out of git")]
    RunTimeState(RelPath),
}

/// Files and links by path, in the order of the bytes of their paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    entries: BTreeMap<RelPath, Entry>,
}

impl Tree {
    /// Adds an entry where nothing is yet.
    pub fn insert(&mut self, path: RelPath, entry: Entry) -> Result<(), Conflict> {
        if state::is_run_time(path.parts()) {
            return Err(Conflict::RunTimeState(path));
        }
        if matches!(&entry, Entry::Link(target) if target.is_empty() || target.contains('\0')) {
            return Err(Conflict::Target(path));
        }
        if self.entries.contains_key(&path) {
            return Err(Conflict::Duplicate(path));
        }
        if let Some(file) = self.above(&path) {
            return Err(Conflict::FileAndDirectory { file, below: path });
        }
        if let Some(below) = self.below(&path) {
            return Err(Conflict::FileAndDirectory { file: path, below: below.clone() });
        }
        self.entries.insert(path, entry);
        Ok(())
    }

    /// What stands at a path.
    pub fn get(&self, path: &RelPath) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Everything, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&RelPath, &Entry)> {
        self.entries.iter()
    }

    /// The entry that stands where `path` needs a directory.
    pub fn above(&self, path: &RelPath) -> Option<RelPath> {
        path.ancestors().find(|above| self.entries.contains_key(above))
    }

    /// The first entry that needs `path` to be a directory.
    pub fn below(&self, path: &RelPath) -> Option<&RelPath> {
        let prefix = format!("{path}/");
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        let (first, _) = self.entries.range::<str, _>(from).next()?;
        first.is_under(path).then_some(first)
    }

    /// Adds the two files every output has: `.gitignore`, and `SHA256SUMS` as the list of all the others.
    pub fn seal(mut self) -> Result<Tree, Conflict> {
        self.insert(RelPath(state::GITIGNORE_NAME.to_owned()), Entry::file(state::gitignore()))?;
        let list = sums::render(&self);
        self.insert(RelPath(sums::NAME.to_owned()), Entry::file(list))?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    #[test]
    fn paths_stay_inside() {
        for good in ["a", "a/b", ".gitignore", "a\\b", "…/é", ".gitx/..a/a..", "a b"] {
            assert_eq!(path(good).as_str(), good);
        }
        let long = "x".repeat(256);
        let bad =
            ["", "/", "/a", "a/", "a//b", ".", "..", "a/..", "./a", "a\0", "a\nb", ".git/hooks/x", "a/.GIT"];
        for bad in bad.into_iter().chain([long.as_str()]) {
            assert!(RelPath::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn paths_take_apart() {
        let web = path("web/etc/hosts");
        assert_eq!(web.parent(), Some(path("web/etc")));
        assert_eq!(path("web").parent(), None);
        assert_eq!(web.name(), "hosts");
        assert_eq!(web.parts().collect::<Vec<_>>(), ["web", "etc", "hosts"]);
        assert_eq!(path("web").join("etc/hosts"), Ok(web.clone()));
        assert!(path("web").join("../x").is_err());
        assert!(path("web").join("/x").is_err());
        assert!(web.is_under(&path("web")) && !path("web-2").is_under(&path("web")));
    }

    #[test]
    fn a_path_is_one_thing() {
        let mut tree = Tree::default();
        tree.insert(path("a/b"), Entry::file("")).unwrap();
        tree.insert(path("a-b"), Entry::file("")).unwrap();
        assert_eq!(tree.insert(path("a/b"), Entry::file("")), Err(Conflict::Duplicate(path("a/b"))));
        let both = Conflict::FileAndDirectory { file: path("a"), below: path("a/b") };
        assert_eq!(tree.insert(path("a"), Entry::file("")), Err(both));
        let both = Conflict::FileAndDirectory { file: path("a/b"), below: path("a/b/c/d") };
        assert_eq!(tree.insert(path("a/b/c/d"), Entry::file("")), Err(both));
        assert!(tree.insert(path("l"), Entry::Link(String::new())).is_err());
        assert!(tree.insert(path("web/rootfs/x"), Entry::file("")).is_err());
        assert!(tree.insert(path("volumes/x"), Entry::file("")).is_err());
    }

    #[test]
    fn sealing_takes_its_two_names() {
        let mut tree = Tree::default();
        tree.insert(path("SHA256SUMS/config.json"), Entry::file("")).unwrap();
        assert!(tree.seal().is_err());
        let sealed = Tree::default().seal().unwrap();
        let names: Vec<_> = sealed.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(names, [".gitignore", "SHA256SUMS"]);
    }
}
