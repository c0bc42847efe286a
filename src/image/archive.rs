//! Tar archives as layers use them, one entry after the other.
//!
//! The `tar` crate reads the header blocks. Walking them is done here, because its iterator keeps an extended
//! header of any size in memory, splits one at line feeds that may be part of a value, and goes on with the wrong
//! size after one that is malformed (the class of CVE-2025-62518). Where two readers could see different archives,
//! the archive is refused.

use std::io::{self, Read};
use std::ops::Range;

use tar::{EntryType, Header};

use super::pax::Pax;

const BLOCK: usize = 512;
/// The largest extended header, as in Go.
const MAX_EXTENSION: u64 = 1024 * 1024;
/// The largest size that the octal field of a header can hold; writers put it there when the size is larger.
const MAX_OCTAL: u64 = 0o77_777_777_777;
/// Where a header has mode, owner, group, size, time and device numbers.
const NUMBERS: [Range<usize>; 7] = [100..108, 108..116, 116..124, 124..136, 136..148, 329..337, 337..345];
/// The longest path that the kernel takes.
const MAX_PATH: usize = 4095;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    HardLink,
    Fifo,
    CharDevice,
    BlockDevice,
}

/// One entry, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub path: Vec<u8>,
    pub kind: Kind,
    /// Where a link leads.
    pub target: Vec<u8>,
    pub size: u64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: Time,
    /// Major and minor number.
    pub device: (u32, u32),
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A point in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Time {
    pub seconds: i64,
    pub nanoseconds: u32,
}

/// What extended headers say about the entry after them.
#[derive(Default)]
struct Extensions {
    pax: Option<Pax>,
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
}

/// Reads an archive. After [`Archive::next`] has returned an entry, reading gives its content.
pub(super) struct Archive<R> {
    inner: R,
    /// What is left of the content of the entry.
    left: u64,
    /// What follows the content up to the next block.
    padding: u64,
}

impl<R: Read> Archive<R> {
    pub fn new(inner: R) -> Self {
        Archive { inner, left: 0, padding: 0 }
    }

    pub fn into_inner(self) -> R {
        self.inner
    }

    /// Goes on to the next entry; content that was not read is skipped.
    pub fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut extensions = Extensions::default();
        loop {
            self.skip()?;
            let Some(header) = self.header()? else {
                return if extensions.is_empty() {
                    Ok(None)
                } else {
                    bad("an extended header without its entry")
                };
            };
            match header.entry_type() {
                EntryType::XGlobalHeader => {
                    // As Docker does: what is said about all entries is ignored.
                    self.extension(&header)?;
                }
                EntryType::XHeader => {
                    let pax = Pax::parse(&self.extension(&header)?)?;
                    once(&mut extensions.pax, pax)?;
                }
                EntryType::GNULongName => {
                    let name = until_nul(self.extension(&header)?);
                    once(&mut extensions.path, name)?;
                }
                EntryType::GNULongLink => {
                    let name = until_nul(self.extension(&header)?);
                    once(&mut extensions.target, name)?;
                }
                _ => return self.entry(&header, extensions).map(Some),
            }
        }
    }

    fn entry(&mut self, header: &Header, extensions: Extensions) -> io::Result<Entry> {
        let pax = extensions.pax.unwrap_or_default();
        let path = one_of(extensions.path, pax.path, || header.path_bytes().into_owned())?;
        let target = one_of(extensions.target, pax.target, || {
            header.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default()
        })?;
        let kind = kind(header, &path)?;
        let size = size(header, pax.size)?;
        if kind != Kind::File && size != 0 {
            // Some readers skip the content and others do not expect any.
            return bad(format!("`{}` is no file, but has content", path.escape_ascii()));
        }
        for text in [&path, &target] {
            if text.len() > MAX_PATH || text.contains(&0) {
                return bad("a path that is too long or has a NUL byte");
            }
        }
        self.expect(size);
        // The last number means nobody: `chown` would leave the owner as it is.
        let id = |id: u64| match u32::try_from(id) {
            Ok(id) if id != u32::MAX => Ok(id),
            _ => bad(format!("the owner {id} is out of range")),
        };
        Ok(Entry {
            kind,
            target,
            size,
            mode: number("mode", header.mode())? & 0o7777,
            uid: id(pax.uid.map_or_else(|| header.uid(), Ok)?)?,
            gid: id(pax.gid.map_or_else(|| header.gid(), Ok)?)?,
            mtime: pax.mtime.map_or_else(|| header_mtime(header), Ok)?,
            device: device(header, kind)?,
            xattrs: pax.xattrs,
            path,
        })
    }

    /// The next header; `None` at the end of the archive.
    fn header(&mut self) -> io::Result<Option<Header>> {
        let Some(block) = self.block()? else { return Ok(None) };
        if is_zero(&block) {
            return match self.block()? {
                Some(second) if !is_zero(&second) => bad("an entry after the end of the archive"),
                _ => Ok(None),
            };
        }
        let header = Header::from_byte_slice(&block);
        // The checksum counts its own field as spaces.
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) })
            .sum();
        if number("checksum", header.cksum())? != sum {
            return bad("the checksum of a header does not match");
        }
        let mut header = header.clone();
        fill_blanks(&mut header);
        Ok(Some(header))
    }

    /// A whole block; `None` at the end of the stream.
    fn block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.inner.read(rest)? {
                0 if filled == 0 => return Ok(None),
                0 => return truncated(),
                n => filled += n,
            }
        }
        Ok(Some(block))
    }

    fn expect(&mut self, size: u64) {
        let block = BLOCK as u64;
        self.left = size;
        self.padding = (block - size % block) % block;
    }

    fn extension(&mut self, header: &Header) -> io::Result<Vec<u8>> {
        let size = number("size", header.entry_size())?;
        if size > MAX_EXTENSION {
            return bad(format!("an extended header of {size} bytes, and the limit is {MAX_EXTENSION}"));
        }
        self.expect(size);
        let mut content = Vec::new();
        self.read_to_end(&mut content)?;
        Ok(content)
    }

    fn skip(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink())?;
        let skipped = io::copy(&mut (&mut self.inner).take(self.padding), &mut io::sink())?;
        if skipped < self.padding {
            return truncated();
        }
        self.padding = 0;
        Ok(())
    }
}

impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        match self.inner.read(buffer)? {
            0 => truncated(),
            n => {
                self.left -= n as u64;
                Ok(n)
            }
        }
    }
}

impl Extensions {
    fn is_empty(&self) -> bool {
        self.pax.is_none() && self.path.is_none() && self.target.is_none()
    }
}

fn header_mtime(header: &Header) -> io::Result<Time> {
    // A time before 1970 comes out as a huge number; it is the only thing that would be lost.
    Ok(Time { seconds: i64::try_from(number("time", header.mtime())?).unwrap_or(0), nanoseconds: 0 })
}

fn kind(header: &Header, path: &[u8]) -> io::Result<Kind> {
    Ok(match header.entry_type() {
        // Archives older than POSIX mark a directory by its name.
        EntryType::Regular if header.as_bytes().get(156) == Some(&0) && path.ends_with(b"/") => {
            Kind::Directory
        }
        EntryType::Regular | EntryType::Continuous => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink,
        EntryType::Link => Kind::HardLink,
        EntryType::Fifo => Kind::Fifo,
        EntryType::Char => Kind::CharDevice,
        EntryType::Block => Kind::BlockDevice,
        EntryType::GNUSparse => return bad("a sparse file, which is not supported"),
        other => {
            let (path, byte) = (path.escape_ascii(), [other.as_byte()]);
            return bad(format!("`{path}` has the unknown type `{}`", byte.escape_ascii()));
        }
    })
}

/// The extended header decides, but a header that says something else on purpose is refused.
fn size(header: &Header, pax: Option<u64>) -> io::Result<u64> {
    let own = number("size", header.entry_size())?;
    let size = pax.unwrap_or(own);
    if own != size && own != 0 && !(own == MAX_OCTAL && size > own) {
        return bad(format!("an entry with two sizes, {own} and {size}"));
    }
    // A size that rounds up to more than there can be would wrap.
    if size > u64::MAX / 2 { bad(format!("an entry of {size} bytes")) } else { Ok(size) }
}

fn device(header: &Header, kind: Kind) -> io::Result<(u32, u32)> {
    if !matches!(kind, Kind::CharDevice | Kind::BlockDevice) {
        return Ok((0, 0));
    }
    Ok((
        number("device", header.device_major())?.unwrap_or(0),
        number("device", header.device_minor())?.unwrap_or(0),
    ))
}

/// Writers leave out numbers they have no use for, which is 0 for Go and an error for the `tar` crate.
fn fill_blanks(header: &mut Header) {
    let blank = |field: &&mut [u8]| field.iter().all(|b| matches!(b, 0 | b' '));
    for range in NUMBERS {
        if let Some(field) = header.as_mut_bytes().get_mut(range).filter(blank) {
            field.fill(b'0');
        }
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> io::Result<()> {
    if slot.replace(value).is_some() { bad("two extended headers of one kind for one entry") } else { Ok(()) }
}

fn one_of(gnu: Option<Vec<u8>>, pax: Option<Vec<u8>>, own: impl FnOnce() -> Vec<u8>) -> io::Result<Vec<u8>> {
    match (gnu, pax) {
        (Some(gnu), Some(pax)) if gnu != pax => bad("two long names for one entry"),
        (gnu, pax) => Ok(gnu.or(pax).unwrap_or_else(own)),
    }
}

/// The words of the tar crate are about bytes, and end in those of the field.
fn number<T>(what: &str, read: io::Result<T>) -> io::Result<T> {
    read.or_else(|_| bad(format!("the {what} in a header is no number")))
}

fn until_nul(mut text: Vec<u8>) -> Vec<u8> {
    text.truncate(text.iter().position(|b| *b == 0).unwrap_or(text.len()));
    text
}

fn is_zero(block: &[u8]) -> bool {
    block.iter().all(|b| *b == 0)
}

fn truncated<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive is truncated"))
}

pub(super) fn bad<T>(reason: impl Into<String>) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidData, reason.into()))
}
