//! A directory that nothing inside can lead out of.
//!
//! Every path is resolved by the kernel, inside the root (`RESOLVE_IN_ROOT`), to the descriptor of a directory; what
//! is done there is done to a name in that directory, and never through a link under that name.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::place;

/// How deep a tree may be that is walked.
const MAX_DEPTH: u32 = 512;
/// How many links one path may go through, as in the kernel.
const MAX_LINKS: u32 = 40;

/// What a file is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Inode(u64, u64);

/// Names in directories. A name is known by the directory that it is in and not by a path, which links can bend.
pub(super) type Names = BTreeSet<(Inode, Vec<u8>)>;

/// The directory.
pub(super) struct Root(OwnedFd);

impl Root {
    pub fn open(path: &Path) -> io::Result<Root> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Root(rustix::fs::openat(CWD, path, flags, Mode::empty())?))
    }

    /// Opens a directory inside, following links inside.
    pub fn directory(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let path: &[u8] = if path.is_empty() { b"." } else { path };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        // The kernel says AGAIN when something, anywhere, was renamed while it went through a `..`.
        for _ in 0..64 {
            match rustix::fs::openat2(&self.0, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN) => {}
                other => return other,
            }
        }
        Err(Errno::AGAIN)
    }

    /// Opens a directory inside and makes what is missing of it; `made` gets every directory that is new.
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
        while let Some(name) = ahead.pop() {
            let next = [done.as_slice(), &name].join(&b'/');
            let next = next.strip_prefix(b"/").unwrap_or(&next).to_vec();
            match self.directory(&next) {
                Err(Errno::NOENT) => {}
                found => {
                    (here, done) = (found?, next);
                    continue;
                }
            }
            match rustix::fs::mkdirat(&here, &name, Mode::RWXU) {
                // A link to a directory that does not exist yet: it is made where the link leads.
                Err(Errno::EXIST) if links < MAX_LINKS => {
                    links += 1;
                    let target = rustix::fs::readlinkat(&here, &name, Vec::new())?.into_bytes();
                    if target.starts_with(b"/") {
                        (here, done) = (self.directory(b"")?, Vec::new());
                    }
                    ahead.extend(reversed(&target));
                }
                result => {
                    result?;
                    (here, done) = (self.directory(&next)?, next);
                    made(&here)?;
                }
            }
        }
        Ok(here)
    }

    /// Visits every directory, the ones inside before the ones they are in.
    pub fn visit(&self, visit: &mut dyn FnMut(&OwnedFd) -> io::Result<()>) -> io::Result<()> {
        visit_directory(&open_directory(&self.0, b".")?, visit, 0)
    }
}

fn reversed(path: &[u8]) -> Vec<Vec<u8>> {
    place::parts(path).into_iter().rev().map(<[u8]>::to_vec).collect()
}

fn visit_directory(
    directory: &OwnedFd,
    visit: &mut dyn FnMut(&OwnedFd) -> io::Result<()>,
    depth: u32,
) -> io::Result<()> {
    for (name, kind) in list(directory, depth)? {
        if matches!(kind, FileType::Directory | FileType::Unknown) {
            match open_directory(directory, &name) {
                Err(Errno::NOTDIR | Errno::LOOP) => {}
                inner => visit_directory(&inner?, visit, depth + 1)?,
            }
        }
    }
    visit(directory)
}

/// Opens what has a name in a directory, if it is a directory itself and no link to one.
pub(super) fn open_directory(directory: impl AsFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, Mode::empty())
}

/// Identifies an open file.
pub(super) fn inode(fd: impl AsFd) -> io::Result<Inode> {
    let stat = rustix::fs::fstat(fd)?;
    Ok(Inode(stat.st_dev, stat.st_ino))
}

/// Removes what has a name in a directory, with all that is in it, except for the names to `keep` and the
/// directories on the way to them.
pub(super) fn remove(directory: impl AsFd, name: &[u8], keep: &Names) -> io::Result<()> {
    remove_below(directory, name, keep, 0)
}

/// Removes all that is in a directory, except for the names to `keep` and the directories on the way to them.
pub(super) fn clear(directory: &OwnedFd, keep: &Names) -> io::Result<()> {
    clear_below(directory, keep, 0)
}

fn clear_below(directory: &OwnedFd, keep: &Names, depth: u32) -> io::Result<()> {
    for (name, _) in list(directory, depth)? {
        remove_below(directory, &name, keep, depth + 1)?;
    }
    Ok(())
}

fn remove_below(directory: impl AsFd, name: &[u8], keep: &Names, depth: u32) -> io::Result<()> {
    let kept = !keep.is_empty() && keep.contains(&(inode(&directory)?, name.to_vec()));
    let flags = match open_directory(&directory, name).or_else(|error| unlock(&directory, name, error)) {
        Ok(inner) => {
            if !rustix::process::geteuid().is_root() {
                rustix::fs::fchmod(&inner, Mode::RWXU)?;
            }
            clear_below(&inner, keep, depth)?;
            AtFlags::REMOVEDIR
        }
        Err(Errno::NOTDIR | Errno::LOOP) => AtFlags::empty(),
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if kept {
        return Ok(());
    }
    match rustix::fs::unlinkat(&directory, name, flags) {
        Err(Errno::NOTEMPTY | Errno::EXIST) if !keep.is_empty() => Ok(()),
        result => Ok(result?),
    }
}

/// Opens a directory whose mode keeps its owner out or from changing it, which only root may ignore.
fn unlock(directory: impl AsFd, name: &[u8], error: Errno) -> Result<OwnedFd, Errno> {
    if error != Errno::ACCESS {
        return Err(error);
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(&directory, name, flags, Mode::empty())?;
    rustix::fs::chmod(format!("/proc/self/fd/{}", fd.as_raw_fd()), Mode::RWXU)?;
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
    remove(parent, name.as_bytes(), &Names::new())
}

/// The names in a directory that is `depth` directories below where a walk began.
pub(super) fn list(directory: &OwnedFd, depth: u32) -> io::Result<Vec<(Vec<u8>, FileType)>> {
    if depth > MAX_DEPTH {
        return Err(io::Error::other(format!("more than {MAX_DEPTH} directories inside each other")));
    }
    let mut names = Vec::new();
    for entry in Dir::new(open_directory(directory, b".")?)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            names.push((name.to_vec(), entry.file_type()));
        }
    }
    Ok(names)
}
