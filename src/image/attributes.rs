//! Owners, modes, times and extended attributes, set without following a link.
//!
//! What the kernel refuses to somebody without rights is counted and not an error. Owners that cannot be set are
//! recorded in an extended attribute, as [rootlesscontainers] specifies and umoci does.
//!
//! [rootlesscontainers]: https://rootlesscontaine.rs/proto/rootlesscontainers.proto

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::archive::{Entry, Time};

/// Holds the owner of a file that belongs to somebody else.
const OWNER: &[u8] = b"user.rootlesscontainers";
/// The largest list of names that the kernel has.
const MAX_XATTR_LIST: usize = 64 * 1024;

/// What means the same on every host. `trusted.overlay.*` would be orders to the kernel where the root becomes part
/// of an overlay; the rest of `security.*` and `system.*` belongs to the policy of the host that made the image.
pub(super) fn is_portable(xattr: &[u8]) -> bool {
    let trusted = xattr.starts_with(b"trusted.") && !xattr.starts_with(b"trusted.overlay.");
    trusted || xattr.starts_with(b"user.") || xattr == b"security.capability"
}

/// What this process gives to every file that it makes, and what of an image it could not set.
pub(super) struct Attributes {
    pub uid: u32,
    pub gid: u32,
    umask: u32,
    /// Files whose owner could not be set.
    pub owners: u64,
    /// Extended attributes that were not set.
    pub xattrs: u64,
}

impl Attributes {
    pub fn new() -> Self {
        Attributes {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            // A mode is put right in any case where the mask is not known.
            umask: umask().unwrap_or(0o7777),
            owners: 0,
            xattrs: 0,
        }
    }

    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// The mode to make something with that is to have another mode in the end: the same if that is safe, else one
    /// that lets its owner write to it and nobody else do anything.
    pub fn first_mode(&self, entry: &Entry, private: Mode) -> Mode {
        // Owners and extended attributes come before the mode, which may keep their writer out.
        let nothing_before = entry.xattrs.is_empty() && (entry.uid, entry.gid) == (0, 0);
        let writable = Mode::from_raw_mode(entry.mode).contains(private);
        let safe = self.is_root() || (nothing_before && writable);
        if safe && entry.mode & 0o7000 == 0 { Mode::from_raw_mode(entry.mode) } else { private }
    }

    /// The mode that the kernel makes of it.
    pub fn masked(&self, mode: Mode) -> Mode {
        Mode::from_raw_mode(mode.as_raw_mode() & !self.umask)
    }

    fn is_own(&self, entry: &Entry) -> bool {
        (entry.uid, entry.gid) == (self.uid, self.gid)
    }

    /// Gives something away that this process has made in a directory of group `parent`, which file systems mounted
    /// with `grpid` give to new files. Only root can, and in a user namespace only to the users that it has.
    pub fn own(
        &mut self,
        entry: &Entry,
        parent: u32,
        chown: impl FnOnce(Option<Uid>, Option<Gid>) -> Result<(), Errno>,
        record: impl FnOnce(&[u8], &[u8]) -> Result<(), Errno>,
    ) -> io::Result<()> {
        let is_own = self.is_own(entry);
        let refused = if is_own && parent == self.gid {
            false
        } else {
            match chown(Some(Uid::from_raw(entry.uid)), Some(Gid::from_raw(entry.gid))) {
                Err(Errno::PERM | Errno::INVAL) => true,
                result => result.map(|()| false)?,
            }
        };
        self.owners += u64::from(refused);
        // To whoever has no rights, their own files are those of the container's root.
        if (refused || (is_own && !self.is_root())) && (entry.uid, entry.gid) != (0, 0) {
            match record(OWNER, &owner_record(entry.uid, entry.gid)) {
                // The kernel has no such attributes for links and devices.
                Err(Errno::PERM | Errno::NOTSUP | Errno::ACCESS) => {}
                result => result?,
            }
        }
        Ok(())
    }

    /// Sets the extended attributes of an entry.
    pub fn xattrs(
        &mut self,
        entry: &Entry,
        mut set: impl FnMut(&[u8], &[u8]) -> Result<(), Errno>,
    ) -> io::Result<()> {
        for (name, value) in &entry.xattrs {
            if !is_portable(name) || (name == OWNER && !self.is_root()) {
                self.xattrs += 1;
                continue;
            }
            match set(name, value) {
                Err(Errno::PERM | Errno::NOTSUP | Errno::ACCESS) => self.xattrs += 1,
                result => result.map_err(|error| {
                    let (name, error) = (name.escape_ascii(), io::Error::from(error));
                    let reason = format!("the extended attribute `{name}` of {} bytes: {error}", value.len());
                    io::Error::new(error.kind(), reason)
                })?,
            }
        }
        Ok(())
    }
}

fn umask() -> Option<u32> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let mut status = String::new();
    let fd = rustix::fs::openat(CWD, "/proc/self/status", flags, Mode::empty()).ok()?;
    File::from(fd).read_to_string(&mut status).ok()?;
    let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(umask.trim(), 8).ok()
}

/// A message with the fields 1 and 2, in the encoding of protocol buffers. What belongs to root has the largest number,
/// as a field with 0 would be left out.
fn owner_record(uid: u32, gid: u32) -> Vec<u8> {
    let mut record = Vec::new();
    for (tag, id) in [(0x08, uid), (0x10, gid)] {
        record.push(tag);
        let mut left = if id == 0 { u32::MAX } else { id };
        while left >= 0x80 {
            record.push(left.to_le_bytes()[0] | 0x80);
            left >>= 7;
        }
        record.push(left.to_le_bytes()[0]);
    }
    record
}

/// Removes the extended attributes that entries can set.
pub(super) fn clear_xattrs(fd: &OwnedFd) -> io::Result<()> {
    match rustix::fs::flistxattr_query(fd) {
        Ok(0) | Err(Errno::NOTSUP) => return Ok(()),
        length => length?,
    };
    let mut names = vec![0; MAX_XATTR_LIST];
    let length = rustix::fs::flistxattr(fd, names.as_mut_slice())?;
    names.truncate(length);
    for name in names.split(|b| *b == 0).filter(|name| is_portable(name)) {
        match rustix::fs::fremovexattr(fd, name) {
            Err(Errno::NODATA | Errno::PERM | Errno::ACCESS) => {}
            result => result?,
        }
    }
    Ok(())
}

/// A path to a name in a directory, for system calls that know no descriptors. It does not follow what has the name.
pub(super) fn path_of(directory: BorrowedFd<'_>, name: &[u8]) -> Vec<u8> {
    [format!("/proc/self/fd/{}/", directory.as_raw_fd()).as_bytes(), name].concat()
}

/// Sets an extended attribute of what cannot be opened.
pub(super) fn set_xattr_unopened(
    directory: BorrowedFd<'_>,
    name: &[u8],
    xattr: &[u8],
    value: &[u8],
) -> Result<(), Errno> {
    rustix::fs::lsetxattr(path_of(directory, name), xattr, value, XattrFlags::empty())
}

/// The kernel took the umask from the mode, and opening a device to put it right may have effects.
pub(super) fn set_mode_unopened(directory: impl AsFd, name: &[u8], mode: Mode) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    if Mode::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) == mode {
        return Ok(());
    }
    Ok(set_mode(&fd, mode)?)
}

/// Sets the mode of what a descriptor only names.
pub(super) fn set_mode(fd: &OwnedFd, mode: Mode) -> Result<(), Errno> {
    rustix::fs::chmod(format!("/proc/self/fd/{}", fd.as_raw_fd()), mode)
}

pub(super) fn set_times(entry: &Entry, directory: impl AsFd, name: &[u8]) -> io::Result<()> {
    Ok(rustix::fs::utimensat(directory, name, &times(entry.mtime), AtFlags::SYMLINK_NOFOLLOW)?)
}

pub(super) fn times(mtime: Time) -> Timestamps {
    let time = Timespec { tv_sec: mtime.seconds, tv_nsec: mtime.nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}

/// When a file was changed last.
pub(super) fn modified(stat: &Stat) -> Time {
    Time { seconds: stat.st_mtime, nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_recorded_as_umoci_does() {
        assert_eq!(owner_record(1000, 50), [0x08, 0xe8, 0x07, 0x10, 50]);
        assert_eq!(owner_record(0, 127), [0x08, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x10, 127]);
        assert_eq!(owner_record(128, 0), [0x08, 0x80, 0x01, 0x10, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    }
}
