//! Directories of a root for mounts that the image has none for.

use std::io;
use std::path::Path;

use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;

use super::root::{Root, open_directory};

/// A directory that something will be mounted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountPoint {
    /// Where it is, in the root.
    pub path: String,
    /// The mode it gets.
    pub mode: u32,
    /// The owner it gets.
    pub uid: Option<u32>,
    /// The group it gets.
    pub gid: Option<u32>,
}

/// Makes a directory that is missing in a root, where links on the way lead inside the root. What has the name already
/// stays as it is.
pub fn make_mount_point(root: &Path, point: &MountPoint) -> io::Result<()> {
    let root = Root::open(root)?;
    match root.directory(point.path.as_bytes()) {
        Err(Errno::NOENT) => {}
        // What cannot be mounted on is for the runtime to say.
        Ok(_) | Err(Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let opened = root.make_directory(point.path.as_bytes(), |made| {
        let made = open_directory(made, b".")?;
        Ok(rustix::fs::fchmod(made, Mode::from_raw_mode(0o755))?)
    })?;
    let made = open_directory(&opened, b".")?;
    match rustix::fs::fchown(&made, point.uid.map(Uid::from_raw), point.gid.map(Gid::from_raw)) {
        // Only root can give it away.
        Err(Errno::PERM | Errno::INVAL) => {}
        result => result?,
    }
    Ok(rustix::fs::fchmod(made, Mode::from_raw_mode(point.mode))?)
}
