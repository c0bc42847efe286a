//! Tar archives as layers use them, one entry after the other.
//!
//! The `tar` crate reads the header blocks. Walking them is done here, because its iterator keeps an extended
//! header of any size in memory, splits one at line feeds that may be part of a value, and goes on with the wrong
//! size after one that is malformed (the class of CVE-2025-62518). Where two readers could see different archives,
//! the archive is refused.

use std::io::{self, BufRead, Read};
use std::ops::Range;

use tar::{EntryType, Header};

use super::pax::Pax;
use super::sparse::{self, Sparse};

pub(super) const BLOCK: usize = 512;
/// The largest extended header, as in Go.
pub(super) const MAX_EXTENSION: u64 = 1024 * 1024;
/// The largest size that the octal field of a header can hold; writers put it there when the size is larger.
const MAX_OCTAL: u64 = 0o77_777_777_777;
/// Where a header has mode, owner, group, size, time and device numbers.
const NUMBERS: [Range<usize>; 7] = [100..108, 108..116, 116..124, 124..136, 136..148, 329..337, 337..345];
/// The longest path that the kernel takes.
const MAX_PATH: usize = 4095;
/// The longest name that file systems take.
const MAX_NAME: usize = 255;

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
    /// Where the stored content belongs, in a file with holes.
    pub sparse: Option<Sparse>,
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

impl<R: BufRead> Archive<R> {
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
        let path = pax.sparse.name.clone().unwrap_or(path);
        let target = one_of(extensions.target, pax.target, || {
            header.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default()
        })?;
        check_path(&path)?;
        check_path(&target)?;
        let kind = kind(header, &path)?;
        let stored = size(header, pax.size)?;
        if kind != Kind::File && stored != 0 {
            // Some readers skip the content and others do not expect any.
            return bad(format!("`{}` is no file, but has content", path.escape_ascii()));
        }
        let sparse = self.sparse(header, kind, stored, pax.sparse)?;
        // The last number means nobody: `chown` would leave the owner as it is.
        let id = |id: u64| match u32::try_from(id) {
            Ok(id) if id != u32::MAX => Ok(id),
            _ => bad(format!("the owner {id} is out of range")),
        };
        Ok(Entry {
            kind,
            target,
            size: sparse.as_ref().map_or(stored, |sparse| sparse.size),
            sparse,
            mode: number("mode", header.mode())? & 0o7777,
            uid: id(pax.uid.map_or_else(|| header.uid(), Ok)?)?,
            gid: id(pax.gid.map_or_else(|| header.gid(), Ok)?)?,
            mtime: pax.mtime.map_or_else(|| header_mtime(header), Ok)?,
            device: device(header, kind)?,
            xattrs: pax.xattrs.into_iter().collect(),
            path,
        })
    }

    /// Reads the map of a file with holes, be it between header and content or at the start of the content, and leaves
    /// the content to be read.
    fn sparse(
        &mut self,
        header: &Header,
        kind: Kind,
        stored: u64,
        records: sparse::Records,
    ) -> io::Result<Option<Sparse>> {
        let sparse = if header.entry_type() == EntryType::GNUSparse {
            let sparse = sparse::old(header, || self.block()?.map_or_else(truncated, Ok))?;
            self.expect(stored);
            Some(sparse)
        } else {
            self.expect(stored);
            match records.format()? {
                None => None,
                Some(_) if kind != Kind::File => return bad("a map of holes for what is no file"),
                Some(sparse::Format::Records) => Some(records.sparse()?),
                Some(sparse::Format::Content) => Some(records.sparse_in(&mut *self)?),
            }
        };
        sparse.map(|sparse| sparse.checked(self.left)).transpose()
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
        let sum = |block: &[u8]| block.iter().map(|b| u32::from(*b)).sum::<u32>();
        let sum = sum(&block) + 8 * 32 - block.get(148..156).map_or(0, sum);
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
        while self.left > 0 {
            let n = self.fill_buf()?.len();
            self.consume(n);
        }
        // At the end of an archive it may be missing: umoci leaves it out, and Docker does not miss it.
        io::copy(&mut (&mut self.inner).take(self.padding), &mut io::sink())?;
        self.padding = 0;
        Ok(())
    }
}

/// The stored content of the entry.
impl<R: BufRead> BufRead for Archive<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Ok(&[]);
        }
        let buffer = self.inner.fill_buf()?;
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        match buffer.get(..most) {
            Some(buffer) if !buffer.is_empty() => Ok(buffer),
            _ => truncated(),
        }
    }

    fn consume(&mut self, n: usize) {
        self.left = self.left.saturating_sub(n as u64);
        self.inner.consume(n);
    }
}

impl<R: BufRead> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl Extensions {
    fn is_empty(&self) -> bool {
        self.pax.is_none() && self.path.is_none() && self.target.is_none()
    }
}

fn header_mtime(header: &Header) -> io::Result<Time> {
    let seconds = number("time", header.mtime())?;
    // In base 256 a time before 1970 begins with this, and the `tar` crate has no sign.
    if header.as_bytes().get(136) == Some(&0xff) {
        return Ok(Time { seconds: seconds.cast_signed(), nanoseconds: 0 });
    }
    match i64::try_from(seconds) {
        Ok(seconds) => Ok(Time { seconds, nanoseconds: 0 }),
        Err(_) => bad(format!("the time {seconds} in a header is out of range")),
    }
}

fn kind(header: &Header, path: &[u8]) -> io::Result<Kind> {
    Ok(match header.entry_type() {
        // Archives older than POSIX mark a directory by its name.
        EntryType::Regular if header.as_bytes().get(156) == Some(&0) && path.ends_with(b"/") => {
            Kind::Directory
        }
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink,
        EntryType::Link => Kind::HardLink,
        EntryType::Fifo => Kind::Fifo,
        EntryType::Char => Kind::CharDevice,
        EntryType::Block => Kind::BlockDevice,
        other => {
            let (path, byte) = (path.escape_ascii(), [other.as_byte()]);
            return bad(format!("`{path}` has the unknown type `{}`", byte.escape_ascii()));
        }
    })
}

fn check_path(path: &[u8]) -> io::Result<()> {
    if path.len() > MAX_PATH || path.contains(&0) {
        return bad("a path that is too long or has a NUL byte");
    }
    match path.split(|b| *b == b'/').map(<[u8]>::len).max() {
        Some(length) if length > MAX_NAME => {
            bad(format!("a name of {length} bytes, and the limit is {MAX_NAME}"))
        }
        _ => Ok(()),
    }
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
pub(super) fn number<T>(what: &str, read: io::Result<T>) -> io::Result<T> {
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
