//! The directory of what runs, below `/run`: records, pins, and the lock around all that hooks do.
//!
//! Nobody but its owner may write there, and no link in it is followed.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Error;
use super::argv::{DOING, UNDOING, WAITING};
use super::container::Container;
use super::error::Failures;
use super::plugin::Deadline;
use super::record::Record;

/// The directory with the records.
const CONTAINERS: &str = ".containers";
const LOCK: &str = ".lock";
/// Where a file is written before it takes its place.
const NEW: &str = ".new";
const PATIENCE: Duration = Duration::from_secs(WAITING as u64);
const PAUSE: Duration = Duration::from_millis(20);
/// The longest file that is read.
const LIMIT: u64 = 64 << 20;

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const PRIVATE: Mode = Mode::RWXU;

/// The directory, locked.
#[derive(Debug)]
pub struct Directory {
    path: String,
    fd: OwnedFd,
    containers: OwnedFd,
    _lock: OwnedFd,
    /// Until when the programs may run that are called meanwhile.
    pub until: Deadline,
}

impl Directory {
    /// Makes it where it is missing, and waits for the lock.
    pub fn make(path: &str) -> Result<Self, Error> {
        match Directory::open(path, true)? {
            Some(directory) => Ok(directory),
            None => Err(Error::Directory { path: path.to_owned(), reason: "cannot be made".to_owned() }),
        }
    }

    /// Waits for the lock, if the directory is there.
    pub fn existing(path: &str) -> Result<Option<Self>, Error> {
        Directory::open(path, false)
    }

    fn open(path: &str, make: bool) -> Result<Option<Self>, Error> {
        if !path.starts_with('/') {
            let reason = "expected an absolute path".to_owned();
            return Err(Error::Directory { path: path.to_owned(), reason });
        }
        let mut patience = PATIENCE;
        loop {
            match Directory::try_open(path, make)? {
                Tried::Open(directory) => return Ok(Some(directory)),
                Tried::Missing => return Ok(None),
                Tried::Again => {}
            }
            patience = patience
                .checked_sub(PAUSE)
                .ok_or_else(|| Error::Busy { path: format!("{path}/{LOCK}"), seconds: PATIENCE.as_secs() })?;
            std::thread::sleep(PAUSE);
        }
    }

    fn try_open(path: &str, make: bool) -> Result<Tried, Error> {
        let failed = |error| Error::system(format!("open {path}"))(error);
        if make {
            match rustix::fs::mkdir(path, PRIVATE) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(Error::system(format!("make {path}"))(error)),
            }
        }
        let fd = match rustix::fs::open(path, OFlags::RDONLY | DIRECTORY, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) if make => return Ok(Tried::Again),
            Err(Errno::NOENT) => return Ok(Tried::Missing),
            Err(error) => return Err(failed(error)),
        };
        trusted(path, &fd)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock = match rustix::fs::openat(&fd, LOCK, flags, Mode::RUSR | Mode::WUSR) {
            Ok(lock) => lock,
            // The last one who left has just removed the directory.
            Err(Errno::NOENT) => return Ok(Tried::Again),
            Err(error) => return Err(failed(error)),
        };
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK | Errno::INTR) => return Ok(Tried::Again),
            Err(error) => return Err(Error::system(format!("lock {path}/{LOCK}"))(error)),
        }
        if rustix::fs::fstat(&lock).map_err(failed)?.st_nlink == 0 {
            return Ok(Tried::Again);
        }
        let containers = make_directory(fd.as_fd(), CONTAINERS).map_err(failed)?;
        Ok(Tried::Open(Directory {
            path: path.to_owned(),
            fd,
            containers,
            _lock: lock,
            until: Deadline::after(DOING),
        }))
    }

    /// Gives programs the time that undoing may take.
    pub fn begin_to_undo(&mut self) {
        self.until = Deadline::after(UNDOING);
    }

    /// All records.
    pub fn records(&self) -> Result<Vec<Record>, Error> {
        let (records, failures) = self.readable_records()?;
        failures.result().map(|()| records)
    }

    /// The records that can be read, and why the others cannot.
    pub fn readable_records(&self) -> Result<(Vec<Record>, Failures), Error> {
        let (mut records, mut failures) = (Vec::new(), Failures::default());
        for name in names(self.containers.as_fd()).map_err(self.failed("list", CONTAINERS))? {
            let read = self.read_in::<Record>(self.containers.as_fd(), &name);
            failures.note(read.map(|record| records.extend(record)));
        }
        Ok((records, failures))
    }

    pub fn record(&self, container: &Container) -> Result<Option<Record>, Error> {
        self.read_in(self.containers.as_fd(), &container.file())
    }

    pub fn write_record(&self, record: &Record) -> Result<(), Error> {
        self.write_in(self.containers.as_fd(), &record.container.file(), record)
    }

    pub fn remove_record(&self, container: &Container) -> Result<(), Error> {
        self.remove_in(self.containers.as_fd(), &container.file())
    }

    /// Reads a file, if it is there.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        self.read_in(self.fd.as_fd(), name)
    }

    pub fn write(&self, name: &str, content: &impl Serialize) -> Result<(), Error> {
        self.write_in(self.fd.as_fd(), name, content)
    }

    pub fn remove(&self, name: &str) -> Result<(), Error> {
        self.remove_in(self.fd.as_fd(), name)
    }

    /// Opens the directory of a bundle, and makes it where it is missing.
    pub fn make_bundle(&self, project: &str, bundle: &str) -> Result<OwnedFd, Error> {
        let failed = self.failed("make", &format!("{project}/{bundle}"));
        make_directory(self.fd.as_fd(), project)
            .and_then(|project| make_directory(project.as_fd(), bundle))
            .map_err(failed)
    }

    /// Opens the directory of a bundle, if it is there.
    pub fn bundle(&self, project: &str, bundle: &str) -> Result<Option<OwnedFd>, Error> {
        let open = |at: BorrowedFd, name: &str| {
            rustix::fs::openat(at, name, OFlags::RDONLY | DIRECTORY, Mode::empty())
        };
        match open(self.fd.as_fd(), project).and_then(|project| open(project.as_fd(), bundle)) {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.failed("open", &format!("{project}/{bundle}"))(error)),
        }
    }

    /// Removes the directory of a bundle, and that of its project, if they are empty.
    pub fn remove_bundle(&self, project: &str, bundle: &str) -> Result<(), Error> {
        let open = rustix::fs::openat(&self.fd, project, OFlags::RDONLY | DIRECTORY, Mode::empty());
        let removed = open.and_then(|open| {
            if_empty(rustix::fs::unlinkat(open, bundle, AtFlags::REMOVEDIR))?;
            if_empty(rustix::fs::unlinkat(&self.fd, project, AtFlags::REMOVEDIR))
        });
        if_empty(removed).map_err(self.failed("remove", &format!("{project}/{bundle}")))
    }

    /// The projects and bundles that have a directory.
    pub fn bundles(&self) -> Result<Vec<(String, String)>, Error> {
        let failed = || self.failed("list", "projects");
        let mut bundles = Vec::new();
        for project in names(self.fd.as_fd()).map_err(failed())? {
            let flags = OFlags::RDONLY | DIRECTORY;
            let Ok(fd) = rustix::fs::openat(&self.fd, &project, flags, Mode::empty()) else { continue };
            let inside = names(fd.as_fd()).map_err(failed())?;
            bundles.extend(inside.into_iter().map(|bundle| (project.clone(), bundle)));
        }
        Ok(bundles)
    }

    /// Removes what is left of it, unless somebody's pins are there. Nobody can use it from here on.
    pub fn dissolve(self) -> Result<(), Error> {
        // What was being written when a hook was ended.
        self.remove_in(self.containers.as_fd(), NEW)?;
        self.remove(NEW)?;
        if_empty(rustix::fs::unlinkat(&self.fd, CONTAINERS, AtFlags::REMOVEDIR))
            .map_err(self.failed("remove", CONTAINERS))?;
        let is_empty = names_of_all(self.fd.as_fd()).map_err(self.failed("list", "."))?;
        if is_empty.iter().all(|name| name == LOCK) {
            self.remove(LOCK)?;
            if_empty(rustix::fs::rmdir(&self.path)).map_err(self.failed("remove", "."))?;
        }
        Ok(())
    }

    /// Says what failed, and where.
    fn failed(&self, verb: &str, name: &str) -> impl FnOnce(Errno) -> Error + use<> {
        Error::system(format!("{verb} {}/{name}", self.path))
    }

    fn read_in<T: DeserializeOwned>(&self, at: BorrowedFd, name: &str) -> Result<Option<T>, Error> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(at, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(self.failed("read", name)(error)),
        };
        let is_record = at.as_raw_fd() == self.containers.as_raw_fd();
        let path = format!("{}/{}{name}", self.path, if is_record { ".containers/" } else { "" });
        let mut content = Vec::new();
        file.take(LIMIT).read_to_end(&mut content).map_err(Error::io(format!("read {path}")))?;
        let read = serde_json::from_slice(&content);
        read.map(Some).map_err(|error| Error::Unreadable { path, error })
    }

    /// Whatever happens, the file has the old content or the new one.
    fn write_in(&self, at: BorrowedFd, name: &str, content: &impl Serialize) -> Result<(), Error> {
        let doing = format!("write {}/{name}", self.path);
        let content = serde_json::to_vec(content).map_err(|error| Error::io(&*doing)(error.into()))?;
        // Nobody would read it.
        if content.len() as u64 > LIMIT {
            let reason = format!("{name} would have more than {LIMIT} bytes");
            return Err(Error::Directory { path: self.path.clone(), reason });
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let new = rustix::fs::openat(at, NEW, flags, Mode::RUSR | Mode::WUSR);
        let mut file = File::from(new.map_err(Error::system(&*doing))?);
        file.write_all(&content).and_then(|()| file.sync_all()).map_err(Error::io(&*doing))?;
        rustix::fs::renameat(at, NEW, at, name).map_err(Error::system(doing))
    }

    fn remove_in(&self, at: BorrowedFd, name: &str) -> Result<(), Error> {
        match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.failed("remove", name)(error)),
        }
    }
}

enum Tried {
    Open(Directory),
    Missing,
    Again,
}

/// Whoever can write there could have us mount and unmount what they like.
fn trusted(path: &str, fd: &OwnedFd) -> Result<(), Error> {
    let stat = rustix::fs::fstat(fd).map_err(Error::system(format!("look at {path}")))?;
    let reason = if stat.st_uid != rustix::process::geteuid().as_raw() {
        format!("belongs to user {}", stat.st_uid)
    } else if stat.st_mode & 0o022 != 0 {
        format!("others may write there (mode {:o})", stat.st_mode & 0o7777)
    } else {
        return Ok(());
    };
    Err(Error::Directory { path: path.to_owned(), reason })
}

fn make_directory(at: BorrowedFd, name: &str) -> Result<OwnedFd, Errno> {
    match rustix::fs::mkdirat(at, name, PRIVATE) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    rustix::fs::openat(at, name, OFlags::RDONLY | DIRECTORY, Mode::empty())
}

/// The names in a directory that do not start with a dot, in order.
fn names(at: BorrowedFd) -> Result<Vec<String>, Errno> {
    let mut names = names_of_all(at)?;
    names.retain(|name| !name.starts_with('.'));
    Ok(names)
}

fn names_of_all(at: BorrowedFd) -> Result<Vec<String>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(at)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name != "." && name != "..");
    names.sort();
    Ok(names)
}

fn if_empty(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT | Errno::BUSY) => Ok(()),
        other => other,
    }
}

/// A path to an entry of an open directory, for calls that take no directory.
pub fn path_in(directory: &OwnedFd, name: &str) -> String {
    format!("/proc/self/fd/{}/{name}", directory.as_raw_fd())
}
