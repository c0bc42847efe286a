//! Indexes and manifests as they are written.
//!
//! Own structs instead of `oci-spec`'s: a document is read once with the fields of all its kinds, which shows one
//! that is two things at a time (CVE-2021-41190), and digests are checked while they are read.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::configuration::or_null;
use super::{Descriptor, Digest, Platform};

/// The annotation that names an entry of a layout.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation of containerd, buildx and `docker save`, where the other one is but the tag.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// A descriptor as it is written, with what selects it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The kind of content; empty if it is not known.
    #[serde(default, deserialize_with = "or_null")]
    pub media_type: String,
    /// The name of the content.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
    /// What is said about it; its name among that.
    #[serde(default, deserialize_with = "or_null")]
    pub annotations: BTreeMap<String, String>,
    /// What it runs on, where that is said.
    pub platform: Option<PlatformFields>,
}

/// A platform as an index has it.
#[derive(Clone, Debug, Deserialize)]
pub struct PlatformFields {
    architecture: String,
    os: String,
    #[serde(default, deserialize_with = "or_null")]
    variant: String,
}

/// An index or a manifest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    #[serde(default)]
    pub schema_version: u32,
    media_type: Option<String>,
    pub manifests: Option<Vec<Entry>>,
    pub config: Option<Entry>,
    pub layers: Option<Vec<Entry>>,
    fs_layers: Option<serde::de::IgnoredAny>,
}

/// What a document is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Index,
    Manifest,
}

impl Entry {
    /// The name that the layout gives the entry.
    pub fn name(&self) -> Option<&str> {
        self.names().first().copied()
    }

    /// Everything that it is called by, the most precise name first.
    pub fn names(&self) -> Vec<&str> {
        let names = [CONTAINERD_NAME, REF_NAME].map(|key| self.annotations.get(key));
        names.into_iter().flatten().map(String::as_str).collect()
    }

    /// The entry with another name.
    #[must_use]
    pub(super) fn called(mut self, name: Option<&str>) -> Entry {
        self.annotations = name.map(|name| (REF_NAME.to_owned(), name.to_owned())).into_iter().collect();
        self
    }

    /// The entry without what selects it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor { media_type: self.media_type.clone(), digest: self.digest.clone(), size: self.size }
    }

    /// What is known by its digest only.
    pub fn unnamed(digest: &Digest, size: u64) -> Entry {
        let (media_type, annotations) = (String::new(), BTreeMap::new());
        Entry { media_type, digest: digest.clone(), size, annotations, platform: None }
    }
}

impl PlatformFields {
    /// Whether it is a platform.
    pub fn is(&self, platform: &Platform) -> bool {
        self.os == "linux" && Platform::new(&self.architecture, Some(&self.variant)) == *platform
    }
}

impl fmt::Display for PlatformFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let platform = Platform::new(&self.architecture, Some(&self.variant)).to_string();
        write!(f, "{}{}", self.os, platform.trim_start_matches("linux"))
    }
}

impl Document {
    /// What the document is, if its content, its own media type and the descriptor's (empty if unknown) agree.
    pub fn kind(&self, expected: &str) -> Result<Kind, String> {
        if self.schema_version != 2 || self.fs_layers.is_some() {
            return Err(format!("manifest schema {} is not supported, only 2", self.schema_version));
        }
        let kind = match (&self.manifests, &self.layers, &self.config) {
            (Some(_), None, None) => Kind::Index,
            (None, Some(_), Some(_)) => Kind::Manifest,
            (Some(_), _, _) => return Err("both an index and a manifest".into()),
            (None, _, _) => return Err("neither an index nor a manifest".into()),
        };
        if let Some(own) = self.media_type.as_deref().filter(|own| !expected.is_empty() && *own != expected) {
            return Err(format!("its media type is `{own}`, but it is listed as `{expected}`"));
        }
        for media_type in [Some(expected).filter(|text| !text.is_empty()), self.media_type.as_deref()] {
            match media_type.map(kind_of) {
                None => {}
                Some(Some(named)) if named == kind => {}
                Some(_) => return Err(format!("not a `{}`", media_type.unwrap_or_default())),
            }
        }
        Ok(kind)
    }
}

/// Whether what a descriptor names may be an index.
pub(super) fn may_be_index(descriptor: &Descriptor) -> bool {
    descriptor.media_type.is_empty() || kind_of(&descriptor.media_type) == Some(Kind::Index)
}

fn kind_of(media_type: &str) -> Option<Kind> {
    match media_type {
        "application/vnd.oci.image.index.v1+json"
        | "application/vnd.docker.distribution.manifest.list.v2+json" => Some(Kind::Index),
        "application/vnd.oci.image.manifest.v1+json"
        | "application/vnd.docker.distribution.manifest.v2+json" => Some(Kind::Manifest),
        _ => None,
    }
}
