//! The JSON Schemas in `schemas/` are made from the types that read the files.
#![allow(clippy::disallowed_methods, reason = "tests compare files")]

mod compose;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use schemars::schema_for;
use serde_json::Value;

use crate::compose::{Extension, ServiceExtension};
use crate::lock::Lock;
use crate::render::Message;

fn schemas() -> [(&'static str, Value); 5] {
    [
        ("bundlegen.lock.json", schema_for!(Lock).to_value()),
        ("compose.json", compose::schema()),
        ("message.json", schema_for!(Message).to_value()),
        ("x-bundlegen.json", schema_for!(Extension).to_value()),
        ("x-bundlegen.service.json", schema_for!(ServiceExtension).to_value()),
    ]
}

fn in_tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// `BLESS=1` writes them.
#[test]
fn the_schemas_are_current() {
    for (name, schema) in schemas() {
        let path = in_tree("schemas").join(name);
        let want = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &want).unwrap();
        }
        let have = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(have, want, "{name} is out of date: run the tests with BLESS=1");
    }
}

/// The keys that are read are those of the schema.
#[test]
fn the_schemas_know_every_key() {
    let code = include_str!("compose/extension.rs");
    let read: BTreeSet<_> = code.split("(d, \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let schemas = [schema_for!(Extension), schema_for!(ServiceExtension)];
    let properties =
        schemas.iter().flat_map(|schema| schema.as_value()["properties"].as_object().unwrap().keys());
    assert_eq!(properties.map(String::as_str).collect::<BTreeSet<_>>(), read);
}

#[test]
fn the_lock_of_the_example_satisfies_its_schema() {
    let validator = jsonschema::validator_for(schema_for!(Lock).as_value()).unwrap();
    let text = std::fs::read_to_string(in_tree("examples/web/bundlegen.lock")).unwrap();
    let lock: Value = serde_yaml::from_str(&text).unwrap();
    assert!(validator.is_valid(&lock));
    let broken: Value = serde_yaml::from_str(&text.replace("digest:", "digset:")).unwrap();
    assert!(!validator.is_valid(&broken));
}
