//! Hard links between the files of a tree that is copied.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, Stat};
use rustix::io::Errno;

use super::root::{Names, open_directory, remove};

/// What the directory is called, if the tree has no such name.
const NAME: &[u8] = b".bundlegen-links";

/// The files with several names that were copied so far: each has one more name, in a directory that is removed when
/// all is copied. So however many there are, and however deep, none has to be remembered.
pub(super) struct Links<'a> {
    top: &'a OwnedFd,
    name: Vec<u8>,
    directory: Option<OwnedFd>,
}

impl<'a> Links<'a> {
    /// For the tree that begins at `top` and will get names of its own there.
    pub fn new(top: &'a OwnedFd, is_taken: impl Fn(&[u8]) -> bool) -> Self {
        let mut name = NAME.to_vec();
        while is_taken(&name) {
            name.push(b'_');
        }
        Links { top, name, directory: None }
    }

    /// Gives a file that was copied another name; says whether it was.
    pub fn link(&self, stat: &Stat, directory: &OwnedFd, name: &[u8]) -> io::Result<bool> {
        let Some(links) = &self.directory else { return Ok(false) };
        match rustix::fs::linkat(links, key(stat), directory, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(false),
            linked => Ok(linked.map(|()| true)?),
        }
    }

    /// Remembers the copy of a file with several names.
    pub fn remember(&mut self, stat: &Stat, directory: &OwnedFd, name: &[u8]) -> io::Result<()> {
        let links = if let Some(links) = self.directory.take() {
            links
        } else {
            rustix::fs::mkdirat(self.top, &*self.name, Mode::RWXU)?;
            open_directory(self.top, &self.name)?
        };
        let linked = rustix::fs::linkat(directory, name, &links, key(stat), AtFlags::empty());
        self.directory = Some(links);
        Ok(linked?)
    }

    /// Forgets all.
    pub fn remove(&mut self) -> io::Result<()> {
        match self.directory.take() {
            Some(_) => remove(self.top, &self.name, Names::NONE),
            None => Ok(()),
        }
    }
}

fn key(stat: &Stat) -> String {
    format!("{:x}-{:x}", stat.st_dev, stat.st_ino)
}
