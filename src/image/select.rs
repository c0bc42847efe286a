//! From a name to the image for one platform, by the documents of a source.
//!
//! Follows the [image index] and [image manifest] specifications. Every document is held to its digest and size, and
//! is refused where it could be understood in two ways.
//!
//! [image index]: https://github.com/opencontainers/image-spec/blob/main/image-index.md
//! [image manifest]: https://github.com/opencontainers/image-spec/blob/main/manifest.md

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use super::document::{Document, Entry, Kind, may_be_index};
use super::source::{MAX_JSON, Source, content};
use super::{Configuration, Descriptor, Digest, Error, Image, Platform, Reference, Verified};

/// How many indexes may be inside each other.
const MAX_DEPTH: u32 = 4;
/// How large the documents may be together that are read to find one image.
const MAX_READ: u64 = 64 * 1024 * 1024;

/// Finds an image by name; `None` if the source does not have it at all.
pub fn find(source: &dyn Source, reference: &Reference, platform: &Platform) -> Result<Option<Image>, Error> {
    let mut found: BTreeMap<Digest, Image> = BTreeMap::new();
    let mut select =
        Select { source, platform, available: Vec::new(), seen: BTreeSet::new(), left: MAX_READ };
    let entries = source.entries(reference)?;
    for entry in &entries {
        if let Some(mut image) = select.entry(entry, 0)? {
            image.name = entry.name().map(ToOwned::to_owned);
            found.entry(image.manifest.digest.clone()).or_insert(image);
        }
    }
    if found.len() > 1 {
        let digests = found.into_keys().collect();
        let (reference, platform) = (Box::new(reference.clone()), platform.clone());
        return Err(Error::Ambiguous { reference, platform, digests });
    }
    let image = found.into_values().next();
    if image.is_none() && !entries.is_empty() {
        let Select { mut available, .. } = select;
        available.sort();
        available.dedup();
        let (reference, platform) = (Box::new(reference.clone()), platform.clone());
        return Err(Error::Platform { reference, platform, available });
    }
    Ok(image)
}

/// Opens an image by the digest of its manifest; `None` if the source does not have it.
pub fn by_manifest(source: &dyn Source, digest: &Digest) -> Result<Option<Image>, Error> {
    let Some(bytes) = source.manifest(digest)? else { return Ok(None) };
    let descriptor =
        Descriptor { media_type: String::new(), digest: digest.clone(), size: bytes.len() as u64 };
    match parse(&descriptor, &bytes)? {
        (Kind::Manifest, document) => open(source, descriptor, document).map(Some),
        (Kind::Index, _) => Err(Error::blob(digest, "an image index and not a manifest")),
    }
}

/// The size of the document with a digest, if it is what an entry names or in the indexes there.
pub(super) fn contained(source: &dyn Source, entry: &Entry, digest: &Digest) -> Result<Option<u64>, Error> {
    let mut waiting = vec![(entry.descriptor(), 0)];
    let (mut seen, mut left) = (BTreeSet::new(), MAX_READ);
    while let Some((descriptor, depth)) = waiting.pop() {
        if descriptor.digest == *digest {
            return Ok(Some(descriptor.size));
        }
        if depth > MAX_DEPTH || !seen.insert(descriptor.digest.clone()) || !may_be_index(&descriptor) {
            continue;
        }
        limit(&descriptor)?;
        left = count(left, &descriptor)?;
        // Platforms that nobody wants are often left out of a source.
        let Some(bytes) = source.manifest(&descriptor.digest)? else { continue };
        let (_, document) = parse(&descriptor, &bytes)?;
        waiting.extend(document.manifests.iter().flatten().map(|inner| (inner.descriptor(), depth + 1)));
    }
    Ok(None)
}

struct Select<'a> {
    source: &'a dyn Source,
    platform: &'a Platform,
    /// What else there is.
    available: Vec<String>,
    /// The documents that were looked at. A second look finds nothing else, and indexes that list each other many times
    /// would be looked at without end.
    seen: BTreeSet<Digest>,
    /// How much may still be read.
    left: u64,
}

impl Select<'_> {
    /// The first image for the platform at or below an entry, as the specification says.
    fn entry(&mut self, entry: &Entry, depth: u32) -> Result<Option<Image>, Error> {
        if let Some(fields) = entry.platform.as_ref().filter(|fields| !fields.is(self.platform)) {
            self.available.push(fields.to_string());
            return Ok(None);
        }
        let descriptor = entry.descriptor();
        limit(&descriptor)?;
        if !self.seen.insert(descriptor.digest.clone()) {
            return Ok(None);
        }
        self.left = count(self.left, &descriptor)?;
        let Some(bytes) = self.source.manifest(&descriptor.digest)? else {
            return Err(Error::blob(&descriptor.digest, format!("not in {}", self.source)));
        };
        let (kind, document) = parse(&descriptor, &bytes)?;
        if kind == Kind::Manifest {
            return self.manifest(entry, descriptor, document);
        }
        if depth == MAX_DEPTH {
            let reason = format!("more than {MAX_DEPTH} indexes inside each other");
            return Err(Error::blob(&entry.digest, reason));
        }
        for inner in document.manifests.iter().flatten() {
            if let Some(mut image) = self.entry(inner, depth + 1)? {
                image.index = Some(descriptor);
                return Ok(Some(image));
            }
        }
        Ok(None)
    }

    fn manifest(
        &mut self,
        entry: &Entry,
        descriptor: Descriptor,
        document: Document,
    ) -> Result<Option<Image>, Error> {
        if let Some(config) = &document.config {
            self.left = count(self.left, &config.descriptor())?;
        }
        let image = open(self.source, descriptor, document)?;
        let found = image.configuration.platform();
        // The variant of a configuration is often missing or not the one the index gives.
        let fits = found.architecture() == self.platform.architecture();
        if !fits && entry.platform.is_some() {
            let reason = format!("for {found}, but listed for {}", self.platform);
            return Err(Error::blob(&image.config.digest, reason));
        }
        if !fits {
            self.available.push(found.to_string());
        }
        Ok(Some(image).filter(|_| fits))
    }
}

/// What may still be read after a document.
fn count(left: u64, descriptor: &Descriptor) -> Result<u64, Error> {
    left.checked_sub(descriptor.size).ok_or_else(|| {
        let reason = format!("more than {MAX_READ} bytes of documents had to be read to find an image");
        Error::blob(&descriptor.digest, reason)
    })
}

/// Proves an index or a manifest and decides which it is.
fn parse(descriptor: &Descriptor, bytes: &[u8]) -> Result<(Kind, Document), Error> {
    let refuse = |reason: String| Error::blob(&descriptor.digest, reason);
    let bytes = proven(descriptor, bytes)?;
    let document: Document =
        serde_json::from_slice(&bytes).map_err(|error| refuse(format!("not a manifest: {error}")))?;
    document.kind(&descriptor.media_type).map(|kind| (kind, document)).map_err(refuse)
}

fn open(source: &dyn Source, manifest: Descriptor, document: Document) -> Result<Image, Error> {
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
    let configuration = Configuration::parse(&read(source, &config)?)
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

/// All of a configuration.
fn read(source: &dyn Source, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
    limit(descriptor)?;
    let digest = &descriptor.digest;
    let mut bytes = Vec::new();
    let read = content(source, descriptor)?.take(MAX_JSON + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::blob(digest, error.to_string()))?;
    proven(descriptor, &bytes)
}

/// Refuses what is no document by its size, before anything of it is fetched.
fn limit(descriptor: &Descriptor) -> Result<(), Error> {
    let Descriptor { digest, size, .. } = descriptor;
    if *size > MAX_JSON {
        let reason = format!("{size} bytes, and the limit for a document is {MAX_JSON}");
        return Err(Error::blob(digest, reason));
    }
    Ok(())
}

/// The bytes, if they are what the descriptor says.
fn proven(descriptor: &Descriptor, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut proven = Vec::with_capacity(bytes.len());
    Verified::new(bytes, &descriptor.digest, Some(descriptor.size))
        .read_to_end(&mut proven)
        .map_err(|error| Error::blob(&descriptor.digest, error.to_string()))?;
    Ok(proven)
}
