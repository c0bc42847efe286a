//! The directories that entries are put into: a few are open at a time.
//!
//! While a directory is open its time changes with every entry, and it has no set-group-id bit, which would give its
//! group to what is made in it. It gets what it should have when it is closed, so there is no list of all directories.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::Mode;
use rustix::io::Errno;

use super::super::archive::Time;
use super::super::attributes::{modified, times};
use super::super::root::{Inode, MAX_DEPTH, Root, inode, open_directory};

/// How many are open. Archives go through a tree in order, so few are needed.
const OPEN: usize = 16;

/// The time of directories that no layer has an entry for, as umoci gives it to the root.
pub(super) const IMPLIED: Time = Time { seconds: 0, nanoseconds: 0 };

/// An open directory.
pub(super) struct Parent {
    pub fd: OwnedFd,
    pub inode: Inode,
    pub depth: u32,
    pub uid: Cell<u32>,
    pub gid: Cell<u32>,
    /// What it is to have when it is closed.
    pub mode: Cell<Mode>,
    pub mtime: Cell<Time>,
    /// What it has.
    now: Cell<Mode>,
    changed: Cell<bool>,
}

impl Parent {
    /// A directory as it is.
    pub fn opened(fd: OwnedFd, depth: u32) -> io::Result<Rc<Self>> {
        let stat = rustix::fs::fstat(&fd)?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        Ok(Rc::new(Parent {
            inode: Inode::of(&stat),
            fd,
            depth,
            uid: Cell::new(stat.st_uid),
            gid: Cell::new(stat.st_gid),
            mode: Cell::new(mode),
            mtime: Cell::new(modified(&stat)),
            now: Cell::new(mode),
            changed: Cell::new(false),
        }))
    }

    /// Says that its time is not what it should be.
    pub fn change(&self) {
        self.changed.set(true);
    }
}

impl AsFd for Parent {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The open directories of a root.
pub(super) struct Parents {
    root: Root,
    /// The last one used comes first. One directory may have several paths.
    open: VecDeque<(Vec<u8>, Rc<Parent>)>,
    /// The modes of directories that would keep this process out, which only root may ignore. They are set at the end.
    locked: RefCell<BTreeMap<Inode, Mode>>,
    is_root: bool,
}

impl Parents {
    pub fn new(root: Root, is_root: bool) -> Self {
        Parents { root, open: VecDeque::new(), locked: RefCell::default(), is_root }
    }

    /// The directory with a path, which exists.
    pub fn existing(&mut self, path: &[u8]) -> io::Result<Rc<Parent>> {
        if let Some(at) = self.open.iter().position(|(known, _)| known == path) {
            if at > 0 {
                self.open.swap(0, at);
            }
            if let Some((_, parent)) = self.open.front() {
                return Ok(parent.clone());
            }
        }
        let (fd, depth) = self.root.open_directory(path)?;
        self.insert(path.to_vec(), Parent::opened(fd, depth)?)
    }

    /// The directory with a path; what is missing of it is made and counted.
    pub fn make(&mut self, path: &[u8], made: &mut u64) -> io::Result<Rc<Parent>> {
        match self.existing(path) {
            Err(error) if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => {}
            found => return found,
        }
        let locked = &self.locked;
        self.root.make_directory(path, |new| {
            *made += 1;
            let new = open_directory(new, b".")?;
            locked.borrow_mut().remove(&inode(&new)?);
            rustix::fs::fchown(&new, None, Some(rustix::process::getegid()))?;
            rustix::fs::fchmod(&new, Mode::from_raw_mode(0o755))?;
            Ok(rustix::fs::futimens(&new, &times(IMPLIED))?)
        })?;
        self.existing(path)
    }

    /// Forgets what mode a directory was to have, as it gets another one, or is another one with the same number.
    pub fn forget(&mut self, directory: &Parent) {
        self.locked.borrow_mut().remove(&directory.inode);
    }

    /// Adds a directory, unless it is open already under another path.
    pub fn insert(&mut self, path: Vec<u8>, opened: Rc<Parent>) -> io::Result<Rc<Parent>> {
        if opened.depth > MAX_DEPTH {
            return Err(io::Error::other(format!("more than {MAX_DEPTH} directories inside each other")));
        }
        let known = self.open.iter().find(|(_, parent)| parent.inode == opened.inode);
        let parent = known.map_or(opened, |(_, parent)| parent.clone());
        if self.open.len() >= OPEN
            && let Some((_, last)) = self.open.pop_back()
        {
            self.close(&last)?;
        }
        if parent.now.get().contains(Mode::SGID) {
            let now = parent.now.get() - Mode::SGID;
            rustix::fs::fchmod(&parent.fd, now)?;
            parent.now.set(now);
        }
        self.open.push_front((path, parent.clone()));
        Ok(parent)
    }

    /// Closes all, for when paths may not lead where they did any more.
    pub fn close_all(&mut self) -> io::Result<()> {
        while let Some((_, parent)) = self.open.pop_back() {
            self.close(&parent)?;
        }
        Ok(())
    }

    /// Gives a directory what it should have, unless it is open under another path too.
    fn close(&self, parent: &Rc<Parent>) -> io::Result<()> {
        if self.open.iter().any(|(_, other)| Rc::ptr_eq(other, parent)) {
            return Ok(());
        }
        let mut mode = parent.mode.get();
        if !self.is_root && !mode.contains(Mode::RWXU) {
            self.locked.borrow_mut().insert(parent.inode, mode);
            mode |= Mode::RWXU;
        }
        if parent.now.get() != mode {
            rustix::fs::fchmod(&parent.fd, mode)?;
            parent.now.set(mode);
        }
        if parent.changed.replace(false) {
            rustix::fs::futimens(&parent.fd, &times(parent.mtime.get()))?;
        }
        Ok(())
    }

    /// Closes all, and locks what is to be locked.
    pub fn settle(&mut self) -> io::Result<()> {
        self.close_all()?;
        let locked = self.locked.take();
        if locked.is_empty() {
            return Ok(());
        }
        self.root.visit(&mut |directory| match locked.get(&inode(directory)?) {
            Some(mode) => Ok(rustix::fs::fchmod(directory, *mode)?),
            None => Ok(()),
        })
    }
}
