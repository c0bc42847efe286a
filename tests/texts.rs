//! Every text that the Compose front end can say is shown by a case of `testdata/errors`, or by a test that is named
//! here.
//!
//! What counts is what stands between the placeholders of a string literal with a blank in it. Literals are found in
//! the sources as they are written, so that a new message without a case fails here.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests make their inputs")]

use std::fs;
use std::path::PathBuf;

use walkdir::WalkDir;

/// Where the messages of the front end are.
const SOURCES: [&str; 12] = [
    "src/yaml",
    "src/compose",
    "src/load",
    "src/model",
    "src/compose.rs",
    "src/load.rs",
    "src/model.rs",
    "src/source.rs",
    "src/cli/config.rs",
    "src/cli/discovery.rs",
    "src/cli/request.rs",
    "src/yaml.rs",
];

/// Tests that show what no case can: a warning of `config`, arguments, or an input too large to be kept.
const TESTS: [&str; 3] = ["tests/cli.rs", "tests/hostile/front_end.rs", "tests/hostile/text.rs"];

/// Texts that nothing shows, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("0abt", "the letters of escapes, and no text"),
    ("a key must stand in one line", "the parser has the error, and no text is known that brings it about"),
    ("this is not YAML: ", "for what a later parser may find"),
    ("indent it like the keys it belongs to", "for a place that is in no mapping"),
    ("a definition", "every mapping of the schema has a name"),
    ("a pool of addresses", "the schema has refused what is none, and its unknown keys"),
    ("a network of a service", "the schema has refused what is none, and its unknown keys"),
    ("names with values", "a list of pairs is asked for in other words"),
    ("unknown recursion ", "the model has checked it"),
    ("expected a number of processors", "the model has checked it"),
    ("write `0.5` or `2`", "the model has checked it"),
    ("a pool of addresses", "the model has checked its keys"),
    ("a network of a service", "the model has checked its keys"),
    ("there is no Compose file", "one is named or found before"),
    ("the values of this file are larger than", "a test beside it says so: no case can be so large"),
    ("too large: ", "no case can be so large; a test of hostile input is"),
    ("a named pipe", "no case can have one; a test of hostile input does"),
    ("a socket", "no case can have one; a test of hostile input does"),
    ("standard input", "a name, and no text"),
    ("error: ", "the output cannot be written"),
    ("the working directory cannot be found", "it was removed meanwhile"),
];

#[test]
fn every_text_is_shown() {
    let shown = shown();
    let excused = |text: &str| WITHOUT.iter().any(|(without, _)| text.contains(without));
    let mut missing = Vec::new();
    for path in SOURCES.iter().flat_map(|source| files(source)) {
        let source = fs::read_to_string(&path).unwrap();
        for literal in literals(&source).into_iter().filter(|literal| literal.trim().contains(' ')) {
            // A text that is not formatted may have braces of its own.
            if shown.contains(&squeezed(&literal)) {
                continue;
            }
            let hidden = |part: &&String| part.len() > 2 && !shown.contains(part.as_str());
            if let Some(part) = parts(&literal).iter().find(hidden).filter(|_| !excused(&literal)) {
                missing.push(format!("{}: {part}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "no case shows\n{}", missing.join("\n"));
}

#[test]
fn what_is_excused_is_there() {
    let sources = SOURCES.iter().flat_map(|source| files(source));
    let literals: Vec<String> =
        sources.flat_map(|path| literals(&fs::read_to_string(path).unwrap())).collect();
    for (text, _) in WITHOUT {
        assert!(literals.iter().any(|literal| literal.contains(text)), "nothing says {text:?}");
    }
}

/// The files with messages: no tests, and no tables of the schema.
fn files(source: &str) -> Vec<PathBuf> {
    let entries =
        WalkDir::new(source).sort_by_file_name().into_iter().map(|entry| entry.unwrap().into_path());
    let has_messages = |path: &PathBuf| {
        let name = path.to_str().unwrap();
        path.is_file() && !name.contains("tests") && !name.contains("compose/schema")
    };
    entries.filter(has_messages).collect()
}

/// All that is shown somewhere, with one blank for any.
fn shown() -> String {
    let cases = WalkDir::new("testdata/errors").into_iter().map(|entry| entry.unwrap().into_path());
    let wanted = cases.filter(|path| path.ends_with("want.txt"));
    let wanted: Vec<String> = wanted.map(|path| squeezed(&fs::read_to_string(path).unwrap())).collect();
    let tests = TESTS.map(|path| squeezed(&literals(&fs::read_to_string(path).unwrap()).join("\n")));
    wanted.into_iter().chain(tests).collect::<Vec<_>>().join("\n")
}

/// A line that was too long is broken with a bar before its rest.
fn squeezed(text: &str) -> String {
    text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The string literals of a source outside its tests, unescaped.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut rest = source;
    let mut found = Vec::new();
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let (before, here) = rest.split_at(at);
        rest = if here.starts_with("//") {
            here.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(character) = ["'\"'", "'\\''", "'\\\\'"].iter().find(|c| here.starts_with(**c)) {
            here.split_at(character.len()).1
        } else if here.starts_with('"') {
            let (literal, rest) = literal(here.split_at(1).1, before.ends_with('r'));
            // Why a lint is off is for who reads the source.
            if !before.ends_with("reason = ") {
                found.push(literal);
            }
            rest
        } else {
            here.split_at(1).1
        };
    }
    found
}

/// What stands before the closing quote, and what after it.
fn literal(text: &str, raw: bool) -> (String, &str) {
    let mut literal = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => break,
            '\\' if !raw => match rest.next() {
                Some('\n') => rest = rest.as_str().trim_start().chars(),
                Some('n') => literal.push('\n'),
                Some(c) => literal.push(c),
                None => break,
            },
            c => literal.push(c),
        }
    }
    (literal, rest.as_str())
}

/// What stands between the placeholders of a format.
fn parts(literal: &str) -> Vec<String> {
    let literal = literal.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let ends = literal.split('{').enumerate().map(|(at, part)| match part.split_once('}') {
        Some((_, part)) if at > 0 => part,
        _ => part,
    });
    ends.map(|part| squeezed(&part.replace('\u{1}', "{").replace('\u{2}', "}"))).collect()
}
