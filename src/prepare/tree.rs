//! The tree of bundles on disk, reached without following a link.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::Error;
use crate::image::{Digest, Verified};

/// The largest `config.json` or list of checksums that is read.
const MAX_TEXT: u64 = 16 * 1024 * 1024;

/// The tree, locked against a second process.
pub(super) struct Tree {
    path: PathBuf,
    fd: OwnedFd,
}

impl Tree {
    /// Opens a tree, once no other process prepares it; `wait` is told that one does.
    pub fn open(path: &Path, wait: impl FnOnce()) -> Result<Tree, Error> {
        let failed = |error: Errno| Error::io(path, error);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(failed)?;
        match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                wait();
                lock(&fd).map_err(failed)?;
            }
            locked => locked.map_err(failed)?,
        }
        Ok(Tree { path: path.to_owned(), fd })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens something in the tree; a link on the way or at the end is an error.
    fn open_in(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(&self.fd, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
    }

    /// Opens a regular file, without waiting for the writer of a FIFO.
    fn open_file(&self, path: &str) -> io::Result<File> {
        let fd = self.open_in(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY).map_err(plain)?;
        if FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("not a regular file"));
        }
        Ok(File::from(fd))
    }

    /// Opens a directory of the tree, to hold on to it.
    pub fn open_directory(&self, path: &str) -> Result<OwnedFd, Error> {
        self.open_in(path, OFlags::RDONLY | OFlags::DIRECTORY)
            .map_err(|error| Error::io(self.path.join(path), plain(error)))
    }

    /// All of a text.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_file(path)?.take(MAX_TEXT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_TEXT {
            return Err(io::Error::other(format!("larger than {MAX_TEXT} bytes")));
        }
        Ok(bytes)
    }

    /// All of a text, if it is what the digest says.
    pub fn read_verified(&self, path: &str, digest: &Digest) -> io::Result<Vec<u8>> {
        let bytes = self.read(path)?;
        let found = Digest::sha256(&bytes);
        if found == *digest { Ok(bytes) } else { Err(io::Error::other("changed")) }
    }

    /// Whether a file is what the digest says.
    pub fn verify(&self, path: &str, digest: &Digest) -> io::Result<()> {
        let mut file = Verified::new(self.open_file(path)?, digest, None);
        io::copy(&mut file, &mut io::sink()).map(|_| ())
    }

    /// The names of the directories at the top.
    pub fn directories(&self) -> Result<Vec<String>, Error> {
        let read = || {
            let mut names = Vec::new();
            for entry in Dir::read_from(&self.fd)? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                let is_directory = !matches!(name.as_str(), "." | "..")
                    && self.open_in(&name, OFlags::PATH | OFlags::DIRECTORY).is_ok();
                names.extend(is_directory.then_some(name));
            }
            names.sort();
            Ok(names)
        };
        read().map_err(|error: Errno| Error::io(&self.path, error))
    }

    /// Whether something has a name, be it a link that leads nowhere.
    pub fn exists(&self, path: &str) -> Result<bool, Error> {
        let (parent, name) = path.rsplit_once('/').unwrap_or((".", path));
        let parent = self.open_directory(parent)?;
        match rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(Error::io(self.path.join(path), error)),
        }
    }

    /// Makes a directory with its parents; says whether it is new. What stands under its name already, be it a link
    /// that the owner of the host has put there, stays.
    pub fn make_directory(&self, path: &str) -> Result<bool, Error> {
        let failed = |error: Errno| Error::io(self.path.join(path), plain(error));
        let directory = OFlags::RDONLY | OFlags::DIRECTORY;
        let (mut parent, mut new) = (String::from("."), false);
        for name in path.split('/') {
            let inside = format!("{parent}/{name}");
            let fd = self.open_in(&parent, directory).map_err(failed)?;
            new = match rustix::fs::mkdirat(&fd, name, Mode::RWXU) {
                Err(Errno::EXIST) => false,
                made => {
                    // The umask may have taken something away.
                    let made = made.and_then(|()| self.open_in(&inside, directory)).map_err(failed)?;
                    rustix::fs::fchmod(&made, Mode::from_raw_mode(0o755)).map_err(failed)?;
                    true
                }
            };
            parent = inside;
        }
        Ok(new)
    }

    /// Makes a directory that only its owner can look into.
    pub fn make_private_directory(&self, path: &str) -> Result<OwnedFd, Error> {
        self.make_directory(path)?;
        let fd = self.open_directory(path)?;
        let close = || match Mode::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) {
            Mode::RWXU => Ok(()),
            _ => rustix::fs::fchmod(&fd, Mode::RWXU),
        };
        close().map_err(|error: Errno| Error::io(self.path.join(path), error))?;
        Ok(fd)
    }
}

fn lock(fd: &OwnedFd) -> Result<(), Errno> {
    loop {
        match rustix::fs::flock(fd, FlockOperation::LockExclusive) {
            Err(Errno::INTR) => {}
            locked => return locked,
        }
    }
}

/// The kernel's word for a link where none may be.
pub(super) fn plain(error: Errno) -> io::Error {
    match error {
        Errno::LOOP => io::Error::other("a symbolic link, which is not followed here"),
        error => error.into(),
    }
}
