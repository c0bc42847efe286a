//! Directories as descriptors. Every name is looked up in an open directory and no link is followed, so that nothing
//! that happens to the tree meanwhile can lead a write elsewhere.

use std::cell::Cell;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::Error;
use crate::bundle::tree::{Entry, RelPath};

/// Counts what changes the disk, so that a test can stop a commit anywhere.
#[derive(Debug, Default)]
pub(super) struct Steps {
    taken: Cell<usize>,
    failing: Range<usize>,
}

impl Steps {
    #[cfg(test)]
    pub(super) fn failing(failing: Range<usize>) -> Self {
        Steps { taken: Cell::new(0), failing }
    }

    fn step(&self) -> io::Result<()> {
        let now = self.taken.replace(self.taken.get() + 1);
        if self.failing.contains(&now) { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Link,
    Directory,
    Special,
    /// Passed over: run-time state, or git's own.
    Passed,
}

/// A regular file that was read.
pub(super) struct Content {
    /// The bytes; none if the file is larger than the limit.
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) executable: bool,
}

/// When a change reaches the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sync {
    /// Before the next one.
    Each,
    /// With all the others, by [`Dir::sync_all`].
    Together,
}

/// Up to this many changes are synced one by one. Each costs a turn of the journal, where one sync of the file system
/// costs one turn for all; but that one also waits for what other programs have written.
const FEW: usize = 16;

impl Sync {
    /// The cheaper way for so many changes.
    pub(super) fn of(changes: usize) -> Self {
        if changes <= FEW { Sync::Each } else { Sync::Together }
    }
}

/// An open directory and the path to call it by in messages.
#[derive(Debug)]
pub(super) struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

impl Dir {
    /// Opens the top; none if it is not there. Links above it are followed, since the user named them.
    pub(super) fn open(path: &Path) -> Result<Option<Dir>, Error> {
        match open_directory(fs::CWD, path) {
            Ok(fd) => Ok(Some(Dir { fd, path: path.to_owned() })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => Err(Error::NotADirectory(path.to_owned())),
            Err(error) => Err(Error::io("open", path, error)),
        }
    }

    /// Opens the top and makes it and what is missing above it; also returns what was made, the highest first.
    pub(super) fn create(path: &Path, steps: &Steps) -> Result<(Dir, Vec<PathBuf>), Error> {
        let mut made = Vec::new();
        match make_missing(path, &mut made, steps) {
            Ok(top) => Ok((top, made)),
            Err(error) => {
                remove_made(&made, steps);
                Err(error)
            }
        }
    }

    /// Waits until no other build works here. The lock ends with the last descriptor of this directory.
    pub(super) fn lock(&self) {
        // Some network file systems cannot lock a directory. Two builds at once are a mistake there as elsewhere,
        // and no reason to refuse one.
        let _ = rustix::io::retry_on_intr(|| fs::flock(&self.fd, FlockOperation::LockExclusive));
    }

    /// A directory below, or this one.
    pub(super) fn below(&self, path: Option<&RelPath>) -> Result<Dir, Error> {
        path.into_iter().flat_map(RelPath::parts).try_fold(self.again()?, |dir, part| dir.enter(part))
    }

    /// A directory below, which is made if missing.
    pub(super) fn make_below(&self, path: Option<&RelPath>, steps: &Steps) -> Result<Dir, Error> {
        path.into_iter().flat_map(RelPath::parts).try_fold(self.again()?, |dir, part| dir.make(part, steps))
    }

    /// The directory `name`, which is made if missing.
    pub(super) fn make(&self, name: &str, steps: &Steps) -> Result<Dir, Error> {
        match self.enter(name) {
            Err(error) if error.is_missing() => {}
            done => return done,
        }
        self.try_to("make", name, steps, || match fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o777)) {
            Err(Errno::EXIST) => Ok(()),
            done => done,
        })?;
        let dir = self.enter(name)?;
        dir.open_to_all()?;
        Ok(dir)
    }

    /// The directory `name`.
    pub(super) fn enter(&self, name: &str) -> Result<Dir, Error> {
        let path = self.path.join(name);
        match open_directory(&self.fd, Path::new(name)) {
            Ok(fd) => Ok(Dir { fd, path }),
            Err(error) => Err(Error::io("open the directory", path, error)),
        }
    }

    fn again(&self) -> Result<Dir, Error> {
        let fd = self.fd.try_clone().map_err(|error| Error::io("open", &self.path, error))?;
        Ok(Dir { fd, path: self.path.clone() })
    }

    /// A umask must not make a checked-in tree unreadable for others. A set-group-ID bit that came from above stays.
    fn open_to_all(&self) -> Result<(), Error> {
        let done = fs::fstat(&self.fd).and_then(|stat| {
            let special = Mode::from_raw_mode(stat.st_mode) & (Mode::SGID | Mode::SVTX);
            fs::fchmod(&self.fd, special | Mode::from_raw_mode(0o755))
        });
        done.map_err(|error| Error::io("set the mode of", &self.path, error))
    }

    /// What `name` stands for; none if nothing.
    pub(super) fn kind(&self, name: &str) -> Result<Option<Kind>, Error> {
        match fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => Kind::File,
                FileType::Directory => Kind::Directory,
                FileType::Symlink => Kind::Link,
                _ => Kind::Special,
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::io("look at", self.path.join(name), error)),
        }
    }

    /// Reads at most `limit` bytes of a regular file, and never waits for somebody to write into a pipe.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Content, Error> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let read = || {
            let fd = fs::openat(&self.fd, name, flags, Mode::empty())?;
            let stat = fs::fstat(&fd)?;
            if !FileType::from_raw_mode(stat.st_mode).is_file() {
                return Err(io::Error::other("not a regular file"));
            }
            let mut bytes = Vec::new();
            File::from(fd).take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
            let bytes = (bytes.len() as u64 <= limit).then_some(bytes);
            Ok(Content { bytes, executable: Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR) })
        };
        read().map_err(|error| Error::io("read", self.path.join(name), error))
    }

    /// The target of a link.
    pub(super) fn read_link(&self, name: &str) -> Result<CString, Error> {
        let target = fs::readlinkat(&self.fd, name, Vec::new());
        target.map_err(|error| Error::io("read the link", self.path.join(name), error))
    }

    /// Writes a new file or link, where nothing may be.
    pub(super) fn create_entry(
        &self,
        name: &str,
        entry: &Entry,
        sync: Sync,
        steps: &Steps,
    ) -> Result<(), Error> {
        match entry {
            Entry::Link(target) => {
                self.try_to("make the link", name, steps, || fs::symlinkat(target, &self.fd, name))
            }
            Entry::File { bytes, mode } => self.create_file(name, bytes, permissions(*mode), sync, steps),
        }
    }

    fn create_file(
        &self,
        name: &str,
        bytes: &[u8],
        mode: Mode,
        sync: Sync,
        steps: &Steps,
    ) -> Result<(), Error> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let create = || -> io::Result<()> {
            steps.step()?;
            let fd = fs::openat(&self.fd, name, flags, Mode::from_raw_mode(0o600))?;
            steps.step()?;
            let mut file = File::from(fd);
            file.write_all(bytes)?;
            fs::fchmod(&file, mode)?;
            steps.step()?;
            if sync == Sync::Each { file.sync_all() } else { Ok(()) }
        };
        create().map_err(|error| Error::io("write", self.path.join(name), error))
    }

    /// Moves `name` to `to` in another directory, in place of the file or link that is there.
    pub(super) fn rename(&self, name: &str, into: &Dir, to: &str, steps: &Steps) -> Result<(), Error> {
        into.try_to("write", to, steps, || fs::renameat(&self.fd, name, &into.fd, to))
    }

    /// Removes a file or link; that there is none is no failure.
    pub(super) fn remove(&self, name: &str, steps: &Steps) -> Result<(), Error> {
        self.try_to("remove", name, steps, || match fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            done => done,
        })
    }

    /// Removes a directory if it is empty; that there is none is no failure.
    pub(super) fn remove_empty(&self, name: &str, steps: &Steps) -> Result<(), Error> {
        self.try_to("remove", name, steps, || match fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::BUSY) => Ok(()),
            done => done,
        })
    }

    /// The names in this directory.
    pub(super) fn names(&self) -> Result<Vec<String>, Error> {
        let list = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in fs::Dir::read_from(&self.fd)? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                names.extend((name != "." && name != "..").then_some(name));
            }
            Ok(names)
        };
        list().map_err(|error| Error::io("list", &self.path, error))
    }

    /// Waits until everything on the file system of this directory is on the disk.
    pub(super) fn sync_all(&self, steps: &Steps) -> Result<(), Error> {
        let done = steps.step().and_then(|()| fs::syncfs(&self.fd).map_err(io::Error::from));
        done.map_err(|error| Error::io("sync", &self.path, error))
    }

    /// Waits until the names in this directory are on the disk.
    pub(super) fn sync(&self, steps: &Steps) -> Result<(), Error> {
        let done = steps.step().and_then(|()| match fs::fsync(&self.fd) {
            // A file system that cannot sync a directory, as some over the network.
            Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            done => done.map_err(io::Error::from),
        });
        done.map_err(|error| Error::io("sync", &self.path, error))
    }

    /// Asks what would otherwise fail among the renames: whether names here can change, on the same disk as `top`.
    pub(super) fn check_writable(&self, top: &Dir) -> Result<(), Error> {
        let device = |dir: &Dir| fs::fstat(&dir.fd).map(|stat| stat.st_dev);
        let same = device(self).and_then(|mine| device(top).map(|tops| mine == tops));
        if !same.map_err(|error| Error::io("look at", &self.path, error))? {
            return Err(Error::Mounted(self.path.clone()));
        }
        let access = fs::Access::WRITE_OK | fs::Access::EXEC_OK;
        let access = fs::accessat(&self.fd, ".", access, AtFlags::empty());
        access.map_err(|error| Error::io("write in", &self.path, error))
    }

    fn try_to(
        &self,
        doing: &'static str,
        name: &str,
        steps: &Steps,
        change: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<(), Error> {
        let done = steps.step().and_then(|()| change().map_err(io::Error::from));
        done.map_err(|error| Error::io(doing, self.path.join(name), error))
    }
}

fn permissions(mode: crate::bundle::tree::Mode) -> Mode {
    Mode::from_raw_mode(match mode {
        crate::bundle::tree::Mode::Regular => 0o644,
        crate::bundle::tree::Mode::Executable => 0o755,
    })
}

fn open_directory(at: impl AsFd, path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(at, path, flags, Mode::empty())
}

fn is_missing(path: &Path) -> bool {
    let empty = path.as_os_str().is_empty();
    !empty && matches!(fs::statat(fs::CWD, path, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT))
}

fn make_missing(path: &Path, made: &mut Vec<PathBuf>, steps: &Steps) -> Result<Dir, Error> {
    let missing: Vec<_> = path.ancestors().take_while(|path| is_missing(path)).collect();
    for path in missing.into_iter().rev() {
        steps.step().map_err(|error| Error::io("make", path, error))?;
        match fs::mkdir(path, Mode::from_raw_mode(0o777)) {
            Ok(()) => made.push(path.to_owned()),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(Error::io("make", path, error)),
        }
    }
    let top = Dir::open(path)?.ok_or_else(|| Error::io("open", path, Errno::NOENT))?;
    if !made.is_empty() {
        top.open_to_all()?;
    }
    Ok(top)
}

/// Removes directories that [`Dir::create`] made, as far as they are empty.
pub(super) fn remove_made(made: &[PathBuf], steps: &Steps) {
    for path in made.iter().rev() {
        if steps.step().is_ok() {
            // The failure that led here is the one to report.
            let _ = fs::rmdir(path);
        }
    }
}
