//! Owners, modes, times and extended attributes, set without following a link.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, Uid};

use super::archive::{Entry, Time};

/// What means the same on every host. `trusted.overlay.*` would be orders to the kernel where the root becomes part
/// of an overlay; the rest of `security.*` and `system.*` belongs to the policy of the host that made the image.
pub(super) fn is_portable(xattr: &[u8]) -> bool {
    let trusted = xattr.starts_with(b"trusted.") && !xattr.starts_with(b"trusted.overlay.");
    trusted || xattr.starts_with(b"user.") || xattr == b"security.capability"
}

/// The kernel took the umask from the mode, and opening a device to put it right may have effects.
pub(super) fn set_mode_unopened(directory: &OwnedFd, name: &[u8], mode: Mode) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    if Mode::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) == mode {
        return Ok(());
    }
    Ok(rustix::fs::chmod(format!("/proc/self/fd/{}", fd.as_raw_fd()), mode)?)
}

pub(super) fn set_times(entry: &Entry, directory: &OwnedFd, name: &[u8]) -> io::Result<()> {
    Ok(rustix::fs::utimensat(directory, name, &times(entry.mtime), AtFlags::SYMLINK_NOFOLLOW)?)
}

pub(super) fn times(mtime: Time) -> Timestamps {
    let time = Timespec { tv_sec: mtime.seconds, tv_nsec: mtime.nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}

pub(super) fn owner(entry: &Entry) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(entry.uid)), Some(Gid::from_raw(entry.gid)))
}
