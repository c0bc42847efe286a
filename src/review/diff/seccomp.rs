//! The filter of system calls: what a program may call, and on which condition.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Group;
use super::facts::{Fact, Facts};
use super::rest::Rest;
use super::words;

/// Where the filter is.
const AT: &str = "/linux/seccomp";

/// What the filter is called.
pub(super) const FILTER: &str = "seccomp filter";

/// What a call is called.
pub(super) const CALL: &str = "system call";

pub(super) fn seccomp(facts: &mut Facts, rest: &mut Rest) {
    let Some(default) = rest.take("/linux/seccomp/defaultAction") else { return };
    let shown = format!("{} by default", action(&default));
    let usual = default == "SCMP_ACT_ERRNO";
    let fact = Fact::new(Group::Privileges, FILTER, "", default).shown(shown).at(AT).usual(usual);
    facts.add(fact.at("/linux/seccomp/defaultAction"));
    let part = |fact: Fact| fact.part_of(FILTER, "").usual(true);
    if let Some(number) = rest.take("/linux/seccomp/defaultErrnoRet") {
        let fact = Fact::new(Group::Privileges, "error of the seccomp filter", "", number);
        facts.add(part(fact.at("/linux/seccomp/defaultErrnoRet")));
    }
    for (pointer, kind) in [
        ("/linux/seccomp/architectures", "architecture of the seccomp filter"),
        ("/linux/seccomp/flags", "flag of the seccomp filter"),
    ] {
        for (at, item) in rest.items(pointer) {
            facts.add(part(Fact::new(Group::Privileges, kind, words::plain(&item), json!(true)).at(at)));
        }
    }
    let mut calls: BTreeMap<String, (Vec<Value>, Vec<String>)> = BTreeMap::new();
    for (at, mut entry) in rest.items("/linux/seccomp/syscalls") {
        let names = entry.as_object_mut().and_then(|entry| entry.remove("names"));
        match names {
            Some(Value::Array(names)) if !names.is_empty() => {
                for (index, name) in names.iter().enumerate() {
                    let call = calls.entry(words::plain(name)).or_default();
                    call.0.push(entry.clone());
                    call.1.push(format!("{at}/names/{index}"));
                }
            }
            names => {
                let fact =
                    Fact::new(Group::Privileges, "rule of the seccomp filter", "", json!([entry, names]));
                facts.add(part(fact.shown(entry.to_string()).at(at)));
            }
        }
    }
    for (name, (rules, pointers)) in calls {
        let shown = condition(&rules);
        let mut fact = Fact::new(Group::Privileges, CALL, name, Value::Array(rules)).shown(shown);
        fact.pointers = pointers;
        facts.add(part(fact));
    }
}

/// What becomes of a call: nothing to say where it is simply allowed.
fn condition(rules: &[Value]) -> String {
    let plain = |rule: &Value| rule.get("args").is_none();
    match rules {
        [rule] if plain(rule) => match action(rule.get("action").unwrap_or(&Value::Null)).as_str() {
            "allowed" => String::new(),
            action => action.to_owned(),
        },
        _ => "depends on its arguments".to_owned(),
    }
}

fn action(action: &Value) -> String {
    match action.as_str() {
        Some("SCMP_ACT_ALLOW") => "allowed".to_owned(),
        Some("SCMP_ACT_ERRNO") => "refused".to_owned(),
        _ => words::plain(action),
    }
}
