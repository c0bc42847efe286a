//! Running one plugin, and the other programs of the host: found in given directories, with an environment of our own,
//! for a limited time, with a limited answer.
#![allow(
    clippy::disallowed_types,
    reason = "a plugin that hangs is ended, and nothing of it reaches an output"
)]

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Signal};

use super::Error;
use super::argv::PATH;
use crate::printable::printable_line;

/// How long a program may take. `iptables` waits for others who use it.
const TIME: Duration = Duration::from_secs(60);
/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(2);
/// The longest answer.
const LIMIT: u64 = 16 << 20;
/// How much of what a program complains about is shown.
const SHOWN: usize = 400;

/// Until when all the programs together may run.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    pub fn after(seconds: u32) -> Self {
        Deadline(Instant::now() + Duration::from_secs(seconds.into()))
    }

    /// How long one program may take.
    fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now()).min(TIME)
    }
}

/// What a program had to say.
pub struct Answer {
    pub status: ExitStatus,
    pub output: Vec<u8>,
    complaint: Vec<u8>,
}

impl Answer {
    /// The complaint in one line; its end, where it is long.
    pub fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.complaint);
        let line = printable_line(text.trim()).into_owned();
        let from = line.char_indices().rev().nth(SHOWN).map_or(0, |(at, _)| at);
        let line = line.get(from..).unwrap_or_default();
        if line.is_empty() { format!("failed without a word ({})", self.status) } else { line.to_owned() }
    }
}

/// Finds a program in directories with `:` between them.
pub fn find(directories: &str, name: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        let runs = rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
        runs && rustix::fs::stat(path).is_ok_and(|stat| {
            rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::RegularFile
        })
    };
    directories
        .split(':')
        .filter(|directory| directory.starts_with('/'))
        .map(|directory| Path::new(directory).join(name))
        .find(is_program)
}

/// Runs a program to its end.
pub fn run<'e>(
    program: &Path,
    args: &[&str],
    environment: impl IntoIterator<Item = (&'e str, &'e OsStr)>,
    input: &[u8],
    until: Deadline,
) -> Result<Answer, String> {
    let said = |error: std::io::Error| error.to_string();
    // Files, not pipes: nobody waits for the other one to read.
    let (mut stdin, mut stdout, mut stderr) =
        (memory().map_err(said)?, memory().map_err(said)?, memory().map_err(said)?);
    stdin.write_all(input).and_then(|()| stdin.rewind()).map_err(said)?;
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(environment).current_dir("/");
    // A group of its own, so that what it starts ends with it, and a terminal does not end it half way.
    command.process_group(0);
    command.stdin(stdin);
    command.stdout(stdout.try_clone().map_err(said)?).stderr(stderr.try_clone().map_err(said)?);
    let child = command.spawn().map_err(said)?;
    let status = wait(child, &[&stdout, &stderr], until.left())?;
    Ok(Answer {
        status,
        output: read(&mut stdout).map_err(said)?,
        complaint: read(&mut stderr).map_err(said)?,
    })
}

fn wait(mut child: Child, files: &[&File], time: Duration) -> Result<ExitStatus, String> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status);
        }
        let is_long = |file: &&File| file.metadata().is_ok_and(|metadata| metadata.len() > LIMIT);
        let reason = if files.iter().any(is_long) {
            format!("its answer has more than {LIMIT} bytes")
        } else if start.elapsed() > time {
            format!("it took more than {} seconds", time.as_secs_f32().ceil())
        } else {
            std::thread::sleep(PAUSE);
            continue;
        };
        end(&mut child);
        return Err(reason);
    }
}

fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _gone = rustix::process::kill_process_group(group, Signal::KILL);
    }
    let _gone = child.wait();
}

fn memory() -> std::io::Result<File> {
    Ok(rustix::fs::memfd_create("bundlegen", MemfdFlags::CLOEXEC)?.into())
}

fn read(file: &mut File) -> std::io::Result<Vec<u8>> {
    file.rewind()?;
    let mut content = Vec::new();
    file.take(LIMIT).read_to_end(&mut content)?;
    Ok(content)
}

/// Runs a program of the host that is not a plugin; what it printed.
pub fn program(name: &str, args: &[&str], input: &[u8], until: Deadline) -> Result<Vec<u8>, Error> {
    let failed = |reason| Error::Program { program: name.to_owned(), reason };
    let program = find(PATH, name).ok_or_else(|| failed(format!("not found in {PATH}")))?;
    let answer = run(&program, args, [("PATH", OsStr::new(PATH))], input, until).map_err(failed)?;
    if answer.status.success() { Ok(answer.output) } else { Err(failed(answer.complaint())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str, args: &[&str], input: &[u8]) -> Result<Vec<u8>, Error> {
        super::program(name, args, input, Deadline::after(60))
    }

    #[test]
    fn who_hangs_is_ended_in_time() {
        let start = Instant::now();
        let error = super::program("sleep", &["100"], b"", Deadline::after(1)).unwrap_err();
        assert_eq!(error.to_string(), "sleep: it took more than 1 seconds");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn programs_run() {
        assert_eq!(program("cat", &[], b"text").unwrap(), b"text");
        let error = program("sh", &["-c", "echo one >&2; echo two >&2; exit 3"], b"").unwrap_err();
        assert_eq!(error.to_string(), "sh: one\\ntwo");
        let error = program("false", &[], b"").unwrap_err();
        assert_eq!(error.to_string(), "false: failed without a word (exit status: 1)");
        let error = program("none-such", &[], b"").unwrap_err();
        assert!(error.to_string().starts_with("none-such: not found in /usr/local/sbin:"));
    }

    #[test]
    fn an_endless_answer_is_cut() {
        let error = program("yes", &[], b"").unwrap_err();
        assert_eq!(error.to_string(), "yes: its answer has more than 16777216 bytes");
    }
}
