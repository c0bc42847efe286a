//! What a container sees when Docker Engine starts it, and when runc and crun start it from a bundle, is the same.
//!
//! A case is a directory below `testdata/docker` with a `compose.yaml`, whose service `s` runs `report` (see
//! `tests/support/report.sh`) in one of the images `busybox` and `app` (see `tests/support/image.rs`). A Docker daemon of
//! the test's own starts it, and both runtimes do; what they print is compared line by line.
//!
//! And what `docker save` writes has the same images as the layout that they come from.
//!
//! What differs must be in `testdata/docker/differences.txt`, and what stands there must differ. Where the host has no
//! Docker 20.10, to which that list belongs, or cannot run it, the test says so and passes, unless
//! `BUNDLEGEN_REQUIRE_DOCKER=1`. A case that bundlegen refuses has failed.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

#[path = "support/cases.rs"]
mod cases;
#[path = "support/containers.rs"]
mod containers;
mod docker {
    pub mod bundles;
    pub mod daemon;
    pub mod differences;
    pub mod saved;
    pub mod seen;
}

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use containers::host::{Host, host};
use containers::say;
use docker::bundles;
use docker::daemon::Docker;
use docker::differences::Differences;
use docker::saved;
use docker::seen::{Seen, seen};
use libtest_mimic::{Arguments, Failed, Trial};

/// Where the cases are.
const CASES: &str = "testdata/docker";

/// The service of every case.
const SERVICE: &str = "s";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let differences = Arc::new(Differences::read(&Path::new(CASES).join("differences.txt")));
    // A list is no reason to start a daemon.
    let ready = if arguments.list { None } else { ready() };
    let trial = |case: PathBuf| {
        let (ready, differences) = (ready.clone(), Arc::clone(&differences));
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        Trial::test(name.clone(), move || match ready {
            Some((host, docker)) => compare(host, &docker, &case, &name, &differences),
            None => Ok(()),
        })
    };
    let mut trials: Vec<_> = cases().into_iter().map(trial).collect();
    let saved = ready.clone();
    trials.push(Trial::test("saved-images", move || {
        saved.map_or(Ok(()), |(host, docker)| saved::compare(host, &docker))
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    let all = ready.is_some_and(|(host, _)| host.runtimes.len() == 2) && conclusion.num_filtered_out == 0;
    let idle = if all && !conclusion.has_failed() { differences.idle() } else { Vec::new() };
    for row in &idle {
        say(&format!("in the list, and no difference: {row}"));
    }
    if conclusion.has_failed() || !idle.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The host and its Docker, or nothing where one is missing, which is said aloud.
fn ready() -> Option<(&'static Host, Arc<Docker>)> {
    let host = host();
    let docker = host.map_or_else(|| Err("bundles cannot be run".to_owned()), Docker::start);
    match docker {
        Ok(docker) => Some((host?, Arc::new(docker))),
        Err(why) => {
            let required = std::env::var_os("BUNDLEGEN_REQUIRE_DOCKER").is_some_and(|value| value == "1");
            assert!(!required, "nothing can be compared with Docker: {why}");
            say(&format!("skipped: nothing can be compared with Docker: {why}"));
            None
        }
    }
}

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

fn compare(
    host: &Host,
    docker: &Docker,
    case: &Path,
    name: &str,
    differences: &Differences,
) -> Result<(), Failed> {
    let mut theirs = None;
    let mut wrong = String::new();
    for runtime in &host.runtimes {
        let dir = bundles::copy(host, case);
        bundles::make(host, dir.path())?;
        let ours = match bundles::report(&runtime.sharing(), dir.path()) {
            Ok(report) => seen(&report, &docker::seen::namespaces("/proc/self")),
            Err(why) => Seen::refused(name, runtime.name, &why),
        };
        let theirs = theirs.get_or_insert_with(|| self::theirs(host, docker, case, name));
        wrong += &differences.between(runtime.name, name, theirs, &ours);
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.into()) }
}

fn theirs(host: &Host, docker: &Docker, case: &Path, name: &str) -> Seen {
    let dir = bundles::copy(host, case);
    match docker.report(dir.path(), name) {
        Ok(report) => seen(&report, &docker.namespaces),
        Err(why) => Seen::refused(name, "Docker", &why),
    }
}
