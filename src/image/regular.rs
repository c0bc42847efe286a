//! Files that somebody else has made, opened to be read.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::Error;

/// Opens without waiting: a FIFO in place of a blob would block until somebody writes.
pub(super) fn open(path: &Path) -> Result<File, Error> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| Error::io(path, error))?;
    let stat = rustix::fs::fstat(&fd).map_err(|error: Errno| Error::io(path, error))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Error::Layout { path: path.to_owned(), reason: "not a regular file".into() });
    }
    Ok(File::from(fd))
}

/// The same; `None` if there is nothing.
pub(super) fn open_existing(path: &Path) -> Result<Option<File>, Error> {
    match open(path) {
        Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => file.map(Some),
    }
}
