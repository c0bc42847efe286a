//! The one-way rule: which module may use which, and which outside crate belongs to which files.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read the sources")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Each module of the crate, and what it may use of the others. A module is listed after all that it may use, so that
/// there is no way round. Everybody may use what is in [`FREE`] and what is in the module itself.
const MODULES: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("diag", &["source"]),
    ("yaml", &["source", "diag"]),
    ("render", &["source", "diag", "yaml"]),
    ("compose", &["source", "diag", "yaml"]),
    ("load", &["source", "diag", "yaml", "compose"]),
    ("model", &["source", "diag", "yaml", "compose", "load"]),
    ("config", &["source", "diag", "yaml", "compose", "load", "model"]),
    ("image", &["diag"]),
    // Its text comes through `source` and is checked by `yaml`, so that mistakes in it are shown like any other.
    ("lock", &["source", "diag", "yaml"]),
    // What runs inside a container's life. It knows nothing of the compiler.
    ("hook", &[]),
    ("project", &["source", "diag", "yaml", "compose", "load", "model", "image", "lock", "hook::argv"]),
    // What is handed on is spelt as `config` prints it.
    // It writes the arguments that hooks read.
    (
        "lower",
        &[
            "source",
            "diag",
            "yaml",
            "compose",
            "load",
            "model",
            "config",
            "image",
            "lock",
            "project",
            "hook::argv",
        ],
    ),
    (
        "bundle",
        &[
            "source",
            "diag",
            "yaml",
            "compose",
            "load",
            "model",
            "image",
            "lock",
            "project",
            "lower",
            "hook::argv",
        ],
    ),
    ("inspect", &["compose", "image", "lock", "bundle", "lower", "hook::argv"]),
    // What is written, and not what it means.
    ("disk", &["bundle::tree", "bundle::state", "bundle::sums"]),
    // The host knows bundles by their files alone; the annotations are the only words it shares with the compiler.
    ("prepare", &["bundle", "image", "disk", "lower::annotations", "lower::root", "hook::argv"]),
    // Bundles as a reviewer sees them: their files, and where they were just compiled, what they were made of.
    (
        "review",
        &[
            "source",
            "diag",
            "yaml",
            "compose",
            "image",
            "lock",
            "project",
            "lower",
            "bundle",
            "inspect",
            "hook::argv",
        ],
    ),
    ("cli", &["*"]),
    // Tests only: the schemas are made from the types that read the files.
    ("schemas", &["source", "diag", "yaml", "compose", "lock", "render"]),
];

/// What everybody may use.
const FREE: &[&str] = &["nearest", "printable", "shell"];

/// The outside crates, and the files and directories that may use each. What is not here is for everybody.
const FENCES: &[(&str, &[&str])] = &[
    ("base64", &["image/registry/"]),
    ("clap", &["cli.rs", "cli/"]),
    ("clap_complete", &["cli/completions.rs"]),
    ("flate2", &["image/"]),
    ("granit_parser", &["yaml/parse.rs", "yaml/syntax.rs"]),
    ("indicatif", &["cli/bar.rs"]),
    ("miette", &["render.rs", "render/"]),
    ("oci_spec", &["lower.rs", "lower/", "bundle.rs", "bundle/json.rs"]),
    ("rustix", &["source.rs", "image/", "disk.rs", "disk/", "prepare/", "cli/state.rs", "hook/"]),
    ("serde_yaml", &["config/tests.rs", "lock.rs", "schemas.rs", "schemas/"]),
    ("sha2", &["image/digest.rs", "bundle/sums.rs"]),
    ("similar", &["disk/", "review/diff/files.rs"]),
    ("tar", &["image/"]),
    ("ureq", &["image/registry/"]),
    ("walkdir", &["disk/"]),
    ("zstd", &["image/"]),
];

/// The outside crates without a fence.
const UNFENCED: &[&str] = &["ipnet", "serde", "serde_json", "thiserror"];

/// A source file: its path below `src`, and its text without comments.
struct File {
    path: String,
    code: String,
}

fn files() -> Vec<File> {
    let mut found = Vec::new();
    collect(Path::new("src"), &mut found);
    assert!(found.len() > 50, "only {} files were found", found.len());
    found
}

fn collect(dir: &Path, found: &mut Vec<File>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let code = code.collect::<Vec<_>>().join("\n");
            found.push(File { path: path.strip_prefix("src").unwrap().to_str().unwrap().to_owned(), code });
        }
    }
}

impl File {
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Every `crate::` path, with groups taken apart.
    fn uses(&self) -> BTreeSet<String> {
        words(&self.code, "crate::").flat_map(|after| expanded("", after)).collect()
    }

    /// The longest chain of `super::` leads to the crate itself when it has as many links as the file has parts.
    fn climbs_to_the_root(&self) -> bool {
        let chain = "super::".repeat(self.path.split('/').count());
        let at_margin = |line: &str| !line.starts_with(' ') && line.contains(&chain);
        self.path != "lib.rs" && self.code.lines().any(at_margin)
    }
}

/// What stands after each occurrence of a word that is not the end of another one, nor of a path.
fn words<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(word).filter_map(move |(at, _)| {
        let before = text[..at].chars().next_back();
        let whole = before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | ':' | '$'));
        whole.then(|| &text[at + word.len()..])
    })
}

/// `a::{b, c::{d}}` as `a::b` and `a::c::d`.
fn expanded(prefix: &str, text: &str) -> Vec<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | ':')).unwrap_or(text.len());
    let (path, rest) = text.split_at(end);
    let prefix = format!("{prefix}{path}");
    match rest.strip_prefix('{') {
        Some(group) => items(group).into_iter().flat_map(|item| expanded(&prefix, item.trim())).collect(),
        None => vec![prefix],
    }
}

/// The items of a group up to its closing brace.
fn items(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                items.push(&group[start..at]);
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    items.retain(|item| !item.trim().is_empty());
    items
}

/// Whether `path` is `allowed` or lies in it.
fn is_in(path: &str, allowed: &str) -> bool {
    let inside = |rest: &str| rest.is_empty() || rest.starts_with("::");
    allowed == "*" || path.strip_prefix(allowed).is_some_and(inside)
}

#[test]
fn modules_use_what_is_left_of_them() {
    let mut wrong = Vec::new();
    for file in files() {
        if matches!(file.path.as_str(), "lib.rs" | "main.rs") {
            continue;
        }
        let module = file.module();
        let rule = MODULES.iter().find(|(name, _)| *name == module);
        let allowed = match rule {
            Some((_, allowed)) => *allowed,
            None if FREE.contains(&module) => &[],
            None => panic!("src/{}: give the module `{module}` its place in MODULES", file.path),
        };
        let fine =
            |used: &str| allowed.iter().chain(FREE).chain([&module]).any(|allowed| is_in(used, allowed));
        wrong.extend(
            file.uses().into_iter().filter(|used| !fine(used)).map(|used| format!("{}: {used}", file.path)),
        );
        if file.climbs_to_the_root() {
            wrong.push(format!("{}: say `crate::` for another module, and not `super::`", file.path));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn the_rule_has_no_way_round() {
    for (index, (module, allowed)) in MODULES.iter().enumerate() {
        for used in allowed.iter().filter(|used| **used != "*") {
            let top = used.split("::").next();
            let before = MODULES[..index].iter().any(|(earlier, _)| Some(*earlier) == top);
            assert!(before, "{module} may use {used}, which is not before it");
        }
        let exists = ["rs", ""].iter().any(|end| Path::new("src").join(module).with_extension(end).exists());
        assert!(exists, "there is no module `{module}`");
    }
}

#[test]
fn outside_crates_stay_in_their_files() {
    let files = files();
    for (name, allowed) in FENCES {
        let path = format!("{name}::");
        let users = files.iter().filter(|file| words(&file.code, &path).next().is_some());
        let users: Vec<&str> = users.map(|file| file.path.as_str()).collect();
        assert!(!users.is_empty(), "nobody uses {name}");
        for user in users {
            let inside = |place: &&str| user == *place || (place.ends_with('/') && user.starts_with(*place));
            assert!(allowed.iter().any(inside), "src/{user} may not use {name}");
        }
    }
}

#[test]
fn every_outside_crate_is_known() {
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    let (_, dependencies) = manifest.split_once("\n[dependencies]\n").unwrap();
    for line in dependencies.lines().take_while(|line| !line.starts_with('[')) {
        let Some((name, _)) = line.split_once(" = ") else { continue };
        let name = name.replace('-', "_");
        let fenced = FENCES.iter().any(|(fenced, _)| *fenced == name);
        assert!(fenced || UNFENCED.contains(&&*name), "say in FENCES who may use {name}");
    }
}

#[test]
fn paths_are_taken_apart() {
    let file = File {
        path: "a/b.rs".to_owned(),
        code: "use crate::x::{y, z::{Q, W}};\nfn f(a: crate::m::N) {}\nuse $crate::no;\nuse other_crate::no;"
            .to_owned(),
    };
    let uses: Vec<String> = file.uses().into_iter().collect();
    assert_eq!(uses, ["m::N", "x::y", "x::z::Q", "x::z::W"]);
    assert!(is_in("x::y", "x") && !is_in("xy", "x") && is_in("anything", "*"));
}
