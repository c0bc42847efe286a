//! A directory that nothing inside can lead out of.
//!
//! Every path is resolved by the kernel, inside the root (`RESOLVE_IN_ROOT`), to the descriptor of a directory; what
//! is done there is done to a name in that directory, and never through a link under that name.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::attributes::{modified, set_mode, times};
use super::place;

/// How deep a tree may be that is made or walked.
pub(super) const MAX_DEPTH: u32 = 512;
/// How many links one path may go through, as in the kernel.
const MAX_LINKS: u32 = 40;

/// What a file is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Inode(u64, u64);

impl Inode {
    pub fn of(stat: &Stat) -> Self {
        Inode(stat.st_dev, stat.st_ino)
    }
}

/// Names in directories. A name is known by the directory that it is in and not by a path, which links can bend; and
/// by a hash of both, because there may be millions.
#[derive(Default)]
pub(super) struct Names(BTreeSet<u64>);

impl Names {
    /// No names.
    pub const NONE: &'static Names = &Names(BTreeSet::new());

    /// Says whether the name is new.
    pub fn insert(&mut self, directory: Inode, name: &[u8]) -> bool {
        self.0.insert(Self::hash(directory, name))
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn contains(&self, directory: Inode, name: &[u8]) -> bool {
        self.0.contains(&Self::hash(directory, name))
    }

    fn hash(directory: Inode, name: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        (directory, name).hash(&mut hasher);
        hasher.finish()
    }
}

/// The directory.
pub(super) struct Root(OwnedFd);

impl Root {
    pub fn open(path: &Path) -> io::Result<Root> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Root(rustix::fs::openat(CWD, path, flags, Mode::empty())?))
    }

    /// Opens a directory inside, following links inside.
    pub fn directory(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        self.resolve(path, OFlags::PATH, ResolveFlags::empty())
    }

    /// Opens a directory inside to read it and to change its attributes, and says how deep it is.
    pub fn open_directory(&self, path: &[u8]) -> Result<(OwnedFd, u32), Errno> {
        match self.resolve(path, OFlags::RDONLY, ResolveFlags::NO_SYMLINKS) {
            Err(Errno::LOOP) => {
                let opened = self.resolve(path, OFlags::RDONLY, ResolveFlags::empty())?;
                let depth = self.depth(&opened)?;
                Ok((opened, depth))
            }
            opened => {
                let depth = path.split(|b| *b == b'/').filter(|part| !part.is_empty()).count();
                Ok((opened?, u32::try_from(depth).unwrap_or(u32::MAX)))
            }
        }
    }

    fn resolve(&self, path: &[u8], flags: OFlags, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
        let path: &[u8] = if path.is_empty() { b"." } else { path };
        let flags = flags | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = resolve | ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        // The kernel says AGAIN when something, anywhere, was renamed while it went through a `..`.
        for _ in 0..64 {
            match rustix::fs::openat2(&self.0, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN) => {}
                other => return other,
            }
        }
        Err(Errno::AGAIN)
    }

    /// How many directories there are from the root to one inside.
    fn depth(&self, directory: &OwnedFd) -> Result<u32, Errno> {
        let slashes = |fd: &OwnedFd| {
            let path = rustix::fs::readlink(format!("/proc/self/fd/{}", fd.as_raw_fd()), Vec::new())?;
            Ok(path.as_bytes().split(|b| *b == b'/').count())
        };
        match slashes(directory) {
            Ok(inside) => Ok(u32::try_from(inside.saturating_sub(slashes(&self.0)?)).unwrap_or(u32::MAX)),
            // The kernel has no path for it.
            Err(Errno::NAMETOOLONG) => Ok(u32::MAX),
            Err(error) => Err(error),
        }
    }

    /// Opens a directory inside and makes what is missing of it; `made` gets every directory that is new. The times of
    /// the directories that were there stay as they are.
    pub fn make_directory(
        &self,
        path: &[u8],
        mut made: impl FnMut(&OwnedFd) -> io::Result<()>,
    ) -> io::Result<OwnedFd> {
        match self.directory(path) {
            Err(Errno::NOENT) => {}
            other => return Ok(other?),
        }
        let mut here = self.directory(b"")?;
        let mut done: Vec<u8> = Vec::new();
        let mut ahead: Vec<Vec<u8>> = reversed(path);
        let mut links = 0;
        let mut depth = None;
        while let Some(name) = ahead.pop() {
            let length = done.len();
            done.extend(b"/");
            done.extend(&name);
            match self.step(&here, &name, &done) {
                Err(Errno::NOENT) => {}
                found => {
                    (here, depth) = (found?, None);
                    continue;
                }
            }
            let above = depth.map_or_else(|| self.depth(&here), Ok)?;
            if above >= MAX_DEPTH {
                return Err(too_deep());
            }
            let before = rustix::fs::fstat(&here)?;
            match rustix::fs::mkdirat(&here, &name, Mode::RWXU) {
                // A link to a directory that does not exist yet: it is made where the link leads.
                Err(Errno::EXIST) if links < MAX_LINKS => {
                    links += 1;
                    done.truncate(length);
                    let target = rustix::fs::readlinkat(&here, &name, Vec::new())?.into_bytes();
                    if target.starts_with(b"/") {
                        (here, done) = (self.directory(b"")?, Vec::new());
                        depth = None;
                    }
                    ahead.extend(reversed(&target));
                }
                result => {
                    result?;
                    let new = self.step(&here, &name, &done)?;
                    made(&new)?;
                    rustix::fs::utimensat(&here, ".", &times(modified(&before)), AtFlags::empty())?;
                    (here, depth) = (new, Some(above + 1));
                }
            }
        }
        Ok(here)
    }

    /// Opens a directory by its name in `here`, which is the directory that `path` is in. Resolving all of the path
    /// at every step of a long one would take too long.
    fn step(&self, here: &OwnedFd, name: &[u8], path: &[u8]) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(here, name, flags, Mode::empty()) {
            Ok(opened) if name != b".." => Ok(opened),
            Ok(_) | Err(Errno::NOTDIR | Errno::LOOP) => self.directory(path),
            error => error,
        }
    }

    /// Visits every directory, the ones inside before the ones they are in.
    pub fn visit(&self, visit: &mut dyn FnMut(BorrowedFd<'_>) -> io::Result<()>) -> io::Result<()> {
        visit_directory(open_directory(&self.0, b".")?, visit, 0)
    }
}

fn reversed(path: &[u8]) -> Vec<Vec<u8>> {
    place::parts(path).into_iter().rev().map(<[u8]>::to_vec).collect()
}

fn visit_directory(
    directory: OwnedFd,
    visit: &mut dyn FnMut(BorrowedFd<'_>) -> io::Result<()>,
    depth: u32,
) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let mut names = Dir::new(directory)?;
    while let Some((name, kind)) = next_name(&mut names)? {
        if matches!(kind, FileType::Directory | FileType::Unknown) {
            match open_directory(names.fd()?, &name) {
                Err(Errno::NOTDIR | Errno::LOOP) => {}
                inner => visit_directory(inner?, visit, depth + 1)?,
            }
        }
    }
    visit(names.fd()?)
}

/// The next name in a directory. There may be millions, so they are not collected.
fn next_name(directory: &mut Dir) -> io::Result<Option<(Vec<u8>, FileType)>> {
    while let Some(entry) = directory.read().transpose()? {
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            return Ok(Some((name.to_vec(), entry.file_type())));
        }
    }
    Ok(None)
}

fn too_deep() -> io::Error {
    io::Error::other(format!("more than {MAX_DEPTH} directories inside each other"))
}

/// Opens what has a name in a directory, if it is a directory itself and no link to one.
pub(super) fn open_directory(directory: impl AsFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, Mode::empty())
}

/// Identifies an open file.
pub(super) fn inode(fd: impl AsFd) -> io::Result<Inode> {
    Ok(Inode::of(&rustix::fs::fstat(fd)?))
}

/// Removes what has a name in a directory, with all that is in it, except for the names to `keep` and the
/// directories on the way to them, whose times stay as they are.
pub(super) fn remove(directory: impl AsFd, name: &[u8], keep: &Names) -> io::Result<()> {
    remove_below(directory.as_fd(), name, FileType::Unknown, keep, 0).map(|_| ())
}

/// Removes all that is in a directory, except for the names to `keep` and the directories on the way to them.
pub(super) fn clear(directory: &OwnedFd, keep: &Names) -> io::Result<()> {
    clear_below(&mut Dir::new(open_directory(directory, b".")?)?, keep, 0).map(|_| ())
}

/// Says whether something was removed. There is one descriptor for each directory on the way down, no more: a process
/// has 1,024 by default.
fn clear_below(names: &mut Dir, keep: &Names, depth: u32) -> io::Result<bool> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let mut removed = false;
    while let Some((name, kind)) = next_name(names)? {
        removed |= remove_below(names.fd()?, &name, kind, keep, depth + 1)?;
    }
    Ok(removed)
}

/// Says whether something was removed.
fn remove_below(
    directory: BorrowedFd<'_>,
    name: &[u8],
    kind: FileType,
    keep: &Names,
    depth: u32,
) -> io::Result<bool> {
    let keeps = !keep.0.is_empty();
    let kept = keeps && keep.contains(inode(directory)?, name);
    let inner = match kind {
        FileType::Directory | FileType::Unknown => {
            open_directory(directory, name).or_else(|error| unlock(directory, name, error))
        }
        _ => Err(Errno::NOTDIR),
    };
    let inner = match inner {
        Err(Errno::NOENT) => return Ok(false),
        Err(Errno::NOTDIR | Errno::LOOP) if kept => return Ok(false),
        Err(Errno::NOTDIR | Errno::LOOP) => {
            rustix::fs::unlinkat(directory, name, AtFlags::empty())?;
            return Ok(true);
        }
        inner => inner?,
    };
    let mut inner = Dir::new(inner)?;
    let before = inner.stat()?;
    if Mode::from_raw_mode(before.st_mode) & Mode::RWXU != Mode::RWXU && !rustix::process::geteuid().is_root()
    {
        rustix::fs::fchmod(inner.fd()?, Mode::RWXU)?;
    }
    let removed = clear_below(&mut inner, keep, depth)?;
    if !kept {
        match rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOTEMPTY | Errno::EXIST) if keeps => {}
            result => return Ok(result.map(|()| true)?),
        }
    }
    if removed {
        rustix::fs::futimens(inner.fd()?, &times(modified(&before)))?;
    }
    Ok(removed)
}

/// Opens a directory whose mode keeps its owner out or from changing it, which only root may ignore.
fn unlock(directory: impl AsFd, name: &[u8], error: Errno) -> Result<OwnedFd, Errno> {
    if error != Errno::ACCESS {
        return Err(error);
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(&directory, name, flags, Mode::empty())?;
    set_mode(&fd, Mode::RWXU)?;
    open_directory(&directory, name)
}

/// Removes a directory with all that is in it, links as links, and whatever the modes inside are; nothing happens
/// if there is nothing.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a path in a directory"));
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let parent = rustix::fs::openat(CWD, parent, flags, Mode::empty())?;
    remove(parent, name.as_bytes(), Names::NONE)
}

/// The names in a directory that is `depth` directories below where a walk began.
pub(super) fn list(directory: &OwnedFd, depth: u32) -> io::Result<Vec<(Vec<u8>, FileType)>> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let mut directory = Dir::new(open_directory(directory, b".")?)?;
    std::iter::from_fn(|| next_name(&mut directory).transpose()).collect()
}
