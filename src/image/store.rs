//! Images that are kept on this host: blobs by their digests, in a directory that all projects of a user share.
//!
//! A blob gets its name when it is whole, proven and on the disk; until then it lies in `partial`, where the next run
//! goes on with it. So what has a name can be used, and is verified once more by whoever uses it. A name of an image is
//! no identity here: images are found by the digest of their manifest.
//!
//! ```text
//! bundlegen-store          the version of this layout; whoever uses the store holds a lock on it
//! blobs/sha256/<hex>       documents, configurations and layers
//! partial/sha256-<hex>     what is being fetched, locked by who does it, and what was interrupted
//! images/<hex>.json        of which blobs an image is made, and its names, by its manifest
//! roots/<hex>              the path of a lock or of a tree of bundles whose images are kept
//! ```
//!
//! Many use a store at a time, with a shared lock. Only [`Store::prune`] takes an exclusive one, so nothing is removed
//! that somebody is about to use.

use std::fmt;
use std::path::{Path, PathBuf};

use super::document::{Document, Entry};
use super::source::{Content, Source};
use super::{Descriptor, Digest, Error, Image, Reference, by_digest};
use directory::Lock;

mod blobs;
mod directory;
mod fetch;
mod partial;
mod prune;
mod record;
mod roots;
mod share;
mod verify;

pub use fetch::{Fetched, Fetching, Step};
pub use prune::{Keep, Pruned};
pub use record::Kept;
pub use verify::{Damaged, Verification};

/// A directory of images, which nothing is removed from as long as this value lives.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    lock: Lock,
}

impl Store {
    /// Opens the store in a directory, and makes it if need be. Waits for whoever is pruning it.
    pub fn open(path: &Path) -> Result<Store, Error> {
        Store::open_or_wait(path, &|| {})
    }

    /// The same, which tells before it waits.
    pub fn open_or_wait(path: &Path, waiting: &dyn Fn()) -> Result<Store, Error> {
        let marker = directory::make(path)?;
        let lock = Lock::share(path, marker, waiting)?;
        Ok(Store { path: path.to_owned(), lock })
    }

    /// Opens the store in a directory, if there is one.
    pub fn open_existing(path: &Path, waiting: &dyn Fn()) -> Result<Option<Store>, Error> {
        if directory::is_there(path)? { Store::open_or_wait(path, waiting).map(Some) } else { Ok(None) }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether all of an image is here.
    pub fn has(&self, image: &Image) -> Result<bool, Error> {
        for descriptor in [&image.manifest, &image.config].into_iter().chain(&image.layers) {
            if !self.has_blob(descriptor)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store {}", self.path.display())
    }
}

impl Source for Store {
    fn entries(&self, reference: &Reference) -> Result<Vec<Entry>, Error> {
        let Some(digest) = reference.digest() else { return Ok(Vec::new()) };
        let found = by_digest::open(&self.path, digest)?;
        Ok(found.map(|(_, size)| Entry::unnamed(digest, size)).into_iter().collect())
    }

    fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        let Some(bytes) = by_digest::document(&self.path, digest)? else { return Ok(None) };
        // A manifest without its configuration is no image: a fetch was broken off between the two, or the configuration
        // was damaged. Whoever is told that there is none goes on to where it can be fetched.
        let config = serde_json::from_slice::<Document>(&bytes).ok().and_then(|document| document.config);
        let is_known = config.map_or(Ok(true), |config| self.has_blob(&config.descriptor()))?;
        Ok(Some(bytes).filter(|_| is_known))
    }

    fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<Option<Content>, Error> {
        by_digest::content(&self.path, &descriptor.digest, from)
    }
}
