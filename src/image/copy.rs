//! A directory of an unpacked image, copied to another place.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::attributes::is_portable;
use super::root::{Root, list, open_directory};

/// Copies what is in a directory of a root, and the directory's own attributes, into an empty directory; links that
/// lead to it are followed inside the root. Hard links become files of their own; devices, FIFOs and sockets, and
/// what may not be read, are left out. Returns how many were, and `None` if there is no such directory.
pub fn copy_directory(root: &Path, path: &str, into: impl AsFd) -> io::Result<Option<u64>> {
    let from = match Root::open(root)?.directory(path.as_bytes()) {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
        found => found?,
    };
    let mut copy = Copy { left_out: 0 };
    match open_directory(&from, b".") {
        Err(Errno::ACCESS) => Ok(None),
        from => {
            copy.directory(&from?, &open_directory(into, b".")?, 0)?;
            Ok(Some(copy.left_out))
        }
    }
}

struct Copy {
    left_out: u64,
}

impl Copy {
    fn directory(&mut self, from: &OwnedFd, to: &OwnedFd, depth: u32) -> io::Result<()> {
        for (name, _) in list(from, depth)? {
            self.entry(from, to, &name, depth)?;
        }
        // Last: until then it must be writable, and its time changes with every entry.
        attributes(from, to)
    }

    fn entry(&mut self, from: &OwnedFd, to: &OwnedFd, name: &[u8], depth: u32) -> io::Result<()> {
        let stat = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let read = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => open_directory(from, name),
            FileType::RegularFile => rustix::fs::openat(from, name, read, Mode::empty()),
            FileType::Symlink => return symlink(from, to, name, &stat),
            _ => {
                self.left_out += 1;
                return Ok(());
            }
        };
        let opened = match opened {
            Err(Errno::ACCESS) => {
                self.left_out += 1;
                return Ok(());
            }
            opened => opened?,
        };
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            rustix::fs::mkdirat(to, name, Mode::RWXU)?;
            return self.directory(&opened, &open_directory(to, name)?, depth + 1);
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut made = File::from(rustix::fs::openat(to, name, flags, Mode::RUSR | Mode::WUSR)?);
        let mut opened = File::from(opened);
        io::copy(&mut opened, &mut made)?;
        attributes(&opened, &made)
    }
}

fn symlink(from: &OwnedFd, to: &OwnedFd, name: &[u8], stat: &Stat) -> io::Result<()> {
    let target = rustix::fs::readlinkat(from, name, Vec::new())?;
    rustix::fs::symlinkat(target, to, name)?;
    let (uid, gid) = owner(stat);
    permitted(rustix::fs::chownat(to, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW))?;
    Ok(rustix::fs::utimensat(to, name, &times(stat), AtFlags::SYMLINK_NOFOLLOW)?)
}

fn attributes(from: impl AsFd, to: impl AsFd) -> io::Result<()> {
    let stat = rustix::fs::fstat(&from)?;
    // Giving a file away takes its set-id bits and capabilities; so the owner comes first.
    let (uid, gid) = owner(&stat);
    permitted(rustix::fs::fchown(&to, uid, gid))?;
    rustix::fs::fchmod(&to, Mode::from_raw_mode(stat.st_mode))?;
    xattrs(&from, &to)?;
    Ok(rustix::fs::futimens(&to, &times(&stat))?)
}

fn xattrs(from: impl AsFd, to: impl AsFd) -> io::Result<()> {
    let mut names = vec![0; 64 * 1024];
    let length = match rustix::fs::flistxattr(&from, names.as_mut_slice()) {
        Err(Errno::NOTSUP) => return Ok(()),
        length => length?,
    };
    names.truncate(length);
    for name in names.split(|b| *b == 0).filter(|name| is_portable(name)) {
        let mut value = vec![0; 64 * 1024];
        let length = rustix::fs::fgetxattr(&from, name, value.as_mut_slice())?;
        value.truncate(length);
        permitted(rustix::fs::fsetxattr(&to, name, &value, XattrFlags::empty()))?;
    }
    Ok(())
}

/// Only root can give files away and set all attributes. What was unpacked by somebody else has lost them already.
fn permitted(result: Result<(), Errno>) -> io::Result<()> {
    match result {
        Err(Errno::PERM | Errno::INVAL | Errno::NOTSUP | Errno::ACCESS) => Ok(()),
        result => Ok(result?),
    }
}

fn owner(stat: &Stat) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))
}

fn times(stat: &Stat) -> Timestamps {
    #[allow(clippy::cast_possible_wrap, reason = "less than a second")]
    let time = Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec as _ };
    Timestamps { last_access: time, last_modification: time }
}
