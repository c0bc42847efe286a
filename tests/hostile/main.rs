//! Bad input: whatever stands in a file, and whatever kind of file it is, a run ends soon, says what is wrong, and
//! writes nothing. The terminal never gets a command from an input.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::format_collect,
    reason = "tests make their inputs, and measure time"
)]

mod change;
mod files;
mod front_end;
mod output;
mod text;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bundlegen::diag::Diagnostics;
use bundlegen::load::Environment;
use bundlegen::render::{Colour, render};
use bundlegen::source::Sources;
use bundlegen::{Input, compile};
use proptest::prelude::*;
use tempfile::TempDir;
use walkdir::WalkDir;

/// A guard against hanging, and no measure: tests run unoptimised, beside each other, on slow machines.
const GUARD: Duration = Duration::from_secs(60);

/// A service with no need for an image.
const SERVICE: &str = "x-bundlegen: {rootfs: .}, network_mode: none, command: [sh]";

/// A project directory, and what a run in it came to.
struct Project {
    dir: TempDir,
    outside: TempDir,
}

#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Project {
    fn new() -> Self {
        Project { dir: tempfile::tempdir().unwrap(), outside: tempfile::tempdir().unwrap() }
    }

    /// With a `compose.yaml`.
    fn with(compose: impl AsRef<[u8]>) -> Self {
        let project = Project::new();
        project.write("compose.yaml", compose);
        project
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn fifo(&self, name: &str) {
        let made = Command::new("mkfifo").arg(self.at(name)).status().unwrap();
        assert!(made.success());
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let log = |name: &str| self.outside.path().join(name);
        let mut child = Command::new(env!("CARGO_BIN_EXE_bundlegen"))
            .args(arguments)
            .current_dir(self.dir.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(fs::File::create(log("out")).unwrap())
            .stderr(fs::File::create(log("err")).unwrap())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > GUARD {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("{arguments:?} does not end");
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let read = |name| String::from_utf8(fs::read(log(name)).unwrap()).expect("the output is text");
        let ended = Ended { code: status.code().unwrap_or(-1), out: read("out"), err: read("err") };
        ended.check();
        ended
    }

    /// Every path and what it is, without following links.
    fn listing(&self) -> Vec<(PathBuf, u64)> {
        let entries = WalkDir::new(self.dir.path()).sort_by_file_name().into_iter().map(Result::unwrap);
        entries.map(|entry| (entry.path().to_owned(), entry.metadata().unwrap().len())).collect()
    }

    /// Both commands refuse the project, and write nothing.
    #[track_caller]
    fn refused(&self) -> Ended {
        self.refused_with(&[])
    }

    #[track_caller]
    fn refused_with(&self, arguments: &[&str]) -> Ended {
        let before = self.listing();
        let arguments = [&["build"], arguments].concat();
        let ended = self.run(&arguments);
        assert_eq!(ended.code, 1, "{}", ended.err);
        assert!(ended.err.contains("error"), "it says why: {}", ended.err);
        assert_eq!(self.listing(), before, "nothing is written");
        ended
    }

    #[track_caller]
    fn built(&self) -> Ended {
        let ended = self.run(&["build"]);
        assert_eq!(ended.code, 0, "{}", ended.err);
        let checked = self.run(&["check"]);
        assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
        ended
    }
}

impl Ended {
    #[track_caller]
    fn check(&self) {
        assert!(matches!(self.code, 0 | 1 | 3), "exit code {}: {}", self.code, self.err);
        for text in [&self.out, &self.err] {
            assert!(!text.contains("panicked"), "{text}");
            assert!(!text.contains("fault of bundlegen"), "{text}");
            assert!(text.len() < 1_000_000, "{} bytes are said", text.len());
            let raw = text.chars().find(|c| c.is_control() && *c != '\n' && *c != '\t');
            assert_eq!(raw, None, "a terminal would act on this: {}", text.escape_debug());
        }
    }

    #[track_caller]
    fn says(&self, what: &str) {
        assert!(self.err.contains(what), "`{what}` is not in:\n{}", self.err);
    }
}

fn service(attributes: &str) -> String {
    format!("services:\n  web: {{{SERVICE}, {attributes}}}\n")
}

/// What `compile` makes of a directory, shown; twice, as the output may not depend on chance.
fn in_process(directory: &Path) -> bool {
    let process = BTreeMap::from([("SET".into(), "set".into()), ("EMPTY".into(), String::new())]);
    let run = || {
        let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
        let environment = Environment::load(&mut d, &mut sources, process.clone(), &[directory.into()]);
        let compiled = environment.and_then(|environment| {
            let files = vec![directory.join("compose.yaml")];
            compile(&mut d, &mut sources, &Input::new(files, directory.into(), environment))
        });
        assert_eq!(compiled.is_ok(), d.errors() == 0);
        let shown = render(&d, &sources, 100, Colour::None);
        let raw = shown.chars().find(|c| c.is_control() && *c != '\n' && *c != '\t');
        assert_eq!(raw, None, "{}", shown.escape_debug());
        assert!(!shown.contains("fault of bundlegen"), "{shown}");
        (compiled.ok().map(|compiled| (compiled.tree, compiled.lock)), shown)
    };
    let (first, second) = (run(), run());
    assert_eq!(first, second);
    first.0.is_some()
}
