//! `graph` draws projects as flowcharts that Mermaid can read.
//!
//! A case is a directory in `testdata/graph`, and `want.mmd` its picture; `BLESS=1 cargo test --test graph` writes it. What
//! Mermaid takes is checked by the part of its grammar that is used, for every golden case too.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use bundlegen::review::graph::mermaid;

#[path = "support/cases.rs"]
mod cases;

fn drawn(dir: &Path) -> String {
    let outcome = cases::compiled(dir);
    let compiled = outcome.compiled.unwrap_or_else(|_| panic!("{}", outcome.rendered));
    mermaid(&compiled.project)
}

/// The shapes of nodes, by how they open and close.
const SHAPES: [(&str, &str); 5] = [("([", "])"), ("{{", "}}"), ("[/", "/]"), ("[(", ")]"), ("[", "]")];

const LINKS: [&str; 5] = ["==>", "-->", "---", "-.-", "-.->"];

/// A text in quotes, in which nothing has a meaning but line breaks and codes.
fn check_label(label: &str) {
    let inner = label
        .strip_prefix('"')
        .and_then(|label| label.strip_suffix('"'))
        .unwrap_or_else(|| panic!("{label}"));
    for line in inner.split("<br/>") {
        let mut rest = line;
        while let Some((before, code)) = rest.split_once('#') {
            assert!(
                !before.contains(['"', '<', '>', '&', ';', '`', '*', '[', ']', '{', '}', '|', '\\']),
                "{label}"
            );
            let (digits, after) = code.split_once(';').unwrap_or_else(|| panic!("{label}"));
            assert!(!digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()), "{label}");
            rest = after;
        }
        assert!(
            !rest.contains(['"', '<', '>', '&', ';', '`', '*', '[', ']', '{', '}', '|', '\\']),
            "{label}"
        );
        assert!(!line.chars().any(char::is_control), "{label}");
    }
}

fn id(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    assert!(end > 0, "{text}");
    text.split_at(end)
}

/// Every line is a node or a link, and every link is between nodes.
fn check(text: &str) {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("flowchart LR"));
    let (mut nodes, mut linked) = (BTreeSet::new(), BTreeSet::new());
    for line in lines {
        let line = line.strip_prefix("    ").unwrap();
        let (first, rest) = id(line);
        let Some(edge) = rest.strip_prefix(' ') else {
            let shape = SHAPES.iter().find_map(|(open, close)| rest.strip_prefix(open)?.strip_suffix(close));
            check_label(shape.unwrap_or_else(|| panic!("{line}")));
            assert!(nodes.insert(first), "{first} is drawn twice");
            continue;
        };
        let end = edge.find(['|', ' ']).unwrap();
        assert!(LINKS.contains(&&edge[..end]), "{line}");
        let last = match edge[end..].strip_prefix('|') {
            Some(labelled) => {
                let (label, last) = labelled.split_once("| ").unwrap();
                check_label(label);
                last
            }
            None => &edge[end + 1..],
        };
        assert_eq!(id(last).1, "", "{line}");
        linked.extend([first, last]);
    }
    let lost: Vec<_> = linked.difference(&nodes).collect();
    assert!(lost.is_empty(), "{lost:?} are linked and not drawn:\n{text}");
}

#[test]
fn cases_are_drawn() {
    for name in ["project", "hostile"] {
        let dir = Path::new("testdata/graph").join(name);
        let found = drawn(&dir);
        check(&found);
        let path = dir.join("want.mmd");
        if env::var_os("BLESS").is_some() {
            fs::write(&path, &found).unwrap();
        }
        assert_eq!(found, fs::read_to_string(&path).unwrap_or_default(), "BLESS=1 writes it");
    }
}

#[test]
fn every_golden_case_can_be_drawn() {
    for case in cases::all() {
        check(&drawn(&case.dir));
    }
}

#[test]
fn the_readme_shows_the_picture_of_an_example() {
    let readme = fs::read_to_string("README.md").unwrap();
    let picture = format!("```mermaid\n{}```\n", drawn(Path::new("examples/greeter")));
    assert!(readme.contains(&picture), "the picture of examples/greeter is now:\n{picture}");
}
