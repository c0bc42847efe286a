//! A bundle is what Docker would have handed to runc for the same Compose file, or the manual says where it is not.
//!
//! The records of a Docker Engine 20.10 are not part of this repository: `BUNDLEGEN_ORACLE` names their directory, which
//! is `../shared/oracle/docker` otherwise. There is a project with one attribute in each directory below it, and what
//! that attribute changed in the `config.json` of the project `base`. Attributes that are not supported yet are passed
//! over.
//!
//! The table in the manual names what differs in its first column: `/pointer` for a difference wherever it appears,
//! `project /pointer` for one of a single project. What it does not name must agree, and what it names must differ.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

#[path = "support/cases.rs"]
mod cases;

/// The project that has nothing but what all have.
const BASE: &str = "base";

/// The service of every project.
const SERVICE: &str = "s";

/// Where the table is.
const MANUAL: &str = "man/manual.md";
const SECTION: &str = "## Differences from Docker\n";

/// What the records say of the image and its users, as far as the projects need it.
const LOCK: &str = "\
version: 1
platform: linux/amd64
images:
  docker.io/library/busybox:local:
    manifest: {digest: 'sha256:0000000000000000000000000000000000000000000000000000000000000001', size: 1}
    config: {digest: 'sha256:0000000000000000000000000000000000000000000000000000000000000002', size: 1}
    layers: []
    configuration: {architecture: amd64, os: linux, cmd: [sh]}
    users:
      '': {uid: 0, gid: 0, additional_gids: [0]}
      '1000': {uid: 1000, gid: 0, additional_gids: [0]}
      '1000:1000': {uid: 1000, gid: 1000, additional_gids: [1000]}
      '1000:2000': {uid: 1000, gid: 2000, additional_gids: [2000]}
      nobody: {uid: 65534, gid: 65534, additional_gids: [65534, 1234]}
    groups: {audio: 29}
";

/// The files that the projects refer to.
const FILES: [(&str, &str); 2] = [
    ("e.env", "FROM_FILE=1\nOVER=file\n"),
    (
        "seccomp.json",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_ERRNO"}]}"#,
    ),
];

/// The items that appear and disappear at each place.
type Changes = BTreeMap<String, Change>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Change {
    added: Vec<String>,
    removed: Vec<String>,
}

/// Which side of a comparison an item is on.
#[derive(Clone, Copy)]
enum Side {
    Added,
    Removed,
}

fn oracle() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/oracle/docker");
    let oracle = std::env::var_os("BUNDLEGEN_ORACLE").map_or(default, PathBuf::from);
    if oracle.join(BASE).is_dir() {
        return Some(oracle);
    }
    assert!(
        std::env::var_os("BUNDLEGEN_ORACLE").is_none(),
        "there are no records of Docker in {}",
        oracle.display()
    );
    eprintln!("skipped: there are no records of Docker in {}", oracle.display());
    None
}

fn projects(oracle: &Path) -> Vec<String> {
    let names = fs::read_dir(oracle).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != BASE).collect();
    names.sort();
    names
}

/// Our `config.json`; none where the project needs what is not supported yet.
fn ours(oracle: &Path, project: &str) -> Option<Value> {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path();
    cases::copy_dir(&oracle.join(project), dir);
    fs::write(dir.join(bundlegen::lock::FILE_NAME), LOCK).unwrap();
    for (name, text) in FILES {
        fs::write(dir.join(name), text).unwrap();
    }
    let outcome = cases::compiled(dir);
    let Ok(compiled) = outcome.compiled else {
        assert!(outcome.rendered.contains("not supported"), "{project}:\n{}", outcome.rendered);
        return None;
    };
    cases::configs_of(&compiled.tree).remove(SERVICE)
}

/// What changes on the way from one value to another.
fn changes(base: &Value, this: &Value) -> Changes {
    let mut changes = Changes::new();
    compare("", base, this, &mut changes);
    changes.retain(|_, change| {
        change.added.sort();
        change.removed.sort();
        change.added != change.removed
    });
    changes
}

fn compare(at: &str, base: &Value, this: &Value, changes: &mut Changes) {
    match (base, this) {
        (Value::Object(old), Value::Object(new)) => {
            for key in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
                let at = format!("{at}/{key}");
                compare(
                    &at,
                    base.get(key).unwrap_or(&Value::Null),
                    this.get(key).unwrap_or(&Value::Null),
                    changes,
                );
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            let (mut added, mut removed) = (new.clone(), old.clone());
            added.retain(|item| !old.contains(item));
            removed.retain(|item| !new.contains(item));
            note(at, &Value::Array(added), Side::Added, changes);
            note(at, &Value::Array(removed), Side::Removed, changes);
        }
        _ if base == this => {}
        _ => {
            note(at, this, Side::Added, changes);
            note(at, base, Side::Removed, changes);
        }
    }
}

/// Notes every item of a value: the members of a mapping one by one at their own places, those of a list at its place.
fn note(at: &str, value: &Value, side: Side, changes: &mut Changes) {
    match value {
        Value::Null => {}
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| note(&format!("{at}/{key}"), value, side, changes));
        }
        Value::Array(items) => items.iter().for_each(|item| push(at, item, side, changes)),
        scalar => push(at, scalar, side, changes),
    }
}

fn push(at: &str, item: &Value, side: Side, changes: &mut Changes) {
    let change = changes.entry(at.to_owned()).or_default();
    let list = match side {
        Side::Added => &mut change.added,
        Side::Removed => &mut change.removed,
    };
    list.push(item.to_string());
}

/// What Docker changed, and the places of which the record keeps no more than that much was removed there.
fn recorded(oracle: &Path, project: &str) -> (Changes, Vec<String>) {
    let result = cases::json(&oracle.join(project).join("result.json"));
    let (mut changes, mut removed) = (Changes::new(), Vec::new());
    for change in result["diff"].as_array().unwrap() {
        let at = change["path"].as_str().unwrap();
        for (key, side) in [
            ("added", Side::Added),
            ("this", Side::Added),
            ("removed", Side::Removed),
            ("base", Side::Removed),
        ] {
            match &change[key] {
                Value::String(text) if text.starts_with("(long: ") => removed.push(at.to_owned()),
                value => note(at, value, side, &mut changes),
            }
        }
    }
    for change in changes.values_mut() {
        change.added.sort();
        change.removed.sort();
    }
    (changes, removed)
}

/// In the words of the records: the container's id, Docker's directories and the project's.
fn in_their_words(value: Value) -> Value {
    match value {
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, in_their_words(value))).collect(),
        Value::Array(items) => items.into_iter().map(in_their_words).collect(),
        Value::String(text) => Value::String(
            match (text.strip_prefix("../volumes/"), text.strip_prefix("../../"), text.as_str()) {
                // Docker has random names for volumes without one.
                (Some(volume), _, _) if volume.contains('@') => "@ROOT@/volumes/@ANON@/_data".to_owned(),
                (Some(volume), _, _) => format!("@ROOT@/volumes/orc_{volume}/_data"),
                (_, Some(path), _) => format!("@DIR@/{path}"),
                (_, _, SERVICE) => "@ID12@".to_owned(),
                (_, _, "HOSTNAME=s") => "HOSTNAME=@ID12@".to_owned(),
                _ => text,
            },
        ),
        other => other,
    }
}

fn is_at_or_below(path: &str, at: &str) -> bool {
    path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Drops what was removed at a place and below it, and says whether anything was.
fn forget_removed(changes: &mut Changes, at: &str) -> bool {
    let mut any = false;
    for (_, change) in changes.iter_mut().filter(|(path, _)| is_at_or_below(path, at)) {
        any |= !std::mem::take(&mut change.removed).is_empty();
    }
    changes.retain(|_, change| *change != Change::default());
    any
}

/// Every place where a project differs, as `project /pointer`, with both sides.
fn differences(oracle: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let base = ours(oracle, BASE).unwrap();
    for (at, change) in changes(&cases::json(&oracle.join(BASE).join("config.json")), &base) {
        found.insert(format!("{BASE} {at}"), format!("{change:?}"));
    }
    let base = in_their_words(base);
    let mut skipped = Vec::new();
    for project in projects(oracle) {
        let Some(config) = ours(oracle, &project) else {
            skipped.push(project);
            continue;
        };
        let mut ours = changes(&base, &in_their_words(config));
        let (theirs, removed) = recorded(oracle, &project);
        for at in removed {
            if !forget_removed(&mut ours, &at) {
                found.insert(format!("{project} {at}"), "Docker removes what is there".to_owned());
            }
        }
        for at in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
            let (ours, theirs) = (ours.get(at), theirs.get(at));
            if ours != theirs {
                found.insert(format!("{project} {at}"), format!("\n  ours   {ours:?}\n  theirs {theirs:?}"));
            }
        }
    }
    eprintln!("not supported yet: {}", skipped.join(", "));
    found
}

/// The names in the first column of the table.
fn listed() -> Vec<String> {
    let manual = fs::read_to_string(MANUAL).unwrap();
    let section = manual.split_once(SECTION).unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    rows.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
}

/// Whether an entry of the table speaks for a difference.
fn covers(entry: &str, difference: &str) -> bool {
    let (project, at) = difference.split_once(' ').unwrap();
    match entry.split_once(' ') {
        Some((only, pointer)) => only == project && is_at_or_below(at, pointer),
        None => is_at_or_below(at, entry),
    }
}

#[test]
fn what_differs_from_docker_is_in_the_manual() {
    let Some(oracle) = oracle() else { return };
    let differences = differences(&oracle);
    let listed = listed();
    let unlisted = differences.iter().filter(|(name, _)| !listed.iter().any(|entry| covers(entry, name)));
    let unlisted: Vec<String> = unlisted.map(|(name, sides)| format!("{name}: {sides}")).collect();
    assert!(unlisted.is_empty(), "not in the table:\n{}", unlisted.join("\n"));
    let idle = listed.iter().filter(|entry| !differences.keys().any(|name| covers(entry, name)));
    assert_eq!(idle.collect::<Vec<_>>(), [""; 0], "in the table, and no difference");
}

#[test]
fn an_entry_speaks_for_its_place_and_what_is_below() {
    assert!(covers("/mounts", "base /mounts"));
    assert!(covers("/linux", "cpus /linux/cpu/quota"));
    assert!(covers("cpus /linux", "cpus /linux/cpu/quota"));
    assert!(!covers("cpus /linux", "base /linux/cpu/quota"));
    assert!(!covers("/mount", "base /mounts"));
}
