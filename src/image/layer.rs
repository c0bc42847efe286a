//! Layers as streams: verified, decompressed, verified again.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use super::source::{Content, Source, content};
use super::{Descriptor, Digest, Error, Verified};

const CHUNK: usize = 128 * 1024;
/// How many chunks may wait for the reader.
const AHEAD: usize = 16;
/// Content up to here may be compressed as well as it can be; an empty disk is.
const UNSUSPICIOUS: u64 = 1 << 30;
/// How often its compressed size the content may be beyond that.
const MAX_RATIO: u64 = 250;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    fn of_media_type(media_type: &str) -> Option<Self> {
        Some(match media_type {
            "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar" => Compression::None,
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => Compression::Gzip,
            "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
            | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Compression::Zstd,
            _ => return None,
        })
    }

    fn of_magic(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::None => "not compressed",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        })
    }
}

/// How much of the layers of one image was read, counted by the threads that read them.
#[derive(Debug)]
pub(super) struct Meter {
    most: u64,
    stored: AtomicU64,
    content: AtomicU64,
}

impl Meter {
    /// For layers that together may have up to `most` bytes after decompression.
    pub fn new(most: u64) -> Arc<Self> {
        Arc::new(Meter { most, stored: AtomicU64::new(0), content: AtomicU64::new(0) })
    }

    /// How many bytes of the blobs were read.
    pub fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    fn count(&self, content: usize) -> io::Result<()> {
        let content = self.content.fetch_add(content as u64, Ordering::Relaxed) + content as u64;
        if content > self.most {
            return Err(bad(format!("the image has too much content, more than {} bytes", self.most)));
        }
        let stored = self.stored();
        if content > UNSUSPICIOUS && content / MAX_RATIO > stored {
            return Err(bad(format!(
                "the image has {content} bytes after decompression so far, more than {MAX_RATIO} times its {stored} bytes before"
            )));
        }
        Ok(())
    }
}

/// Counts what is read of a blob.
struct Metered {
    blob: Content,
    meter: Arc<Meter>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.blob.read(buffer)?;
        self.meter.stored.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// The archive of a layer. Its content is proven once [`Layer::finish`] has returned; what was made from it before
/// that is to be thrown away if it fails.
pub(super) struct Layer {
    chunks: Chunks,
    /// Where chunks go back, so that their memory is used again.
    used: Sender<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
    ended: bool,
}

type Chunks = Receiver<io::Result<Vec<u8>>>;

/// Where decompressed content goes.
struct Output {
    meter: Arc<Meter>,
    sender: SyncSender<io::Result<Vec<u8>>>,
    used: Receiver<Vec<u8>>,
}

impl Layer {
    /// Opens a layer, and begins to read ahead of whoever reads it. Decompressing and hashing are done by two further
    /// threads: they are more than half of the work of unpacking.
    pub fn open(
        source: &dyn Source,
        descriptor: &Descriptor,
        diff_id: &Digest,
        meter: &Arc<Meter>,
    ) -> Result<Layer, Error> {
        let Descriptor { media_type, digest, .. } = descriptor;
        let Some(compression) = Compression::of_media_type(media_type) else {
            return Err(Error::blob(digest, format!("layers of type `{media_type}` are not supported")));
        };
        let blob = Metered { blob: content(source, descriptor)?, meter: meter.clone() };
        let ((sender, raw), (used, returned)) = (sync_channel(AHEAD), channel());
        let output = Output { meter: meter.clone(), sender, used: returned };
        let blob_of = descriptor.clone();
        start(digest, "decompress", move || {
            let end = decompress(blob, compression, &blob_of, &output);
            // The empty chunk is the end: a thread that dies says nothing. Nobody may be listening any more.
            let _ = output.sender.send(end.map(|()| Vec::new()));
        })?;
        let (sender, chunks) = sync_channel(AHEAD);
        let verified = Verified::new(io::empty(), diff_id, None);
        start(digest, "verify", move || verify(&raw, verified, &sender))?;
        Ok(Layer { chunks, used, chunk: Vec::new(), at: 0, ended: false })
    }

    /// Reads what is left, so that all of the layer is proven.
    pub fn finish(mut self) -> io::Result<()> {
        while !self.ended {
            let n = self.fill_buf()?.len();
            self.consume(n);
        }
        Ok(())
    }

    fn next(&mut self) -> io::Result<()> {
        let gone = |_| io::Error::other("the layer could not be read to its end");
        let chunk = self.chunks.recv().map_err(gone)??;
        self.ended = chunk.is_empty();
        // At the end nobody takes it any more.
        let _ = self.used.send(std::mem::replace(&mut self.chunk, chunk));
        self.at = 0;
        Ok(())
    }
}

impl BufRead for Layer {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.chunk.len() && !self.ended {
            self.next()?;
        }
        Ok(self.chunk.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, n: usize) {
        self.at += n;
    }
}

impl Read for Layer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

fn start(layer: &Digest, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(|_| ()).map_err(|error| Error::blob(layer, error.to_string()))
}

/// Passes chunks on and hashes them; the end is passed on only where it proves the content.
fn verify(chunks: &Chunks, mut verified: Verified<io::Empty>, sender: &SyncSender<io::Result<Vec<u8>>>) {
    for chunk in chunks {
        let chunk = chunk.and_then(|chunk| {
            verified.see(&chunk);
            if chunk.is_empty() { verified.prove().map(|()| chunk) } else { Ok(chunk) }
        });
        // Nobody may be listening any more.
        if sender.send(chunk).is_err() {
            return;
        }
    }
}

fn decompress(
    blob: Metered,
    compression: Compression,
    descriptor: &Descriptor,
    output: &Output,
) -> io::Result<()> {
    let verified = Verified::new(blob, &descriptor.digest, Some(descriptor.size));
    let mut verified = BufReader::with_capacity(CHUNK, verified);
    let found = Compression::of_magic(verified.fill_buf()?);
    if found != compression {
        return Err(bad(format!("the content is {found}, but its type is `{}`", descriptor.media_type)));
    }
    match compression {
        Compression::None => output.send(&mut verified)?,
        Compression::Gzip => output.send(flate2::bufread::MultiGzDecoder::new(&mut verified))?,
        Compression::Zstd => output.send(zstd::stream::read::Decoder::with_buffer(&mut verified)?)?,
    }
    // A decoder may stop before the end of the blob.
    io::copy(&mut verified, &mut io::sink())?;
    Ok(())
}

impl Output {
    fn send(&self, mut content: impl Read) -> io::Result<()> {
        loop {
            let mut chunk = self.used.try_recv().unwrap_or_default();
            chunk.resize(CHUNK, 0);
            fill(&mut content, &mut chunk)?;
            if chunk.is_empty() {
                return Ok(());
            }
            self.meter.count(chunk.len())?;
            if self.sender.send(Ok(chunk)).is_err() {
                return Err(io::Error::other("nobody reads the layer any more"));
            }
        }
    }
}

/// Reads until the chunk is full, and cuts it where the content ends.
fn fill(content: &mut impl Read, chunk: &mut Vec<u8>) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = chunk.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match content.read(rest) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    chunk.truncate(filled);
    Ok(())
}

fn bad(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_is_named_and_seen() {
        let oci = "application/vnd.oci.image.layer.v1.tar";
        assert_eq!(Compression::of_media_type(oci), Some(Compression::None));
        assert_eq!(Compression::of_media_type(&format!("{oci}+gzip")), Some(Compression::Gzip));
        assert_eq!(Compression::of_media_type(&format!("{oci}+zstd")), Some(Compression::Zstd));
        assert_eq!(Compression::of_media_type(&format!("{oci}+gzip+encrypted")), None);
        assert_eq!(Compression::of_magic(&[0x1f, 0x8b, 8]), Compression::Gzip);
        assert_eq!(Compression::of_magic(&[0x28, 0xb5, 0x2f, 0xfd, 0]), Compression::Zstd);
        assert_eq!(Compression::of_magic(&[0; 512]), Compression::None);
        assert_eq!(Compression::of_magic(&[]), Compression::None);
    }
}
