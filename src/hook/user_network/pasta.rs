//! pasta, which gives a namespace the addresses of the host and its way out. See
//! [pasta(1)](https://passt.top/builds/latest/web/passt.1.html); all that is used is in that of Debian 12.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};

use super::super::Error;
use super::super::argv::Ports;
use super::super::argv::user_network::UserNetwork;
use super::super::plugin::{Deadline, program};
use super::super::task::Task;

pub const NAME: &str = "pasta";

/// Where pasta says which process goes on.
pub const PID_FILE: &str = "pasta.pid";

/// The longest command line: a path and a project come first.
const LIMIT: u64 = 1 << 16;

/// Starts it; it is in the background once all of it works.
pub fn start(told: &UserNetwork, owner: Task, place: &OwnedFd, until: Deadline) -> Result<Task, Error> {
    let pid_file = format!("{}/{}/{}/{PID_FILE}", told.run, told.project, super::BUNDLE);
    let mut args = vec!["--quiet".to_owned(), "--config-net".to_owned()];
    // What listens on the loopback of the host is nobody's in a container, as in Docker.
    args.push("--no-map-gw".to_owned());
    args.extend(["--dns-forward".to_owned(), told.resolver.to_string()]);
    args.extend(["--pid".to_owned(), pid_file]);
    args.extend(["-T", "none", "-U", "none"].map(str::to_owned));
    for (option, protocol) in [("-t", "tcp"), ("-u", "udp")] {
        let before = args.len();
        for ports in told.ports.iter().filter(|ports| ports.protocol == protocol) {
            args.extend([option.to_owned(), spec(ports)]);
        }
        if args.len() == before {
            args.extend([option, "none"].map(str::to_owned));
        }
    }
    args.push(owner.pid.to_string());
    program(NAME, &args.iter().map(String::as_str).collect::<Vec<_>>(), b"", until)?;
    let failed = |reason: &str| Error::Program { program: NAME.to_owned(), reason: reason.to_owned() };
    let pid = read_pid(place).ok_or_else(|| failed("does not say which process it is"))?;
    Task::find(pid).map_err(|_| failed("came to its end at once"))
}

/// `[ADDRESS/]HOST[-HOST]:CONTAINER[-CONTAINER]`.
fn spec(ports: &Ports) -> String {
    let text = ports.to_string();
    let numbers = text.rsplit_once('/').map_or(&*text, |(numbers, _)| numbers);
    let Some(ip) = ports.ip else { return numbers.to_owned() };
    let numbers: Vec<&str> = numbers.rsplitn(3, ':').collect();
    match numbers.as_slice() {
        [container, host, _] => format!("{ip}/{host}:{container}"),
        _ => text,
    }
}

/// The process that goes on for a project. The file may be older than the process that has the number by now, so it must
/// be one that was told of the file.
pub fn running(place: &OwnedFd, project: &str) -> Option<Task> {
    let task = Task::find(read_pid(place)?).ok()?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(task.proc("cmdline"), flags, Mode::empty()).ok()?;
    let mut words = Vec::new();
    File::from(file).take(LIMIT).read_to_end(&mut words).ok()?;
    let pid_file = format!("/{project}/{}/{PID_FILE}", super::BUNDLE);
    let is_told = words.split(|byte| *byte == 0).any(|word| word.ends_with(pid_file.as_bytes()));
    is_told.then_some(task)
}

/// The process that goes on, if it has said so.
fn read_pid(place: &OwnedFd) -> Option<i32> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::openat(place, PID_FILE, flags, Mode::empty()).ok()?;
    let mut text = String::new();
    File::from(file).take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_as_pasta_spells_them() {
        for (ports, want) in [
            ("8080:80/tcp", "8080:80"),
            ("127.0.0.1:8080:80/tcp", "127.0.0.1/8080:80"),
            ("[::1]:8080:80/tcp", "::1/8080:80"),
            ("10.0.0.1:8000-8002:80-82/udp", "10.0.0.1/8000-8002:80-82"),
        ] {
            assert_eq!(spec(&ports.parse().unwrap()), want);
        }
    }
}
