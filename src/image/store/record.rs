#![allow(clippy::disallowed_methods, reason = "the records of a store are written here")]
//! What a store knows of its images beside their blobs: the names that led to them, and the index.
//!
//! A record is for those who look at a store. What an image is made of stands in its manifest.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::directory::{IMAGES, PARTIAL, lock};
use super::{Store, blobs};
use crate::image::source::MAX_JSON;
use crate::image::{Descriptor, Error, Image, Reference, regular};

/// The largest record that is read. One is made of a manifest, and has the blanks that a manifest need not have.
const MAX_RECORD: u64 = 4 * MAX_JSON;

/// An image in a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The names under which it was fetched; those of other images may be the same.
    pub names: BTreeSet<String>,
    /// The platform it is for, as its configuration has it.
    pub platform: String,
    /// The index that a name has led to.
    pub index: Option<Descriptor>,
    /// The manifest.
    pub manifest: Descriptor,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// How many of the layers are not here: only its documents were needed.
    #[serde(skip)]
    pub missing_layers: usize,
}

impl Kept {
    fn of(image: &Image) -> Kept {
        // What is no reference is a name that only a layout understands.
        let name = image.name.as_deref().and_then(|name| name.parse::<Reference>().ok());
        Kept {
            names: name.iter().map(ToString::to_string).collect(),
            platform: image.configuration.platform().to_string(),
            index: image.index.clone(),
            manifest: image.manifest.clone(),
            config: image.config.clone(),
            layers: image.layers.clone(),
            missing_layers: 0,
        }
    }

    /// The size of all its layers, as they were fetched.
    pub fn size(&self) -> u64 {
        self.layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.size))
    }

    /// All blobs.
    pub(super) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.index.iter().chain([&self.manifest, &self.config]).chain(&self.layers)
    }
}

impl Store {
    /// The images that are here, in order of their manifests, and what is wrong with the records of others.
    pub fn images(&self) -> Result<Vec<Result<Kept, Error>>, Error> {
        let names = blobs::names(&self.path.join(IMAGES))?;
        Ok(names.into_iter().filter_map(|(path, name)| self.image(path, &name).transpose()).collect())
    }

    fn image(&self, path: PathBuf, name: &str) -> Result<Option<Kept>, Error> {
        let Some(mut kept) = read(&path)? else { return Ok(None) };
        if name != file_name(&kept.manifest) {
            return Err(unreadable(path, "not the record of this image"));
        }
        for layer in &kept.layers {
            kept.missing_layers += usize::from(!self.has_blob(layer)?);
        }
        Ok(Some(kept))
    }

    /// Remembers an image, and its name beside those it has.
    pub(super) fn record(&self, image: &Image) -> Result<(), Error> {
        let path = self.path.join(IMAGES).join(file_name(&image.manifest));
        let mut kept = Kept::of(image);
        let is_known = |known: &Kept| {
            known.names.is_superset(&kept.names) && (known.index == kept.index || kept.index.is_none())
        };
        if read(&path).is_ok_and(|known| known.as_ref().is_some_and(is_known)) {
            return Ok(());
        }
        // Two who add a name each must not lose one.
        let _lock = self.alone_in(IMAGES)?;
        // A record that cannot be read is written anew.
        if let Ok(Some(known)) = read(&path) {
            kept.names.extend(known.names);
            kept.index = kept.index.or(known.index);
        }
        let text = serde_json::to_vec_pretty(&kept).map_err(|error| Error::io(&path, error))?;
        self.write_whole(&path, &text)
    }

    /// Waits for others who write to a part of the store, and keeps them waiting.
    pub(super) fn alone_in(&self, part: &str) -> Result<File, Error> {
        let path = self.path.join(part);
        let directory = File::open(&path).map_err(|error| Error::io(&path, error))?;
        lock(&path, &directory, FlockOperation::LockExclusive)?;
        Ok(directory)
    }

    /// Writes a small file as a whole, or not at all. For who is alone in its part of the store.
    pub(super) fn write_whole(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let name = path.file_name().unwrap_or_default();
        let partial = self.path.join(PARTIAL).join(name);
        let write = || {
            let mut file = File::create(&partial)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&partial, path)
        };
        write().map_err(|error: io::Error| {
            let _prune_does_it_too = fs::remove_file(&partial);
            Error::written(path, error)
        })
    }
}

fn file_name(manifest: &Descriptor) -> String {
    format!("{}.json", manifest.digest.hex())
}

/// Reads a record, if it is there.
pub(super) fn read(path: &Path) -> Result<Option<Kept>, Error> {
    let mut bytes = Vec::new();
    let Some(file) = regular::open_existing(path)? else { return Ok(None) };
    file.take(MAX_RECORD).read_to_end(&mut bytes).map_err(|error| Error::io(path, error))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(path.to_owned(), &error.to_string()))
}

fn unreadable(path: PathBuf, reason: &str) -> Error {
    Error::Store { path, reason: format!("{reason}; remove this file, and fetch the image again") }
}
