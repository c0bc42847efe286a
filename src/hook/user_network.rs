//! The network of a project that a user without rights runs: one for all of its containers, in a namespace of the user's.
//!
//! The container of a bundle of its own owns the network namespace and the user namespace. Here a program of the host is
//! started that carries its traffic, [pasta](https://passt.top) or slirp4netns, and links lead the others to the
//! namespaces: they cannot be mounted anywhere without rights. `poststart` does it and not `createRuntime`, since crun
//! lets nobody open the namespaces of a process that has not become the container's own program.

mod pasta;
mod slirp;

use std::io::Read;
use std::time::Duration;

use rustix::fs::AtFlags;
use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

use super::Error;
use super::argv::PATH;
use super::argv::user_network::{self, BUNDLE, UserNetwork};
use super::container::{Container, component};
use super::directory::{Directory, path_in};
use super::error::Failures;
use super::plugin::find;
use super::ports;
use super::state::State;
use super::task::Task;

/// The namespaces that others join.
const NAMESPACES: [&str; 2] = ["net", "user"];
/// Files of the program that carries the traffic.
const FILES: [&str; 2] = [pasta::PID_FILE, slirp::SOCKET];
/// How long the program may take to end.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(5);
/// What the name of a record ends with, after that of the project.
const RECORD: &str = ".user-network.json";

/// What was done for a project.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    #[serde(flatten)]
    container: Container,
    /// The process that has the namespaces.
    owner: Task,
    /// The program that carries the traffic.
    program: Option<Task>,
}

/// Runs `bundlegen hook user-network VERB ARGS`; the state of the container is on `stdin`.
pub(super) fn run(
    verb: Option<&str>,
    args: impl Iterator<Item = String>,
    stdin: impl Read,
) -> Result<(), Error> {
    match verb {
        Some("started") => started(&UserNetwork::parse(args)?, &State::read(stdin)?),
        Some("detach") => detach(&UserNetwork::parse(args)?, &State::read(stdin)?),
        Some("sweep") => sweep(args),
        _ => Err(Error::Usage),
    }
}

/// Gives the namespace a way out and ports on the host, and leads the others to it.
fn started(told: &UserNetwork, state: &State) -> Result<(), Error> {
    let container = container(told, state)?;
    let owner = Task::find(state.pid)?;
    let directory = Directory::make(&told.run)?;
    if let Some(before) = directory.read::<Record>(&file(&told.project))? {
        if before.owner != owner && before.owner.is_alive() {
            let what = format!("the network of project `{}`", told.project);
            return Err(Error::InUse { what, by: format!(" by {}", before.container) });
        }
        undo(&directory, &before)?;
    }
    let mut record = Record { container, owner, program: None };
    directory.write(&file(&told.project), &record)?;
    let done = attach(&directory, told, &mut record);
    done.map_err(|error| error.and(undo(&directory, &record).and_then(|()| directory.dissolve())))
}

fn attach(directory: &Directory, told: &UserNetwork, record: &mut Record) -> Result<(), Error> {
    ports::are_free(&told.ports, true)?;
    let place = directory.make_bundle(&told.project, BUNDLE)?;
    let owner = record.owner;
    let mut keep = |program| {
        record.program = Some(program);
        directory.write(&file(&told.project), record)
    };
    if find(PATH, pasta::NAME).is_some() {
        keep(pasta::start(told, owner, &place, directory.until)?)?;
    } else if find(PATH, slirp::NAME).is_some() {
        slirp::start(told, owner, &mut keep)?;
    } else {
        let reason = format!("not found in {PATH}, and neither is {} (Debian: passt)", slirp::NAME);
        return Err(Error::Program { program: pasta::NAME.to_owned(), reason });
    }
    slirp::publish(told, &place)?;
    for name in NAMESPACES {
        let namespace = record.owner.proc(&format!("ns/{name}"));
        rustix::fs::symlinkat(namespace, &place, name)
            .map_err(Error::system(format!("link {}", path_in(&place, name))))?;
    }
    Ok(())
}

/// Ends what [`started`] has begun, if it was for this container.
fn detach(told: &UserNetwork, state: &State) -> Result<(), Error> {
    let container = container(told, state)?;
    let Some(directory) = Directory::existing(&told.run)? else { return Ok(()) };
    let record =
        directory.read::<Record>(&file(&told.project))?.filter(|record| record.container == container);
    let mut failures = Failures::default();
    if let Some(record) = record {
        failures.note(undo(&directory, &record));
    }
    failures.note(directory.dissolve());
    failures.result()
}

/// Undoes what was done for containers that came to their end with no runtime there to say so.
fn sweep(mut args: impl Iterator<Item = String>) -> Result<(), Error> {
    let path = match (args.next(), args.next()) {
        (None, _) => user_network::run(rustix::process::geteuid().as_raw()),
        (Some(arg), None) => arg.strip_prefix("--run=").map(str::to_owned).ok_or(Error::Usage)?,
        _ => return Err(Error::Usage),
    };
    let Some(directory) = Directory::existing(&path)? else { return Ok(()) };
    let mut failures = Failures::default();
    for (project, _) in directory.bundles()? {
        match directory.read::<Record>(&file(&project)) {
            Ok(Some(record)) if !record.owner.is_alive() => failures.note(undo(&directory, &record)),
            Ok(_) => {}
            Err(error) => failures.note(Err(error)),
        }
    }
    failures.note(directory.dissolve());
    failures.result()
}

/// Undoes what a record speaks of. Nothing of it need be there any more.
fn undo(directory: &Directory, record: &Record) -> Result<(), Error> {
    let project = &record.container.project;
    if let Some(place) = directory.bundle(project, BUNDLE)? {
        // Where a hook was ended between the two, only the file says which process it is.
        if let Some(program) = record.program.or_else(|| pasta::running(&place, project)) {
            end(program)?;
        }
        for name in NAMESPACES.into_iter().chain(FILES) {
            match rustix::fs::unlinkat(&place, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(Error::system(format!("remove {project}/{BUNDLE}/{name}"))(error)),
            }
        }
    }
    directory.remove_bundle(project, BUNDLE)?;
    directory.remove(&file(project))
}

/// Asks a process to end, and sees to it that it does.
fn end(program: Task) -> Result<(), Error> {
    let Some(pid) = Pid::from_raw(program.pid) else { return Ok(()) };
    let mut patience = PATIENCE;
    let mut signal = Signal::TERM;
    while program.is_alive() {
        match rustix::process::kill_process(pid, signal) {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => return Err(Error::system(format!("end process {}", program.pid))(error)),
        }
        std::thread::sleep(PAUSE);
        patience = match patience.checked_sub(PAUSE) {
            Some(left) => left,
            None if signal == Signal::KILL => {
                return Err(Error::Process { pid: program.pid, reason: "does not end" });
            }
            None => {
                signal = Signal::KILL;
                PATIENCE
            }
        };
    }
    Ok(())
}

fn container(told: &UserNetwork, state: &State) -> Result<Container, Error> {
    Ok(Container {
        project: component("project", &told.project)?,
        bundle: BUNDLE.to_owned(),
        id: component("container", &state.id)?,
    })
}

fn file(project: &str) -> String {
    format!(".{project}{RECORD}")
}
