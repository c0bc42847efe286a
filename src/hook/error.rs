//! Why a hook failed, in one line: runtimes show no more.

use std::io;

use super::argv;

/// Why a hook failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such hook.
    #[error("expected `hook network` or `hook user-network`, and `attach`, `started`, `detach` or `sweep`")]
    Usage,
    /// The arguments are wrong.
    #[error(transparent)]
    Arguments(#[from] argv::Error),
    /// What stands on standard input is not the state of a container.
    #[error("the state of the container on standard input: {0}")]
    State(String),
    /// A name that cannot be that of a file.
    #[error("the {what} `{name}` {reason}")]
    Name {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The system refused something.
    #[error("cannot {doing}: {error}")]
    System {
        /// What was tried.
        doing: String,
        /// What it said.
        error: io::Error,
    },
    /// A file that is damaged, or of another version of this program.
    #[error("cannot read {path}: {error}; once what it is named after does not run, remove it")]
    Unreadable {
        /// Where it is.
        path: String,
        /// What is wrong.
        error: serde_json::Error,
    },
    /// The directory for what runs is not one to trust.
    #[error("the directory {path}: {reason}")]
    Directory {
        /// Where it is.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// Others hold the lock for too long.
    #[error("another hook has held {path} for {seconds} seconds")]
    Busy {
        /// The lock.
        path: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The process of the container is not there, or not as it has to be.
    #[error("the container's process {pid} {reason}")]
    Process {
        /// Its number.
        pid: i32,
        /// What is wrong.
        reason: &'static str,
    },
    /// Something else has what the container needs.
    #[error("{what} is in use{by}")]
    InUse {
        /// What it needs.
        what: String,
        /// ` by …`, where that is known.
        by: String,
    },
    /// A port cannot be published.
    #[error("cannot publish port {port}: {reason}")]
    Port {
        /// As it is shown.
        port: String,
        /// Why.
        reason: String,
    },
    /// A network cannot be attached to.
    #[error("network `{network}`: {reason}")]
    Network {
        /// Its name on the host.
        network: String,
        /// Why.
        reason: String,
    },
    /// A plugin failed.
    #[error("network `{network}`: plugin `{plugin}`: {reason}")]
    Plugin {
        /// The name of the network on the host.
        network: String,
        /// The plugin's type.
        plugin: String,
        /// What it said.
        reason: String,
    },
    /// A program of the host failed.
    #[error("{program}: {reason}")]
    Program {
        /// Its name.
        program: String,
        /// What it said.
        reason: String,
    },
    /// Several things failed.
    #[error("{0}; {1}")]
    Both(Box<Error>, Box<Error>),
    /// More than are shown.
    #[error("{0} more failures")]
    More(usize),
}

impl Error {
    /// The system refused something.
    pub(super) fn system(doing: impl Into<String>) -> impl FnOnce(rustix::io::Errno) -> Error {
        let doing = doing.into();
        |error| Error::System { doing, error: error.into() }
    }

    /// The same of the standard library.
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let doing = doing.into();
        |error| Error::System { doing, error }
    }

    /// Both, where there are two.
    pub(super) fn and(self, other: Result<(), Error>) -> Error {
        match other {
            Ok(()) => self,
            // Said once.
            Err(other) if other.to_string() == self.to_string() => self,
            Err(other) => Error::Both(Box::new(self), Box::new(other)),
        }
    }
}

/// What goes on after a failure, and remembers it.
#[derive(Default)]
pub(super) struct Failures {
    shown: Option<Error>,
    number: usize,
}

/// How many failures are shown.
const SHOWN: usize = 8;

impl Failures {
    pub(super) fn note(&mut self, result: Result<(), Error>) {
        if let Err(error) = result {
            self.number += 1;
            self.shown = match self.shown.take() {
                None => Some(error),
                Some(first) if self.number <= SHOWN => Some(first.and(Err(error))),
                Some(first) => Some(first),
            };
        }
    }

    pub(super) fn result(self) -> Result<(), Error> {
        match (self.shown, self.number.saturating_sub(SHOWN)) {
            (None, _) => Ok(()),
            (Some(shown), 0) => Err(shown),
            (Some(shown), more) => Err(shown.and(Err(Error::More(more)))),
        }
    }
}
