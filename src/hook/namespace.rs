//! Namespaces of containers, held by a descriptor so that they stay the same.

use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, Stat};
use rustix::thread::LinkNameSpaceType;
use serde::{Deserialize, Serialize};

use super::Error;
use super::task::Task;

/// `NSFS_MAGIC` of `linux/magic.h`.
const NSFS: u64 = 0x6e73_6673;

/// Which file it is: a namespace, or the root of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inode {
    pub device: u64,
    pub inode: u64,
}

impl From<&Stat> for Inode {
    fn from(stat: &Stat) -> Self {
        Inode { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// A namespace.
#[derive(Debug)]
pub struct Namespace {
    fd: OwnedFd,
    pub inode: Inode,
}

impl Namespace {
    /// That of a process. `kind` is its name in `/proc/PID/ns`.
    pub fn of(task: Task, kind: &str) -> Result<Self, Error> {
        let namespace = Namespace::open(&task.proc(&format!("ns/{kind}")))?;
        // The number may have gone to another process in between.
        match (task.is_alive(), namespace) {
            (true, Some(namespace)) => Ok(namespace),
            (true, None) => Err(Error::Process { pid: task.pid, reason: "has no namespaces" }),
            (false, _) => Err(Error::Process { pid: task.pid, reason: "came to its end" }),
        }
    }

    /// That of this process.
    pub fn own(kind: &str) -> Result<Self, Error> {
        let path = format!("/proc/thread-self/ns/{kind}");
        let missing = || Error::Directory { path: path.clone(), reason: "not a namespace".to_owned() };
        Namespace::open(&path)?.ok_or_else(missing)
    }

    /// That which a file is, if it is one.
    pub fn open(path: &str) -> Result<Option<Self>, Error> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => Namespace::held(fd),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::SRCH) => Ok(None),
            Err(error) => Err(Error::system(format!("open {path}"))(error)),
        }
    }

    /// That which an open file is, if it is one.
    pub fn held(fd: OwnedFd) -> Result<Option<Self>, Error> {
        let system = rustix::fs::fstatfs(&fd).map_err(Error::system("look at a namespace"))?;
        let stat = rustix::fs::fstat(&fd).map_err(Error::system("look at a namespace"))?;
        let is_namespace = u64::try_from(system.f_type) == Ok(NSFS);
        Ok(is_namespace.then(|| Namespace { inode: Inode::from(&stat), fd }))
    }

    /// A path that leads to it as long as this process lives and holds it.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.fd.as_raw_fd())
    }

    /// Runs something in it, if it is one of the network. The rest of the process stays where it is.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
        let there = || {
            let kind = Some(LinkNameSpaceType::Network);
            rustix::thread::move_into_link_name_space(self.fd.as_fd(), kind)
                .map_err(Error::system("enter the network namespace of the container"))?;
            work()
        };
        let result = std::thread::scope(|scope| scope.spawn(there).join());
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
