//! Archives that are compressed as a whole, such as by `docker save | gzip`.
//!
//! Files in the middle of compressed data cannot be read in place, so all of it is decompressed once, to a file
//! without a name that is gone when it is closed.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::bad;
use crate::image::Limits;

/// Where large files of a short life go: `/tmp` is in memory on many hosts.
const DIRECTORIES: [&str; 2] = ["/var/tmp", "/tmp"];

/// The file itself, or what it is after decompression.
pub(super) fn decompressed(file: File) -> io::Result<File> {
    let mut magic = [0; 6];
    let n = file.read_at(&mut magic, 0)?;
    match magic.get(..n).unwrap_or_default() {
        [0x1f, 0x8b, ..] => copy(flate2::bufread::MultiGzDecoder::new(BufReader::new(file))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => copy(zstd::stream::read::Decoder::new(file)?),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => unsupported("xz"),
        [b'B', b'Z', b'h', ..] => unsupported("bzip2"),
        _ => Ok(file),
    }
}

fn unsupported(format: &str) -> io::Result<File> {
    bad(format!(
        "compressed with {format}, which is not read here; decompress it with `{format} --decompress`"
    ))
}

fn copy(content: impl Read) -> io::Result<File> {
    let most = Limits::default().bytes;
    let mut file = nameless()?;
    if io::copy(&mut content.take(most + 1), &mut file)? > most {
        return bad(format!("more than {most} bytes after decompression"));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn nameless() -> io::Result<File> {
    let mut result = Err(Errno::NOENT);
    for directory in DIRECTORIES {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        result = rustix::fs::openat(CWD, directory, flags, Mode::RUSR | Mode::WUSR);
        if result.is_ok() {
            break;
        }
    }
    let why = |error: Errno| {
        let reason = "compressed, and no temporary file can be made in /var/tmp or /tmp";
        io::Error::other(format!("{reason} ({error}); decompress it first"))
    };
    Ok(File::from(result.map_err(why)?))
}
