//! No attribute is passed over in silence: taking one away changes what is written, or a message named it.
//!
//! `testdata/attributes` has Compose files that hold every attribute Compose knows, at every depth. Each is compiled as it
//! is and once more without each of its keys. Attributes that end the build stand in files of their own.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use bundlegen::bundle::tree::{Entry, RelPath};
use bundlegen::compose::schema::{FILE, Object, Shape};
use bundlegen::diag::Diagnostics;
use bundlegen::load::Environment;
use bundlegen::source::Sources;
use bundlegen::{Input, compile};
use serde_yaml::{Mapping, Value};

const HOME: &str = "testdata/attributes";

/// Keys that say something about the file and nothing about a container: what they stand for is in what is left when
/// they have been followed.
const OF_THE_FILE: &[(&str, &str)] = &[
    ("version", "`config` says that it means nothing"),
    ("services.*.deploy.labels", "labels of a service of a swarm"),
];

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
        Environment::load(&mut d, &mut sources, BTreeMap::new(), &[dir.to_owned()]).expect("no `.env`");
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

#[test]
fn every_attribute_shows() {
    let (mut seen, mut shown) = (BTreeSet::new(), BTreeSet::new());
    let mut files: Vec<_> = fs::read_dir(HOME).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    for file in files {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("project");
        cases::copy_dir(&Path::new(HOME).join("files"), &dir);
        fs::copy("testdata/golden/images.lock", dir.join(bundlegen::lock::FILE_NAME)).unwrap();
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
    let excused: BTreeSet<String> = OF_THE_FILE.iter().map(|(name, _)| (*name).to_owned()).collect();
    let silent: BTreeSet<_> = seen.difference(&shown).cloned().collect();
    assert_eq!(silent, excused, "nothing shows, or it does and is excused");
    let missing: Vec<_> = all.difference(&seen).collect();
    assert!(missing.is_empty(), "in no file of {HOME}: {missing:#?}");
}

#[path = "support/cases.rs"]
mod cases;
