//! `explain` says of every value where it comes from, in text and JSON.
//!
//! A case is a directory in `testdata/explain`: `want.txt` is what is said of all bundles, `want.json` the same of their
//! processes. `BLESS=1 cargo test --test explain` writes both.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use bundlegen::diag::Diagnostics;
use bundlegen::load::Environment;
use bundlegen::render::{Colour, render};
use bundlegen::review::Bundles;
use bundlegen::review::explain::{explain, json, text};
use bundlegen::source::Sources;
use bundlegen::{Compiled, Input, compile};

#[path = "support/cases.rs"]
mod cases;

/// Compiles a case with the variables of a process, of which one is meant.
fn compiled(dir: &Path) -> (Compiled, Sources) {
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let process = [("BUILDER", "me"), ("MEANT", "yes"), ("SAME", "both"), ("HOME", "/home/me")];
    let process = process.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = Environment::load(&mut d, &mut sources, process.into(), &[dir.to_owned()]).unwrap();
    let environment = Environment { expected: ["MEANT".to_owned()].into(), ..environment };
    let input = Input::new(cases::files(dir), dir.to_owned(), environment);
    let compiled = compile(&mut d, &mut sources, &input);
    (compiled.unwrap_or_else(|_| panic!("{}", render(&d, &sources, 100, Colour::None))), sources)
}

fn check(path: &Path, found: &str) {
    if env::var_os("BLESS").is_some() {
        fs::write(path, found).unwrap();
    }
    let want = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, want, "{}: BLESS=1 writes it", path.display());
}

#[test]
fn cases_are_explained() {
    for name in ["variables", "many-files"] {
        let dir = Path::new("testdata/explain").join(name);
        let (compiled, sources) = compiled(&dir);
        let (bundles, made) = (Bundles::of_tree(&compiled.tree).unwrap(), compiled.made(&sources));
        let (mut all, mut processes) = (String::new(), BTreeMap::new());
        for bundle in bundles.bundles.keys() {
            let rows = explain(&made, &bundles, bundle, "").unwrap();
            all.extend([bundle, "\n", &text(&rows), "\n"]);
            let process = json(&explain(&made, &bundles, bundle, "process.env").unwrap());
            processes.insert(bundle, serde_json::from_str::<serde_json::Value>(&process).unwrap());
        }
        check(&dir.join("want.txt"), &all);
        check(&dir.join("want.json"), &format!("{}\n", serde_json::to_string_pretty(&processes).unwrap()));
    }
}

#[test]
fn what_whoever_builds_brings_is_known() {
    let (compiled, sources) = compiled(Path::new("testdata/explain/variables"));
    let made = compiled.made(&sources);
    let config = &cases::configs_of(&compiled.tree)["web"];
    let variables = config["process"]["env"].as_array().unwrap().iter().enumerate();
    let mut found = BTreeMap::new();
    for (index, variable) in variables {
        let pointer = format!("/process/env/{index}");
        let name = variable.as_str().unwrap().split_once('=').unwrap().0;
        let shell: Vec<_> = made.from_shell("web", &pointer).into_iter().collect();
        let files = made.from_env_file("web", &pointer).into_iter();
        let files: Vec<_> = files.map(|file| file.rsplit_once('/').unwrap().1).collect();
        found.insert(name, (shell.join(" "), files.join(" ")));
    }
    let want = |shell: &str, files: &str| (shell.to_owned(), files.to_owned());
    assert_eq!(
        found,
        BTreeMap::from([
            ("BUILDER", want("BUILDER", "")),
            ("FROM_FULL", want("BUILDER", ".env")),
            ("HOSTNAME", want("", "")),
            ("INSIDE", want("", ".env web.env")),
            ("MEANT", want("", "web.env")),
            ("PATH", want("", "")),
            ("PLAIN", want("", "web.env")),
            ("PROJECT", want("", "")),
            ("SAME", want("", ".env")),
        ])
    );
    let data = config["mounts"].as_array().unwrap().iter().position(|mount| mount["destination"] == "/data");
    let shell = made.from_shell("web", &format!("/mounts/{}", data.unwrap()));
    assert_eq!(shell.into_iter().collect::<Vec<_>>(), ["HOME"]);
}
