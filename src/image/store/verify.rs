#![allow(clippy::disallowed_methods, reason = "what is damaged is removed here")]
//! Whether the blobs of a store are still what their names say.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Store;
use super::blobs::Blob;
use super::partial::Partial;
use super::share::{processors, share};
use crate::image::{Digest, Error, Verified, regular};

const CHUNK: usize = 128 * 1024;

/// What was found in a store.
#[derive(Debug, Default)]
pub struct Verification {
    /// How many blobs are what they should be.
    pub blobs: u64,
    /// Their size, in bytes.
    pub bytes: u64,
    /// What is not, in order.
    pub damaged: Vec<Damaged>,
}

/// A blob that is not what it should be.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damaged {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub reason: String,
    /// Whether it was removed, so that it is fetched again.
    pub removed: bool,
}

impl Store {
    /// Reads all blobs, and removes those that are damaged. What cannot be read stays, and so does what is no blob.
    /// `tell` hears how many bytes have been read, and of how many; from several threads, one at a time.
    pub fn verify(&self, tell: &(dyn Fn(u64, u64) + Sync)) -> Result<Verification, Error> {
        let blobs = self.blobs()?;
        let total = blobs.iter().fold(0_u64, |sum, blob| sum.saturating_add(blob.size));
        let found = Mutex::new((Verification::default(), 0_u64));
        share(&blobs, processors(), &|blob, _| {
            let damaged = self.verify_blob(blob)?;
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            let (found, read) = &mut *found;
            *read = read.saturating_add(blob.size);
            tell(*read, total);
            if let Some((reason, removed)) = damaged {
                found.damaged.push(Damaged { path: blob.path.clone(), reason, removed });
            } else {
                found.blobs += 1;
                found.bytes += blob.size;
            }
            Ok::<(), Error>(())
        })?;
        let (mut found, _) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.damaged.sort();
        Ok(found)
    }

    /// What is wrong with a blob, and whether it was removed.
    fn verify_blob(&self, blob: &Blob) -> Result<Option<(String, bool)>, Error> {
        let Some(digest) = &blob.digest else {
            return Ok(Some(("not a blob by its name; remove it".into(), false)));
        };
        let file = match regular::open_existing(&blob.path) {
            // Removed meanwhile, by somebody who verifies too.
            Ok(None) => return Ok(None),
            Ok(Some(file)) => file,
            Err(error) => return Ok(Some((error.to_string(), false))),
        };
        match hash(&file, digest) {
            Ok(()) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.remove(&blob.path, digest, &file)?;
                Ok(Some((error.to_string(), true)))
            }
            Err(error) => Ok(Some((error.to_string(), false))),
        }
    }

    /// Removes the very file that was found to be damaged, and not one that somebody has fetched meanwhile.
    fn remove(&self, path: &Path, digest: &Digest, file: &File) -> Result<(), Error> {
        let partial = loop {
            if let Some(partial) = Partial::lock(self.partial_path(digest), &|| {})? {
                break partial;
            }
        };
        let damaged = file.metadata().map_err(|error| Error::io(path, error))?;
        let is_same = |found: fs::Metadata| (found.dev(), found.ino()) == (damaged.dev(), damaged.ino());
        if fs::symlink_metadata(path).is_ok_and(is_same) {
            fs::remove_file(path).map_err(|error| Error::io(path, error))?;
        }
        if partial.size()? == 0 { partial.remove() } else { Ok(()) }
    }
}

fn hash(file: &File, digest: &Digest) -> io::Result<()> {
    let mut verified = Verified::new(file, digest, None);
    let mut buffer = vec![0; CHUNK];
    loop {
        match verified.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
}
