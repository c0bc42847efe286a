//! What the program says, in the shapes that people, editors and other programs read.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

const WRONG: &str = "\
services:
  web:
    image: app:1
    hostnme: größe
    network_mode: none
    cpu_percent: 5
";

fn project(compose: &str) -> TempDir {
    let project = tempfile::tempdir().unwrap();
    fs::write(project.path().join("compose.yaml"), compose).unwrap();
    project
}

fn run(project: &TempDir, words: &str, environment: &[(&str, &str)]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bundlegen"));
    program.args(words.split(' ')).current_dir(project).env_clear();
    program.envs(environment.iter().copied()).output().unwrap()
}

fn said(project: &TempDir, words: &str) -> String {
    String::from_utf8(run(project, words, &[]).stderr).unwrap()
}

/// Every line as an object, which the schema knows.
fn objects(project: &TempDir, words: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/message.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let said = said(project, words);
    let objects: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for object in &objects {
        assert!(validator.is_valid(object), "{object}");
    }
    objects
}

#[test]
fn findings_are_lines_with_their_places() {
    let project = project(WRONG);
    let said = said(&project, "build --message-format short");
    let want = "\
compose.yaml:4:5: error[unknown-key]: a service has no key `hostnme`
compose.yaml:6:18: warning[no-place]: `cpu_percent` limits nothing on Linux
";
    assert_eq!(said, want);
}

#[test]
fn findings_are_objects() {
    let project = project(WRONG);
    let found = objects(&project, "--message-format=json build");
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0]["severity"], "error");
    assert_eq!(found[0]["code"], "unknown-key");
    assert_eq!(found[0]["help"], "did you mean `hostname`?");
    let place = json!({
        "file": "compose.yaml", "line": 4, "column": 5, "end_line": 4, "end_column": 12, "text": "not known to Compose",
    });
    assert_eq!(found[0]["labels"][0], place);
    assert_eq!(found[1]["severity"], "warning");
}

/// What is no finding in a file has the same shape, and so has what stands after it.
#[test]
fn all_that_is_said_is_an_object() {
    let project = project("services: {web: {image: app:1, network_mode: none}}\n");
    let table = [
        ("build --images nowhere", 1, "there is nothing at `nowhere`, which `--images` names"),
        ("lock --images nowhere", 1, "there is nothing at `nowhere`, which `--images` names"),
        ("lock --upgrade=wbe", 1, "no service is called `wbe`"),
        ("prepare nowhere", 3, "nowhere"),
        ("inspect nowhere", 1, "nowhere is neither a bundle nor a directory of bundles"),
        ("explain", 2, "the following required arguments were not provided: <SERVICE>"),
        ("nonsense", 2, "unrecognized subcommand 'nonsense'"),
        ("build --platform nonsense", 2, "nonsense"),
    ];
    for (words, code, want) in table {
        let words = format!("{words} --message-format json");
        assert_eq!(run(&project, &words, &[]).status.code(), Some(code), "{words}");
        let found = objects(&project, &words);
        let errors: Vec<&Value> = found.iter().filter(|object| object["severity"] == "error").collect();
        assert_eq!(errors.len(), 1, "{words}: {found:?}");
        assert!(errors[0]["message"].as_str().unwrap().contains(want), "{words}: {found:?}");
    }
    let upgrade = objects(&project, "lock --upgrade=wbe --message-format json");
    assert_eq!(upgrade[0]["help"], "did you mean `web`?");
    assert_eq!(said(&project, "inspect nowhere --message-format short").lines().count(), 1);
}

#[test]
fn quiet_is_quiet() {
    let project = project("services: {web: {x-bundlegen: {rootfs: .}, network_mode: none, command: [x]}}\n");
    let output = run(&project, "build --quiet", &[]);
    assert_eq!((output.status.code(), output.stdout, output.stderr), (Some(0), Vec::new(), Vec::new()));
    let output = run(&project, "store verify -q --state nowhere", &[]);
    assert_eq!((output.status.code(), output.stdout, output.stderr), (Some(0), Vec::new(), Vec::new()));
}

#[test]
fn help_is_for_people() {
    let project = project("");
    let output = run(&project, "build --help --message-format json", &[]);
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    assert!(String::from_utf8(output.stdout).unwrap().contains("Usage: bundlegen build"));
}

const FORCE: (&str, &str) = ("CLICOLOR_FORCE", "1");

/// A command line, the environment, and whether there are colours.
type Coloured = (&'static str, &'static [(&'static str, &'static str)], bool);

/// The program itself has no terminal here, so only what is asked for has colours.
#[test]
fn colours_are_for_who_wants_them() {
    let project = project(WRONG);
    let table: [Coloured; 12] = [
        ("build", &[], false),
        ("build --color always", &[], true),
        ("build --color always", &[("NO_COLOR", "1")], true),
        ("build", &[FORCE], true),
        ("build", &[("CLICOLOR_FORCE", "0")], false),
        ("build", &[FORCE, ("NO_COLOR", "1")], false),
        ("build", &[FORCE, ("NO_COLOR", "")], true),
        ("build --color never", &[FORCE], false),
        ("build --color always --message-format short", &[], false),
        ("build --nonsense", &[], false),
        ("build --nonsense --color=always", &[], true),
        ("build --nonsense --color=never", &[FORCE], false),
    ];
    for (words, environment, want) in table {
        let output = run(&project, words, environment);
        assert_eq!(output.stderr.contains(&0x1b), want, "{words} {environment:?}");
        assert!(output.stdout.is_empty());
    }
}

/// The width and the words do not depend on who reads.
#[test]
fn colours_change_nothing_else() {
    let project = project(WRONG);
    let plain = said(&project, "build");
    let wide = run(&project, "build", &[("COLUMNS", "30"), ("TERM", "xterm")]);
    assert_eq!(String::from_utf8(wide.stderr).unwrap(), plain);
    let coloured = said(&project, "build --color=always");
    let mut without = String::new();
    let mut parts = coloured.split("\u{1b}[");
    without.push_str(parts.next().unwrap());
    parts.for_each(|part| without.push_str(part.split_once('m').unwrap().1));
    assert_eq!(without, plain);
}
