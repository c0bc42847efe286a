//! `bundlegen config` prints what Docker Compose printed, and refuses what it refused, or the manual says where not.
//!
//! The cases and the program that compares them are not part of this repository: `BUNDLEGEN_CONFORM` names their
//! directory, which is `../shared/conform` otherwise. The last column of the table in the manual names the cases that
//! differ. A case that differs and is not there fails, and so does one that is there and does not differ.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Where the table is.
const MANUAL: &str = "man/manual.md";
const SECTION: &str = "## Differences from Docker Compose";

/// The forms in which a model is printed.
const FORMATS: [&str; 2] = ["json", "yaml"];

#[test]
fn a_project_is_read_as_docker_compose_reads_it() {
    let Some(cases) = cases() else { return };
    let mut differing = BTreeMap::new();
    for format in FORMATS {
        differing.extend(compare(&cases, format));
    }
    let listed = listed();
    let unlisted: Vec<_> =
        differing.iter().filter(|(case, _)| !listed.contains(*case)).map(|(_, what)| what.as_str()).collect();
    assert!(unlisted.is_empty(), "not in the manual:\n{}", unlisted.join("\n"));
    let idle: Vec<_> = listed.iter().filter(|case| !differing.contains_key(*case)).collect();
    assert!(idle.is_empty(), "in the manual, and no difference: {idle:?}");
}

fn cases() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conform");
    let cases = std::env::var_os("BUNDLEGEN_CONFORM").map_or(default, PathBuf::from);
    if cases.join("conform.py").is_file() {
        return Some(cases);
    }
    assert!(std::env::var_os("BUNDLEGEN_CONFORM").is_none(), "there are no cases in {}", cases.display());
    eprintln!("skipped: there are no cases in {}", cases.display());
    None
}

/// The cases that differ, each with the difference.
fn compare(cases: &Path, format: &str) -> BTreeMap<String, String> {
    let output = Command::new("python3")
        .arg(cases.join("conform.py"))
        .args(["--bin", env!("CARGO_BIN_EXE_bundlegen"), "--lenient", "--json", "--format", format])
        .arg("--corpus")
        .arg(cases.join("cases"))
        .output()
        .expect("python3 runs");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let total = report["total"].as_u64().unwrap();
    assert!(total > 500, "only {total} cases were found");
    let failures = report["failures"].as_array().unwrap();
    let text = |failure: &Value, key: &str| failure[key].as_str().unwrap_or_default().to_owned();
    let differing = failures.iter().map(|failure| {
        let name = text(failure, "name");
        (name.clone(), format!("{name} ({format}): {}", text(failure, "reason")))
    });
    differing.collect()
}

/// What the last column of the table names.
fn listed() -> BTreeSet<String> {
    let manual = fs::read_to_string(MANUAL).unwrap();
    let section = manual.split(SECTION).nth(1).expect("the section is there");
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let cells = rows.filter_map(|row| row.trim_end_matches(" |").rsplit(" | ").next());
    let named = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned));
    named.collect()
}
