//! What `inspect` prints of the bundles of a project is a project with the same bundles.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use bundlegen::bundle::tree::{Entry, Mode, Tree};
use bundlegen::config::yaml_of;
use bundlegen::diag::Diagnostics;
use bundlegen::inspect::{Bundle, File, Inspected, inspect};
use bundlegen::lock::Lock;
use bundlegen::source::Sources;
use serde_json::{Value, json};

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
        a.iter()
            .filter(|line| !b.contains(line))
            .take(8)
            .fold(String::new(), |all, line| all + &format!("  {sign}{line}\n"))
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

/// A `config.json` with something of everything.
fn rich() -> (String, Value) {
    let case = cases::all().into_iter().find(|case| case.name == "devices").unwrap();
    let (compiled, _) = case.compiled();
    let (name, mut config) = cases::configs_of(&compiled.tree).into_iter().next().unwrap();
    for (at, value) in [
        (
            "/linux/resources/blockIO",
            json!({ "weight": 10, "weightDevice": [{ "major": 8, "minor": 0, "weight": 10 }] }),
        ),
        ("/linux/resources/memory", json!({ "limit": 8_000_000, "swap": 9_000_000 })),
        ("/linux/cgroupsPath", json!("a.slice:bundlegen:shop-web")),
        ("/linux/mountLabel", json!("system_u:object_r:container_file_t:s0")),
        ("/process/selinuxLabel", json!("system_u:system_r:container_t:s0")),
        ("/process/rlimits", json!([{ "type": "RLIMIT_CORE", "soft": 0, "hard": 0 }])),
    ] {
        let (parent, key) = at.rsplit_once('/').unwrap();
        config.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value);
    }
    // The default filters are long to make.
    config["linux"].as_object_mut().unwrap().remove("seccomp");
    let annotations = config["annotations"].as_object_mut().unwrap();
    for (key, value) in [
        ("create-host-path", r#"["../volumes/a"]"#),
        ("depends-on", r#"{"db": {"condition": "service_started"}}"#),
        ("networks", r#"{"a": {"service": null, "network": {"ipam": {}}}}"#),
        (
            "private-files",
            r#"[{"path": "private/x", "environment": "X", "mode": "0400", "uid": 0, "gid": 0}]"#,
        ),
        ("restart-policy", r#"{"condition": "any"}"#),
    ] {
        annotations.insert(format!("io.bundlegen.{key}"), value.into());
    }
    for mount in [
        json!({ "destination": "/a", "type": "bind", "source": "../volumes/a/b", "options": ["rbind", "ro"] }),
        json!({ "destination": "/b", "type": "bind", "source": "../volumes/other@b", "options": ["rbind"] }),
        json!({ "destination": "/c", "type": "bind", "source": "../../c", "options": ["bind", "rro", "rshared"] }),
        json!({ "destination": "/d", "type": "nfs", "source": ":/d", "options": ["addr=192.0.2.1"] }),
        json!({ "destination": "/e", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m"] }),
        json!({ "destination": "/x", "type": "bind", "source": "private/x", "options": ["rbind", "ro", "rprivate"] }),
    ] {
        config["mounts"].as_array_mut().unwrap().push(mount);
    }
    (name, config)
}

fn inspected(name: &str, config: Value) -> Inspected {
    inspect(&[Bundle { name: name.to_owned(), config, files: BTreeMap::new() }], None)
}

/// The places in a value, as JSON pointers.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, &format!("{at}/{index}"), all));
        }
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| places(value, &format!("{at}/{}", escaped(key)), all));
        }
        _ => {}
    }
}

#[test]
fn what_is_not_ours_is_reported() {
    let (name, config) = rich();
    let mut all = Vec::new();
    places(&config, "", &mut all);
    let any = ["/annotations", "/linux/sysctl"];
    for at in all.iter().filter(|at| !any.iter().any(|start| at.starts_with(start))) {
        let mut changed = config.clone();
        let Some(map) = changed.pointer_mut(at).and_then(Value::as_object_mut) else { continue };
        map.insert("unheard/of".to_owned(), json!([1]));
        let unsaid = inspected(&name, changed).unsaid;
        let want = format!("{name}: {at}/unheard~1of");
        assert!(unsaid.contains(&want), "{want} is not in {unsaid:#?}");
    }
    for at in all.iter().filter(|at| !at.is_empty() && *at != "/ociVersion") {
        let mut changed = config.clone();
        *changed.pointer_mut(at).unwrap() = json!(1.5);
        let unsaid = inspected(&name, changed).unsaid;
        assert!(unsaid.contains(&format!("{name}: {at}")), "{at} is not in {unsaid:#?}");
    }
}

#[test]
fn a_filter_that_nothing_reads_is_reported() {
    for (filter, said) in [
        (json!({ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"] }), true),
        (json!({ "defaultAction": "SCMP_ACT_ALLOW", "unheard": 1 }), false),
        (json!({}), false),
    ] {
        let (name, mut config) = rich();
        config["linux"]["seccomp"] = filter.clone();
        let unsaid = inspected(&name, config).unsaid;
        assert_eq!(!unsaid.contains(&format!("{name}: /linux/seccomp")), said, "{filter}");
    }
}

#[test]
fn nothing_that_is_read_makes_it_fail() {
    let (name, config) = rich();
    let mut all = Vec::new();
    places(&config, "", &mut all);
    let values = [
        json!(null),
        json!(-1),
        json!(u64::MAX),
        json!("\u{0}\u{1b}[2J: - '\"\n"),
        json!("/"),
        json!("a:b:c:d:e"),
        json!([]),
        json!([[{}]]),
        json!({ "": {} }),
    ];
    for at in &all {
        for value in &values {
            let mut changed = config.clone();
            *changed.pointer_mut(at).unwrap() = value.clone();
            let text = yaml_of(&inspected(&name, changed).file);
            assert!(!text.contains(['\u{0}', '\u{1b}']), "{at}: {text}");
        }
    }
}

#[test]
fn many_mounts_are_read_once() {
    let mount = |n| match n % 3 {
        0 => json!({ "destination": "/same", "type": "tmpfs", "source": "tmpfs", "options": ["a"] }),
        1 => {
            json!({ "destination": format!("/{n}"), "type": "ext4", "source": format!("/{n}"), "options": [] })
        }
        _ => {
            json!({ "destination": "/b", "type": "bind", "source": "../volumes/big@b", "options": ["rbind"] })
        }
    };
    let mounts: Vec<Value> = (0..100_000).map(mount).collect();
    let inspected = inspected("big", json!({ "mounts": mounts }));
    assert!(!inspected.unsaid.is_empty());
}

/// What the program says of a path: its exit code, its output and its complaints.
fn run(path: &Path) -> (Option<i32>, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bundlegen"));
    let output = program.arg("inspect").arg(path).env_clear().output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_bundle_and_a_tree_are_printed() {
    let (code, all, complaints) = run(Path::new("testdata/golden/configs/want"));
    assert_eq!((code, complaints.as_str()), (Some(0), ""), "{all}");
    assert!(
        all.contains("  private:\n") && all.contains("  texts:\n") && all.starts_with("configs:\n"),
        "{all}"
    );
    let (code, one, complaints) = run(Path::new("testdata/golden/configs/want/private"));
    assert_eq!((code, complaints.as_str()), (Some(0), ""), "{one}");
    assert!(one.contains("  private:\n") && !one.contains("  texts:\n"), "{one}");
}

#[test]
fn what_is_no_bundle_is_an_error() {
    let scratch = tempfile::tempdir().unwrap();
    let (code, text, complaints) = run(scratch.path());
    assert_eq!((code, text.as_str()), (Some(1), ""));
    assert!(complaints.contains("is neither a bundle nor a directory of bundles"), "{complaints}");
    for (config, want) in [("[]", "is no JSON object"), ("{", "EOF while parsing")] {
        fs::write(scratch.path().join("config.json"), config).unwrap();
        let (code, _, complaints) = run(scratch.path());
        assert_eq!(code, Some(1));
        assert!(complaints.contains(want), "{complaints}");
    }
    fs::remove_file(scratch.path().join("config.json")).unwrap();
    fs::write(scratch.path().join("SHA256SUMS"), "0  ../config.json\n").unwrap();
    let (code, _, complaints) = run(scratch.path());
    assert_eq!(code, Some(1));
    assert!(complaints.contains("which is no directory of it"), "{complaints}");
}

#[test]
fn without_a_lock_the_image_is_said_to_be_unknown() {
    let scratch = tempfile::tempdir().unwrap();
    let bundle = scratch.path().join("bundles/web");
    fs::create_dir_all(&bundle).unwrap();
    let config = json!({
        "annotations": { "io.bundlegen.image": format!("docker.io/library/a:1@sha256:{}", "0".repeat(64)) },
        "root": { "path": "rootfs" },
    });
    fs::write(bundle.join("config.json"), config.to_string()).unwrap();
    let (code, text, complaints) = run(&bundle);
    assert_eq!(code, Some(0));
    assert!(text.contains("image: docker.io/library/a:1\n"), "{text}");
    assert!(complaints.contains("no bundlegen.lock knows the image of web"), "{complaints}");
    assert!(complaints.contains("no Compose file can say web: /process/args"), "{complaints}");
}
