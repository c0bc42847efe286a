//! Images in an archive of `docker save`, by its `manifest.json`. skopeo, podman and buildah write such archives too.
//!
//! An archive of this kind has no manifests in the sense of OCI. One is made up for each image, from nothing but what
//! is in the archive, so that the same image has the same digest every time; it has the form of the manifest that
//! `docker save` writes beside `manifest.json` itself since Docker 25. A layer that is not compressed goes by its digest
//! in `diff_ids`, as in skopeo, so that nothing has to be read twice: who reads it holds it to that digest.
//!
//! Images are looked at when they are asked for: the damage of one does not make the others useless.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use super::configuration::or_null;
use super::document::Entry;
use super::packed::{Extent, Packed};
use super::source::{Content, Listed, MAX_JSON, Source};
use super::{Configuration, Descriptor, Digest, Error, Reference};

/// The list of images.
const LIST: &str = "manifest.json";
/// How large the list may be, as in skopeo.
const MAX_LIST: u64 = 1024 * 1024;
/// How large the configurations of all images may be together.
const MAX_CONFIGS: u64 = 16 * 1024 * 1024;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// An archive of Docker's.
#[derive(Debug)]
pub struct DockerArchive {
    packed: Packed,
    items: Vec<Item>,
    /// For each image the manifest that was made.
    made: Vec<OnceLock<Made>>,
    /// The digests of compressed layers by where they lie.
    hashed: Mutex<BTreeMap<u64, Digest>>,
}

/// An image as the list has it. The paths are names in the archive.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default, deserialize_with = "or_null")]
    repo_tags: Vec<String>,
    #[serde(default, deserialize_with = "or_null")]
    layers: Vec<String>,
}

/// A manifest that was made, and where what it names is.
#[derive(Debug)]
struct Made {
    digest: Digest,
    bytes: Vec<u8>,
    blobs: BTreeMap<Digest, Extent>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u32,
    media_type: &'a str,
    config: Written<'a>,
    layers: Vec<Written<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    media_type: &'a str,
    digest: String,
    size: u64,
}

impl DockerArchive {
    /// Opens an archive, which may be compressed with gzip or zstd; `None` if there is no such file.
    pub fn open(path: &Path) -> Result<Option<DockerArchive>, Error> {
        Packed::open(path)?.map(Self::of).transpose()
    }

    /// Whether an archive says that it is one of Docker's.
    pub(super) fn is(packed: &Packed) -> bool {
        packed.has(LIST)
    }

    pub(super) fn of(packed: Packed) -> Result<DockerArchive, Error> {
        let Some(extent) = packed.extent(LIST)? else {
            let reason = "missing, so the file is not an archive of `docker save`";
            return Err(packed.refuse(LIST, reason));
        };
        let items: Vec<Item> = serde_json::from_slice(&packed.document(LIST, extent, MAX_LIST)?)
            .map_err(|error| packed.refuse(LIST, error.to_string()))?;
        let mut configs = 0;
        for item in &items {
            configs += packed.extent(&item.config)?.map_or(0, |extent| extent.size);
            if configs > MAX_CONFIGS {
                let reason = format!("the configurations of its images have more than {MAX_CONFIGS} bytes");
                return Err(packed.refuse(LIST, reason));
            }
        }
        let made = items.iter().map(|_| OnceLock::new()).collect();
        Ok(DockerArchive { packed, items, made, hashed: Mutex::default() })
    }

    /// The manifest of an image; `None` if there are not as many images.
    fn made(&self, index: usize) -> Result<Option<&Made>, Error> {
        let (Some(item), Some(made)) = (self.items.get(index), self.made.get(index)) else { return Ok(None) };
        if made.get().is_none() {
            // Another thread may have been faster, with the same manifest.
            let _ = made.set(self.make(item)?);
        }
        Ok(made.get())
    }

    /// What `find` finds in the first image that has it. Images that cannot be used matter only if none has it.
    fn search<'a, T>(&'a self, find: impl Fn(&'a Made) -> Option<T>) -> Result<Option<T>, Error> {
        if let Some(found) = self.made.iter().filter_map(OnceLock::get).find_map(&find) {
            return Ok(Some(found));
        }
        let mut failed = None;
        for index in 0..self.items.len() {
            match self.made(index) {
                Ok(made) => {
                    if let Some(found) = made.and_then(&find) {
                        return Ok(Some(found));
                    }
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    fn make(&self, item: &Item) -> Result<Made, Error> {
        let extent = self.extent(&item.config)?;
        let bytes = self.packed.document(&item.config, extent, MAX_JSON)?;
        let digest = Digest::sha256(&bytes);
        if let Some(named) = digest_in(&item.config).filter(|named| *named != digest) {
            let reason = format!("the content is {digest} and not {named}, as its name says");
            return Err(self.packed.refuse(&item.config, reason));
        }
        let configuration = Configuration::parse(&bytes).map_err(|error| {
            self.packed.refuse(&item.config, format!("not an image configuration: {error}"))
        })?;
        let diff_ids = configuration.diff_ids;
        if diff_ids.len() != item.layers.len() {
            let reason = format!("{} diff_ids, but {} layers in `{LIST}`", diff_ids.len(), item.layers.len());
            return Err(self.packed.refuse(&item.config, reason));
        }
        let mut blobs = BTreeMap::from([(digest.clone(), extent)]);
        let config = Written { media_type: CONFIG, digest: digest.to_string(), size: extent.size };
        let mut layers = Vec::with_capacity(diff_ids.len());
        for (name, diff_id) in item.layers.iter().zip(diff_ids) {
            let extent = self.extent(name)?;
            let (media_type, digest) = self.layer(name, extent, diff_id)?;
            layers.push(Written { media_type, digest: digest.to_string(), size: extent.size });
            blobs.insert(digest, extent);
        }
        let manifest = Manifest { schema_version: 2, media_type: MANIFEST, config, layers };
        let bytes = serde_json::to_vec(&manifest)
            .map_err(|error| self.packed.refuse(&item.config, error.to_string()))?;
        Ok(Made { digest: Digest::sha256(&bytes), bytes, blobs })
    }

    /// What a layer is, by its first bytes, and its digest as it lies in the archive.
    fn layer(&self, name: &str, extent: Extent, diff_id: Digest) -> Result<(&'static str, Digest), Error> {
        let mut magic = Vec::new();
        let read = self.packed.content(extent, 0).take(4).read_to_end(&mut magic);
        read.map_err(|error| self.packed.refuse(name, error.to_string()))?;
        let media_type = match *magic.as_slice() {
            [0x1f, 0x8b, ..] => "application/vnd.oci.image.layer.v1.tar+gzip",
            [0x28, 0xb5, 0x2f, 0xfd] => "application/vnd.oci.image.layer.v1.tar+zstd",
            _ => return Ok(("application/vnd.oci.image.layer.v1.tar", diff_id)),
        };
        let mut hashed = self.hashed.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = match hashed.get(&extent.at) {
            Some(digest) => digest.clone(),
            None => Digest::sha256_of(self.packed.content(extent, 0))
                .map_err(|error| self.packed.refuse(name, error.to_string()))?,
        };
        hashed.insert(extent.at, digest.clone());
        Ok((media_type, digest))
    }

    fn extent(&self, name: &str) -> Result<Extent, Error> {
        let missing = || self.packed.refuse(name, format!("not in the archive, but in its `{LIST}`"));
        self.packed.extent(name)?.ok_or_else(missing)
    }
}

/// The digest that a file is named by: the digits alone or behind their algorithm, with or without `.json`.
fn digest_in(name: &str) -> Option<Digest> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let name = name.strip_suffix(".json").unwrap_or(name);
    format!("sha256:{}", name.strip_prefix("sha256:").unwrap_or(name)).parse().ok()
}

impl Item {
    fn is_called(&self, reference: &Reference) -> bool {
        self.repo_tags.iter().any(|tag| reference.is_written(tag))
    }
}

impl fmt::Display for DockerArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the Docker archive {}", self.packed.path().display())
    }
}

impl Source for DockerArchive {
    fn entries(&self, reference: &Reference) -> Result<Vec<Entry>, Error> {
        if let Some(digest) = reference.digest() {
            let size = self.search(|made| (made.digest == *digest).then_some(made.bytes.len()))?;
            return Ok(size.map(|size| Entry::unnamed(digest, size as u64)).into_iter().collect());
        }
        let called = self.items.iter().enumerate().filter(|(_, item)| item.is_called(reference));
        called.filter_map(|(index, _)| self.entry(index).transpose()).collect()
    }

    fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        self.search(|made| (made.digest == *digest).then(|| made.bytes.clone()))
    }

    fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<Option<Content>, Error> {
        let extent = self.search(|made| made.blobs.get(&descriptor.digest).copied())?;
        Ok(extent.map(|extent| self.packed.content(extent, from)))
    }

    fn names(&self) -> Vec<String> {
        self.items.iter().flat_map(|item| item.repo_tags.clone()).collect()
    }
}

impl Listed for DockerArchive {
    fn listing(&self) -> Vec<Vec<&str>> {
        self.items.iter().map(|item| item.repo_tags.iter().map(String::as_str).collect()).collect()
    }

    fn entry(&self, index: usize) -> Result<Option<Entry>, Error> {
        let Some(made) = self.made(index)? else { return Ok(None) };
        let entry = Entry::unnamed(&made.digest, made.bytes.len() as u64);
        let name = self.items.get(index).and_then(|item| item.repo_tags.first());
        Ok(Some(entry.called(name.map(String::as_str))))
    }
}
