//! Every value of every golden `config.json` has an origin, and the origins are true.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::fs;
use std::path::Path;

use bundlegen::lower::origin::{Origin, Origins, escaped};
use bundlegen::source::{Sources, Span};
use serde_json::Value;

#[path = "support/cases.rs"]
mod cases;

/// Calls `f` for each case, service, its configuration, its origins and the sources.
fn each(f: impl Fn(&str, &Value, &Origins, &Sources)) {
    for case in cases::all() {
        let (compiled, sources) = case.compiled();
        for (service, config) in cases::configs_of(&compiled.tree) {
            f(&format!("{}/{service}", case.name), &config, &compiled.origins[&*service], &sources);
        }
    }
}

/// The pointers of everything that has nothing below it.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| leaves(value, &format!("{at}/{}", escaped(key)), found));
        }
        Value::Array(list) if !list.is_empty() => {
            list.iter().enumerate().for_each(|(index, value)| leaves(value, &format!("{at}/{index}"), found));
        }
        _ => found.push(at.to_owned()),
    }
}

#[test]
fn every_value_has_an_origin() {
    each(|name, config, origins, _| {
        let mut pointers = Vec::new();
        leaves(config, "", &mut pointers);
        pointers.retain(|pointer| origins.of(pointer).is_none());
        assert_eq!(pointers, [""; 0], "{name}");
    });
}

/// An origin of nothing is the sign of an index that has shifted.
#[test]
fn every_origin_is_of_a_value() {
    each(|name, config, origins, _| {
        let stray: Vec<_> =
            origins.iter().map(|(pointer, _)| pointer).filter(|at| config.pointer(at).is_none()).collect();
        assert_eq!(stray, [""; 0], "{name}");
    });
}

fn text(sources: &Sources, span: Span) -> Option<String> {
    let text = sources.text(span.file);
    text.get(span.start as usize..span.end as usize).map(str::to_owned)
}

#[test]
fn written_origins_are_places_of_real_files() {
    each(|name, _, origins, sources| {
        for (pointer, origin) in origins.iter() {
            let Origin::Written(span) = origin else { continue };
            let file = sources.name(span.file);
            assert!(Path::new(file).exists(), "{name}: {pointer}: {file}");
            assert!(text(sources, *span).is_some(), "{name}: {pointer}: {span:?}");
        }
    });
}

/// A variable is the value for which one can check the text: it is written as `NAME=VALUE`, `NAME: VALUE` or `NAME`.
#[test]
fn variables_are_where_they_are_written() {
    let case = cases::all().into_iter().find(|case| case.name == "environment").unwrap();
    let (compiled, sources) = case.compiled();
    for (service, variable, want) in [
        ("mapping", "TEXT=hello world", "hello world"),
        ("mapping", "FLOAT=1.5", "1.50"),
        ("list", "EQUALS=a=b", "a=b"),
        ("list", "TWICE=second", "second"),
        ("names", "FROM_DOTENV=from .env", "FROM_DOTENV"),
    ] {
        let config = &cases::configs_of(&compiled.tree)[service];
        let env = config["process"]["env"].as_array().unwrap();
        let index = env.iter().position(|item| item == variable).unwrap();
        let Some(Origin::Written(span)) = compiled.origins[service].of(&format!("/process/env/{index}"))
        else {
            panic!("{variable} is not written")
        };
        assert_eq!(text(&sources, *span).as_deref(), Some(want), "{variable}");
    }
}

#[test]
fn a_comment_moves_the_origins_and_not_the_output() {
    for case in cases::all() {
        let (_scratch, copy) = case.copy();
        let file = copy.dir.join("compose.yaml");
        let old = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("# a comment\n\n{old}\n# the end\n")).unwrap();
        let (before, old_sources) = case.compiled();
        let (after, new_sources) = copy.compiled();
        assert_eq!(before.tree, after.tree, "{}", case.name);
        assert_eq!(before.lock, after.lock, "{}", case.name);
        for (service, origins) in &before.origins {
            let (old, new) = (texts(origins, &old_sources), texts(&after.origins[service], &new_sources));
            assert!(!old.is_empty(), "{}", case.name);
            assert_eq!(old, new, "{}/{service}", case.name);
        }
    }
}

/// What is written at each written origin.
fn texts(origins: &Origins, sources: &Sources) -> Vec<(String, Option<String>)> {
    let written = |(pointer, origin): (&str, &Origin)| match origin {
        Origin::Written(span) => Some((pointer.to_owned(), text(sources, *span))),
        _ => None,
    };
    origins.iter().filter_map(written).collect()
}
