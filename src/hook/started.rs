//! `poststart`: pins what is there only once the container runs.

use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::thread::LinkNameSpaceType;

use super::Error;
use super::argv::{Arguments, Pin};
use super::container::Container;
use super::directory::Directory;
use super::namespace::{Inode, Namespace};
use super::pins;
use super::state::State;
use super::task::Task;

/// `TMPFS_MAGIC` of `linux/magic.h`.
const TMPFS: u64 = 0x0102_1994;

/// Pins the shared memory.
pub fn started(arguments: &Arguments, state: &State) -> Result<(), Error> {
    let container = Container::new(arguments, state)?;
    if !arguments.pins.contains(&Pin::Shm) {
        return Ok(());
    }
    let task = Task::find(state.pid)?;
    let directory = Directory::make(&arguments.run)?;
    let missing = || Error::Process { pid: task.pid, reason: "has not been attached" };
    let mut record =
        directory.record(&container)?.filter(|record| record.task == task).ok_or_else(missing)?;
    let tree = shared_memory(task)?;
    let stat = rustix::fs::fstat(&tree).map_err(Error::system("look at /dev/shm of the container"))?;
    record.pins.insert(Pin::Shm.to_string(), Inode::from(&stat));
    directory.write_record(&record)?;
    pins::put(&directory, &container, Pin::Shm, &tree)
}

/// A copy of the mount on `/dev/shm` of the container. Only who is in a mount namespace can copy a mount of it.
fn shared_memory(task: Task) -> Result<OwnedFd, Error> {
    let (own, there) = (Namespace::own("mnt")?, Namespace::of(task, "mnt")?);
    enter(&there)?;
    let tree = copy();
    enter(&own)?;
    tree
}

/// The container runs already, and what it says is at a path need not be so.
fn copy() -> Result<OwnedFd, Error> {
    let failed = || Error::system("copy the mount on /dev/shm of the container");
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let directory = rustix::fs::openat2(rustix::fs::CWD, "/dev/shm", flags, Mode::empty(), resolve);
    let directory = directory.map_err(failed())?;
    let system = rustix::fs::fstatfs(&directory).map_err(failed())?;
    if u64::try_from(system.f_type) != Ok(TMPFS) {
        let reason = "not a tmpfs in the container".to_owned();
        return Err(Error::Directory { path: "/dev/shm".to_owned(), reason });
    }
    pins::tree_of(&directory, "").map_err(failed())
}

fn enter(namespace: &Namespace) -> Result<(), Error> {
    rustix::thread::move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Mount))
        .map_err(Error::system("enter the mount namespace of the container"))
}
