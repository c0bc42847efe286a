//! From a source into the store: an image, a few blobs at a time.

use std::collections::BTreeSet;
use std::io::{self, Cursor, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use super::Store;
use super::directory::PARTIAL;
use super::partial::Partial;
use super::share::{Stop, share};
use crate::image::source::{Content, Source};
use crate::image::{Descriptor, Digest, Error, Image, Verified, by_digest};

/// How many blobs are fetched at a time, as in Docker.
const AT_ONCE: usize = 3;
/// How often a blob is taken up again that a source has broken off, if each time brings something. Docker tries as often.
const TRIES: u32 = 5;
const CHUNK: usize = 128 * 1024;

/// What is happening to a blob.
#[derive(Clone, Copy, Debug)]
pub struct Fetching<'a> {
    /// The blob.
    pub blob: &'a Descriptor,
    /// What is happening.
    pub step: Step,
}

/// A step on the way of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is here already.
    Present,
    /// Another process, or another part of this one, is fetching it.
    Waiting,
    /// The source is asked for it, from a byte on.
    From(u64),
    /// So many bytes of it are here.
    At(u64),
    /// What was here is not what it should be, and is fetched again.
    Again,
    /// It is whole, and proven.
    Done,
}

impl Fetching<'_> {
    /// How much of the blob is here.
    pub fn bytes(&self) -> u64 {
        match self.step {
            Step::Present | Step::Done => self.blob.size,
            Step::From(bytes) | Step::At(bytes) => bytes,
            Step::Waiting | Step::Again => 0,
        }
    }
}

/// What was fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// How many blobs have come.
    pub blobs: u64,
    /// How many bytes have come.
    pub bytes: u64,
    /// How many blobs were here.
    pub present: u64,
}

/// Told what is happening, by several threads.
type Progress<'a> = &'a (dyn Fn(Fetching<'_>) + Sync);

impl Store {
    /// Fetches all of an image that is not here. What a source breaks off is kept, and gone on with the next time.
    pub fn fetch(
        &self,
        source: &dyn Source,
        image: &Image,
        progress: Progress<'_>,
    ) -> Result<Fetched, Error> {
        self.fetch_blobs(source, image, &image.layers, progress)
    }

    /// Fetches the index, the manifest and the configuration of an image.
    pub fn fetch_documents(
        &self,
        source: &dyn Source,
        image: &Image,
        progress: Progress<'_>,
    ) -> Result<Fetched, Error> {
        self.fetch_blobs(source, image, &[], progress)
    }

    fn fetch_blobs(
        &self,
        source: &dyn Source,
        image: &Image,
        layers: &[Descriptor],
        progress: Progress<'_>,
    ) -> Result<Fetched, Error> {
        let documents = image.index.iter().chain([&image.manifest]);
        let mut wanted: Vec<(&Descriptor, Kind)> = documents.map(|blob| (blob, Kind::Document)).collect();
        wanted.extend([&image.config].into_iter().chain(layers).map(|blob| (blob, Kind::Content)));
        // An image may have a layer twice.
        let mut seen = BTreeSet::new();
        wanted.retain(|(blob, _)| seen.insert((&blob.digest, blob.size)));
        self.require_room(&wanted)?;
        let [blobs, bytes, present] = [const { AtomicU64::new(0) }; 3];
        share(&wanted, AT_ONCE, &|&(descriptor, kind), stop| {
            match (Blob { store: self, source, descriptor, kind, progress, stop }).fetch()? {
                Some(more) => {
                    blobs.fetch_add(1, Ordering::Relaxed);
                    bytes.fetch_add(more, Ordering::Relaxed);
                }
                None => _ = present.fetch_add(1, Ordering::Relaxed),
            }
            Ok::<_, Error>(())
        })?;
        self.record(image)?;
        let [blobs, bytes, present] = [blobs, bytes, present].map(AtomicU64::into_inner);
        Ok(Fetched { blobs, bytes, present })
    }

    /// Better no blob at all than a full disk. Whoever fetches the same at the same time fills the same files.
    fn require_room(&self, wanted: &[(&Descriptor, Kind)]) -> Result<(), Error> {
        let mut needed: u64 = 0;
        for (blob, _) in wanted {
            if !self.has_blob(blob)? {
                let come =
                    std::fs::symlink_metadata(self.partial_path(&blob.digest)).map_or(0, |data| data.len());
                needed = needed.saturating_add(blob.size.saturating_sub(come));
            }
        }
        let disk = rustix::fs::statvfs(&self.path).map_err(|error| Error::io(&self.path, error))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        // Some file systems do not say how large they are.
        if disk.f_blocks > 0 && needed > free {
            return Err(Error::Room { path: self.path.clone(), needed, free });
        }
        Ok(())
    }

    pub(super) fn partial_path(&self, digest: &Digest) -> std::path::PathBuf {
        self.path.join(PARTIAL).join(format!("{}-{}", digest.algorithm(), digest.hex()))
    }
}

/// How a source is asked for a blob.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Document,
    Content,
}

/// A blob on its way.
struct Blob<'a> {
    store: &'a Store,
    source: &'a dyn Source,
    descriptor: &'a Descriptor,
    kind: Kind,
    progress: Progress<'a>,
    stop: &'a Stop,
}

/// How an attempt has ended.
enum End {
    /// The content is proven, and so much of it is new.
    Proven(u64),
    /// The content is not what it should be.
    Wrong(io::Error),
    /// The source has ended too early, after so many new bytes.
    Broken(io::Error, u64),
}

impl Blob<'_> {
    fn tell(&self, step: Step) {
        (self.progress)(Fetching { blob: self.descriptor, step });
    }

    /// Fetches the blob if it is not here, and returns how much has come.
    fn fetch(&self) -> Result<Option<u64>, Error> {
        let Blob { store, descriptor, .. } = self;
        loop {
            if store.has_blob(descriptor)? {
                self.tell(Step::Present);
                return Ok(None);
            }
            let path = store.partial_path(&descriptor.digest);
            let Some(partial) = Partial::lock(path, &|| self.tell(Step::Waiting))? else { continue };
            // The file may be a new one, made after the other was put in place.
            if store.has_blob(descriptor)? {
                partial.remove()?;
                continue;
            }
            return self.fill(partial).map(Some);
        }
    }

    fn fill(&self, partial: Partial) -> Result<u64, Error> {
        let Descriptor { digest, size, .. } = self.descriptor;
        let (mut come, mut tries) = (0, 0);
        loop {
            if partial.size()? > *size {
                partial.empty()?;
            }
            let have = partial.size()?;
            match self.go_on(&partial, have)? {
                End::Proven(more) => {
                    partial.put(&by_digest::path(&self.store.path, digest))?;
                    self.tell(Step::Done);
                    return Ok(come + more);
                }
                // Not the source, but what was here may be what is wrong.
                End::Wrong(_) if have > 0 => {
                    partial.empty()?;
                    self.tell(Step::Again);
                    come = 0;
                }
                End::Wrong(error) => {
                    partial.remove()?;
                    return Err(Error::Source {
                        digest: digest.clone(),
                        from: self.source.to_string(),
                        error,
                    });
                }
                End::Broken(_, more) if more > 0 && tries < TRIES && !self.stop.is_set() => {
                    come += more;
                    tries += 1;
                }
                End::Broken(error, _) => return Err(self.interrupted(partial, error)),
            }
        }
    }

    fn interrupted(&self, partial: Partial, error: io::Error) -> Error {
        let Descriptor { digest, size, .. } = self.descriptor.clone();
        match partial.size() {
            Ok(0) => match partial.remove() {
                Ok(()) => Error::Source { digest, from: self.source.to_string(), error },
                Err(error) => error,
            },
            Ok(come) => Error::Interrupted { digest, from: self.source.to_string(), come, size, error },
            Err(error) => error,
        }
    }

    /// Hashes what is here, and then the rest while it is written.
    fn go_on(&self, partial: &Partial, have: u64) -> Result<End, Error> {
        let Descriptor { digest, size, .. } = self.descriptor;
        let mut verified = Verified::new(partial.content()?, digest, Some(*size));
        let read = io::copy(&mut (&mut verified).take(have), &mut io::sink());
        read.map_err(|error| Error::io(partial.path(), error))?;
        self.tell(Step::From(have));
        let mut content = if have == *size { Box::new(io::empty()) } else { self.content(have)? };
        let mut verified = verified.continued((&mut content).take(size - have));
        let (mut buffer, mut at) = (vec![0; CHUNK], have);
        loop {
            if self.stop.is_set() {
                return Ok(End::Broken(io::Error::other("another blob could not be fetched"), at - have));
            }
            match verified.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    partial.write(buffer.get(..n).unwrap_or_default())?;
                    at += n as u64;
                    self.tell(Step::At(at));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if at < *size => return Ok(End::Broken(error, at - have)),
                Err(error) => return Ok(End::Wrong(error)),
            }
        }
        // The content is proven. A source that fails now has nothing more to say.
        if content.read(&mut [0]).is_ok_and(|n| n > 0) {
            return Ok(End::Wrong(io::Error::other(format!("more than the {size} bytes of the blob"))));
        }
        Ok(End::Proven(at - have))
    }

    fn content(&self, from: u64) -> Result<Content, Error> {
        let digest = &self.descriptor.digest;
        let content = match self.kind {
            Kind::Content => self.source.blob(self.descriptor, from)?,
            Kind::Document => self.source.manifest(digest)?.map(|bytes| {
                let mut bytes = Cursor::new(bytes);
                bytes.set_position(from);
                Box::new(bytes) as Content
            }),
        };
        content.ok_or_else(|| Error::blob(digest, format!("not in {}", self.source)))
    }
}
