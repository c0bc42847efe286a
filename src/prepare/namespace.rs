//! A program run in a user namespace with given users, as its root.

use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use super::owner::{Mapping, Range};

/// The shell says when it is in the namespace, and waits until that has its users.
const SCRIPT: &str = "echo && read -r _ && exec \"$@\"";

/// Runs a program in a user namespace of its own. `newuidmap` and `newgidmap` give it those users that `/etc/subuid` and
/// `/etc/subgid` have for who calls.
pub fn in_namespace(
    mapping: &Mapping,
    program: &Path,
    args: impl Iterator<Item = impl AsRef<OsStr>>,
) -> io::Result<ExitStatus> {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "sh", "-c", SCRIPT, "sh"]).arg(program).args(args);
    let mut child = unshare
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| of("unshare", &error))?;
    let (Some(mut input), Some(mut output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("no pipe to unshare"));
    };
    let ready = output.read_exact(&mut [0]).map_err(|_| io::Error::other("there can be no user namespace"));
    let mapped = ready
        .and_then(|()| map("newuidmap", child.id(), &mapping.users))
        .and_then(|()| map("newgidmap", child.id(), &mapping.groups));
    let told = mapped.and_then(|()| input.write_all(b"\n"));
    // The shell ends with its input.
    drop(input);
    let copied = told.and_then(|()| io::copy(&mut output, &mut io::stdout()));
    let status = child.wait()?;
    copied.map(|_| status)
}

fn map(program: &str, pid: u32, ranges: &[Range]) -> io::Result<()> {
    let numbers = ranges.iter().flat_map(|range| [range.container, range.host, range.size]);
    let args = std::iter::once(pid).chain(numbers).map(|number| number.to_string());
    let status = Command::new(program).args(args).status().map_err(|error| of(program, &error))?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{program} failed"))) }
}

fn of(program: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{program}: {error}"))
}
