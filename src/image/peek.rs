//! Small files out of an image, such as `etc/passwd`, without unpacking it.
//!
//! The layers are read twice: for the tree of names, which is kept in memory, and for the content of the files that
//! the names turn out to lead to. The rules are those of `unpack`, whiteouts and links included.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::archive::{Archive, Entry, Kind};
use super::layer::{Layer, Meter};
use super::place::{self, Place};
use super::{Error, Image, Limits, Source};

/// The largest file that is read (CVE-2024-9676).
const MAX_FILE: u64 = 4 * 1024 * 1024;
/// How many links one path may go through, as in the kernel.
const MAX_LINKS: u32 = 40;
/// How deep a tree may be that is walked.
const MAX_DEPTH: u32 = 512;

/// Reads files of an image by their paths from its root; `None` for one that the image does not have. Links are
/// followed inside the image. What is no regular file, or a large one, is an error.
pub fn read_small_files(
    source: &dyn Source,
    image: &Image,
    paths: &[&str],
) -> Result<BTreeMap<String, Option<Vec<u8>>>, Error> {
    let tree = read_tree(source, image)?;
    let mut found = BTreeMap::new();
    let mut wanted: BTreeMap<Position, Vec<&str>> = BTreeMap::new();
    for path in paths {
        let refuse = |reason: String| Error::File { path: (*path).to_owned(), reason };
        if let Some(place) = tree.file(path.as_bytes()).map_err(refuse)? {
            wanted.entry(place).or_default().push(path);
        }
        found.insert((*path).to_owned(), None);
    }
    for layer in 0..image.layers.len() {
        if !wanted.keys().any(|place| place.layer == layer) {
            continue;
        }
        each_entry(source, image, layer, |number, _, content| {
            if let Some(paths) = wanted.get(&Position { layer, number }) {
                let mut bytes = Vec::new();
                content.take(MAX_FILE).read_to_end(&mut bytes)?;
                found.extend(paths.iter().map(|path| ((*path).to_owned(), Some(bytes.clone()))));
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// Where the content of a file is: the number of an entry in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    layer: usize,
    number: u64,
}

enum Node {
    Directory(BTreeMap<Vec<u8>, Child>),
    File { position: Position, size: u64 },
    Symlink(Vec<u8>),
    Special(&'static str),
}

/// A name in a directory.
#[derive(Clone, Copy)]
struct Child {
    node: usize,
    /// The layer that has the name last.
    layer: usize,
}

/// The names of an image. The first node is the root; hard links share a node.
struct Tree {
    nodes: Vec<Node>,
}

fn read_tree(source: &dyn Source, image: &Image) -> Result<Tree, Error> {
    let mut tree = Tree { nodes: vec![Node::Directory(BTreeMap::new())] };
    let limits = Limits::default();
    let mut entries = 0;
    for layer in 0..image.layers.len() {
        each_entry(source, image, layer, |number, entry, _| {
            entries += 1;
            if entries > limits.entries {
                return Err(bad(format!("more than {} entries", limits.entries)));
            }
            tree.apply(entry, Position { layer, number }).map_err(bad)
        })?;
    }
    Ok(tree)
}

fn each_entry(
    source: &dyn Source,
    image: &Image,
    layer: usize,
    mut visit: impl FnMut(u64, &Entry, &mut Archive<Layer>) -> io::Result<()>,
) -> Result<(), Error> {
    let mut layers = image.layers.iter().zip(&image.configuration.diff_ids);
    let Some((descriptor, diff_id)) = layers.nth(layer) else { return Ok(()) };
    let in_layer = |error| Error::Layer { layer: descriptor.digest.clone(), error };
    let mut archive =
        Archive::new(Layer::open(source, descriptor, diff_id, &Meter::new(Limits::default().bytes))?);
    let mut number = 0;
    while let Some(entry) = archive.next().map_err(in_layer)? {
        visit(number, &entry, &mut archive).map_err(|error| Error::Entry {
            layer: descriptor.digest.clone(),
            entry: entry.path.escape_ascii().to_string(),
            error,
        })?;
        number += 1;
    }
    archive.into_inner().finish().map_err(in_layer)?;
    Ok(())
}

impl Tree {
    /// The place of a regular file's content.
    fn file(&self, path: &[u8]) -> Result<Option<Position>, String> {
        match self.walk(path)?.and_then(|node| self.nodes.get(node)) {
            None => Ok(None),
            Some(Node::File { size, .. }) if *size > MAX_FILE => {
                Err(format!("{size} bytes, and the limit is {MAX_FILE}"))
            }
            Some(Node::File { position, .. }) => Ok(Some(*position)),
            Some(Node::Special(what)) => Err(format!("{what} and not a file")),
            Some(Node::Directory(_) | Node::Symlink(_)) => Err("a directory and not a file".into()),
        }
    }

    fn apply(&mut self, entry: &Entry, position: Position) -> Result<(), String> {
        let layer = position.layer;
        match Place::parse(&entry.path)? {
            Place::Root if entry.kind == Kind::Directory => Ok(()),
            Place::Root => Err("the root is no directory".into()),
            Place::Opaque { directory } => match self.walk(&directory)? {
                Some(node) => self.clear(node, layer, 0),
                None => Ok(()),
            },
            Place::Whiteout { directory, name } => match self.walk(&directory)? {
                Some(node) => self.remove(node, &name, layer, 0),
                None => Ok(()),
            },
            Place::Name { directory, name } => {
                let parent = self.make_directory(&directory, layer)?;
                let node = self.node(entry, position, parent, &name)?;
                self.insert(parent, name, Child { node, layer });
                Ok(())
            }
        }
    }

    /// The node that an entry's name leads to from now on.
    fn node(
        &mut self,
        entry: &Entry,
        position: Position,
        parent: usize,
        name: &[u8],
    ) -> Result<usize, String> {
        let node = match entry.kind {
            Kind::Directory => match self.child(parent, name) {
                Some(Child { node, .. }) if self.is_directory(node) => return Ok(node),
                _ => Node::Directory(BTreeMap::new()),
            },
            Kind::HardLink => return self.linked(&entry.target),
            Kind::File if entry.sparse.is_some() => Node::Special("a sparse file"),
            Kind::File => Node::File { position, size: entry.size },
            Kind::Symlink => Node::Symlink(entry.target.clone()),
            Kind::Fifo => Node::Special("a named pipe"),
            Kind::CharDevice | Kind::BlockDevice => Node::Special("a device"),
        };
        Ok(self.push(node))
    }

    fn linked(&self, target: &[u8]) -> Result<usize, String> {
        let found = match Place::parse(target)? {
            Place::Name { directory, name } => {
                self.walk(&directory)?.and_then(|parent| self.child(parent, &name))
            }
            _ => None,
        };
        match found {
            Some(Child { node, .. }) if !self.is_directory(node) => Ok(node),
            _ => Err(format!("a hard link to `{}`, which is no file", target.escape_ascii())),
        }
    }

    /// Follows a path from the root; `None` if there is nothing.
    fn walk(&self, path: &[u8]) -> Result<Option<usize>, String> {
        let mut walk = Walk::new(path);
        while let Some(name) = walk.next_name() {
            let Some(Child { node, .. }) = self.child(walk.here(), &name) else { return Ok(None) };
            match self.nodes.get(node) {
                Some(Node::Symlink(target)) => walk.link(target)?,
                Some(Node::Directory(_)) => walk.enter(node),
                _ => return Ok(walk.ahead.is_empty().then_some(node)),
            }
        }
        Ok(Some(walk.here()))
    }

    /// Follows a path to a directory and makes what is missing.
    fn make_directory(&mut self, path: &[u8], layer: usize) -> Result<usize, String> {
        let mut walk = Walk::new(path);
        while let Some(name) = walk.next_name() {
            match self.child(walk.here(), &name) {
                None => {
                    let node = self.push(Node::Directory(BTreeMap::new()));
                    self.insert(walk.here(), name, Child { node, layer });
                    walk.enter(node);
                }
                Some(Child { node, .. }) => match self.nodes.get(node) {
                    Some(Node::Symlink(target)) => walk.link(target)?,
                    Some(Node::Directory(_)) => walk.enter(node),
                    _ => return Err(format!("`{}` is no directory", name.escape_ascii())),
                },
            }
        }
        Ok(walk.here())
    }

    /// Removes what layers below have in a directory.
    fn clear(&mut self, directory: usize, layer: usize, depth: u32) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} directories inside each other"));
        }
        let Some(Node::Directory(children)) = self.nodes.get(directory) else { return Ok(()) };
        for name in children.keys().cloned().collect::<Vec<_>>() {
            self.remove(directory, &name, layer, depth + 1)?;
        }
        Ok(())
    }

    /// Removes what layers below have under a name.
    fn remove(&mut self, directory: usize, name: &[u8], layer: usize, depth: u32) -> Result<(), String> {
        let Some(child) = self.child(directory, name) else { return Ok(()) };
        self.clear(child.node, layer, depth)?;
        let is_used =
            matches!(self.nodes.get(child.node), Some(Node::Directory(inside)) if !inside.is_empty());
        if let (false, false, Some(Node::Directory(children))) =
            (child.layer == layer, is_used, self.nodes.get_mut(directory))
        {
            children.remove(name);
        }
        Ok(())
    }

    fn child(&self, directory: usize, name: &[u8]) -> Option<Child> {
        match self.nodes.get(directory) {
            Some(Node::Directory(children)) => children.get(name).copied(),
            _ => None,
        }
    }

    fn insert(&mut self, directory: usize, name: Vec<u8>, child: Child) {
        if let Some(Node::Directory(children)) = self.nodes.get_mut(directory) {
            children.insert(name, child);
        }
    }

    fn push(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn is_directory(&self, node: usize) -> bool {
        matches!(self.nodes.get(node), Some(Node::Directory(_)))
    }
}

/// A path on its way through the tree.
struct Walk {
    /// The directories from the root to where it is.
    trail: Vec<usize>,
    /// The names to come, the next one last.
    ahead: Vec<Vec<u8>>,
    links: u32,
}

impl Walk {
    fn new(path: &[u8]) -> Self {
        let mut walk = Walk { trail: Vec::new(), ahead: Vec::new(), links: 0 };
        walk.expect(path);
        walk
    }

    fn here(&self) -> usize {
        self.trail.last().copied().unwrap_or(0)
    }

    /// The next name to look up; `..` goes up on the way, and stays in the root.
    fn next_name(&mut self) -> Option<Vec<u8>> {
        loop {
            let name = self.ahead.pop()?;
            if name != b".." {
                return Some(name);
            }
            self.trail.pop();
        }
    }

    fn enter(&mut self, directory: usize) {
        self.trail.push(directory);
    }

    fn link(&mut self, target: &[u8]) -> Result<(), String> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err("too many links".into());
        }
        if target.starts_with(b"/") {
            self.trail.clear();
        }
        self.expect(target);
        Ok(())
    }

    fn expect(&mut self, path: &[u8]) {
        self.ahead.extend(place::parts(path).into_iter().rev().map(<[u8]>::to_vec));
    }
}

fn bad(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}
