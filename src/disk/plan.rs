//! Comparing a tree in memory with a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::at::{Content, Dir, Kind};
use super::{Cause, Change, Error, Obstacle, walk};
use crate::bundle::tree::{Entry, Mode, RelPath, Tree};
use crate::bundle::{state, sums};

/// The most that is read of a file to compare it, unless more is wanted there. Generated text is far smaller.
const MAX_READ: u64 = 16 * 1024 * 1024;

/// What would have to change in a directory for it to be what is wanted.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) want: Tree,
    pub(super) dir: PathBuf,
    scope: Scope,
    changes: BTreeMap<PathBuf, Change>,
    /// The texts on disk that differ, for [`super::diff`].
    pub(super) old: BTreeMap<PathBuf, Vec<u8>>,
    /// Empty directories where a file must go, and those in them.
    pub(super) clear: Vec<RelPath>,
}

/// How much of the directory is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// All of it.
    Whole,
    /// Only the paths that are wanted, and they are ours.
    Named,
}

/// Compares a sealed tree with a directory, which need not exist.
pub fn plan(want: &Tree, dir: &Path) -> Result<Plan, Error> {
    compare(want.clone(), dir, Scope::Whole)
}

/// Compares one file, outside any output directory, with what it should be.
pub fn plan_file(path: &Path, bytes: Vec<u8>) -> Result<Plan, Error> {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| RelPath::parse(name).ok());
    let mut want = Tree::default();
    let inserted = name.map(|name| want.insert(name, Entry::file(bytes)));
    match (inserted, path.parent()) {
        (Some(Ok(())), Some(dir)) => compare(want, dir, Scope::Named),
        _ => Err(Error::Name(path.to_owned())),
    }
}

impl Plan {
    /// Whether the directory is what is wanted, and holds nothing else.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether [`super::apply`] has anything to do.
    pub fn has_work(&self) -> bool {
        self.changes.values().any(|change| *change != Change::Foreign)
    }

    /// Every difference, sorted by path. The paths are relative to [`Plan::dir`].
    pub fn changes(&self) -> impl Iterator<Item = (&Path, Change)> {
        self.changes.iter().map(|(path, change)| (path.as_path(), *change))
    }

    /// The directory that was compared.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Compares again: the disk may have changed.
    pub(super) fn again(&self) -> Result<Plan, Error> {
        compare(self.want.clone(), &self.dir, self.scope)
    }

    /// Fails if something is in the way.
    pub fn refuse(&self) -> Result<(), Error> {
        let obstacles: Vec<_> = self
            .changes()
            .filter_map(|(path, change)| match change {
                Change::InTheWay(obstacle) => Some((self.dir.join(path), obstacle)),
                _ => None,
            })
            .collect();
        if obstacles.is_empty() { Ok(()) } else { Err(Error::InTheWay(obstacles)) }
    }

    /// What is to be written.
    pub(super) fn writes(&self) -> Vec<(&RelPath, &Entry)> {
        let write = |path: &RelPath| {
            let change = self.changes.get::<Path>(path.as_ref());
            matches!(change, Some(Change::Missing | Change::Differs(_) | Change::Mode))
        };
        self.want.iter().filter(|(path, _)| write(path)).collect()
    }

    /// What is to be removed.
    pub(super) fn removals(&self) -> Vec<RelPath> {
        let stale = self.changes().filter(|(_, change)| *change == Change::Stale);
        stale.filter_map(|(path, _)| rel_path(path)).collect()
    }
}

fn compare(want: Tree, dir: &Path, scope: Scope) -> Result<Plan, Error> {
    let dir = tidy(dir);
    let Some(top) = Dir::open(&dir)? else {
        let changes = want.iter().map(|(path, _)| (PathBuf::from(path.as_str()), Change::Missing)).collect();
        return Ok(Plan { want, dir, scope, changes, old: BTreeMap::new(), clear: Vec::new() });
    };
    let mut disk = Disk::read(top, &dir, &want, scope)?;
    disk.judge_all(&want)?;
    let Disk { changes, old, clear, .. } = disk;
    Ok(Plan { want, dir, scope, changes, old, clear })
}

/// A slash at the end would make the system follow a link.
fn tidy(dir: &Path) -> PathBuf {
    let tidy: PathBuf = dir.components().collect();
    if tidy.as_os_str().is_empty() { PathBuf::from(".") } else { tidy }
}

fn rel_path(path: &Path) -> Option<RelPath> {
    path.to_str().and_then(|path| RelPath::parse(path).ok())
}

/// A directory during a comparison.
struct Disk {
    top: Dir,
    scope: Scope,
    found: BTreeMap<PathBuf, Kind>,
    owned: sums::Owned,
    stale: BTreeSet<PathBuf>,
    changes: BTreeMap<PathBuf, Change>,
    old: BTreeMap<PathBuf, Vec<u8>>,
    clear: Vec<RelPath>,
}

impl Disk {
    fn read(top: Dir, dir: &Path, want: &Tree, scope: Scope) -> Result<Self, Error> {
        let mut disk = Disk {
            top,
            scope,
            found: BTreeMap::new(),
            owned: sums::Owned::default(),
            stale: BTreeSet::new(),
            changes: BTreeMap::new(),
            old: BTreeMap::new(),
            clear: Vec::new(),
        };
        match scope {
            Scope::Whole => {
                disk.found = walk::walk(dir)?;
                disk.read_lists()?;
                disk.find_stale(want)?;
            }
            Scope::Named => {
                for (path, _) in want.iter() {
                    let kind = disk.top.kind(path.as_str())?;
                    disk.found.extend(kind.map(|kind| (PathBuf::from(path.as_str()), kind)));
                }
            }
        }
        Ok(disk)
    }

    /// Besides the list that completed the last build, the one that an interrupted build left staged counts: what
    /// it had already written would belong to nobody otherwise.
    fn read_lists(&mut self) -> Result<(), Error> {
        if self.found.get(Path::new(sums::NAME)) == Some(&Kind::File) {
            self.add_list(&self.top.read(sums::NAME, MAX_READ)?);
        }
        let staged = self.top.enter(state::STAGING).and_then(|staging| staging.read(sums::NAME, MAX_READ));
        if let Ok(staged) = staged {
            self.add_list(&staged);
        }
        Ok(())
    }

    fn add_list(&mut self, list: &Content) {
        let list = list.bytes.as_deref().map(sums::Owned::parse);
        if let Some(Ok(list)) = list {
            self.owned.merge(list);
        }
    }

    /// A list comes with the directory, perhaps from a stranger, so it is believed only where the content on disk
    /// is the one it names: nothing that a person wrote is removed.
    fn find_stale(&mut self, want: &Tree) -> Result<(), Error> {
        for (path, kind) in &self.found {
            let Some(rel) = rel_path(path).filter(|rel| want.get(rel).is_none() && self.owned.has(rel))
            else {
                continue;
            };
            if self.is_as_written(&rel, *kind)? {
                self.stale.insert(path.clone());
            }
        }
        Ok(())
    }

    fn is_as_written(&self, path: &RelPath, kind: Kind) -> Result<bool, Error> {
        match kind {
            Kind::File => {
                let content = self.read_file(path, MAX_READ)?;
                Ok(content.bytes.is_some_and(|bytes| self.owned.wrote_file(path, &bytes)))
            }
            Kind::Link => Ok(self.owned.wrote_link(path, &self.read_link(path)?)),
            _ => Ok(false),
        }
    }

    fn judge_all(&mut self, want: &Tree) -> Result<(), Error> {
        for (path, entry) in want.iter() {
            if let Some((at, change)) = self.judge(path, entry)? {
                self.changes.insert(at, change);
            }
        }
        let wanted = |path: &Path| rel_path(path).is_some_and(|path| want.get(&path).is_some());
        for (path, kind) in &self.found {
            if matches!(kind, Kind::Passed | Kind::Directory) || walk::is_gits(path) || wanted(path) {
                continue;
            }
            let change = if self.stale.contains(path) { Change::Stale } else { Change::Foreign };
            self.changes.entry(path.clone()).or_insert(change);
        }
        Ok(())
    }

    /// The difference at a wanted path, or at what is above it and in the way.
    fn judge(&mut self, path: &RelPath, entry: &Entry) -> Result<Option<(PathBuf, Change)>, Error> {
        if let Some((above, obstacle)) = self.obstacle_above(path) {
            return Ok(Some((above, Change::InTheWay(obstacle))));
        }
        let at = PathBuf::from(path.as_str());
        let change = match self.found.get(&at) {
            None => Some(Change::Missing),
            Some(Kind::Directory) => Some(self.judge_directory(&at)),
            Some(Kind::Special | Kind::Passed) => Some(Change::InTheWay(Obstacle::Special)),
            Some(Kind::File) => self.judge_file(path, entry)?,
            Some(Kind::Link) => self.judge_link(path, entry)?,
        };
        Ok(change.map(|change| (at, change)))
    }

    fn obstacle_above(&self, path: &RelPath) -> Option<(PathBuf, Obstacle)> {
        path.ancestors().map(|above| PathBuf::from(above.as_str())).find_map(|above| {
            let obstacle = match self.found.get(&above)? {
                Kind::Directory => return None,
                _ if self.stale.contains(&above) => return None,
                Kind::File => Obstacle::File,
                Kind::Link => Obstacle::Link,
                Kind::Special | Kind::Passed => Obstacle::Special,
            };
            Some((above, obstacle))
        })
    }

    /// A directory makes room for a file if nothing is in it that would be lost.
    fn judge_directory(&mut self, at: &Path) -> Change {
        let below = || self.found.range(at.to_owned()..).take_while(|(path, _)| path.starts_with(at));
        if !below().all(|(path, kind)| *kind == Kind::Directory || self.stale.contains(path)) {
            return Change::InTheWay(Obstacle::Directory);
        }
        let directories = below().filter(|(_, kind)| **kind == Kind::Directory);
        let directories: Vec<_> = directories.filter_map(|(path, _)| rel_path(path)).collect();
        self.clear.extend(directories);
        Change::Missing
    }

    fn judge_file(&mut self, path: &RelPath, entry: &Entry) -> Result<Option<Change>, Error> {
        let limit = match entry {
            Entry::File { bytes, .. } => MAX_READ.max(bytes.len() as u64),
            Entry::Link(_) => MAX_READ,
        };
        let content = self.read_file(path, limit)?;
        if let (Entry::File { bytes, mode }, Some(old)) = (entry, &content.bytes)
            && **bytes == **old
        {
            let right = content.executable == (*mode == Mode::Executable);
            return Ok((!right).then_some(Change::Mode));
        }
        if !self.is_ours(path, &content) {
            return Ok(Some(Change::InTheWay(Obstacle::NotOurs)));
        }
        // No list says what a file outside the directory was; that somebody edited it is not known.
        let as_written =
            self.scope == Scope::Named || content.bytes.as_ref().is_some_and(|old| self.vouches(path, old));
        self.old.extend(content.bytes.map(|old| (PathBuf::from(path.as_str()), old)));
        Ok(Some(Change::Differs(if as_written { Cause::Inputs } else { Cause::Edited })))
    }

    /// A link where no build made one is never ours, even if a file of ours was there.
    fn judge_link(&self, path: &RelPath, entry: &Entry) -> Result<Option<Change>, Error> {
        let old = self.read_link(path)?;
        Ok(match entry {
            Entry::Link(target) if target.as_bytes() == old => None,
            _ if !self.owned.has_link(path) => Some(Change::InTheWay(Obstacle::Link)),
            _ if self.owned.wrote_link(path, &old) => Some(Change::Differs(Cause::Inputs)),
            _ => Some(Change::Differs(Cause::Edited)),
        })
    }

    fn is_ours(&self, path: &RelPath, content: &Content) -> bool {
        let is_list = || content.bytes.as_deref().is_some_and(|bytes| sums::Owned::parse(bytes).is_ok());
        self.scope == Scope::Named || self.owned.has(path) || (path.as_str() == sums::NAME && is_list())
    }

    /// Whether the content is what a build wrote. The list cannot name itself, but a build writes no odd lines.
    fn vouches(&self, path: &RelPath, bytes: &[u8]) -> bool {
        let is_list = || sums::Owned::parse(bytes).is_ok_and(|list| list.is_clean());
        self.owned.wrote_file(path, bytes) || (path.as_str() == sums::NAME && is_list())
    }

    fn read_file(&self, path: &RelPath, limit: u64) -> Result<Content, Error> {
        self.top.below(path.parent().as_ref())?.read(path.name(), limit)
    }

    fn read_link(&self, path: &RelPath) -> Result<Vec<u8>, Error> {
        Ok(self.top.below(path.parent().as_ref())?.read_link(path.name())?.into_bytes())
    }
}
