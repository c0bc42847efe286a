//! Images: references, OCI layouts, image configuration, and layers turned into root directories.
//!
//! Everything read here comes from strangers. So every blob is verified against its digest and size while it is
//! read, a digest can never be a path, and the path of a layer entry is resolved inside the root by the kernel and
//! never by joining strings. Follows the [OCI image specification], and Docker where it is silent.
//!
//! [OCI image specification]: https://github.com/opencontainers/image-spec

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::printable::printable_line;

mod archive;
mod attributes;
mod by_digest;
mod configuration;
mod content;
mod copy;
mod digest;
mod directory;
mod docker_archive;
mod document;
mod layer;
mod layout;
mod links;
mod mount_point;
mod oci_archive;
mod packed;
mod pax;
mod peek;
mod place;
mod platform;
mod reference;
mod registry;
mod regular;
mod root;
mod select;
mod source;
mod source_name;
mod sparse;
mod store;
mod unpack;
pub mod users;

pub use configuration::{Configuration, Healthcheck};
pub use copy::{Copied, copy_directory, copy_root};
pub use digest::{Digest, Verified};
pub use directory::read_in_root;
pub use docker_archive::DockerArchive;
pub use document::{Entry, PlatformFields};
pub use layout::Layout;
pub use mount_point::{MountPoint, make_mount_point};
pub use oci_archive::OciArchive;
pub use peek::read_small_files;
pub use platform::Platform;
pub use reference::Reference;
pub use registry::{Mirror, Patience, Proxy, Registries, RegistryError, Repository, Settings};
pub use root::remove_tree;
pub use select::{by_manifest, find};
pub use source::{Content, Source};
pub use source_name::{OpenRepository, SourceName, open_path, open_usual};
pub use store::{Damaged, Fetched, Fetching, Keep, Kept, Pruned, Step, Store, Verification};
pub use unpack::{Limits, Report, unpack, unpack_with, unpack_within};
pub use users::{User, resolve_group, resolve_user};

/// The name, kind and size of a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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

/// Why an image cannot be read or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A directory is not a usable OCI layout.
    #[error("{}: {reason}", path.display())]
    Layout {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A manifest, index or configuration is not what it should be.
    #[error("blob {digest}: {reason}")]
    Blob {
        /// The blob.
        digest: Digest,
        /// What is wrong.
        reason: String,
    },
    /// A source does not have the image that was chosen, or several and none was chosen.
    #[error("{place} {reason}")]
    Choice {
        /// The source.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// Several images have the same name.
    #[error("{reference} names several images for {platform}: {}", list(digests))]
    Ambiguous {
        /// The name.
        reference: Box<Reference>,
        /// The platform that was asked for.
        platform: Platform,
        /// The manifests.
        digests: Vec<Digest>,
    },
    /// The image exists, but not for the platform.
    #[error("{reference} has no image for {platform}, only for {}", list(available))]
    Platform {
        /// The name.
        reference: Box<Reference>,
        /// The platform that was asked for.
        platform: Platform,
        /// What the layout has.
        available: Vec<String>,
    },
    /// A blob is not what its digest says.
    #[error(
        "layer {digest}: the blob is not what its digest says: {error}; remove it and fetch the image again"
    )]
    Changed {
        /// The blob.
        digest: Digest,
        /// What is wrong.
        error: io::Error,
    },
    /// A directory cannot be a store.
    #[error("{}: {reason}", path.display())]
    Store {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A source did not give all of a blob.
    #[error(
        "blob {digest} from {from}: {error}; {come} of {size} bytes are kept, and the next run goes on from there"
    )]
    Interrupted {
        /// The blob.
        digest: Digest,
        /// The source.
        from: String,
        /// How much is there.
        come: u64,
        /// How much there should be.
        size: u64,
        /// What is wrong.
        error: io::Error,
    },
    /// A source gave nothing of a blob, or something else.
    #[error("blob {digest} from {from}: {error}")]
    Source {
        /// The blob.
        digest: Digest,
        /// The source.
        from: String,
        /// What is wrong.
        error: io::Error,
    },
    /// There is no more room in the store.
    #[error("{}: the disk is full; make room, as `bundlegen store prune` may, and run this again: what has come is kept", path.display())]
    Full {
        /// What was written.
        path: PathBuf,
    },
    /// There is too little room in the store, which was seen before anything was written.
    #[error("{}: {needed} bytes are to come, and the disk has room for {free}; make room, as `bundlegen store prune` may", path.display())]
    Room {
        /// The store.
        path: PathBuf,
        /// What is to come, in bytes.
        needed: u64,
        /// What is free, in bytes.
        free: u64,
    },
    /// A layer cannot be read.
    #[error("layer {layer}: {error}")]
    Layer {
        /// The blob of the layer.
        layer: Digest,
        /// What is wrong.
        error: io::Error,
    },
    /// An entry of a layer cannot be unpacked.
    #[error("layer {layer}: `{entry}`: {error}")]
    Entry {
        /// The blob of the layer.
        layer: Digest,
        /// The path of the entry.
        entry: String,
        /// What is wrong.
        error: io::Error,
    },
    /// A file in an image cannot be read.
    #[error("`{path}` in the image: {reason}")]
    File {
        /// The path in the image.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A registry does not give what is asked of it.
    #[error(transparent)]
    Registry(Box<RegistryError>),
}

impl From<RegistryError> for Error {
    fn from(error: RegistryError) -> Self {
        Error::Registry(Box::new(error))
    }
}

impl Error {
    fn io(path: impl Into<PathBuf>, error: impl Into<io::Error>) -> Self {
        Error::Io { path: path.into(), error: error.into() }
    }

    /// What could not be written; a full disk is an error that has a remedy.
    fn written(path: impl Into<PathBuf>, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full { path: path.into() },
            _ => Error::io(path, error),
        }
    }

    fn blob(digest: &Digest, reason: impl Into<String>) -> Self {
        Error::Blob { digest: digest.clone(), reason: printable_line(&reason.into()).into_owned() }
    }
}

fn list(items: &[impl ToString]) -> String {
    if items.is_empty() {
        return "nothing".into();
    }
    printable_line(&items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")).into_owned()
}
