//! Capabilities, namespaces, and what of `/proc` and `/sys` is out of reach.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Group;
use super::facts::{Fact, Facts};
use super::rest::Rest;
use super::words;
use crate::lower::capabilities::DEFAULT;
use crate::lower::defaults::{MASKED_PATHS, READONLY_PATHS};

pub(super) fn confinement(facts: &mut Facts, rest: &mut Rest) {
    capabilities(facts, rest);
    namespaces(facts, rest);
    for (pointer, kind, usual) in [
        ("/linux/maskedPaths", "masked path", MASKED_PATHS),
        ("/linux/readonlyPaths", "read-only path", READONLY_PATHS),
    ] {
        for (at, path) in rest.items(pointer) {
            let usual = path.as_str().is_some_and(|path| usual.contains(&path));
            facts.add(
                Fact::new(Group::Privileges, kind, named(&path), mark(&path)).shown("").at(at).usual(usual),
            );
        }
    }
    for (pointer, kind) in [("/linux/uidMappings", "user"), ("/linux/gidMappings", "group")] {
        for (at, range) in rest.items(pointer) {
            let kind = if kind == "user" { "mapped user" } else { "mapped group" };
            facts.add(mapping(kind, range).at(at));
        }
    }
}

/// The name of an item of a list of names.
fn named(item: &Value) -> String {
    item.as_str().map_or_else(|| item.to_string(), str::to_owned)
}

/// What tells a name from something else that is spelt alike.
fn mark(item: &Value) -> Value {
    if item.is_string() { Value::Bool(true) } else { item.clone() }
}

fn mapping(kind: &'static str, range: Value) -> Fact {
    let number = |key: &str| range.get(key).and_then(Value::as_u64);
    let (first, host, size) = (number("containerID"), number("hostID"), number("size"));
    let Some(((first, host), size)) = first.zip(host).zip(size) else {
        return Fact::new(Group::Privileges, kind, range.to_string(), Value::Bool(true));
    };
    let span = |first: u64| match size {
        0 | 1 => first.to_string(),
        size => format!("{first}-{}", first.saturating_add(size - 1)),
    };
    Fact::new(Group::Privileges, kind, first.to_string(), range).shown(format!(
        "{} is {} on the host",
        span(first),
        span(host)
    ))
}

/// The sets of capabilities that the spec knows.
const SETS: [&str; 5] = ["ambient", "bounding", "effective", "inheritable", "permitted"];

/// Where every set has all or nothing, the sets are said once; otherwise for each capability.
fn capabilities(facts: &mut Facts, rest: &mut Rest) {
    let mut sets: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for set in SETS {
        if let Some(Value::Array(items)) = take_list(rest, &format!("/process/capabilities/{set}")) {
            sets.insert(set, items);
        }
    }
    if sets.is_empty() {
        return;
    }
    let mut in_sets: BTreeMap<String, Vec<(&str, String)>> = BTreeMap::new();
    for (set, items) in &sets {
        for (index, item) in items.iter().enumerate() {
            let at = format!("/process/capabilities/{set}/{index}");
            in_sets.entry(named(item)).or_default().push((set, at));
        }
    }
    let full: Vec<&str> = sets.iter().filter(|(_, items)| !items.is_empty()).map(|(set, _)| *set).collect();
    let uniform = in_sets.values().all(|places| names_of(places) == full);
    if !in_sets.is_empty() {
        let said: Vec<&str> = if uniform { full.clone() } else { Vec::new() };
        let shown = if uniform { said.join(", ") } else { "not the same for all".to_owned() };
        let fact = Fact::new(Group::Privileges, "capabilities are", "", json!(said)).shown(shown);
        let first = in_sets.keys().next().map(|name| name.trim_start_matches("CAP_").to_owned());
        let usual = said == ["bounding", "effective", "permitted"] || said == ["bounding"];
        let fact = fact.usual(usual).part_of("capability", first.unwrap_or_default());
        let is_sorted =
            |items: &Vec<Value>| !items.is_empty() && items.is_sorted_by(|a, b| a.as_str() < b.as_str());
        // What is sorted is said in full, and the findings about capabilities belong to each of them.
        if uniform && sets.values().all(is_sorted) {
            facts.says("/process/capabilities");
            facts.add(fact);
        } else {
            facts.add(fact.at("/process/capabilities"));
        }
    }
    let usual: BTreeSet<String> = DEFAULT.iter().map(|one| named(&json!(one.to_string()))).collect();
    for (name, places) in in_sets {
        let sets = names_of(&places);
        let short = name.trim_start_matches("CAP_").to_owned();
        let exact = if uniform { Value::Bool(true) } else { json!(sets) };
        let exact = if short == name { json!([name, exact]) } else { exact };
        let shown = if uniform { String::new() } else { sets.join(", ") };
        let usual = usual.contains(&name) || usual.contains(&short);
        let mut fact = Fact::new(Group::Privileges, "capability", short, exact).shown(shown).usual(usual);
        fact.pointers = places.into_iter().map(|(_, at)| at).collect();
        facts.add(fact);
    }
}

fn names_of<'s>(places: &[(&'s str, String)]) -> Vec<&'s str> {
    places.iter().map(|(set, _)| *set).collect()
}

/// A list of texts; also one without items, which means that there are none.
fn take_list(rest: &mut Rest, pointer: &str) -> Option<Value> {
    let value = rest.take(pointer)?;
    match &value {
        Value::Array(items) if items.iter().all(Value::is_string) => Some(value),
        _ => {
            rest.give_back(pointer, value);
            None
        }
    }
}

/// What a namespace is called.
pub(super) const NAMESPACE: &str = "namespace";

/// The types of namespaces that a container is expected to have of its own, or not to.
const TYPES: [(&str, &str); 8] = [
    ("cgroup", "own"),
    ("ipc", "own"),
    ("mount", "own"),
    ("network", "own"),
    ("pid", "own"),
    ("time", "the host's"),
    ("user", "the host's"),
    ("uts", "own"),
];

/// A namespace that is not listed is that of the host.
fn namespaces(facts: &mut Facts, rest: &mut Rest) {
    const AT: &str = "/linux/namespaces";
    let mut found: BTreeSet<String> = BTreeSet::new();
    for (at, item) in rest.items(AT) {
        let kind = words::field(&item, "type").to_owned();
        let shown = match item.get("path") {
            None => "own".to_owned(),
            Some(path) => owner(&words::plain(path)),
        };
        let usual = TYPES.iter().any(|(name, usual)| *name == kind && *usual == shown);
        let fact = Fact::new(group(&kind), NAMESPACE, kind.clone(), item).shown(shown).at(at).usual(usual);
        facts.add(fact);
        found.insert(kind);
    }
    for (kind, usual) in TYPES.iter().filter(|(kind, _)| !found.contains(*kind)) {
        let fact = Fact::new(group(kind), NAMESPACE, *kind, Value::Null).shown("the host's").at(AT);
        facts.add(fact.usual(*usual == "the host's"));
    }
}

/// Whose namespace it is that stands at a path, if a bundle has put it there: `…/bundlegen/PROJECT/BUNDLE/KIND`.
fn owner(path: &str) -> String {
    let in_run = path.split_once("/bundlegen/").filter(|_| path.starts_with("/run/"));
    let parts: Vec<&str> = in_run.map(|(_, rest)| rest.split('/').collect()).unwrap_or_default();
    match parts.as_slice() {
        [_, bundle, _] => format!("that of {bundle}"),
        _ => path.to_owned(),
    }
}

fn group(namespace: &str) -> Group {
    if namespace == "network" { Group::Network } else { Group::Privileges }
}
