//! What is written goes to the disk while more is being written, so that little is left to wait for at the end.

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use rustix::io::Errno;

/// How many bytes of the blobs are read before what they became is sent to the disk. Often enough that the disk is
/// never idle, and not so often that it does nothing but commit.
const STEP: u64 = 3 << 20;

/// Does `work`, which calls what it is given with the bytes that were read so far.
pub(super) fn beside<T>(directory: &OwnedFd, work: impl FnOnce(&dyn Fn(u64)) -> T) -> T {
    let (sender, wanted) = sync_channel(0);
    thread::scope(|scope| {
        // Without the thread all is written at the end.
        let _thread = thread::Builder::new().spawn_scoped(scope, move || flush(directory, &wanted));
        let flushed = Cell::new(0);
        let done = work(&|read| {
            if read - flushed.get() >= STEP && sender.try_send(()).is_ok() {
                flushed.set(read);
            }
        });
        drop(sender);
        done
    })
}

fn flush(directory: &OwnedFd, wanted: &Receiver<()>) {
    for () in wanted {
        // The end decides whether all is there.
        let _later: Result<(), Errno> = rustix::fs::syncfs(directory);
    }
}
