//! The output directory: what would change ([`plan`]), and changing it ([`apply`]).
//!
//! The only writer of output and the only user of `walkdir`. A directory may come from a stranger's repository, so
//! everything goes through descriptors that are opened part by part and never follow a link, and only what
//! `SHA256SUMS` names and vouches for is ever removed.
//!
//! A commit stages all new content in one directory on the same file system, synced, before it renames the first
//! file; `SHA256SUMS` is renamed last. A failure before the renames leaves the disk as it was. A crash among them
//! leaves whole files, old or new, which [`plan`] reports and the next [`apply`] repairs.
#![allow(clippy::disallowed_methods, reason = "this is the module that walks and writes the output")]

mod apply;
mod at;
mod diff;
mod plan;
mod walk;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

pub use apply::{Applied, apply};
pub use diff::diff;
pub use plan::{Plan, plan, plan_file};

/// How a path on disk differs from what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is not there yet.
    Missing,
    /// Its content is another.
    Differs(Cause),
    /// Only the executable bit is wrong.
    Mode,
    /// An earlier build wrote it, and nothing wants it any more.
    Stale,
    /// Nobody wants it and no build wrote it. `apply` leaves it alone.
    Foreign,
    /// `apply` refuses to write as long as it is there.
    InTheWay(Obstacle),
}

/// Why a content is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The disk is as the last build left it: the inputs have changed.
    Inputs,
    /// The disk is not as the last build left it.
    Edited,
}

/// What is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// A directory where a file must go, with something in it that is not ours.
    Directory,
    /// A file where a directory must go.
    File,
    /// A link that no build made.
    Link,
    /// A named pipe, a socket, a device, or run-time state.
    Special,
    /// A file with another content, which no build wrote.
    NotOurs,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Missing => f.write_str("missing"),
            Change::Differs(Cause::Inputs) => {
                f.write_str("out of date: the inputs have changed since it was written")
            }
            Change::Differs(Cause::Edited) => f.write_str("edited: it is not what the last build wrote"),
            Change::Mode => f.write_str("its executable bit is wrong"),
            Change::Stale => f.write_str("left over: nothing in the inputs makes it any more"),
            Change::Foreign => f.write_str("extra: no build wrote it"),
            Change::InTheWay(obstacle) => write!(f, "in the way: {obstacle}"),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Obstacle::Directory => "a directory where a file must go, with files in it that no build wrote",
            Obstacle::File => "a file where a directory must go",
            Obstacle::Link => "a symbolic link that no build made, and links are not followed",
            Obstacle::Special => "neither a file nor a directory",
            Obstacle::NotOurs => {
                "a file that no build wrote, because it is not in a `SHA256SUMS` by bundlegen"
            }
        })
    }
}

/// Why a directory could not be compared or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot {doing} `{}`: {error}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// What it was tried on.
        path: PathBuf,
        /// The answer.
        error: io::Error,
    },
    /// The output directory is something else.
    #[error("`{}` is a file or a link, and not a directory; remove it or choose another directory", .0.display())]
    NotADirectory(PathBuf),
    /// A part of the output directory is a mount, so nothing can be renamed into it.
    #[error("`{}` is on another file system than the directory above it; unmount it and build again", .0.display())]
    Mounted(PathBuf),
    /// Something is where the output must go.
    #[error("nothing was written; move these away or choose another directory:{}", list(.0))]
    InTheWay(Vec<(PathBuf, Obstacle)>),
    /// A path that has no file name, or one that git could not hold.
    #[error("`{}` cannot be the name of an output file", .0.display())]
    Name(PathBuf),
    /// The failure came among the renames.
    #[error("{error}; `{}` now has old and new files, and the same command completes it once the cause is gone", .dir.display())]
    HalfDone {
        /// The output directory.
        dir: PathBuf,
        /// The failure.
        error: Box<Error>,
    },
}

impl Error {
    fn io(doing: &'static str, path: impl Into<PathBuf>, error: impl Into<io::Error>) -> Self {
        Error::Io { doing, path: path.into(), error: error.into() }
    }

    fn is_missing(&self) -> bool {
        self.errno() == Some(Errno::NOENT)
    }

    fn is_no_directory(&self) -> bool {
        matches!(self.errno(), Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP))
    }

    fn errno(&self) -> Option<Errno> {
        match self {
            Error::Io { error, .. } => Errno::from_io_error(error),
            _ => None,
        }
    }
}

fn list(obstacles: &[(PathBuf, Obstacle)]) -> String {
    obstacles.iter().fold(String::new(), |list, (path, what)| format!("{list}\n  {}: {what}", path.display()))
}
