//! Namespaces kept at a path, so that other containers can join them: bind mounts below the directory of what runs.
//!
//! A pin belongs to the container that was attached last. Its record says which namespace it is, and nobody removes
//! the pin of another one.

use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, UnmountFlags};

use super::Error;
use super::argv::Pin;
use super::container::Container;
use super::directory::{Directory, path_in};
use super::namespace::{Inode, Namespace};
use super::record::Record;
use super::task::Task;

/// More than ever lie on each other.
const MOUNTS: usize = 64;

/// All that can be pinned.
pub const KINDS: [Pin; 4] = [Pin::Net, Pin::Pid, Pin::Ipc, Pin::Shm];

/// Pins what there is before the container runs: all but the shared memory.
pub fn pin_namespaces(directory: &Directory, record: &mut Record, pins: &[Pin]) -> Result<(), Error> {
    for pin in pins.iter().filter(|pin| **pin != Pin::Shm) {
        let namespace = Namespace::of(record.task, &pin.to_string())?;
        if namespace.inode == Namespace::own(&pin.to_string())?.inode {
            return Err(Error::Process {
                pid: record.task.pid,
                reason: "has a namespace of the host that others join",
            });
        }
        let tree = tree_of(namespace.as_fd(), "")
            .map_err(Error::system(format!("pin the {pin} namespace of process {}", record.task.pid)))?;
        record.pins.insert(pin.to_string(), namespace.inode);
        directory.write_record(record)?;
        put(directory, &record.container, *pin, &tree)?;
    }
    Ok(())
}

/// A copy of a mount, which is nowhere yet.
pub fn tree_of(at: impl std::os::fd::AsFd, path: &str) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    rustix::mount::open_tree(at, path, flags)
}

/// Puts a mount at its place, instead of one that was left there.
pub fn put(directory: &Directory, container: &Container, pin: Pin, tree: &OwnedFd) -> Result<(), Error> {
    let (project, bundle, name) = (&container.project, &container.bundle, pin.to_string());
    let at = directory.make_bundle(project, bundle)?;
    let failed = || Error::system(format!("pin {project}/{bundle}/{name}"));
    unmount(&at, &name).map_err(failed())?;
    let made = if pin == Pin::Shm {
        rustix::fs::mkdirat(&at, &*name, Mode::RWXU)
    } else {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&at, &*name, flags, Mode::RUSR).map(drop)
    };
    match made {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(failed()(error)),
    }
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    rustix::mount::move_mount(tree, "", &at, &*name, flags).map_err(failed())
}

/// The namespace that is pinned for a container, if it is its own.
pub fn pinned(directory: &Directory, record: &Record, pin: Pin) -> Result<Option<Namespace>, Error> {
    let name = pin.to_string();
    let Some(inode) = record.pins.get(&name) else { return Ok(None) };
    let Some(at) = directory.bundle(&record.container.project, &record.container.bundle)? else {
        return Ok(None);
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match rustix::fs::openat(&at, &*name, flags, Mode::empty()) {
        Ok(fd) => Ok(Namespace::held(fd)?.filter(|namespace| namespace.inode == *inode)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(Error::system(format!("open the pin {name}"))(error)),
    }
}

/// Removes the pins of a container that are still its own.
pub fn unpin(directory: &Directory, record: &Record) -> Result<(), Error> {
    let Container { project, bundle, .. } = &record.container;
    let Some(at) = directory.bundle(project, bundle)? else { return Ok(()) };
    for (name, inode) in &record.pins {
        if mounted(&at, name) == Some(*inode) {
            remove(&at, name).map_err(Error::system(format!("remove the pin {project}/{bundle}/{name}")))?;
        }
    }
    drop(at);
    directory.remove_bundle(project, bundle)
}

/// Removes all pins of a bundle that no record speaks of.
pub fn unpin_all(directory: &Directory, project: &str, bundle: &str) -> Result<(), Error> {
    let Some(at) = directory.bundle(project, bundle)? else { return Ok(()) };
    for pin in KINDS {
        let name = pin.to_string();
        remove(&at, &name).map_err(Error::system(format!("remove the pin {project}/{bundle}/{name}")))?;
    }
    drop(at);
    directory.remove_bundle(project, bundle)
}

fn mounted(at: &OwnedFd, name: &str) -> Option<Inode> {
    let stat = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(Inode::from(&stat))
}

fn remove(at: &OwnedFd, name: &str) -> Result<(), Errno> {
    unmount(at, name)?;
    let removed = match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR),
        removed => removed,
    };
    match removed {
        Err(Errno::NOENT) => Ok(()),
        removed => removed,
    }
}

/// Takes away all that is mounted there.
fn unmount(at: &OwnedFd, name: &str) -> Result<(), Errno> {
    for _ in 0..MOUNTS {
        match rustix::mount::unmount(path_in(at, name), UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) => {}
            // Not a mount point, or not there.
            Err(Errno::INVAL | Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Err(Errno::BUSY)
}

/// Whether the pins of a container are as its arguments ask.
pub fn is_of(task: Task, record: &Record, pins: &[Pin]) -> bool {
    let wanted = pins.iter().filter(|pin| **pin != Pin::Shm);
    record.task == task && wanted.into_iter().all(|pin| record.pins.contains_key(&pin.to_string()))
}
