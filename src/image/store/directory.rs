#![allow(clippy::disallowed_methods, reason = "this is where the directory of a store is made")]
//! The directory of a store: made for its user alone, marked as a store, and locked by those who use it.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use crate::image::Error;

/// What tells a store from any other directory with blobs, which nothing may be removed from.
const MARKER: &str = "bundlegen-store";
const NEW_MARKER: &str = "bundlegen-store.new";
const VERSION: &[u8] = b"1\n";

/// Where blobs are, by the algorithms of their digests.
pub(super) const BLOBS: [&str; 2] = ["blobs/sha256", "blobs/sha512"];
/// What is under way.
pub(super) const PARTIAL: &str = "partial";
/// What is known of images.
pub(super) const IMAGES: &str = "images";
/// Whose images are kept.
pub(super) const ROOTS: &str = "roots";

/// Whether there is a directory at all.
pub(super) fn is_there(path: &Path) -> Result<bool, Error> {
    match fs::metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io(path, error)),
    }
}

/// Makes the directory as far as it is not there, and returns what its users lock. Nobody else gets in: an image may
/// be from a registry that not everybody may read.
pub(super) fn make(path: &Path) -> Result<File, Error> {
    directory_builder().recursive(true).create(path).map_err(|error| Error::io(path, error))?;
    let directory = File::open(path).map_err(|error| Error::io(path, error))?;
    refuse_others(path, &directory)?;
    let marker = match open_marker(path)? {
        Some(marker) => marker,
        None => mark(path, &directory)?,
    };
    check_version(path, &marker)?;
    for name in ["blobs"].iter().chain(&BLOBS).chain(&[PARTIAL, IMAGES, ROOTS]) {
        make_below(&path.join(name))?;
    }
    Ok(marker)
}

fn directory_builder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Whoever can write to a store decides what others run from it, between the moment when it is verified and the one
/// when it is used.
fn refuse_others(path: &Path, directory: &File) -> Result<(), Error> {
    let refuse = |reason| Err(Error::Store { path: path.to_owned(), reason });
    let data = directory.metadata().map_err(|error| Error::io(path, error))?;
    let own = rustix::process::geteuid().as_raw();
    if data.uid() != own {
        return refuse(format!(
            "the store belongs to user {}, and this is user {own}; name another one with `--state`",
            data.uid()
        ));
    }
    if data.mode() & 0o022 != 0 {
        let mode = data.mode() & 0o7777;
        return refuse(format!("others can write to the store, mode {mode:04o}; run `chmod go-w` on it"));
    }
    Ok(())
}

/// Opened for writing where that can be: over NFS nothing else gives an exclusive lock.
fn open_marker(path: &Path) -> Result<Option<File>, Error> {
    let path = path.join(MARKER);
    let open = |flags| {
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        rustix::fs::open(&path, flags, Mode::empty())
    };
    match open(OFlags::RDWR).or_else(|_| open(OFlags::RDONLY)) {
        Ok(fd) => Ok(Some(File::from(fd))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(Error::io(path, error)),
    }
}

/// Makes a store of an empty directory. Of two processes that do, the second finds it done.
fn mark(path: &Path, directory: &File) -> Result<File, Error> {
    lock(path, directory, FlockOperation::LockExclusive)?;
    if let Some(marker) = open_marker(path)? {
        return Ok(marker);
    }
    for entry in fs::read_dir(path).map_err(|error| Error::io(path, error))? {
        let name = entry.map_err(|error| Error::io(path, error))?.file_name();
        if name != NEW_MARKER {
            let reason = format!("no store, and not empty: it has {}", Path::new(&name).display());
            return Err(Error::Store { path: path.to_owned(), reason });
        }
    }
    let new = path.join(NEW_MARKER);
    fs::write(&new, VERSION).map_err(|error| Error::written(&new, error))?;
    fs::rename(&new, path.join(MARKER)).map_err(|error| Error::io(new, error))?;
    let lost = || Error::io(path.join(MARKER), io::ErrorKind::NotFound);
    open_marker(path)?.ok_or_else(lost)
}

fn check_version(path: &Path, marker: &File) -> Result<(), Error> {
    let path = path.join(MARKER);
    let mut text = Vec::new();
    marker.take(16).read_to_end(&mut text).map_err(|error| Error::io(&path, error))?;
    if text != VERSION {
        let reason = "the store of another version of bundlegen; name another one with `--state`".into();
        return Err(Error::Store { path, reason });
    }
    Ok(())
}

fn make_below(path: &Path) -> Result<(), Error> {
    match directory_builder().create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::written(path, error));
        }
        _ => {}
    }
    if fs::symlink_metadata(path).map_err(|error| Error::io(path, error))?.is_dir() {
        return Ok(());
    }
    Err(Error::Store { path: path.to_owned(), reason: "not a directory, and part of a store".into() })
}

/// Takes a lock, and waits for it. The kernel takes it back when the process ends, however it ends.
pub(super) fn lock(path: &Path, file: impl AsFd, operation: FlockOperation) -> Result<(), Error> {
    retry_on_intr(|| rustix::fs::flock(&file, operation)).map_err(|error| Error::io(path, error))
}

/// Takes a lock, and tells before it waits.
pub(super) fn lock_or_wait(
    path: &Path,
    file: impl AsFd,
    [at_once, in_time]: [FlockOperation; 2],
    waiting: &dyn Fn(),
) -> Result<(), Error> {
    match retry_on_intr(|| rustix::fs::flock(&file, at_once)) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => {
            waiting();
            lock(path, file, in_time)
        }
        Err(error) => Err(Error::io(path, error)),
    }
}

const SHARED: [FlockOperation; 2] = [FlockOperation::NonBlockingLockShared, FlockOperation::LockShared];
/// The lock of one alone.
pub(super) const EXCLUSIVE: [FlockOperation; 2] =
    [FlockOperation::NonBlockingLockExclusive, FlockOperation::LockExclusive];

/// The lock of those who use a store.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    marker: File,
}

impl Lock {
    /// Takes the lock on the marker of the store in a directory.
    pub fn share(directory: &Path, marker: File, waiting: &dyn Fn()) -> Result<Lock, Error> {
        let path = directory.join(MARKER);
        lock_or_wait(&path, &marker, SHARED, waiting)?;
        Ok(Lock { path, marker })
    }

    /// Does something while nobody else uses the store. The lock is let go before it is taken again, so that two who
    /// want it do not wait for each other.
    pub fn alone<T>(&self, waiting: &dyn Fn(), work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        lock_or_wait(&self.path, &self.marker, EXCLUSIVE, waiting)?;
        let done = work();
        lock(&self.path, &self.marker, FlockOperation::LockShared)?;
        done
    }
}
