//! Small files on their way to the disk.
//!
//! Making names is half of the work of a small file, and has to be done in the order of the archive. The other half,
//! its content and its time, is done here by a thread of its own: to an open file, whatever becomes of its name.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::super::archive::Time;
use super::super::attributes::times;
use super::super::{Digest, Error};

/// The largest content that is kept until it is written.
pub(super) const SMALL: u64 = 128 * 1024;
/// How many files are handed over at a time: waking a thread costs as much as writing one.
const BATCH: usize = 64;
/// How much content is handed over at a time.
const BATCH_BYTES: usize = 512 * 1024;
/// How many batches may wait. What is open and waits stays far below the 1,024 files that a process usually has.
const AHEAD: usize = 4;

/// A file that has everything but its content and its time.
pub(super) struct Small {
    pub file: File,
    pub content: Vec<u8>,
    pub mtime: Time,
    /// The path of the entry, for messages.
    pub path: Vec<u8>,
}

/// Files that are being written.
pub(super) struct Files {
    layer: Arc<Digest>,
    batch: Vec<Small>,
    bytes: usize,
    writer: Option<Writer>,
}

struct Writer {
    batches: SyncSender<(Arc<Digest>, Vec<Small>)>,
    thread: JoinHandle<Result<(), Error>>,
}

impl Files {
    /// Nothing yet, of a layer that [`Files::begin`] names.
    pub fn new(layer: &Digest) -> Self {
        Files { layer: Arc::new(layer.clone()), batch: Vec::new(), bytes: 0, writer: None }
    }

    /// Says which layer the files to come are of.
    pub fn begin(&mut self, layer: &Digest) -> io::Result<()> {
        self.hand_over()?;
        self.layer = Arc::new(layer.clone());
        Ok(())
    }

    /// Takes a file over. An error says that an earlier one could not be written; [`Files::finish`] knows which.
    pub fn write(&mut self, small: Small) -> io::Result<()> {
        self.bytes += small.content.len();
        self.batch.push(small);
        if self.batch.len() < BATCH && self.bytes < BATCH_BYTES { Ok(()) } else { self.hand_over() }
    }

    /// Waits until all is written.
    pub fn finish(&mut self) -> Result<(), Error> {
        // If the thread has stopped, it says why.
        let handed_over = self.hand_over();
        if let Some(Writer { batches, thread }) = self.writer.take() {
            drop(batches);
            thread
                .join()
                .unwrap_or_else(|_| Err(Error::blob(&self.layer, "its files could not be written")))?;
        }
        handed_over.map_err(|error| Error::Layer { layer: self.layer.as_ref().clone(), error })
    }

    fn hand_over(&mut self) -> io::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.bytes = 0;
        let batch = (self.layer.clone(), std::mem::take(&mut self.batch));
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => Writer::start()?,
        };
        let sent = writer.batches.send(batch);
        self.writer = Some(writer);
        sent.map_err(|_| io::Error::other("an earlier file could not be written"))
    }
}

impl Writer {
    fn start() -> io::Result<Writer> {
        let (batches, received) = sync_channel(AHEAD);
        let thread = thread::Builder::new().name("write".into()).spawn(move || write_all(&received))?;
        Ok(Writer { batches, thread })
    }
}

fn write_all(batches: &Receiver<(Arc<Digest>, Vec<Small>)>) -> Result<(), Error> {
    for (layer, batch) in batches {
        for small in batch {
            small.write().map_err(|error| Error::Entry {
                layer: layer.as_ref().clone(),
                entry: small.path.escape_ascii().to_string(),
                error,
            })?;
        }
    }
    Ok(())
}

impl Small {
    fn write(&self) -> io::Result<()> {
        (&self.file).write_all(&self.content)?;
        Ok(rustix::fs::futimens(&self.file, &times(self.mtime))?)
    }
}
