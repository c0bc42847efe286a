#![allow(
    clippy::disallowed_methods,
    reason = "image blobs are no texts with places in them, so they do not come through `source`"
)]
//! Images in a directory: the [OCI image layout].
//!
//! [OCI image layout]: https://github.com/opencontainers/image-spec/blob/main/image-layout.md

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use serde::Deserialize;

use super::document::{Document, Entry, Kind};
use super::{Configuration, Digest, Error, Platform, Reference, Verified};

/// The largest JSON document that is read, as in containerd and skopeo.
const MAX_JSON: u64 = 4 * 1024 * 1024;
/// How many indexes may be inside each other.
const MAX_DEPTH: u32 = 4;

/// The name, kind and size of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The kind of content.
    pub media_type: String,
    /// The name of the content.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
}

/// An image for one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The annotation by which the layout names the image.
    pub name: Option<String>,
    /// The index that the name leads to, for an image that exists for several platforms.
    pub index: Option<Descriptor>,
    /// The manifest.
    pub manifest: Descriptor,
    /// The configuration blob.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// What the configuration blob says.
    pub configuration: Configuration,
}

/// A directory of images.
#[derive(Debug)]
pub struct Layout {
    path: PathBuf,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayoutFile {
    image_layout_version: String,
}

impl Layout {
    /// Opens the layout in a directory; `None` if there is no such directory.
    pub fn open(path: &Path) -> Result<Option<Layout>, Error> {
        if let Err(error) = std::fs::metadata(path) {
            return if error.kind() == io::ErrorKind::NotFound {
                Ok(None)
            } else {
                Err(Error::io(path, error))
            };
        }
        let layout_file = path.join("oci-layout");
        let version: LayoutFile = parse(&layout_file, &read_small(&layout_file)?)?;
        if version.image_layout_version != "1.0.0" {
            let reason = format!("unknown layout version `{}`", version.image_layout_version);
            return Err(Error::Layout { path: layout_file, reason });
        }
        let index_file = path.join("index.json");
        let index: Document = parse(&index_file, &read_small(&index_file)?)?;
        match index {
            Document { schema_version: 2, manifests: Some(entries), layers: None, config: None, .. } => {
                Ok(Some(Layout { path: path.to_owned(), entries }))
            }
            _ => Err(Error::Layout { path: index_file, reason: "not an image index".into() }),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Finds an image by name. A reference with a digest is found by the digest, of an index or of a manifest,
    /// whatever the layout calls it; `None` if the layout does not have the image at all.
    pub fn find(&self, reference: &Reference, platform: &Platform) -> Result<Option<Image>, Error> {
        let mut found: BTreeMap<Digest, Image> = BTreeMap::new();
        let mut available = Vec::new();
        let mut named = false;
        for entry in self.called(reference)? {
            named = true;
            if let Some(mut image) = self.select(&entry, platform, 0, &mut available)? {
                image.name = entry.name().map(ToOwned::to_owned);
                found.entry(image.manifest.digest.clone()).or_insert(image);
            }
        }
        if found.len() > 1 {
            let digests = found.into_keys().collect();
            return Err(Error::Ambiguous {
                reference: Box::new(reference.clone()),
                platform: platform.clone(),
                digests,
            });
        }
        let image = found.into_values().next();
        if image.is_none() && named {
            available.sort();
            available.dedup();
            let (reference, platform) = (Box::new(reference.clone()), platform.clone());
            return Err(Error::Platform { reference, platform, available });
        }
        Ok(image)
    }

    /// Opens an image by the digest of its manifest; `None` if the layout does not have the blob.
    pub fn by_manifest(&self, digest: &Digest) -> Result<Option<Image>, Error> {
        let Some(size) = self.blob_size(digest)? else { return Ok(None) };
        let descriptor = Descriptor { media_type: String::new(), digest: digest.clone(), size };
        match self.document(&descriptor)? {
            (Kind::Manifest, document) => self.image(descriptor, document).map(Some),
            (Kind::Index, _) => Err(Error::blob(digest, "an image index and not a manifest")),
        }
    }

    /// The names that the layout gives its images, for messages.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(Entry::name)
    }

    /// Opens a blob, unverified.
    pub(super) fn open_blob(&self, digest: &Digest) -> Result<File, Error> {
        open_regular(&self.blob_path(digest))
    }

    /// The size of a blob; `None` if the layout does not have it.
    fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        let blob = match self.open_blob(digest) {
            Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            blob => blob?,
        };
        let metadata = blob.metadata().map_err(|error| Error::io(self.blob_path(digest), error))?;
        Ok(Some(metadata.len()))
    }

    /// The entries that a reference names. Tools write anything from a full reference to a bare tag as the name of
    /// an entry; what is no reference is no name.
    fn called(&self, reference: &Reference) -> Result<Vec<Entry>, Error> {
        if let Some(digest) = reference.digest() {
            if let Some(entry) = self.entries.iter().find(|entry| entry.digest == *digest) {
                return Ok(vec![Entry { platform: None, ..entry.clone() }]);
            }
            return Ok(self
                .blob_size(digest)?
                .map(|size| Entry::unnamed(digest, size))
                .into_iter()
                .collect());
        }
        let is_called = |entry: &&Entry| {
            let name = entry.name().and_then(|name| name.parse::<Reference>().ok());
            name.is_some_and(|name| name.same_repository(reference) && name.tag() == reference.tag())
        };
        Ok(self.entries.iter().filter(is_called).cloned().collect())
    }

    /// All of a small blob.
    fn read_blob(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        let Descriptor { digest, size, .. } = descriptor;
        if *size > MAX_JSON {
            return Err(Error::blob(
                digest,
                format!("{size} bytes, and the limit for a document is {MAX_JSON}"),
            ));
        }
        let mut bytes = Vec::new();
        Verified::new(self.open_blob(digest)?, digest, Some(*size))
            .read_to_end(&mut bytes)
            .map_err(|error| Error::blob(digest, error.to_string()))?;
        Ok(bytes)
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.path.join("blobs").join(digest.algorithm()).join(digest.hex())
    }

    /// The first image for the platform at or below an entry, as the specification says; what else there is goes to
    /// `available`.
    fn select(
        &self,
        entry: &Entry,
        platform: &Platform,
        depth: u32,
        available: &mut Vec<String>,
    ) -> Result<Option<Image>, Error> {
        if let Some(fields) = entry.platform.as_ref().filter(|fields| !fields.is(platform)) {
            available.push(fields.to_string());
            return Ok(None);
        }
        let descriptor = entry.descriptor();
        let (kind, document) = self.document(&descriptor)?;
        if kind == Kind::Manifest {
            let image = self.image(descriptor, document)?;
            // The variant of a configuration is often missing or not the one the index gives.
            let fits = image.configuration.platform().architecture() == platform.architecture();
            if !fits && entry.platform.is_some() {
                let found = image.configuration.platform();
                return Err(Error::blob(
                    &image.config.digest,
                    format!("for {found}, but listed for {platform}"),
                ));
            }
            if !fits {
                available.push(image.configuration.platform().to_string());
            }
            return Ok(Some(image).filter(|_| fits));
        }
        if depth == MAX_DEPTH {
            return Err(Error::blob(
                &entry.digest,
                format!("more than {MAX_DEPTH} indexes inside each other"),
            ));
        }
        for inner in document.manifests.iter().flatten() {
            if let Some(mut image) = self.select(inner, platform, depth + 1, available)? {
                image.index = Some(descriptor);
                return Ok(Some(image));
            }
        }
        Ok(None)
    }

    /// Reads an index or a manifest and decides which it is.
    fn document(&self, descriptor: &Descriptor) -> Result<(Kind, Document), Error> {
        let bytes = self.read_blob(descriptor)?;
        let refuse = |reason: String| Error::blob(&descriptor.digest, reason);
        let document: Document =
            serde_json::from_slice(&bytes).map_err(|error| refuse(format!("not a manifest: {error}")))?;
        document.kind(&descriptor.media_type).map(|kind| (kind, document)).map_err(refuse)
    }

    fn image(&self, manifest: Descriptor, document: Document) -> Result<Image, Error> {
        let digest = manifest.digest.clone();
        let (Some(config), Some(layers)) = (document.config, document.layers) else {
            return Err(Error::blob(&digest, "a manifest needs `config` and `layers`"));
        };
        let config = config.descriptor();
        if !matches!(
            config.media_type.as_str(),
            "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json"
        ) {
            let reason = format!("not a container image: its configuration is `{}`", config.media_type);
            return Err(Error::blob(&digest, reason));
        }
        let configuration = Configuration::parse(&self.read_blob(&config)?)
            .map_err(|error| Error::blob(&config.digest, format!("not an image configuration: {error}")))?;
        if configuration.os != "linux" {
            let reason = format!("an image for `{}`, and a bundle is for linux", configuration.os);
            return Err(Error::blob(&config.digest, reason));
        }
        if configuration.diff_ids.len() != layers.len() {
            let reason = format!("{} layers, but {} diff_ids", layers.len(), configuration.diff_ids.len());
            return Err(Error::blob(&digest, reason));
        }
        let layers = layers.iter().map(Entry::descriptor).collect();
        Ok(Image { name: None, index: None, manifest, config, layers, configuration })
    }
}

fn parse<'t, T: Deserialize<'t>>(path: &Path, bytes: &'t [u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::Layout { path: path.to_owned(), reason: error.to_string() })
}

fn read_small(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = open_regular(path)?.take(MAX_JSON + 1).read_to_end(&mut bytes);
    if read.map_err(|error| Error::io(path, error))? as u64 > MAX_JSON {
        return Err(Error::Layout { path: path.to_owned(), reason: format!("larger than {MAX_JSON} bytes") });
    }
    Ok(bytes)
}

/// Opens without waiting: a FIFO in place of a blob would block until somebody writes.
fn open_regular(path: &Path) -> Result<File, Error> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| Error::io(path, error))?;
    let stat = rustix::fs::fstat(&fd).map_err(|error: Errno| Error::io(path, error))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Error::Layout { path: path.to_owned(), reason: "not a regular file".into() });
    }
    Ok(File::from(fd))
}
