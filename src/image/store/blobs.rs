#![allow(clippy::disallowed_methods, reason = "the blobs of a store are read here")]
//! The blobs that have a name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Store;
use super::directory::BLOBS;
use crate::image::{Descriptor, Digest, Error, by_digest};

/// What is found among the blobs.
pub(super) struct Blob {
    pub path: PathBuf,
    /// The name; none for what somebody else has put there.
    pub digest: Option<Digest>,
    pub size: u64,
}

impl Store {
    /// Whether a blob is here. One of another size is not: it is damaged, and is fetched anew.
    pub(super) fn has_blob(&self, descriptor: &Descriptor) -> Result<bool, Error> {
        let path = by_digest::path(&self.path, &descriptor.digest);
        match fs::symlink_metadata(&path) {
            Ok(data) if data.is_file() => Ok(data.len() == descriptor.size),
            Ok(_) => Err(Error::Store { path, reason: "not a regular file".into() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io(path, error)),
        }
    }

    /// All that is there, in order.
    pub(super) fn blobs(&self) -> Result<Vec<Blob>, Error> {
        let mut blobs = Vec::new();
        for directory in BLOBS {
            let algorithm = directory.trim_start_matches("blobs/");
            for (path, name) in names(&self.path.join(directory))? {
                let data = match fs::symlink_metadata(&path) {
                    // Removed meanwhile, because it was damaged.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    data => data.map_err(|error| Error::io(&path, error))?,
                };
                let digest = format!("{algorithm}:{name}").parse().ok().filter(|_| data.is_file());
                blobs.push(Blob { path, digest, size: data.len() });
            }
        }
        Ok(blobs)
    }
}

/// The files in a directory with their names, in order.
pub(super) fn names(directory: &Path) -> Result<Vec<(PathBuf, String)>, Error> {
    let failed = |error| Error::io(directory, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        names.push((entry.path(), entry.file_name().to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
