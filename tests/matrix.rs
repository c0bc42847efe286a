//! `config` accepts and refuses what Docker Compose does, value by value, at every place that the schema of the Compose
//! specification knows; or `testdata/matrix-differences.txt` says where it does not, and why.
//!
//! `testdata/matrix.txt` has the verdicts of Docker Compose, and `tests/matrix/record` makes it and says how to read it.
//! What crashes Docker Compose has no verdict; here it must not crash.
//!
//! A difference is listed in one of three ways, and each line must be needed:
//!
//! ```text
//! services.*.ports[].target "1g": the reason
//! **.labels *: the reason
//! {"services":{"a":{"image":"x","pid":0}}}: the reason
//! ```
//!
//! The first one speaks for a value at a place; `**` stands for any text in the place, `*` for every value. The last one
//! speaks for a single document.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use bundlegen::compose::Variables;
use bundlegen::diag::Diagnostics;
use bundlegen::load::{Environment, Request, load};
use bundlegen::model::{Selection, complete};
use bundlegen::source::Sources;
use bundlegen::yaml::Unset;
use serde_json::Value;

/// Whether `config` accepts a document as `compose.yaml`, the only file in a directory named `project`, with no
/// variables set.
fn accepts(directory: &Path, document: &str) -> bool {
    let file = directory.join("compose.yaml");
    // Some file systems write to the disk at once what replaces a file, and not what is new.
    let _none_yet = fs::remove_file(&file);
    fs::write(&file, document).unwrap();
    let request = Request {
        files: vec![file],
        directory: directory.to_owned(),
        directory_name: Some("project".to_owned()),
        project_name: None,
        environment: Environment { unset: Unset::Empty, ..Environment::default() },
        variables: Variables::Replaced,
        unset: Unset::Empty,
    };
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let model = load(&mut d, &mut sources, &request)
        .and_then(|loaded| complete(&mut d, &mut sources, &loaded, &Selection::default()));
    model.is_ok() && d.errors() == 0
}

const RECORD: &str = "testdata/matrix.txt";
const DIFFERENCES: &str = "testdata/matrix-differences.txt";

/// How many differences are shown. Those that follow are rarely of another kind.
const SHOWN: usize = 100;

/// How much of a document is shown.
const WIDTH: usize = 300;

/// What Docker Compose makes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    No,
    Crash,
}

/// A document, and what was put where in it.
#[derive(Debug)]
struct Line<'a> {
    place: &'a str,
    shape: Option<Value>,
    document: &'a str,
    verdict: Verdict,
}

/// A difference that is meant.
#[derive(Debug)]
enum Entry<'a> {
    At { place: &'a str, shape: Option<Value> },
    Document(&'a str),
}

impl Entry<'_> {
    fn parse(line: &str) -> Entry<'_> {
        let (what, reason) =
            line.split_once(": ").unwrap_or_else(|| panic!("{DIFFERENCES}: no reason: {line}"));
        assert!(!reason.trim().is_empty(), "{DIFFERENCES}: no reason: {line}");
        if what.starts_with('{') {
            return Entry::Document(what);
        }
        let (place, shape) =
            what.split_once(' ').unwrap_or_else(|| panic!("{DIFFERENCES}: no value: {line}"));
        let shape = (shape != "*").then(|| json(shape));
        Entry::At { place, shape }
    }

    fn covers(&self, line: &Line) -> bool {
        match self {
            Entry::Document(document) => *document == line.document,
            Entry::At { place, shape } => {
                fits(place, line.place) && (shape.is_none() || *shape == line.shape)
            }
        }
    }
}

/// Whether a place is one of those that a pattern speaks of.
fn fits(pattern: &str, place: &str) -> bool {
    match pattern.split_once("**") {
        None => pattern == place,
        Some((head, tail)) => place.strip_prefix(head).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| rest.get(at..).is_some_and(|rest| fits(tail, rest)))
        }),
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What is at a place of a document. The names that the user chose are the first ones there are.
fn shape_at(place: &str, document: &Value) -> Option<Value> {
    let mut value = document;
    for step in place.split('.').filter(|_| place != "(document)") {
        let key = step.trim_end_matches("[]");
        value = match key {
            "<name>" => return Some(Value::from(value.as_object()?.keys().next()?.as_str())),
            "*" => value.as_object()?.values().next()?,
            key => value.get(key)?,
        };
        for _ in 0..(step.len() - key.len()) / 2 {
            value = value.get(0)?;
        }
    }
    Some(value.clone())
}

fn lines(record: &str) -> Vec<Line<'_>> {
    let mut place = None;
    let mut lines = Vec::new();
    for line in record.lines() {
        let (word, rest) = line.split_once(' ').unwrap();
        let verdict = match word {
            "#" => {
                place = Some(rest);
                continue;
            }
            "ok" => Verdict::Ok,
            "no" => Verdict::No,
            "crash" => Verdict::Crash,
            _ => panic!("{RECORD}: {line}"),
        };
        let place = place.unwrap();
        lines.push(Line { place, shape: shape_at(place, &json(rest)), document: rest, verdict });
    }
    lines
}

/// The start of a long text.
fn short(text: &str) -> String {
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[test]
fn every_document_is_treated_as_docker_compose_does() {
    let record = fs::read_to_string(RECORD).unwrap();
    let listed = fs::read_to_string(DIFFERENCES).unwrap();
    let listed: Vec<_> = listed.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let entries: Vec<_> = listed.iter().map(|line| Entry::parse(line)).collect();
    let mut needed = vec![false; entries.len()];
    let (mut report, mut differences) = (String::new(), 0);
    let directory = tempfile::tempdir().unwrap();
    for line in lines(&record) {
        let ours = if accepts(directory.path(), line.document) { Verdict::Ok } else { Verdict::No };
        if line.verdict == Verdict::Crash || line.verdict == ours {
            continue;
        }
        let covering = entries.iter().zip(&mut needed).filter(|(entry, _)| entry.covers(&line));
        if covering.map(|(_, needed)| *needed = true).count() > 0 {
            continue;
        }
        differences += 1;
        if differences <= SHOWN {
            let shape = line.shape.map_or_else(String::new, |shape| short(&shape.to_string()));
            let (place, document) = (line.place, short(line.document));
            let theirs = line.verdict;
            writeln!(report, "{place} {shape}\n  ours {ours:?}, Docker Compose's {theirs:?}: {document}")
                .unwrap();
        }
    }
    assert!(differences == 0, "{differences} differences are not in {DIFFERENCES}:\n{report}");
    let idle = listed.iter().zip(&needed).filter(|(_, needed)| !**needed).map(|(line, _)| *line);
    assert_eq!(idle.collect::<Vec<_>>(), [""; 0], "in {DIFFERENCES}, and no difference");
}

/// A record that lost its lines would agree with anything.
#[test]
fn the_record_has_places_of_all_kinds() {
    let record = fs::read_to_string(RECORD).unwrap();
    let lines = lines(&record);
    for place in ["name", "include[]", "services.*.ports[].target", "networks.*.labels.<name>", "(document)"]
    {
        assert!(lines.iter().any(|line| line.place == place), "{place}");
    }
    for verdict in [Verdict::Ok, Verdict::No] {
        assert!(lines.iter().filter(|line| line.verdict == verdict).count() > 1000, "{verdict:?}");
    }
    let lost = lines.iter().find(|line| line.shape.is_none());
    assert!(lost.is_none(), "nothing at the place: {lost:?}");
}

#[test]
fn an_entry_speaks_for_its_place_and_value() {
    let record = "# services.*.ports[].target\nno {\"services\":{\"a\":{\"ports\":[{\"target\":\"1g\"}]}}}\n";
    let line = &lines(record)[0];
    let covers = |entry: &str| Entry::parse(&format!("{entry}: why")).covers(line);
    assert!(covers("services.*.ports[].target \"1g\""));
    assert!(covers("services.*.ports[].target *"));
    assert!(covers("services.**.target *"));
    assert!(covers("**ports** \"1g\""));
    assert!(covers("{\"services\":{\"a\":{\"ports\":[{\"target\":\"1g\"}]}}}"));
    assert!(!covers("services.*.ports[].target \"1\""));
    assert!(!covers("services.*.ports[] *"));
    assert!(!covers("ports** *"));
    assert!(!covers("{\"services\":{}}"));
}
