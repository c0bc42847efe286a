//! The process of a container, and whether it still is that one.

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::Error;

/// A process, told apart from a later one with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub pid: i32,
    /// When it started, in ticks since the host did.
    pub started: u64,
}

impl Task {
    pub fn find(pid: i32) -> Result<Self, Error> {
        match running_since(pid) {
            Ok(Some(started)) => Ok(Task { pid, started }),
            Ok(None) => Err(Error::Process { pid, reason: "is not there" }),
            Err(error) => Err(Error::system(format!("look at process {pid}"))(error)),
        }
    }

    pub fn is_alive(self) -> bool {
        // One that cannot be looked at, as on a host short of memory, may not lose what it has.
        running_since(self.pid).map_or(true, |started| started == Some(self.started))
    }

    /// A file below its directory in `/proc`.
    pub fn proc(self, file: &str) -> String {
        format!("/proc/{}/{file}", self.pid)
    }
}

/// Leaves the terminal's session: whoever presses Ctrl-C means the container, and a hook that is ended half way leaves
/// its plugins at work.
pub fn leave_terminal() {
    // The first process of a session has left already.
    let _left = rustix::process::setsid();
}

/// Field 22 of [proc_pid_stat(5)](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html), unless the process has
/// come to its end.
fn running_since(pid: i32) -> Result<Option<u64>, Errno> {
    if pid <= 0 {
        return Ok(None);
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let mut stat = [0; 4096];
    let read = rustix::fs::open(format!("/proc/{pid}/stat"), flags, Mode::empty())
        .and_then(|file| rustix::io::read(file, &mut stat[..]));
    match read {
        Ok(length) => Ok(starting_time(&String::from_utf8_lossy(stat.get(..length).unwrap_or_default()))),
        Err(Errno::NOENT | Errno::SRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The name of the program comes before, and may have blanks and parentheses in it.
fn starting_time(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X" | "x")).then_some(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_told_apart() {
        let stat =
            |state| format!("7 (a) b (c) {state} 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 5 6");
        assert_eq!(starting_time(&stat("S")), Some(4711));
        assert_eq!(starting_time(&stat("Z")), None);
        assert_eq!(starting_time("7 (sh"), None);
        let own = Task::find(std::process::id().try_into().unwrap()).unwrap();
        assert!(own.is_alive());
        assert!(!Task { started: own.started + 1, ..own }.is_alive());
        assert!(Task::find(0).is_err() && Task::find(-1).is_err());
    }
}
