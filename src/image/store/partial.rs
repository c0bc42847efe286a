#![allow(clippy::disallowed_methods, reason = "what is being fetched is written here")]
//! A blob that is under way: a file that one process at a time writes, until it is put under the blob's name.

use std::fs::{self, File, Permissions};
use std::io::{Seek as _, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::directory::{EXCLUSIVE, lock_or_wait};
use crate::image::Error;

/// The file, locked.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    /// Opens or makes the file and locks it; `None` if whoever had it has put it in place or removed it meanwhile.
    pub fn lock(path: PathBuf, waiting: &dyn Fn()) -> Result<Option<Partial>, Error> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR);
        let file = File::from(fd.map_err(|error| Error::written(&path, error.into()))?);
        lock_or_wait(&path, &file, EXCLUSIVE, waiting)?;
        let partial = Partial { path, file };
        Ok(partial.is_at(&partial.path)?.then_some(partial))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this very file is found under a path.
    fn is_at(&self, path: &Path) -> Result<bool, Error> {
        let own = self.file.metadata().map_err(|error| Error::io(path, error))?;
        Ok(fs::symlink_metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == (own.dev(), own.ino())))
    }

    pub fn size(&self) -> Result<u64, Error> {
        Ok(self.file.metadata().map_err(|error| Error::io(&self.path, error))?.len())
    }

    /// The file, from its beginning.
    pub fn content(&self) -> Result<&File, Error> {
        let mut file = &self.file;
        file.rewind().map_err(|error| Error::io(&self.path, error))?;
        Ok(file)
    }

    /// Writes where the last reading or writing ended.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        (&self.file).write_all(bytes).map_err(|error| Error::written(&self.path, error))
    }

    pub fn empty(&self) -> Result<(), Error> {
        self.file.set_len(0).map_err(|error| Error::io(&self.path, error))
    }

    /// Removes the file, which those who wait for it see.
    pub fn remove(self) -> Result<(), Error> {
        fs::remove_file(&self.path).map_err(|error| Error::io(&self.path, error))
    }

    /// Gives the blob its name, once its content cannot be lost any more. It is closed to writing after that only: those
    /// who wait for the file, or find it after a crash, must be able to open it.
    pub fn put(self, path: &Path) -> Result<(), Error> {
        let done = self.file.sync_all().and_then(|()| fs::rename(&self.path, path));
        done.map_err(|error| Error::written(&self.path, error))?;
        let read_only = self.file.set_permissions(Permissions::from_mode(0o444));
        read_only.map_err(|error| Error::io(path, error))
    }
}
