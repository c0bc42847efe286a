//! Every kind of mistake has a directory in `testdata/errors`, and every directory shows what its user reads.
//!
//! `compose.yaml` is compiled with the directory of the case as the project directory; `want.txt` is what is shown.
//! `BLESS=1` writes it. The name of a case begins with the code of a finding in it. In a case with a file `locked`, the
//! lock is to be complete, as for `build --locked`; in one with a file `unlocked`, an image that it lacks is no error, as for
//! `lint`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests make their inputs"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use bundlegen::diag::{Code, Diagnostics};
use bundlegen::load::Environment;
use bundlegen::project::{Absent, Reach, Unused};
use bundlegen::render::{Colour, render};
use bundlegen::source::Sources;
use bundlegen::{Input, compile};
use libtest_mimic::{Arguments, Failed, Trial};
use walkdir::WalkDir;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/errors");
const MANUAL: &str = include_str!("../man/manual.md");
const SERVICE: &str = include_str!("../src/compose/service.rs");

/// The Compose files of a case, as far as they are there.
const FILES: [&str; 2] = ["compose.yaml", "compose.override.yaml"];

/// Codes that no file brings about.
const WITHOUT_CASE: &[(Code, &str)] =
    &[(Code::Internal, "checks before it rule it out; it is reported where they have a hole")];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Every case is compiled inside its own directory, and the working directory is one for all threads.
    arguments.test_threads = Some(1);
    let mut trials: Vec<Trial> =
        cases().into_iter().map(|name| Trial::test(name.clone(), move || check(&name))).collect();
    trials.push(Trial::test("every_code_has_a_case", every_code_has_a_case));
    trials.push(Trial::test("the_manual_explains_every_code", the_manual_explains_every_code));
    trials.push(Trial::test("the_manual_lists_every_attribute", the_manual_lists_every_attribute));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn cases() -> Vec<String> {
    let entries = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

struct Shown {
    text: String,
    codes: BTreeSet<Code>,
}

/// What a user of the case reads.
fn show(name: &str) -> Shown {
    env::set_current_dir(Path::new(CASES).join(name)).unwrap();
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let process = BTreeMap::from([("HOME".into(), "/home/user".into())]);
    let environment = Environment::load(&mut d, &mut sources, process, &[".".into()]);
    let compiled = environment.and_then(|environment| {
        let files = FILES.map(PathBuf::from).into_iter().filter(|file| file.exists()).collect();
        let mut input = Input::new(files, ".".into(), environment);
        if Path::new("locked").exists() {
            input.search.reach = Reach::Lock(Unused::Refused);
        }
        if Path::new("unlocked").exists() {
            input.search.reach = Reach::Lock(Unused::Ignored);
            input.search.absent = Absent::Told;
        }
        compile(&mut d, &mut sources, &input)
    });
    assert_eq!(compiled.is_ok(), d.errors() == 0, "there is a tree only if there was no error");
    let codes = d.sorted().iter().map(|found| found.code).collect();
    Shown { text: render(&d, &sources, 100, Colour::None), codes }
}

fn check(name: &str) -> Result<(), Failed> {
    let before = files(name);
    let shown = show(name);
    if files(name) != before {
        return Err("something was written".into());
    }
    let code = code_of(name).ok_or("the name begins with no code")?;
    if !shown.codes.contains(&code) {
        return Err(format!("`{}` is not shown:\n{}", code.name(), shown.text).into());
    }
    let want = Path::new(CASES).join(name).join("want.txt");
    if env::var_os("BLESS").is_some() {
        fs::write(&want, &shown.text)?;
    }
    let wanted = fs::read_to_string(&want).unwrap_or_default();
    if shown.text == wanted {
        return Ok(());
    }
    Err(format!("shown:\n{}\nwanted:\n{wanted}\nBLESS=1 accepts what is shown", shown.text).into())
}

/// The longest code that the name begins with: `image-volume-x` is no case of `image`.
fn code_of(name: &str) -> Option<Code> {
    let begins = |code: &&Code| name.strip_prefix(code.name()).is_some_and(|rest| rest.starts_with('-'));
    Code::ALL.iter().filter(begins).max_by_key(|code| code.name().len()).copied()
}

fn files(name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = WalkDir::new(Path::new(CASES).join(name)).into_iter().map(Result::unwrap);
    let content = |path: &Path| fs::read(path).unwrap_or_default();
    entries.map(|entry| (entry.path().to_owned(), content(entry.path()))).collect()
}

fn every_code_has_a_case() -> Result<(), Failed> {
    let shown: BTreeSet<Code> = cases().iter().flat_map(|name| show(name).codes).collect();
    for code in Code::ALL {
        let excused = WITHOUT_CASE.iter().any(|(without, _)| without == code);
        if shown.contains(code) == excused {
            let state = if excused { "has a case after all" } else { "has no case" };
            return Err(format!("`{}` {state}", code.name()).into());
        }
    }
    Ok(())
}

/// The text of a chapter of the manual, up to the next one.
fn chapter(title: &str) -> &'static str {
    let (_, rest) = MANUAL.split_once(&format!("\n## {title}\n")).expect(title);
    rest.split("\n## ").next().unwrap()
}

fn the_manual_explains_every_code() -> Result<(), Failed> {
    let anchors: Vec<&str> =
        chapter("Diagnostics").lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    if anchors == codes { Ok(()) } else { Err(format!("manual: {anchors:?}\ncodes: {codes:?}").into()) }
}

/// The keys that `decode` asks a service for.
fn attributes() -> Vec<&'static str> {
    let (_, decode) = SERVICE.split_once("\npub(super) fn decode(").expect("decode");
    let (decode, _) = decode.split_once("\n}\n").expect("the end of decode");
    let asked = decode.split("(d, \"").skip(1);
    asked.filter_map(|rest| rest.split('"').next()).collect()
}

fn the_manual_lists_every_attribute() -> Result<(), Failed> {
    let chapter = chapter("Attributes");
    let attributes = attributes();
    assert!(attributes.len() > 25, "the keys are found");
    match attributes.iter().find(|key| !chapter.contains(&format!("| `{key}` |"))) {
        None => Ok(()),
        Some(key) => Err(format!("`{key}` is not in the manual").into()),
    }
}
