//! Layers as streams: verified, decompressed, verified again.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::source::{Content, Source, content};
use super::{Descriptor, Digest, Error, Verified};

const CHUNK: usize = 128 * 1024;
/// How many chunks may wait for the reader.
const AHEAD: usize = 8;

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

/// The archive of a layer. Its content is proven once [`Layer::finish`] has returned; what was made from it before
/// that is to be thrown away if it fails.
pub(super) struct Layer {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: io::Cursor<Vec<u8>>,
    ended: bool,
    read: u64,
}

/// What the second thread is to produce.
struct Output {
    diff_id: Digest,
    most: u64,
    sender: SyncSender<io::Result<Vec<u8>>>,
}

impl Layer {
    /// Opens a layer, which may have up to `most` bytes after decompression. Decompressing and hashing are done by a second thread, beside whoever reads: they are half of
    /// the work of unpacking.
    pub fn open(
        source: &dyn Source,
        descriptor: &Descriptor,
        diff_id: &Digest,
        most: u64,
    ) -> Result<Layer, Error> {
        let Descriptor { media_type, digest, .. } = descriptor;
        let Some(compression) = Compression::of_media_type(media_type) else {
            return Err(Error::blob(digest, format!("layers of type `{media_type}` are not supported")));
        };
        let blob = content(source, descriptor)?;
        let (sender, chunks) = sync_channel(AHEAD);
        let (descriptor, output) = (descriptor.clone(), Output { diff_id: diff_id.clone(), most, sender });
        thread::Builder::new()
            .name("layer".into())
            .spawn(move || {
                let end = decompress(blob, compression, &descriptor, &output);
                // The empty chunk is the end: a thread that dies says nothing. Nobody may be listening any more.
                let _ = output.sender.send(end.map(|()| Vec::new()));
            })
            .map_err(|error| Error::blob(digest, error.to_string()))?;
        Ok(Layer { chunks, chunk: io::Cursor::default(), ended: false, read: 0 })
    }

    /// Reads what is left, so that all of the layer is proven, and returns how much there was.
    pub fn finish(mut self) -> io::Result<u64> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.read)
    }
}

impl Read for Layer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.chunk.read(buffer)?;
            if n > 0 || self.ended || buffer.is_empty() {
                return Ok(n);
            }
            let gone = |_| io::Error::other("the layer could not be read to its end");
            let chunk = self.chunks.recv().map_err(gone)??;
            self.ended = chunk.is_empty();
            self.read += chunk.len() as u64;
            self.chunk = io::Cursor::new(chunk);
        }
    }
}

fn decompress(
    blob: Content,
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
    fn send(&self, content: impl Read) -> io::Result<()> {
        let mut content = Verified::new(content, &self.diff_id, None);
        let mut sent = 0;
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            (&mut content).take(CHUNK as u64).read_to_end(&mut chunk)?;
            sent += chunk.len() as u64;
            if chunk.is_empty() {
                return Ok(());
            }
            if sent > self.most {
                return Err(bad(format!(
                    "the image has too much content, more than {} bytes in this layer",
                    self.most
                )));
            }
            if self.sender.send(Ok(chunk)).is_err() {
                return Err(io::Error::other("nobody reads the layer any more"));
            }
        }
    }
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
