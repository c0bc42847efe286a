//! Every rule by which Compose reads a project has a case, which shows what `bundlegen config` makes of it.
//!
//! A case is a directory in `testdata/config` with `compose.yaml` and what it needs, and `arguments` if there are any
//! on the command line. `BLESS=1 cargo test --test config` writes what is printed to `want.yaml`, and what is warned
//! about to `want.stderr`, as if the case were in `/project`.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

#[path = "config/shape.rs"]
mod shape;
#[path = "support/wanted.rs"]
mod wanted;

use wanted::{Wanted, blessing};

/// Relative to the package, where cargo runs tests.
const CASES: &str = "testdata/config";

/// Cases whose output is no Compose file of the same project, as Docker has it too.
const ONE_WAY: &[(&str, &str)] = &[
    ("bytes-unlimited", "amounts are printed as texts, and -1 is read as a number only"),
    ("profiles-dependency", "a service is printed that may be missing, and must be known"),
    ("variable", "no variable is looked for in a key, so that `$` is doubled each time"),
];

fn main() {
    let arguments = Arguments::from_args();
    let mut dirs: Vec<PathBuf> = fs::read_dir(CASES)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    dirs.sort();
    let trial = |dir: PathBuf| {
        let name = dir.file_name().unwrap().to_str().unwrap().to_owned();
        Trial::test(name.clone(), move || check(&Case::new(name, dir)))
    };
    libtest_mimic::run(&arguments, dirs.into_iter().map(trial).collect()).exit();
}

fn check(case: &Case) -> Result<(), Failed> {
    let printed = case.config(&case.arguments, None)?;
    says_the_same_again(case, &printed.out)?;
    says_the_same_in_json(case, &printed.out)?;
    let mut wanted = Wanted::default();
    wanted.file(&case.dir.join("want.yaml"), Some(case.moved(&printed.out)))?;
    let warnings = Some(case.moved(&printed.err)).filter(|text| !text.is_empty());
    wanted.file(&case.dir.join("want.stderr"), warnings)?;
    if blessing() { wanted.blessed() } else { wanted.compared(&format!("config -- --exact {}", case.name)) }
}

/// What is printed is a Compose file of the same project.
fn says_the_same_again(case: &Case, text: &str) -> Result<(), Failed> {
    let mut arguments = vec!["-f".to_owned(), "-".to_owned()];
    let mut words = case.arguments.iter();
    while let Some(word) = words.next() {
        if word == "-f" {
            words.next();
        } else {
            arguments.push(word.clone());
        }
    }
    let again = case
        .config(&arguments, Some(text))
        .and_then(|again| same("what is printed again", &again.out, "what was printed", text));
    match ONE_WAY.iter().find(|(name, _)| *name == case.name) {
        None => again,
        Some(_) if again.is_err() => Ok(()),
        Some((_, why)) => Err(format!("it says the same again after all: {why}").into()),
    }
}

/// The two forms differ in what Docker leaves out of one of them, and in nothing else.
fn says_the_same_in_json(case: &Case, text: &str) -> Result<(), Failed> {
    let arguments = [&case.arguments[..], &["--format".to_owned(), "json".to_owned()]].concat();
    let json: Value = serde_json::from_str(&case.config(&arguments, None)?.out)?;
    let mut yaml: Value = serde_yaml::from_str(text)?;
    if !case.arguments.iter().any(|word| word == "--no-interpolate") {
        shape::as_json(&mut yaml);
    }
    let pretty = |value: &Value| serde_json::to_string_pretty(value);
    same("the JSON", &pretty(&json)?, "the YAML", &pretty(&yaml)?)
}

fn same(one: &str, a: &str, other: &str, b: &str) -> Result<(), Failed> {
    if a == b { Ok(()) } else { Err(format!("{one}:\n{a}\n{other}:\n{b}").into()) }
}

struct Case {
    name: String,
    dir: PathBuf,
    arguments: Vec<String>,
}

struct Printed {
    out: String,
    err: String,
}

impl Case {
    fn new(name: String, dir: PathBuf) -> Self {
        let arguments = fs::read_to_string(dir.join("arguments")).unwrap_or_default();
        Case { name, dir, arguments: arguments.split_whitespace().map(str::to_owned).collect() }
    }

    /// Runs the program in the directory of the case, where nobody else has set a variable.
    fn config(&self, arguments: &[String], input: Option<&str>) -> Result<Printed, Failed> {
        let here = std::path::absolute(&self.dir)?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_bundlegen"))
            .arg("config")
            .args(arguments)
            .current_dir(&self.dir)
            .env_clear()
            .env("PWD", here)
            .env("HOME", "/home/user")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child.stdin.take().unwrap().write_all(input.unwrap_or_default().as_bytes())?;
        let output = child.wait_with_output()?;
        let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        if output.status.success() { Ok(Printed { out, err }) } else { Err(err.into()) }
    }

    /// The text with the case in `/project`.
    fn moved(&self, text: &str) -> String {
        let path = |path: &Path| std::path::absolute(path).unwrap().display().to_string();
        text.replace(&path(&self.dir), "/project").replace(&path(Path::new(CASES)), "")
    }
}
