//! Where images come from: one interface for directories, archives and registries.
//!
//! A source hands out bytes and names. What the bytes mean, and whether they are what they should be, is decided by
//! those who ask: [`super::select`] for the documents, [`super::layer`] for the layers. So no source can forget it.

use std::fmt::Display;
use std::io::Read;

use super::document::Entry;
use super::{Descriptor, Digest, Error, Reference};

/// The largest JSON document that is read, as in containerd and skopeo.
pub(super) const MAX_JSON: u64 = 4 * 1024 * 1024;

/// The bytes of a blob, unverified.
pub type Content = Box<dyn Read + Send>;

/// Somewhere that has images. Its text, for messages, is what it is and where, such as `the OCI layout images`.
pub trait Source: Display + Send + Sync {
    /// What a reference names, of all platforms; empty if the source has nothing under it. A reference with a digest
    /// is found by the digest, of an index or of a manifest, whatever the source calls it.
    fn entries(&self, reference: &Reference) -> Result<Vec<Entry>, Error>;

    /// All of an index or a manifest, unverified; `None` if the source does not have it. What is larger than a
    /// document may be is an error.
    fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error>;

    /// The content of a configuration or a layer, from the byte `from` on and unverified; `None` if the source does
    /// not have it.
    fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<Option<Content>, Error>;

    /// The names that the source gives its images, for messages; empty if it cannot list them.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A source that knows all its images, as those on disks do.
pub(super) trait Listed: Source {
    /// The names of each image, in the order of the source.
    fn listing(&self) -> Vec<Vec<&str>>;

    /// The image at a place in that order; `None` if there are not as many.
    fn entry(&self, index: usize) -> Result<Option<Entry>, Error>;
}

/// The content of a blob that the source must have.
pub(super) fn content(source: &dyn Source, descriptor: &Descriptor) -> Result<Content, Error> {
    let missing = || Error::blob(&descriptor.digest, format!("not in {source}"));
    source.blob(descriptor, 0)?.ok_or_else(missing)
}
