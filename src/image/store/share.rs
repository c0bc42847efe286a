//! Work that a few threads share.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Whether the others have failed, so that nobody need go on.
#[derive(Default)]
pub(super) struct Stop(AtomicBool);

impl Stop {
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many threads are worth it where the processor is what is short.
pub(super) fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does something with all items, up to `threads` at a time, and ends early with the first error.
pub(super) fn share<T: Sync, E: Send>(
    items: &[T],
    threads: usize,
    work: &(dyn Fn(&T, &Stop) -> Result<(), E> + Sync),
) -> Result<(), E> {
    let (next, stop, failed) = (AtomicUsize::new(0), Stop::default(), Mutex::new(None));
    let run = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stop.is_set() {
                return;
            }
            if let Err(error) = work(item, &stop) {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                stop.0.store(true, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(items.len()) {
            // With fewer threads it takes longer.
            let _handle = thread::Builder::new().name("store".into()).spawn_scoped(scope, run);
        }
        run();
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}
