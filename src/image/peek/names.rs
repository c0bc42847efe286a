//! The names of an image that can matter for the files that are wanted, as entry after entry changes them.
//!
//! A tracked name is one that a wanted path goes through. What becomes of it is known exactly, as long as every entry
//! that changes it is recognised, and such an entry may come through links that are not tracked. But the last link on
//! its way leads to a tracked directory, and so its target ends in that directory's name, in `..`, or in the name of
//! another such link. The names of all these links are remembered as [`Names::aliases`]. Where one is in the way of an
//! entry that could matter, or a tracked name turns out to be a link, more names are demanded: they are tracked when
//! the layers are read again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Bound;
use std::rc::Rc;

use super::super::archive::{Entry, Kind};
use super::super::place::{Place, parts};
use super::MAX_FILE;
use super::seen::Seen;

/// How many links one path may go through, as in the kernel.
const MAX_LINKS: u32 = 40;
/// How many names are tracked. Few images need more than those that are wanted.
const MAX_TRACKED: usize = 1000;

/// The names from the root, none of them a link.
type Path = Vec<Vec<u8>>;

/// Where the content of a file is: the number of an entry in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub layer: usize,
    pub number: u64,
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub position: Position,
    /// Nothing if it is not small.
    pub bytes: Option<Rc<[u8]>>,
    size: u64,
}

/// What has a name.
#[derive(Clone)]
enum Node {
    Directory,
    File(Content),
    Symlink(Rc<[u8]>),
    Special(&'static str),
}

struct Found {
    node: Node,
    /// The layer that has the name last.
    layer: usize,
}

/// Where a path leads.
enum End {
    At(Path),
    Nowhere,
    /// To a name that is not tracked.
    Elsewhere,
}

/// Content of an entry; nothing if it is not to be kept.
pub(super) type ReadEntry<'r> = &'r mut dyn FnMut(&Entry) -> io::Result<Option<Vec<u8>>>;

pub(super) struct Names {
    /// With every name, those of the directories on the way to it.
    tracked: BTreeMap<Path, Option<Found>>,
    /// The last part of each tracked path.
    last: BTreeSet<Vec<u8>>,
    /// The last part of each tracked path of a directory with a tracked name.
    directories: BTreeSet<Vec<u8>>,
    /// Names of links that may lead to such a directory.
    aliases: Seen,
    /// How the targets of all other links end.
    others: Seen,
    /// What is tracked from the next time on.
    demanded: BTreeSet<Path>,
    /// How many names may be demanded yet.
    room: usize,
    are_complete: bool,
}

impl Names {
    pub fn new(wanted: &[&str]) -> Self {
        let mut names = Names {
            tracked: BTreeMap::new(),
            last: BTreeSet::new(),
            directories: BTreeSet::new(),
            aliases: Seen::new(),
            others: Seen::new(),
            demanded: wanted.iter().map(|path| owned(parts(path.as_bytes()))).collect(),
            room: MAX_TRACKED,
            are_complete: false,
        };
        names.again();
        names
    }

    /// Whether no more names are needed than were tracked.
    pub fn are_complete(&self) -> bool {
        self.are_complete
    }

    /// Begins anew, with the names that were demanded, unless they are too many.
    pub fn again(&mut self) -> bool {
        self.tracked.values_mut().for_each(|found| *found = None);
        for path in std::mem::take(&mut self.demanded) {
            let Some((last, directory)) = path.split_last() else { continue };
            self.last.insert(last.clone());
            self.directories.extend(directory.iter().cloned());
            self.last.extend(directory.iter().cloned());
            for length in 1..=path.len() {
                self.tracked.entry(path.iter().take(length).cloned().collect()).or_default();
            }
        }
        self.others = Seen::new();
        self.are_complete = true;
        self.room > 0
    }

    /// A regular file; `None` if there is nothing.
    pub fn file(&mut self, path: &[u8]) -> Result<Option<Content>, String> {
        let End::At(path) = self.follow(path, None, true)? else { return Ok(None) };
        match self.node(&path) {
            None => Ok(None),
            Some(Node::File(content)) if content.size > MAX_FILE => {
                Err(format!("{} bytes, and the limit is {MAX_FILE}", content.size))
            }
            Some(Node::File(content)) => Ok(Some(content.clone())),
            Some(Node::Special(what)) => Err(format!("{what} and not a file")),
            Some(Node::Directory | Node::Symlink(_)) => Err("a directory and not a file".into()),
        }
    }

    /// Does what an entry says. The inner error is that of an entry which cannot be; but it may be wrong itself while
    /// names are missing.
    pub fn apply(
        &mut self,
        entry: &Entry,
        position: Position,
        read: ReadEntry<'_>,
    ) -> io::Result<Result<(), String>> {
        let place = match Place::parse(&entry.path) {
            Ok(place) => place,
            Err(reason) => return Err(io::Error::new(io::ErrorKind::InvalidData, reason)),
        };
        let Place::Name { directory, name } = place else {
            return Ok(self.remove_at(&place, entry.kind, position.layer));
        };
        if matches!(entry.kind, Kind::Symlink | Kind::HardLink) {
            self.link(&name, &entry.target);
        }
        let mut path = match self.follow(&directory, Some(position.layer), self.matters(&directory, &name)) {
            Ok(End::At(path)) => path,
            Ok(_) => return Ok(Ok(())),
            Err(reason) => return Ok(Err(reason)),
        };
        path.push(name);
        if !self.tracked.contains_key(&path) {
            return Ok(Ok(()));
        }
        let bytes = if entry.kind == Kind::File && entry.sparse.is_none() { read(entry)? } else { None };
        Ok(self.put(entry, position, path, bytes))
    }

    fn remove_at(&mut self, place: &Place, kind: Kind, layer: usize) -> Result<(), String> {
        let (directory, name) = match place {
            Place::Whiteout { directory, name } => (directory, Some(name)),
            Place::Opaque { directory } => (directory, None),
            _ if kind == Kind::Directory => return Ok(()),
            _ => return Err("the root is no directory".into()),
        };
        let matters = name.map_or_else(|| self.has_alias(directory), |name| self.matters(directory, name));
        if let End::At(mut path) = self.follow(directory, None, matters)? {
            path.extend(name.cloned());
            self.remove(&path, name.is_some(), Some(layer));
        }
        Ok(())
    }

    fn put(
        &mut self,
        entry: &Entry,
        position: Position,
        path: Path,
        bytes: Option<Vec<u8>>,
    ) -> Result<(), String> {
        let node = match entry.kind {
            Kind::Directory => Node::Directory,
            Kind::HardLink => match self.linked(&entry.target)? {
                Some(node) => node,
                None => return Ok(()),
            },
            // What the archive has of it is not its content.
            Kind::File if entry.sparse.is_some() => Node::Special("a sparse file"),
            Kind::File => Node::File(Content { position, bytes: bytes.map(Into::into), size: entry.size }),
            Kind::Symlink => Node::Symlink(entry.target.as_slice().into()),
            Kind::Fifo => Node::Special("a named pipe"),
            Kind::CharDevice | Kind::BlockDevice => Node::Special("a device"),
        };
        if !matches!(node, Node::Directory) {
            self.remove(&path, false, None);
        }
        self.tracked.insert(path, Some(Found { node, layer: position.layer }));
        Ok(())
    }

    /// What a hard link leads to; nothing if that is not known yet.
    fn linked(&mut self, target: &[u8]) -> Result<Option<Node>, String> {
        let refuse = || format!("a hard link to `{}`, which is no file", target.escape_ascii());
        let Place::Name { directory, name } = Place::parse(target)? else { return Err(refuse()) };
        let mut path = match self.follow(&directory, None, true)? {
            End::At(path) => path,
            End::Nowhere => return Err(refuse()),
            End::Elsewhere => return self.follow(target, None, true).map(|_| None),
        };
        path.push(name);
        if !self.tracked.contains_key(&path) {
            self.demand(path);
            return Ok(None);
        }
        match self.node(&path) {
            None | Some(Node::Directory) => Err(refuse()),
            Some(node) => Ok(Some(node.clone())),
        }
    }

    /// Remembers a link that may lead to a tracked directory. A hard link can be a new name of such a link.
    fn link(&mut self, name: &[u8], target: &[u8]) {
        let parts = parts(target);
        let end = parts.last().filter(|end| **end != b"..");
        let leads_here = |end: &&[u8]| self.directories.contains(*end) || self.aliases.contains(end);
        match end {
            Some(end) if !leads_here(end) => drop(self.others.insert(end)),
            _ => {
                let is_new = self.aliases.insert(name);
                // A link that was met before may have led to this one.
                self.are_complete &= !(is_new && self.others.contains(name));
            }
        }
    }

    /// Whether an entry may change a tracked name through links that are not tracked.
    fn matters(&self, directory: &[u8], name: &[u8]) -> bool {
        self.last.contains(name) && self.has_alias(directory)
    }

    fn has_alias(&self, directory: &[u8]) -> bool {
        parts(directory).iter().any(|part| self.aliases.contains(part))
    }

    /// Follows a path from the root, as far as it is tracked. For a `layer`, directories that are missing are made.
    fn follow(&mut self, path: &[u8], layer: Option<usize>, demand: bool) -> Result<End, String> {
        let mut ahead = reversed(path);
        let (mut here, mut links) = (Path::new(), 0);
        while let Some(name) = ahead.pop() {
            if name == b".." {
                here.pop();
                continue;
            }
            here.push(name);
            let Some(found) = self.tracked.get_mut(&here) else {
                if demand {
                    here.extend(ahead.into_iter().rev().take_while(|part| part != b".."));
                    self.demand(here);
                }
                return Ok(End::Elsewhere);
            };
            match (found.as_ref().map(|found| &found.node), layer) {
                (Some(Node::Directory), _) => {}
                (Some(Node::Symlink(target)), _) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err("too many links".into());
                    }
                    here.pop();
                    if target.starts_with(b"/") {
                        here.clear();
                    }
                    ahead.extend(reversed(target));
                }
                (None, Some(layer)) => *found = Some(Found { node: Node::Directory, layer }),
                (Some(_), Some(_)) => {
                    let name = here.last().map(|name| name.escape_ascii().to_string());
                    return Err(format!("`{}` is no directory", name.unwrap_or_default()));
                }
                (Some(_), None) if ahead.is_empty() => {}
                (_, None) => return Ok(End::Nowhere),
            }
        }
        Ok(End::At(here))
    }

    fn demand(&mut self, path: Path) {
        self.are_complete = false;
        if !self.demanded.contains(&path) {
            self.room = self.room.saturating_sub(path.len());
            if self.room > 0 {
                self.demanded.insert(path);
            }
        }
    }

    /// Removes what is below a path, and with `itself` the path too. What the `layer` has written stays, with the
    /// directories on the way to it.
    fn remove(&mut self, path: &Path, itself: bool, layer: Option<usize>) {
        let from = if itself { Bound::Included(path) } else { Bound::Excluded(path) };
        let below = self.tracked.range::<Path, _>((from, Bound::Unbounded));
        let below: Vec<Path> =
            below.map(|(below, _)| below).take_while(|below| below.starts_with(path)).cloned().collect();
        let mut kept: Option<Path> = None;
        // What is in a directory comes before the directory.
        for path in below.into_iter().rev() {
            let Some(found) = self.tracked.get_mut(&path) else { continue };
            let is_used = kept.as_ref().is_some_and(|kept| kept.starts_with(&path));
            match found {
                Some(Found { layer: own, .. }) if is_used || layer == Some(*own) => kept = Some(path),
                _ => *found = None,
            }
        }
    }

    fn node(&self, path: &Path) -> Option<&Node> {
        // The root is always there.
        if path.is_empty() {
            return Some(&Node::Directory);
        }
        self.tracked.get(path)?.as_ref().map(|found| &found.node)
    }
}

fn owned(parts: Vec<&[u8]>) -> Path {
    parts.into_iter().map(<[u8]>::to_vec).collect()
}

/// The parts of a path, the next one last.
fn reversed(path: &[u8]) -> Path {
    let mut parts = owned(parts(path));
    parts.reverse();
    parts
}
