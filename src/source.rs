//! The texts that a build reads, and places in them.
//!
//! Every input that can carry a mistake (Compose files, env files, seccomp profiles, the lock) comes through
//! [`Sources::read`], so that a diagnostic can show its line. This is the only module that opens inputs; image
//! blobs, which are not text, are read by `image`.

mod lines;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags};

use lines::Lines;

/// A file that was read; an index into [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(u32);

/// A half-open range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The file the range is in.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

impl Span {
    /// The empty range at the start of `file`, for what is wrong with the file as a whole.
    pub fn start_of(file: FileId) -> Self {
        Span { file, start: 0, end: 0 }
    }

    /// A range of `file` in the parser's and the standard library's unit. Files are limited to
    /// [`MAX_TEXT`] bytes, so the conversion cannot lose anything.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let cut = |n| u32::try_from(n).unwrap_or(u32::MAX);
        Span { file, start: cut(start), end: cut(end) }
    }
}

/// A value and where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// What was written there.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl Spanned<Rc<str>> {
    /// The place of a part of the text; all of it where the text does not stand in the file as it is, which shows
    /// in its length.
    pub fn at(&self, range: Range<usize>) -> Span {
        let (start, end) = (self.span.start as usize, self.span.end as usize);
        if end - start != self.value.len() {
            return self.span;
        }
        Span::new(self.span.file, (start + range.start).min(end), (start + range.end).min(end))
    }
}

/// The largest text that is read, in bytes. Real Compose files stay under 100 kB; the limit keeps a wrong or
/// hostile file from costing more than the time to look at its size.
pub const MAX_TEXT: u64 = 10 * 1024 * 1024;

/// One text that was read.
#[derive(Debug)]
struct SourceFile {
    name: String,
    text: Arc<str>,
    base: Option<PathBuf>,
    lines: OnceCell<Lines>,
}

/// All texts of one run. Each file is read once; a second `read` returns the first one's id.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    /// By path and by base: a file that is extended and loaded too is two texts, as its paths mean two things.
    by_path: BTreeMap<(PathBuf, Option<PathBuf>), FileId>,
}

/// Why a file could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// There is nothing at the path.
    NotFound,
    /// The path names something that is not a regular file; the word says what it is.
    NotAFile(&'static str),
    /// The file is larger than [`MAX_TEXT`]; its size in bytes.
    TooLarge(u64),
    /// The text is not UTF-8. The file is kept, so that the place of the first wrong byte can be shown.
    NotUtf8(Span),
    /// The text begins as UTF-16 does, and is not. The file is kept, so that the place can be shown.
    NotUtf16(Span),
    /// The system refused.
    Io(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::NotFound => f.write_str("no such file"),
            ReadError::NotAFile(kind) => write!(f, "{kind} and not a file"),
            ReadError::TooLarge(size) => {
                write!(f, "too large: {size} bytes, and the limit is {MAX_TEXT}")
            }
            ReadError::NotUtf8(_) => f.write_str("not UTF-8 text"),
            ReadError::NotUtf16(_) => f.write_str("not UTF-16 text, which its first bytes promise"),
            ReadError::Io(error) => write!(f, "{error}"),
        }
    }
}

impl Sources {
    /// Reads a text file in UTF-8, or in UTF-16 if it begins with a byte order mark. `path` is also the name that
    /// diagnostics show.
    pub fn read(&mut self, path: &Path) -> Result<FileId, ReadError> {
        self.read_based(path, None)
    }

    /// Reads a Compose file whose relative paths start at a directory.
    pub fn read_from(&mut self, path: &Path, base: &Path) -> Result<FileId, ReadError> {
        self.read_based(path, Some(base))
    }

    fn read_based(&mut self, path: &Path, base: Option<&Path>) -> Result<FileId, ReadError> {
        let key = (path.to_path_buf(), base.map(Path::to_path_buf));
        if let Some(id) = self.by_path.get(&key) {
            return Ok(*id);
        }
        let bytes = read_regular(path)?;
        let id = self.add_decoded(path.display().to_string(), bytes)?;
        self.set_base(id, base);
        self.by_path.insert(key, id);
        Ok(id)
    }

    /// Reads a Compose file from the standard input, which has one text: a second time is the first.
    pub fn read_standard_input(&mut self, base: &Path) -> Result<FileId, ReadError> {
        let key = (PathBuf::from("-"), Some(base.to_path_buf()));
        if let Some(id) = self.by_path.get(&key) {
            return Ok(*id);
        }
        let mut bytes = Vec::new();
        io::stdin().lock().take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(ReadError::Io)?;
        if bytes.len() as u64 > MAX_TEXT {
            return Err(ReadError::TooLarge(bytes.len() as u64));
        }
        let id = self.add_decoded("standard input".to_owned(), bytes)?;
        self.set_base(id, Some(base));
        self.by_path.insert(key, id);
        Ok(id)
    }

    /// Whether a path leads to a directory.
    pub fn is_directory(path: &Path) -> bool {
        path.is_dir()
    }

    /// Whether two paths lead to one file.
    pub fn same(a: &Path, b: &Path) -> bool {
        matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
    }

    fn set_base(&mut self, file: FileId, base: Option<&Path>) {
        if let Some(file) = self.files.get_mut(file.0 as usize) {
            file.base = base.map(Path::to_path_buf);
        }
    }

    /// Where relative paths in a file start, if it has any.
    pub fn base(&self, file: FileId) -> Option<&Path> {
        self.files.get(file.0 as usize)?.base.as_deref()
    }

    /// Reads a text file that is the program's own; a link in its place is refused, so that it cannot show what it
    /// leads to.
    pub fn read_own(&mut self, path: &Path) -> Result<FileId, ReadError> {
        match rustix::fs::readlink(path, Vec::new()) {
            Ok(_) => Err(ReadError::NotAFile("a symbolic link")),
            Err(_) => self.read(path),
        }
    }

    /// Whether a path that stays in a directory as it is written leads out of it by links.
    pub fn leads_out(written: &Path, directory: &Path) -> bool {
        let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        let real = || Some((directory.join(written).canonicalize().ok()?, directory.canonicalize().ok()?));
        written.components().all(inside)
            && real().is_some_and(|(path, directory)| !path.starts_with(directory))
    }

    fn add_decoded(&mut self, name: String, bytes: Vec<u8>) -> Result<FileId, ReadError> {
        match decoded(bytes)? {
            Decoded::Text(text) => Ok(self.add(name, text)),
            Decoded::Wrong { text, at, error } => {
                let id = self.add(name, text);
                Err(error(Span::new(id, at, at + '\u{fffd}'.len_utf8())))
            }
        }
    }

    /// A path with the first link in it followed, and what is behind that; nothing where there is no link.
    pub fn without_link(path: &Path) -> Option<PathBuf> {
        let mut parts = path.components();
        let mut link = PathBuf::new();
        while let Some(part) = parts.next() {
            link.push(part);
            if link.is_symlink() {
                let behind = link.canonicalize().ok()?;
                return Some(behind.components().chain(parts).collect());
            }
        }
        None
    }

    /// Adds a text that has no file, such as a command-line argument, under the name that diagnostics show.
    pub fn add(&mut self, name: String, text: String) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(SourceFile { name, text: text.into(), base: None, lines: OnceCell::new() });
        id
    }

    /// The whole text of a file.
    pub fn text(&self, file: FileId) -> Arc<str> {
        self.files.get(file.0 as usize).map_or_else(|| Arc::from(""), |f| Arc::clone(&f.text))
    }

    /// The name of a file as diagnostics show it.
    pub fn name(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("", |f| &f.name)
    }

    /// The line and the column where a span starts, both from one; columns are characters.
    pub fn position(&self, span: Span) -> (usize, usize) {
        self.place(span.file, span.start)
    }

    /// The same of the character after the last one.
    pub fn end(&self, span: Span) -> (usize, usize) {
        self.place(span.file, span.end.max(span.start))
    }

    /// The lines of a file are counted once, when somebody asks.
    fn place(&self, file: FileId, byte: u32) -> (usize, usize) {
        let file = self.files.get(file.0 as usize);
        file.map_or((1, 1), |file| file.lines.get_or_init(|| Lines::new(&file.text)).of(&file.text, byte))
    }

    /// The text a span covers.
    pub fn slice(&self, span: Span) -> &str {
        let text = self.files.get(span.file.0 as usize).map_or("", |f| &f.text);
        text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Every file in the order of reading, with its name and text.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &str, &str)> {
        (0u32..).zip(&self.files).map(|(id, f)| (FileId(id), f.name.as_str(), &*f.text))
    }
}

/// What the bytes of a file are.
enum Decoded {
    Text(String),
    /// What can be shown of it, where the first wrong byte was, and what to say.
    Wrong {
        text: String,
        at: usize,
        error: fn(Span) -> ReadError,
    },
}

/// The text that `bytes` are, without the mark of UTF-16. In UTF-8 it may be longer; the limit holds all the same.
fn decoded(bytes: Vec<u8>) -> Result<Decoded, ReadError> {
    let (rest, unit): (_, fn([u8; 2]) -> u16) = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => (rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => (rest, u16::from_be_bytes),
        _ => {
            return Ok(String::from_utf8(bytes).map_or_else(
                |error| Decoded::Wrong {
                    text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
                    at: error.utf8_error().valid_up_to(),
                    error: ReadError::NotUtf8,
                },
                Decoded::Text,
            ));
        }
    };
    let (pairs, odd) = rest.as_chunks();
    let (mut text, mut wrong) = (String::with_capacity(rest.len()), None);
    for char in char::decode_utf16(pairs.iter().copied().map(unit)) {
        if char.is_err() {
            wrong = wrong.or(Some(text.len()));
        }
        text.push(char.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    if !odd.is_empty() {
        wrong = wrong.or(Some(text.len()));
        text.push(char::REPLACEMENT_CHARACTER);
    }
    if text.len() as u64 > MAX_TEXT {
        return Err(ReadError::TooLarge(text.len() as u64));
    }
    Ok(match wrong {
        Some(at) => Decoded::Wrong { text, at, error: ReadError::NotUtf16 },
        None => Decoded::Text(text),
    })
}

/// Opens without waiting (a FIFO would block until somebody writes) and looks at what was opened, not at the path.
fn read_regular(path: &Path) -> Result<Vec<u8>, ReadError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR => ReadError::NotFound,
        other => ReadError::Io(other.into()),
    })?;
    let stat = rustix::fs::fstat(&fd).map_err(|error| ReadError::Io(error.into()))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(ReadError::NotAFile("a directory")),
        FileType::Fifo => return Err(ReadError::NotAFile("a named pipe")),
        FileType::Socket => return Err(ReadError::NotAFile("a socket")),
        _ => return Err(ReadError::NotAFile("a device")),
    }
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    if size > MAX_TEXT {
        return Err(ReadError::TooLarge(size));
    }
    let mut bytes = Vec::new();
    // The file may grow while it is read; the limit holds all the same.
    std::fs::File::from(fd).take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(ReadError::TooLarge(bytes.len() as u64));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text, or what can be shown and where the first wrong byte was.
    fn decode(bytes: &[u8]) -> Result<String, (String, usize)> {
        match decoded(bytes.to_vec()).unwrap() {
            Decoded::Text(text) => Ok(text),
            Decoded::Wrong { text, at, .. } => Err((text, at)),
        }
    }

    #[test]
    fn a_mark_says_that_it_is_utf_16() {
        let text = "a: é😀\n";
        let little: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [&little, &big] {
            assert_eq!(decode(bytes).unwrap(), text);
            let cut = decode(bytes.get(..bytes.len() - 1).unwrap()).unwrap_err();
            assert_eq!(cut, ("a: é😀\u{fffd}".to_owned(), 9));
        }
        assert_eq!(decode(b"\xff\xfea\0\0\xd8b\0").unwrap_err(), ("a\u{fffd}b".to_owned(), 1));
        assert_eq!(decode(b"\xff\xfe").unwrap(), "");
        // A mark in UTF-8 stays; whoever reads the text knows it.
        assert_eq!(decode("\u{feff}a".as_bytes()).unwrap(), "\u{feff}a");
        assert_eq!(decode(b"a\xff").unwrap_err(), ("a\u{fffd}".to_owned(), 1));
        assert_eq!(decode(b"a\0b\0").unwrap(), "a\0b\0");
    }

    #[test]
    fn what_becomes_too_long_is_refused() {
        let bytes = [0xff, 0xfe].into_iter().chain([0x2d, 0x4e].repeat(4_000_000)).collect();
        assert!(matches!(decoded(bytes), Err(ReadError::TooLarge(12_000_000))));
    }
}
