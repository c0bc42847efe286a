//! Files with holes: which parts of a file an archive has, in the four forms of GNU tar.
//!
//! The forms are those that Go's `archive/tar` reads: the header of its own (old GNU), the records of an extended
//! header (PAX 0.0 and 0.1), and a map before the content (PAX 1.0). A map whose parts are out of order, overlap, lie
//! outside the file or are other than the stored content is refused, as there.

use std::io::{self, BufRead, Read as _};

use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

use super::archive::{BLOCK, MAX_EXTENSION, bad, number};
use super::pax;

/// The parts of a file that are stored, one after the other; all else is a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sparse {
    /// The size of the file with its holes.
    pub size: u64,
    pub parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub offset: u64,
    pub length: u64,
}

impl Sparse {
    /// Holds the map to the size of the file and to the number of bytes that are stored.
    pub fn checked(self, stored: u64) -> io::Result<Sparse> {
        let (mut end, mut sum) = (0, 0);
        for Part { offset, length } in &self.parts {
            if *offset < end {
                return bad("a map of holes whose parts overlap or are out of order");
            }
            end = match offset.checked_add(*length) {
                Some(end) if end <= self.size => end,
                _ => return bad(format!("a map of holes that leads beyond the file's {} bytes", self.size)),
            };
            // The parts do not overlap, so this is no more than the end.
            sum += length;
        }
        if sum != stored {
            return bad(format!("a map of holes for {sum} bytes of content, and there are {stored}"));
        }
        Ok(self)
    }
}

/// The records of an extended header that are about holes.
#[derive(Default)]
pub(super) struct Records {
    /// The name of the file; the header has one for readers that know of no holes.
    pub name: Option<Vec<u8>>,
    major: Option<u64>,
    minor: Option<u64>,
    size: Option<u64>,
    count: Option<u64>,
    /// Offsets and lengths in turn.
    numbers: Vec<u64>,
}

/// Where the map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Records,
    Content,
}

impl Records {
    /// Takes in `GNU.sparse.NAME`.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> io::Result<()> {
        let number = || pax::number(value);
        match name {
            b"name" => self.name = Some(value.to_vec()).filter(|name| !name.is_empty()),
            b"major" => self.major = Some(number()?),
            b"minor" => self.minor = Some(number()?),
            b"size" | b"realsize" => self.size = Some(number()?),
            b"numblocks" => self.count = Some(number()?),
            b"offset" if self.numbers.len().is_multiple_of(2) => self.numbers.push(number()?),
            b"numbytes" if !self.numbers.len().is_multiple_of(2) => self.numbers.push(number()?),
            b"map" => {
                let numbers = value.split(|b| *b == b',').filter(|_| !value.is_empty()).map(pax::number);
                self.numbers = numbers.collect::<Result<_, _>>()?;
            }
            _ => return bad(format!("an unknown or misplaced record `GNU.sparse.{}`", name.escape_ascii())),
        }
        Ok(())
    }

    /// Where the map is, if there is one.
    pub fn format(&self) -> io::Result<Option<Format>> {
        match (self.major, self.minor) {
            (Some(1), Some(0)) => Ok(Some(Format::Content)),
            (Some(0), Some(0 | 1)) => Ok(Some(Format::Records)),
            // The first two versions did not say that they are.
            (None, None) if !self.numbers.is_empty() || self.count.is_some() => Ok(Some(Format::Records)),
            (None, None) if self.name.is_none() && self.size.is_none() => Ok(None),
            _ => bad("a map of holes of an unknown version"),
        }
    }

    /// The map that the records have.
    pub fn sparse(self) -> io::Result<Sparse> {
        let (pairs, rest) = self.numbers.as_chunks::<2>();
        let parts: Vec<_> =
            pairs.iter().map(|[offset, length]| Part { offset: *offset, length: *length }).collect();
        if !rest.is_empty() || self.count.is_some_and(|count| count != parts.len() as u64) {
            return bad("a map of holes that is not as long as it says");
        }
        Ok(Sparse { size: self.real_size()?, parts })
    }

    /// The map at the start of the content: how many parts there are, then offset and length of each, a number a
    /// line, in whole blocks.
    pub fn sparse_in(self, content: impl BufRead) -> io::Result<Sparse> {
        let size = self.real_size()?;
        let mut content = content.take(MAX_EXTENSION);
        let count = line(&mut content)?;
        let mut parts = Vec::new();
        for _ in 0..count {
            parts.push(Part { offset: line(&mut content)?, length: line(&mut content)? });
        }
        let block = BLOCK as u64;
        let used = MAX_EXTENSION - content.limit();
        let padding = used.next_multiple_of(block) - used;
        if io::copy(&mut content.take(padding), &mut io::sink())? < padding {
            return bad("a map of holes that is truncated");
        }
        Ok(Sparse { size, parts })
    }

    fn real_size(&self) -> io::Result<u64> {
        self.size.map_or_else(|| bad("a map of holes without the size of the file"), Ok)
    }
}

fn line(content: &mut impl BufRead) -> io::Result<u64> {
    let mut line = Vec::new();
    // The largest number has 20 digits.
    content.take(21).read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\n") {
        Some(digits) if !digits.is_empty() => pax::number(digits),
        _ => bad("a map of holes that is malformed, truncated or too long"),
    }
}

/// The map of a header of type `S`, which goes on in the blocks after it.
pub(super) fn old(header: &Header, mut block: impl FnMut() -> io::Result<[u8; BLOCK]>) -> io::Result<Sparse> {
    let Some(gnu) = header.as_gnu() else { return bad("a map of holes in a header that is not GNU's") };
    let size = number("size", gnu.real_size())?;
    let mut parts = Vec::new();
    let mut ended = take(&mut parts, &gnu.sparse)?;
    let mut goes_on = gnu.is_extended();
    while goes_on {
        if ended || (parts.len() * size_of::<Part>()) as u64 > MAX_EXTENSION {
            return bad("a map of holes that is malformed or too long");
        }
        let mut more = GnuExtSparseHeader::new();
        more.as_mut_bytes().copy_from_slice(&block()?);
        ended = take(&mut parts, more.sparse())?;
        goes_on = more.is_extended();
    }
    Ok(Sparse { size, parts })
}

/// Takes the parts up to the first empty one, and says whether there was one.
fn take(parts: &mut Vec<Part>, headers: &[GnuSparseHeader]) -> io::Result<bool> {
    for header in headers {
        if header.is_empty() {
            return Ok(true);
        }
        let (offset, length) = (header.offset(), header.length());
        parts.push(Part { offset: number("map of holes", offset)?, length: number("map of holes", length)? });
    }
    Ok(false)
}
