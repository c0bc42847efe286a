#![allow(clippy::disallowed_methods, reason = "what nobody needs is removed here")]
//! What a store need not keep any more.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::directory::{IMAGES, PARTIAL};
use super::{Store, blobs, record};
use crate::image::document::Document;
use crate::image::source::MAX_JSON;
use crate::image::{Digest, Error, by_digest};

/// What stays in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The images of the locks and bundles that are still there.
    Used,
    /// Nothing at all.
    Nothing,
}

/// What was removed from a store, or would be.
#[derive(Debug, Default)]
pub struct Pruned {
    /// The images, by their names, or by the digests of their manifests where they have none.
    pub images: Vec<String>,
    /// How many blobs.
    pub blobs: u64,
    /// How many downloads that were broken off.
    pub partials: u64,
    /// The size of all that, in bytes.
    pub bytes: u64,
    /// How many blobs stay.
    pub kept: u64,
    /// The locks and bundles that are gone, and forgotten.
    pub forgotten: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Store {
    /// Removes what is not to be kept, once nobody else uses the store.
    pub fn prune(&mut self, keep: Keep, waiting: &dyn Fn()) -> Result<Pruned, Error> {
        self.lock.alone(waiting, || {
            let pruned = self.prunable(keep)?;
            pruned.files.iter().try_for_each(|file| remove(file))?;
            Ok(pruned)
        })
    }

    /// What [`Store::prune`] would remove.
    pub fn prunable(&self, keep: Keep) -> Result<Pruned, Error> {
        let mut pruned = Pruned::default();
        let mut mentioned = BTreeSet::new();
        for root in self.roots()? {
            match root.mentions {
                Some(digests) if keep == Keep::Used => mentioned.extend(digests),
                Some(_) => {}
                None => {
                    pruned.forgotten.push(root.path);
                    pruned.files.push(root.file);
                }
            }
        }
        let needed = self.needed(mentioned, &mut pruned)?;
        for blob in self.blobs()? {
            match blob.digest {
                // Whoever has put it there may know what it is.
                None => {}
                Some(digest) if needed.contains(&digest) => pruned.kept += 1,
                Some(_) => pruned.blob(blob.path, blob.size),
            }
        }
        for (path, name) in blobs::names(&self.path.join(PARTIAL))? {
            let digest = name.replacen('-', ":", 1).parse::<Digest>();
            if !digest.is_ok_and(|digest| needed.contains(&digest)) {
                pruned.partials += 1;
                pruned.bytes += fs::symlink_metadata(&path).map_or(0, |data| data.len());
                pruned.files.push(path);
            }
        }
        Ok(pruned)
    }

    /// What is mentioned, and what the images among that are made of. The other images are to be removed: first what is
    /// known of them, so that no image is listed of which half is gone.
    fn needed(&self, mentioned: BTreeSet<Digest>, pruned: &mut Pruned) -> Result<BTreeSet<Digest>, Error> {
        let mut needed = BTreeSet::new();
        for (path, name) in blobs::names(&self.path.join(IMAGES))? {
            let kept = record::read(&path);
            match kept {
                Ok(Some(kept)) if mentioned.contains(&kept.manifest.digest) => {
                    needed.extend(kept.blobs().map(|blob| blob.digest.clone()));
                    continue;
                }
                Ok(Some(kept)) if kept.names.is_empty() => {
                    pruned.images.push(kept.manifest.digest.to_string());
                }
                Ok(Some(kept)) => pruned.images.extend(kept.names),
                // It is not known whose record it is.
                _ => pruned.images.push(name),
            }
            pruned.files.push(path);
        }
        for digest in mentioned {
            needed.extend(self.parts(&digest)?);
            needed.insert(digest);
        }
        Ok(needed)
    }

    /// What a manifest is made of, if it is one. The record may be lost.
    fn parts(&self, digest: &Digest) -> Result<Vec<Digest>, Error> {
        let Some((file, size)) = by_digest::open(&self.path, digest)? else { return Ok(Vec::new()) };
        if size > MAX_JSON {
            return Ok(Vec::new());
        }
        let bytes = by_digest::read(file, &by_digest::path(&self.path, digest))?;
        let Ok(document) = serde_json::from_slice::<Document>(&bytes) else { return Ok(Vec::new()) };
        let parts = document.config.into_iter().chain(document.layers.into_iter().flatten());
        Ok(parts.map(|part| part.digest).collect())
    }
}

impl Pruned {
    fn blob(&mut self, path: PathBuf, size: u64) {
        self.blobs += 1;
        self.bytes += size;
        self.files.push(path);
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path, error)),
        _ => Ok(()),
    }
}
