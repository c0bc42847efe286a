//! The golden cases: directories with a Compose file and the bundles it must compile to.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bundlegen::bundle::tree::{Entry, RelPath, Tree};
use bundlegen::diag::{Diagnostics, Reported};
use bundlegen::load::Environment;
use bundlegen::render::{Colour, render};
use bundlegen::source::Sources;
use bundlegen::{Compiled, Input, compile};
use serde_json::Value;
use tempfile::TempDir;

/// Where the cases are, and the directory in a case that holds its bundles. The paths are relative to the package,
/// where cargo runs tests, so that a rendered warning is the same everywhere.
const HOMES: [(&str, &str); 2] = [("testdata/golden", "want"), ("examples", "bundles")];

/// One directory.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub dir: PathBuf,
    pub want: PathBuf,
}

/// What a case compiles to.
pub struct Outcome {
    pub sources: Sources,
    pub compiled: Result<Compiled, Reported>,
    /// Everything that was found, as text.
    pub rendered: String,
}

/// Every case, sorted.
pub fn all() -> Vec<Case> {
    let mut cases: Vec<Case> = HOMES.into_iter().flat_map(|(home, want)| cases_in(home, want)).collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

fn cases_in(home: &str, want: &str) -> Vec<Case> {
    let entries = fs::read_dir(home).expect("the tests run in the package");
    let dirs = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let case = |dir: PathBuf| {
        let name = dir.file_name().unwrap().to_str().unwrap().to_owned();
        let name = if home == "examples" { format!("examples/{name}") } else { name };
        Case { name, want: dir.join(want), dir }
    };
    dirs.map(case).collect()
}

impl Case {
    pub fn compile(&self) -> Outcome {
        compiled(&self.dir)
    }

    /// Compiles, and fails the test when the case has a mistake.
    pub fn compiled(&self) -> (Compiled, Sources) {
        let outcome = self.compile();
        (outcome.compiled.unwrap_or_else(|_| panic!("{}", outcome.rendered)), outcome.sources)
    }

    /// A copy that a test may change. It keeps the name of the directory.
    pub fn copy(&self) -> (TempDir, Case) {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join(self.dir.file_name().unwrap());
        copy_dir(&self.dir, &dir);
        let want = dir.join(self.want.file_name().unwrap());
        (scratch, Case { name: self.name.clone(), dir, want })
    }

    /// Every checked-in `config.json`: its path and its content.
    pub fn configs(&self) -> Vec<(PathBuf, Value)> {
        let entries = fs::read_dir(&self.want).expect("a blessed case");
        let mut paths: Vec<PathBuf> =
            entries.map(|entry| entry.unwrap().path().join("config.json")).collect();
        paths.retain(|path| path.exists());
        paths.sort();
        assert!(!paths.is_empty(), "{} has no bundle", self.name);
        paths.into_iter().map(|path| (path.clone(), json(&path))).collect()
    }
}

/// Compiles the Compose file of a directory with nothing but what is checked in: the variables of the process are those of
/// `process.env`, and there is no image but those of the lock.
pub fn compiled(dir: &Path) -> Outcome {
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let process = fs::read_to_string(dir.join("process.env")).unwrap_or_default();
    let process = process.lines().filter_map(|line| line.split_once('='));
    let process = process.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let environment = Environment::load(&mut d, &mut sources, process, &[dir.to_owned()]);
    let environment = environment.expect("a right `.env`");
    let mut input = Input::new(files(dir), dir.to_owned(), environment);
    input.images = Some(dir.join("no images"));
    let compiled = compile(&mut d, &mut sources, &input);
    let rendered = render(&d, &sources, 100, Colour::None);
    Outcome { sources, compiled, rendered }
}

/// The Compose files of a case, the later over the earlier.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let files = ["compose.yaml", "compose.override.yaml"].map(|name| dir.join(name));
    files.into_iter().filter(|file| file.exists()).collect()
}

/// What a person has made beside what is checked in: an image, and what runs of it.
const MADE: [&str; 3] = ["images", "rootfs", "volumes"];

pub fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if MADE.iter().any(|made| name == *made) {
            continue;
        }
        if from.is_dir() {
            copy_dir(&from, &to.join(name));
        } else {
            fs::copy(&from, to.join(name)).unwrap();
        }
    }
}

/// The `config.json` files of a tree, by service.
pub fn configs_of(tree: &Tree) -> BTreeMap<String, Value> {
    let config = |(path, entry): (&RelPath, &Entry)| match (path.as_str().strip_suffix("/config.json"), entry)
    {
        (Some(service), Entry::File { bytes, .. }) => {
            Some((service.to_owned(), serde_json::from_slice(bytes).unwrap()))
        }
        _ => None,
    };
    tree.iter().filter_map(config).collect()
}

pub fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
