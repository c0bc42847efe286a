//! The schema is held against real files: those that are accepted, and those that are refused for what it can know.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value as Json;
use serde_yaml::Value;

use super::super::in_tree;
use super::schema;

/// Files that are accepted and do not satisfy the schema, and why.
const STRANGE: &[(&str, &str)] = &[
    ("merge-models/compose.override.yaml", "what it lacks is in the file that it is put over"),
    ("merge-null/compose.override.yaml", "nothing leaves what the other file says"),
];

/// Files that are refused for a key or a type, and satisfy the schema all the same, and why.
const UNKNOWN: &[(&str, &str)] = &[
    ("missing-key-empty-project", "another file may say more"),
    ("missing-key-include", "Compose lets it pass"),
    ("missing-key-no-service", "another file may say more"),
    ("missing-key-rootless", "one setting needs another one"),
    ("missing-key-services", "another file may say more"),
    ("missing-key-subnet", "one setting needs another one"),
    ("missing-key-userns-map", "one setting needs another one"),
    ("unknown-key-include", "Compose lets it pass"),
    ("wrong-type-empty-file", "there is nothing to hold against anything"),
    ("wrong-type-help", "the parser of this test has no number so large"),
    ("wrong-type-only-comments", "there is nothing to hold against anything"),
];

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if is_compose(&path) {
            found.push(path);
        }
    }
}

fn is_compose(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    let is_yaml = [".yaml", ".yml"].iter().any(|end| name.ends_with(end));
    is_yaml && (name.contains("compose") || name == "want.yaml")
}

/// The documents of a file as JSON; nothing for what another parser cannot read.
fn documents(path: &Path) -> Option<Vec<Json>> {
    let text = std::fs::read_to_string(path).ok()?;
    let documents = serde_yaml::Deserializer::from_str(&text).map(Value::deserialize);
    let mut documents = documents.collect::<Result<Vec<Value>, _>>().ok()?;
    for document in &mut documents {
        // One call merges what may have to be merged itself.
        (0..8).for_each(|_| document.apply_merge().unwrap_or_default());
    }
    documents.iter().map(json).collect()
}

/// Keys are texts; nothing where a tag says what becomes of a value.
fn json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Sequence(items) => Json::Array(items.iter().map(json).collect::<Option<_>>()?),
        Value::Mapping(entries) => {
            let entry = |(key, value): (&Value, &Value)| {
                let key = match key {
                    Value::String(key) => key.clone(),
                    key => serde_yaml::to_string(key).unwrap().trim().to_owned(),
                };
                Some((key, json(value)?))
            };
            Json::Object(entries.iter().map(entry).collect::<Option<_>>()?)
        }
        Value::Tagged(_) => return None,
        Value::Number(number) if number.as_f64().is_some_and(|number| !number.is_finite()) => return None,
        plain => serde_json::to_value(plain).unwrap(),
    })
}

/// What is wrong with a file; nothing for one that cannot be held against the schema.
fn mistakes(validator: &jsonschema::Validator, path: &Path) -> Option<Vec<String>> {
    let documents = documents(path)?;
    let of = |document| {
        let mistakes = validator.iter_errors(document).map(|error| {
            let text: String = error.to_string().chars().take(200).collect();
            format!("{}: {text}", error.instance_path())
        });
        mistakes.collect::<Vec<_>>()
    };
    Some(documents.iter().filter(|document| !document.is_null()).flat_map(of).collect())
}

fn name(path: &Path) -> String {
    let path = path.strip_prefix(in_tree("")).unwrap_or(path);
    path.display().to_string()
}

#[test]
fn what_is_accepted_satisfies_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let mut all = Vec::new();
    for directory in
        ["testdata/golden", "testdata/config", "testdata/stacks", "testdata/attributes", "examples"]
    {
        files(&in_tree(directory), &mut all);
    }
    assert!(all.len() > 300, "only {} files were found", all.len());
    hold(&validator, &all);
}

/// What Docker Compose accepted, where its files are at hand.
#[test]
fn what_compose_accepts_satisfies_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let cases =
        std::env::var_os("BUNDLEGEN_CONFORM").map_or_else(|| in_tree("../shared/conform"), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(cases.join("cases")) else { return };
    let accepted =
        entries.map(|entry| entry.unwrap().path()).filter(|case| case.join("expected.json").exists());
    let mut all = Vec::new();
    accepted.for_each(|case| files(&case, &mut all));
    hold(&validator, &all);
}

fn hold(validator: &jsonschema::Validator, all: &[PathBuf]) {
    let (mut wrong, mut held) = (Vec::new(), 0);
    for path in all {
        let Some(mistakes) = mistakes(validator, path) else { continue };
        held += 1;
        let is_strange = STRANGE.iter().any(|(strange, _)| name(path).ends_with(strange));
        if mistakes.is_empty() == is_strange {
            wrong.push(format!("{}: {}", name(path), mistakes.join("\n    ")));
        }
    }
    assert!(wrong.is_empty(), "{}\n{} of {}", wrong.join("\n"), wrong.len(), all.len());
    assert!(held * 10 > all.len() * 9, "only {held} of {} can be read", all.len());
}

/// The mistakes that an editor can mark while somebody types.
#[test]
fn what_is_refused_does_not() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let mut all = Vec::new();
    files(&in_tree("testdata/errors"), &mut all);
    let codes = ["unknown-key-", "wrong-type-", "missing-key-"];
    let case = |path: &PathBuf| path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    all.retain(|path| {
        path.ends_with("compose.yaml") && codes.iter().any(|code| case(path).starts_with(code))
    });
    assert!(all.len() > 20, "only {} files were found", all.len());
    let passed: BTreeSet<String> = all
        .iter()
        .filter(|path| mistakes(&validator, path).is_none_or(|all| all.is_empty()))
        .map(case)
        .collect();
    let known: BTreeSet<String> = UNKNOWN.iter().map(|(case, _)| (*case).to_owned()).collect();
    assert_eq!(passed, known);
}

#[test]
fn an_editor_knows_every_attribute() {
    let schema = schema();
    let service = &schema["properties"]["services"]["additionalProperties"]["properties"];
    for (key, attribute) in service.as_object().unwrap() {
        assert!(attribute["description"].is_string(), "the manual says nothing of `{key}`");
    }
    let words = &service["cgroup"]["anyOf"][0]["enum"];
    assert_eq!(*words, serde_json::json!(["host", "private"]));
}
