//! Images in a tar archive of an [OCI image layout], as skopeo, podman, buildah and buildx write it, and `docker save`
//! since Docker 25.
//!
//! [OCI image layout]: https://github.com/opencontainers/image-spec/blob/main/image-layout.md

use std::fmt;
use std::path::Path;

use super::document::Entry;
use super::layout::{LAYOUT_FILE, named, read_entries};
use super::packed::{Extent, Packed};
use super::source::{Content, Listed, MAX_JSON, Source};
use super::{Descriptor, Digest, Error, Reference};

/// A layout in an archive.
#[derive(Debug)]
pub struct OciArchive {
    packed: Packed,
    entries: Vec<Entry>,
}

impl OciArchive {
    /// Opens an archive, which may be compressed with gzip or zstd; `None` if there is no such file.
    pub fn open(path: &Path) -> Result<Option<OciArchive>, Error> {
        Packed::open(path)?.map(Self::of).transpose()
    }

    /// Whether an archive says that it is a layout.
    pub(super) fn is(packed: &Packed) -> bool {
        packed.has(LAYOUT_FILE)
    }

    pub(super) fn of(packed: Packed) -> Result<OciArchive, Error> {
        let read = |name: &str| match packed.extent(name)? {
            Some(extent) => packed.document(name, extent, MAX_JSON),
            None => Err(packed.refuse(name, "missing, so the file is not an archive of an OCI layout")),
        };
        let entries = read_entries(packed.path(), read)?;
        Ok(OciArchive { packed, entries })
    }

    fn extent(&self, digest: &Digest) -> Result<Option<Extent>, Error> {
        self.packed.extent(&blob_name(digest))
    }
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

impl fmt::Display for OciArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the OCI archive {}", self.packed.path().display())
    }
}

impl Source for OciArchive {
    fn entries(&self, reference: &Reference) -> Result<Vec<Entry>, Error> {
        named(&self.entries, reference, |digest| Ok(self.extent(digest)?.map(|extent| extent.size)))
    }

    fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        let read = |extent| self.packed.document(&blob_name(digest), extent, MAX_JSON);
        self.extent(digest)?.map(read).transpose()
    }

    fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<Option<Content>, Error> {
        Ok(self.extent(&descriptor.digest)?.map(|extent| self.packed.content(extent, from)))
    }

    fn names(&self) -> Vec<String> {
        self.entries.iter().filter_map(Entry::name).map(ToOwned::to_owned).collect()
    }
}

impl Listed for OciArchive {
    fn listing(&self) -> Vec<Vec<&str>> {
        self.entries.iter().map(Entry::names).collect()
    }

    fn entry(&self, index: usize) -> Result<Option<Entry>, Error> {
        Ok(self.entries.get(index).cloned())
    }
}
