//! The process of a container, and whether it still is that one.

use std::fs::File;
use std::io::Read as _;

use rustix::fs::{Mode, OFlags};
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
            Some(started) => Ok(Task { pid, started }),
            None => Err(Error::Process { pid, reason: "is not there" }),
        }
    }

    pub fn is_alive(self) -> bool {
        running_since(self.pid) == Some(self.started)
    }

    /// A file below its directory in `/proc`.
    pub fn proc(self, file: &str) -> String {
        format!("/proc/{}/{file}", self.pid)
    }
}

/// Field 22 of [proc_pid_stat(5)](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html), unless the process has
/// come to its end.
fn running_since(pid: i32) -> Option<u64> {
    if pid <= 0 {
        return None;
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(format!("/proc/{pid}/stat"), flags, Mode::empty()).ok()?;
    let mut stat = Vec::new();
    File::from(file).take(4096).read_to_end(&mut stat).ok()?;
    starting_time(&String::from_utf8_lossy(&stat))
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
