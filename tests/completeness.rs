//! No attribute is passed over in silence: taking one away changes what is written, or a message named it.
//!
//! `testdata/attributes` has Compose files that hold every attribute Compose knows, at every depth. Each is compiled as it
//! is and once more without each of its keys. Attributes that end the build stand in files of their own.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bundlegen::bundle::tree::{Entry, RelPath};
use bundlegen::compose::schema::{FILE, Object, Shape};
use bundlegen::diag::Diagnostics;
use bundlegen::load::Environment;
use bundlegen::source::Sources;
use bundlegen::{Input, compile};
use serde_yaml::{Mapping, Value};

const HOME: &str = "testdata/attributes";

/// A way to a value: keys and indices.
type Way = Vec<Value>;

/// What a file compiles to.
#[derive(PartialEq)]
struct Outcome {
    /// What would be written; nothing where there was an error.
    tree: Option<BTreeMap<RelPath, Entry>>,
    /// Every message, help and label, without the quoted source.
    texts: BTreeSet<String>,
}

fn compiled(dir: &Path, text: &str) -> Outcome {
    fs::write(dir.join("compose.yaml"), text).unwrap();
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let environment =
        Environment::load(&mut d, &mut sources, BTreeMap::new(), &[dir.to_owned()]).expect("a good `.env`");
    let mut input = Input::new(vec![dir.join("compose.yaml")], dir.to_owned(), environment);
    input.images = Some(dir.join("no images"));
    let compiled = compile(&mut d, &mut sources, &input);
    let texts = d.sorted().into_iter().flat_map(|found| {
        let labels = found.labels.iter().map(|label| label.text.clone());
        labels.chain([found.message.clone()]).chain(found.help.clone()).collect::<Vec<_>>()
    });
    let texts = texts.collect();
    let tree = compiled
        .ok()
        .map(|compiled| compiled.tree.iter().map(|(path, entry)| (path.clone(), entry.clone())).collect());
    Outcome { tree, texts }
}

/// Every key of a value that the schema knows: its name with `*` for the user's own, and the way to it.
fn keys(value: &Value, shape: &Shape, name: &str, way: &Way, found: &mut Vec<(String, Way)>) {
    let below = |key: &Value| way.iter().chain([key]).cloned().collect::<Way>();
    match (shape, value) {
        (Shape::Nullable(inner) | Shape::Blank(inner) | Shape::Short(_, inner), _) => {
            keys(value, inner, name, way, found);
        }
        (Shape::Object(object), Value::Mapping(map)) => keys_of(map, object, name, way, found),
        (Shape::Names(names), Value::Mapping(map)) => {
            map.iter()
                .for_each(|(key, value)| keys(value, &names.value, &format!("{name}.*"), &below(key), found));
        }
        (Shape::List(list), Value::Sequence(items)) => {
            for (index, item) in items.iter().enumerate() {
                keys(item, &list.item, &format!("{name}[]"), &below(&Value::from(index)), found);
            }
        }
        _ => {}
    }
}

fn keys_of(map: &Mapping, object: &Object, name: &str, way: &Way, found: &mut Vec<(String, Way)>) {
    for (key, value) in map {
        let Some(attribute) = object.attributes.iter().find(|attribute| Some(attribute.key) == key.as_str())
        else {
            continue;
        };
        let name =
            if name.is_empty() { attribute.key.to_owned() } else { format!("{name}.{}", attribute.key) };
        let way: Way = way.iter().chain([key]).cloned().collect();
        found.push((name.clone(), way.clone()));
        keys(value, &attribute.shape, &name, &way, found);
    }
}

/// The names of all attributes below a shape. One that holds itself is not followed twice.
fn known(shape: &Shape, name: &str, all: &mut BTreeSet<String>) {
    match shape {
        Shape::Nullable(inner) | Shape::Blank(inner) | Shape::Short(_, inner) => known(inner, name, all),
        Shape::Object(object) => {
            for attribute in object.attributes {
                let name = if name.is_empty() {
                    attribute.key.to_owned()
                } else {
                    format!("{name}.{}", attribute.key)
                };
                all.insert(name.clone());
                known(&attribute.shape, &name, all);
            }
        }
        Shape::Names(names) => known(&names.value, &format!("{name}.*"), all),
        Shape::List(list) => known(&list.item, &format!("{name}[]"), all),
        Shape::Any | Shape::Leaf(_) => {}
    }
}

fn without(value: &Value, way: &[Value]) -> Value {
    let (first, rest) = way.split_first().unwrap();
    let mut value = value.clone();
    match (&mut value, rest) {
        (Value::Mapping(map), []) => drop(map.remove(first)),
        (Value::Mapping(map), rest) => {
            let inner = map.get_mut(first).unwrap();
            *inner = without(inner, rest);
        }
        (Value::Sequence(items), rest) => {
            let inner = &mut items[usize::try_from(first.as_u64().unwrap()).unwrap()];
            *inner = without(inner, rest);
        }
        _ => unreachable!("the way was found in the value"),
    }
    value
}

/// Whether somebody who takes the key away, or puts it there, is told or sees a difference.
fn shows(with: &Outcome, without: &Outcome, key: &str) -> bool {
    let differs = with.tree.is_some() && without.tree.is_some() && with.tree != without.tree;
    let mut said = with.texts.symmetric_difference(&without.texts);
    differs || said.any(|text| text.contains(key))
}

/// A directory with the files that those of [`HOME`] name.
fn project(scratch: &Path) -> PathBuf {
    let dir = scratch.join("project");
    cases::copy_dir(&Path::new(HOME).join("files"), &dir);
    fs::copy("testdata/golden/images.lock", dir.join(bundlegen::lock::FILE_NAME)).unwrap();
    dir
}

#[test]
fn every_attribute_shows() {
    let (mut seen, mut shown) = (BTreeSet::new(), BTreeSet::new());
    let mut files: Vec<_> = fs::read_dir(HOME).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    for file in files {
        let scratch = tempfile::tempdir().unwrap();
        let dir = project(scratch.path());
        let text = fs::read_to_string(&file).unwrap();
        let value: Value = serde_yaml::from_str(&text).unwrap();
        let with = compiled(&dir, &text);
        let mut found = Vec::new();
        keys(&value, &Shape::Object(&FILE), "", &Vec::new(), &mut found);
        for (name, way) in found {
            let text = serde_yaml::to_string(&without(&value, &way)).unwrap();
            let key = way.last().and_then(Value::as_str).unwrap();
            if shows(&with, &compiled(&dir, &text), key) {
                shown.insert(name.clone());
            }
            seen.insert(name);
        }
    }
    let mut all = BTreeSet::new();
    known(&Shape::Object(&FILE), "", &mut all);
    let silent: Vec<_> = seen.difference(&shown).collect();
    assert!(silent.is_empty(), "nothing shows of {silent:#?}");
    let missing: Vec<_> = all.difference(&seen).collect();
    assert!(missing.is_empty(), "in no file of {HOME}: {missing:#?}");
}

/// The words that an attribute knows: where they stand in a service, and which mean the same as another one, or as
/// nothing.
struct Words {
    place: &'static str,
    legal: &'static [&'static str],
    same: &'static [(&'static str, &'static str)],
}

const fn words(place: &'static str, words: &'static [&'static str]) -> Words {
    Words { place, legal: words, same: &[] }
}

impl Words {
    const fn same(mut self, same: &'static [(&'static str, &'static str)]) -> Self {
        self.same = same;
        self
    }
}

const WORDS: &[Words] = &[
    words(
        "depends_on: {other: {condition: WORD}}",
        &["service_started", "service_healthy", "service_completed_successfully"],
    ),
    words("restart: 'WORD'", &["no", "always", "on-failure", "on-failure:3", "unless-stopped"]),
    words(
        "pull_policy: WORD",
        &["always", "never", "missing", "if_not_present", "build", "daily", "weekly", "every_1h"],
    )
    .same(&[("missing", "if_not_present")]),
    words("ipc: WORD", &["private", "shareable", "none", "host", "service:sharing"]).same(&[
        ("", "private"),
        ("", "shareable"),
        ("private", "shareable"),
    ]),
    words("pid: WORD", &["host", "service:other"]),
    words("cgroup: WORD", &["host", "private"]).same(&[("", "private")]),
    words("uts: WORD", &["host"]),
    words("userns_mode: WORD", &["host"]),
    words("isolation: WORD", &["default", "process", "hyperv"]),
    words("network_mode: WORD", &["none", "host", "bridge", "service:other"]).same(&[("", "none")]),
    words(
        "volumes: [{type: bind, source: ./s, target: /t, bind: {propagation: WORD}}]",
        &["private", "rprivate", "shared", "rshared", "slave", "rslave"],
    ),
    words(
        "volumes: [{type: bind, source: ./s, target: /t, read_only: true, bind: {recursive: WORD}}]",
        &["enabled", "disabled", "writable", "readonly"],
    )
    .same(&[("enabled", "writable")]),
    words("volumes: [{type: bind, source: ./s, target: /t, bind: {selinux: WORD}}]", &["z", "Z"]),
    words(
        "volumes: [{type: bind, source: ./s, target: /t, consistency: WORD}]",
        &["consistent", "cached", "delegated"],
    ),
    words(
        "volumes: [{type: WORD, source: ./s, target: /t}]",
        &["bind", "volume", "tmpfs", "cluster", "npipe", "image"],
    ),
    words("volumes: ['./s:/t:WORD']", &["ro", "rw", "z", "Z", "cached", "rslave", "nocopy"]),
    words(
        "security_opt: ['WORD']",
        &[
            "no-new-privileges",
            "no-new-privileges:true",
            "seccomp=unconfined",
            "apparmor=unconfined",
            "apparmor=mine",
            "label=disable",
            "label=user:u",
            "label=role:r",
            "label=type:t",
            "label=level:s0",
            "systempaths=unconfined",
        ],
    )
    .same(&[
        ("no-new-privileges", "no-new-privileges:true"),
        ("", "apparmor=unconfined"),
        ("", "label=disable"),
        ("apparmor=unconfined", "label=disable"),
    ]),
    words("env_file: [{path: web.env, format: WORD}]", &["raw"]),
    words("devices: [{source: /dev/fuse, target: /dev/fuse, permissions: WORD}]", &["r", "rw", "rwm"]),
    words("networks: {}\n    ports: [{target: 80, protocol: WORD}]", &["tcp", "udp", "sctp"]),
    words("networks: {}\n    ports: [{target: 80, mode: WORD}]", &["host", "ingress"]),
    words("deploy: {mode: WORD}", &["replicated", "global", "replicated-job", "global-job"]),
    words("deploy: {endpoint_mode: WORD}", &["vip", "dnsrr"]),
    words("deploy: {restart_policy: {condition: WORD}}", &["none", "on-failure", "any"]),
    words("deploy: {update_config: {order: WORD}}", &["start-first", "stop-first"]),
    words("deploy: {update_config: {failure_action: WORD}}", &["continue", "pause", "rollback"]),
    words(
        "develop: {watch: [{path: ., target: /t, action: WORD}]}",
        &["rebuild", "sync", "restart", "sync+restart"],
    ),
    words("logging: {driver: WORD}", &["json-file", "local", "none", "syslog"]),
    words("healthcheck: {test: [WORD, a]}", &["CMD", "CMD-SHELL"]),
    words("healthcheck: {test: [WORD]}", &["NONE"]),
];

/// The outcome of a file where a service has some further lines.
fn of_lines(dir: &Path, lines: &str) -> Outcome {
    let network = if lines.contains("network") { "" } else { "network_mode: none" };
    compiled(
        dir,
        &format!(
            "services:
  s:
    image: alpine:3.20
    {network}
    {lines}
  other:
    image: alpine:3.20
    network_mode: none
    healthcheck: {{test: ['CMD', 'true']}}
  sharing:
    image: alpine:3.20
    network_mode: none
    ipc: shareable
"
        ),
    )
}

/// Each word is taken or named, and no two of them mean the same unless that is known.
#[test]
fn every_word_shows() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = project(scratch.path());
    let mut wrong = Vec::new();
    for Words { place, legal, same } in WORDS {
        let mut outcomes = vec![("", of_lines(&dir, ""))];
        let silent = outcomes[0].1.texts.clone();
        for word in *legal {
            let outcome = of_lines(&dir, &place.replace("WORD", word));
            let named = outcome.texts.iter().any(|text| text.contains(word));
            if outcome.tree.is_none() && !named {
                wrong.push(format!("{place}: `{word}` is refused and not named: {:#?}", outcome.texts));
            }
            // Whoever is told that an attribute has no place is not told what each word would mean.
            let alike = outcomes.iter().filter(|(_, other)| *other == outcome && outcome.texts == silent);
            let alike: Vec<_> = alike.map(|(other, _)| (*other, *word)).collect();
            wrong.extend(
                alike.iter().filter(|pair| !same.contains(pair)).map(|pair| format!("{place}: {pair:?}")),
            );
            outcomes.push((word, outcome));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[path = "support/cases.rs"]
mod cases;
