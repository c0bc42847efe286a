//! The files of a tar archive, read where they lie in it.
//!
//! An archive is walked once, header by header, to learn where its files are; nothing of it is ever unpacked, and no
//! name in it is a path on this host. The content of the files is not looked at here.
//!
//! A name that is there twice is refused: `docker load` takes the last file of a name and skopeo the first, so such an
//! archive is one image here and another one there.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::archive::{Archive, Entry, Kind, bad};
use super::{Content, Error, regular};
use crate::printable::printable_line;

mod decompressed;

/// How many files an archive may have. An image of Docker's has four for each layer.
const MAX_FILES: usize = 32_768;
/// How long their names may be in all.
const MAX_NAMES: usize = 16 * 1024 * 1024;
/// How much of a name is shown in a message.
const MAX_SHOWN: usize = 200;

/// An open archive.
#[derive(Debug)]
pub(super) struct Packed {
    path: PathBuf,
    file: Arc<File>,
    places: BTreeMap<Vec<u8>, Place>,
}

/// What has a name in an archive.
#[derive(Clone, Debug)]
enum Place {
    File(Extent),
    /// Leads to another name.
    Link(Option<Vec<u8>>),
    Other,
}

/// Where a file lies in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub at: u64,
    pub size: u64,
}

impl Packed {
    /// Opens an archive, which may be compressed as a whole; `None` if there is no such file.
    pub fn open(path: &Path) -> Result<Option<Packed>, Error> {
        let Some(file) = regular::open_existing(path)? else { return Ok(None) };
        let refuse = |reason: String| Error::Layout { path: path.to_owned(), reason };
        let file = decompressed::decompressed(file).map_err(|error| refuse(error.to_string()))?;
        let places = places(&file).map_err(|error| refuse(format!("not a usable tar archive: {error}")))?;
        Ok(Some(Packed { path: path.to_owned(), file: Arc::new(file), places }))
    }

    /// The file that the archive is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether something has this name.
    pub fn has(&self, name: &str) -> bool {
        self.places.contains_key(name.as_bytes())
    }

    /// Where a file lies; `None` if there is none of this name. Of links one is followed, as skopeo does: `docker save`
    /// writes one for a layer that another image has too.
    pub fn extent(&self, name: &str) -> Result<Option<Extent>, Error> {
        let place = clean(name.as_bytes()).and_then(|name| self.places.get(&name));
        let place = match place {
            Some(Place::Link(target)) => target.as_ref().and_then(|target| self.places.get(target)),
            place => place,
        };
        match place {
            None => Ok(None),
            Some(Place::File(extent)) => Ok(Some(*extent)),
            Some(_) => Err(self.refuse(name, "not a regular file")),
        }
    }

    /// The content of a file, from the byte `from` on.
    pub fn content(&self, extent: Extent, from: u64) -> Content {
        let from = from.min(extent.size);
        Box::new(Section { file: Arc::clone(&self.file), at: extent.at + from, left: extent.size - from })
    }

    /// All of a file that is called `name`, which has up to `most` bytes.
    pub fn document(&self, name: &str, extent: Extent, most: u64) -> Result<Vec<u8>, Error> {
        if extent.size > most {
            return Err(self.refuse(name, format!("{} bytes, and the limit is {most}", extent.size)));
        }
        let mut bytes = Vec::new();
        let read = self.content(extent, 0).read_to_end(&mut bytes);
        read.map_err(|error| self.refuse(name, error.to_string()))?;
        Ok(bytes)
    }

    /// What is wrong with a file in the archive.
    pub fn refuse(&self, name: &str, reason: impl Into<String>) -> Error {
        let reason = printable_line(&reason.into()).into_owned();
        let shown: String = printable_line(name).chars().take(MAX_SHOWN).collect();
        Error::Layout { path: self.path.join(shown.trim_start_matches('/')), reason }
    }
}

/// A part of a file.
struct Section {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let n = self.file.read_at(buffer, self.at)?;
        if n == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive has become shorter"));
        }
        self.at += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

/// Reads a file from its start and jumps over what is not wanted.
struct Walk<'a> {
    file: &'a File,
    /// How far the reader is.
    at: &'a Cell<u64>,
    /// How much after that is not wanted.
    skip: &'a Cell<u64>,
    buffer: Box<[u8]>,
    /// The part of the file that is in the buffer.
    buffered: Range<u64>,
}

/// What is read where something is jumped over: the archive throws it away.
static SKIPPED: [u8; 64 * 1024] = [0; 64 * 1024];

impl<'a> Walk<'a> {
    fn new(file: &'a File, at: &'a Cell<u64>, skip: &'a Cell<u64>) -> Self {
        // Room for the few headers of a small file.
        Walk { file, at, skip, buffer: vec![0; 4096].into(), buffered: 0..0 }
    }
}

impl BufRead for Walk<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let skip = usize::try_from(self.skip.get()).unwrap_or(usize::MAX);
        if skip > 0 {
            return Ok(SKIPPED.get(..skip).unwrap_or(&SKIPPED));
        }
        let at = self.at.get();
        if !self.buffered.contains(&at) {
            self.buffered = at..at + self.file.read_at(&mut self.buffer, at)? as u64;
        }
        let place = |position: u64| usize::try_from(position - self.buffered.start).unwrap_or(usize::MAX);
        Ok(self.buffer.get(place(at)..place(self.buffered.end)).unwrap_or_default())
    }

    fn consume(&mut self, n: usize) {
        self.skip.set(self.skip.get().saturating_sub(n as u64));
        self.at.set(self.at.get() + n as u64);
    }
}

impl Read for Walk<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

/// Where everything is.
fn places(file: &File) -> io::Result<BTreeMap<Vec<u8>, Place>> {
    let length = file.metadata()?.len();
    let (at, skip) = (Cell::new(0), Cell::new(0));
    let mut archive = Archive::new(Walk::new(file, &at, &skip));
    let mut places = BTreeMap::new();
    let mut names = 0;
    while let Some(entry) = archive.next()? {
        if entry.sparse.is_some() {
            let name = entry.path.escape_ascii();
            return bad(format!(
                "`{name}` has holes, so it cannot be read where it lies; pack it without `--sparse`"
            ));
        }
        if length.checked_sub(at.get()).is_none_or(|left| left < entry.size) {
            return bad(format!("it ends within `{}`", entry.path.escape_ascii()));
        }
        let Some(name) = clean(&entry.path) else {
            return bad(format!("`{}` is outside of the archive", entry.path.escape_ascii()));
        };
        let extent = Extent { at: at.get(), size: entry.size };
        skip.set(entry.size);
        let Some(place) = place(&places, &entry, &name, extent) else { continue };
        names += name.len();
        if places.len() == MAX_FILES || names > MAX_NAMES {
            return bad(format!("more than {MAX_FILES} files, or names of more than {MAX_NAMES} bytes"));
        }
        if places.insert(name, place).is_some() {
            return bad(format!("`{}` is there twice", entry.path.escape_ascii()));
        }
    }
    Ok(places)
}

/// What an entry is, if it can be asked for.
fn place(places: &BTreeMap<Vec<u8>, Place>, entry: &Entry, name: &[u8], extent: Extent) -> Option<Place> {
    Some(match entry.kind {
        Kind::Directory => return None,
        Kind::File => Place::File(extent),
        Kind::Symlink => Place::Link(beside(name, &entry.target)),
        // A second name for what came before.
        Kind::HardLink => {
            clean(&entry.target).and_then(|target| places.get(&target)).cloned().unwrap_or(Place::Other)
        }
        Kind::Fifo | Kind::CharDevice | Kind::BlockDevice => Place::Other,
    })
}

/// A name without what does not matter in it; `None` if it leads out of the archive.
fn clean(name: &[u8]) -> Option<Vec<u8>> {
    if name.starts_with(b"/") {
        return None;
    }
    resolve(Vec::new(), name, |_| false)
}

/// Where a link leads from the directory it is in; `None` if that is out of the archive.
fn beside(link: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    let mut parts: Vec<&[u8]> = link.split(|b| *b == b'/').collect();
    parts.pop();
    if target.starts_with(b"/") {
        return None;
    }
    resolve(parts, target, |parts| parts.pop().is_some())
}

fn resolve<'n>(
    mut parts: Vec<&'n [u8]>,
    name: &'n [u8],
    up: impl Fn(&mut Vec<&'n [u8]>) -> bool,
) -> Option<Vec<u8>> {
    for part in name.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if up(&mut parts) => {}
            b".." => return None,
            part => parts.push(part),
        }
    }
    Some(parts.join(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_the_archive() {
        let table: [(&str, Option<&str>); 8] = [
            ("index.json", Some("index.json")),
            ("./a//b/./c/", Some("a/b/c")),
            ("", Some("")),
            ("..", None),
            ("a/../b", None),
            ("/etc/passwd", None),
            ("a/..b", Some("a/..b")),
            ("...", Some("...")),
        ];
        for (name, want) in table {
            assert_eq!(clean(name.as_bytes()).as_deref(), want.map(str::as_bytes), "{name}");
        }
        let table: [(&str, &str, Option<&str>); 6] = [
            ("a/layer.tar", "../b/layer.tar", Some("b/layer.tar")),
            ("layer.tar", "b.tar", Some("b.tar")),
            ("a/b/c", "../../d", Some("d")),
            ("a/b", "../../d", None),
            ("a/b", "/d", None),
            ("a/b", "", Some("a")),
        ];
        for (link, target, want) in table {
            let found = beside(link.as_bytes(), target.as_bytes());
            assert_eq!(found.as_deref(), want.map(str::as_bytes), "{link} -> {target}");
        }
    }
}
