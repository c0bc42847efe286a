//! What `inspect` prints of the bundles of a project is a project with the same bundles.
#![allow(clippy::disallowed_methods, clippy::panic, clippy::unwrap_used, reason = "tests make their inputs")]

use std::collections::BTreeMap;
use std::fs;

use bundlegen::bundle::tree::{Entry, Mode, Tree};
use bundlegen::config::yaml_of;
use bundlegen::diag::Diagnostics;
use bundlegen::inspect::{Bundle, File, inspect};
use bundlegen::lock::Lock;
use bundlegen::source::Sources;

#[path = "support/cases.rs"]
mod cases;

/// The bundles of a tree, as they would be read from the disk.
fn bundles(tree: &Tree) -> Vec<Bundle> {
    let configs = cases::configs_of(tree);
    let files = |name: &str| -> BTreeMap<String, File> {
        let own = tree.iter().filter_map(|(path, entry)| match (path.as_str().split_once('/')?, entry) {
            ((service, path), Entry::File { bytes, mode }) if service == name => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                Some((path.to_owned(), File { text, executable: *mode == Mode::Executable }))
            }
            _ => None,
        });
        own.collect()
    };
    configs.into_iter().map(|(name, config)| Bundle { files: files(&name), name, config }).collect()
}

/// What the text of a lock says.
fn lock(text: &str) -> Lock {
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let file = sources.add("bundlegen.lock".to_owned(), text.to_owned());
    Lock::parse(&mut d, &sources, file).unwrap()
}

/// A `config.json`, line by line.
fn lines(config: &serde_json::Value) -> Vec<String> {
    serde_json::to_string_pretty(config).unwrap().lines().map(str::to_owned).collect()
}

/// What differs, in short.
fn difference(want: &serde_json::Value, have: &serde_json::Value) -> String {
    let (want, have) = (lines(want), lines(have));
    let only = |a: &[String], b: &[String], sign: char| -> String {
        a.iter().filter(|line| !b.contains(line)).take(8).map(|line| format!("  {sign}{line}\n")).collect()
    };
    format!("{}{}", only(&want, &have, '-'), only(&have, &want, '+'))
}

#[test]
fn bundles_survive_the_way_through_a_compose_file() {
    let mut failed = Vec::new();
    for case in cases::all() {
        let (compiled, _) = case.compiled();
        let lock = compiled.lock.as_deref().map(lock);
        let inspected = inspect(&bundles(&compiled.tree), lock.as_ref());
        if !inspected.unsaid.is_empty() {
            failed.push(format!("{}: cannot say {:?}", case.name, inspected.unsaid));
        }
        let (_scratch, copy) = case.copy();
        let text = yaml_of(&inspected.file);
        fs::write(copy.dir.join("compose.yaml"), &text).unwrap();
        let _absent = fs::remove_file(copy.dir.join("compose.override.yaml"));
        fs::write(copy.dir.join(bundlegen::lock::FILE_NAME), compiled.lock.as_deref().unwrap_or_default())
            .unwrap();
        if compiled.lock.is_none() {
            fs::remove_file(copy.dir.join(bundlegen::lock::FILE_NAME)).unwrap();
        }
        let outcome = copy.compile();
        let Ok(again) = outcome.compiled else {
            failed.push(format!("{}:\n{}\n{text}", case.name, outcome.rendered));
            continue;
        };
        let have = cases::configs_of(&again.tree);
        for (name, want) in cases::configs_of(&compiled.tree) {
            match have.get(&name) {
                Some(have) if *have == want => {}
                Some(have) => failed.push(format!("{} {name}:\n{}", case.name, difference(&want, have))),
                None => failed.push(format!("{} {name}: no bundle", case.name)),
            }
        }
    }
    assert!(failed.is_empty(), "{} differ:\n{}", failed.len(), failed.join("\n"));
}
