//! The content of a file, copied to another one: shared with it where the file system can, and with its holes.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{SeekFrom, Stat};
use rustix::io::Errno;

/// The most that one call is asked for: it is not interrupted.
const AT_ONCE: u64 = 64 << 20;

/// How content gets to where it goes. What the file systems have refused once is not tried again.
pub(super) struct Content {
    way: Way,
    buffer: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Both files have the same blocks, until one of them is written to.
    Shared,
    /// The kernel copies.
    Kernel,
    Buffer,
}

impl Content {
    pub fn new() -> Self {
        Content { way: Way::Shared, buffer: Vec::new() }
    }

    /// Copies all of a file, of which `stat` is known, to an empty one.
    pub fn copy(&mut self, from: BorrowedFd<'_>, stat: &Stat, to: BorrowedFd<'_>) -> io::Result<()> {
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        if size == 0 {
            return Ok(());
        }
        if self.way == Way::Shared {
            match rustix::fs::ioctl_ficlone(to, from) {
                Ok(()) => return Ok(()),
                // No file system of that kind, or not the same one.
                Err(Errno::OPNOTSUPP | Errno::XDEV | Errno::INVAL | Errno::NOTTY | Errno::NOSYS) => {
                    self.way = Way::Kernel;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let is_whole = u64::try_from(stat.st_blocks).unwrap_or_default() >= size.div_ceil(512);
        if is_whole {
            return self.range(from, to, 0, size);
        }
        let mut at = 0;
        while let Some((start, end)) = data(from, at, size)? {
            self.range(from, to, start, end)?;
            at = end;
        }
        Ok(rustix::fs::ftruncate(to, size)?)
    }

    fn range(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>, start: u64, end: u64) -> io::Result<()> {
        let mut at = start;
        while at < end && self.way != Way::Buffer {
            let (mut source, mut target) = (at, at);
            let length = usize::try_from((end - at).min(AT_ONCE)).unwrap_or(usize::MAX);
            match rustix::fs::copy_file_range(from, Some(&mut source), to, Some(&mut target), length) {
                Ok(0) | Err(Errno::OPNOTSUPP | Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::PERM) => {
                    self.way = Way::Buffer;
                }
                Ok(copied) => at += copied as u64,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if at < end { self.through_buffer(from, to, at, end) } else { Ok(()) }
    }

    fn through_buffer(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        mut at: u64,
        end: u64,
    ) -> io::Result<()> {
        self.buffer.resize(128 * 1024, 0);
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(self.buffer.len());
            let part = self.buffer.get_mut(..length).unwrap_or_default();
            let read = rustix::io::retry_on_intr(|| rustix::io::pread(from, &mut *part, at))?;
            let part = part.get(..read).filter(|part| !part.is_empty());
            let part = part.ok_or(io::ErrorKind::UnexpectedEof)?;
            at += rustix::io::retry_on_intr(|| rustix::io::pwrite(to, part, at))? as u64;
        }
        Ok(())
    }
}

/// The next part of a file that is no hole.
fn data(file: BorrowedFd<'_>, at: u64, size: u64) -> io::Result<Option<(u64, u64)>> {
    let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
        // Nothing but a hole is left.
        Err(Errno::NXIO) => return Ok(None),
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok((at < size).then_some((at, size))),
        start => start?,
    };
    let end = rustix::fs::seek(file, SeekFrom::Hole(start))?.min(size);
    Ok((start < end).then_some((start, end)))
}
