//! Devices, and the rules that let the container use them.

use serde_json::{Value, json};

use super::facts::{Fact, Facts};
use super::rest::Rest;
use super::{Group, words};
use crate::lower::defaults::DEVICES;

/// The list of rules, whose order decides.
const RULES: &str = "/linux/resources/devices";

/// A rule that names a device of the container is said with that.
pub(super) fn devices(facts: &mut Facts, rest: &mut Rest) {
    let mut rules: Vec<(String, Value, bool)> =
        rest.items(RULES).map(|(at, rule)| (at, rule, false)).collect();
    let mut by_number: std::collections::BTreeMap<String, Vec<usize>> = std::collections::BTreeMap::new();
    for (index, (_, rule, _)) in rules.iter().enumerate() {
        if rule.get("allow") == Some(&Value::Bool(true)) {
            by_number.entry(number(rule)).or_default().push(index);
        }
    }
    for (at, device) in rest.items("/linux/devices") {
        let number = number(&device);
        let mut fact =
            Fact::new(Group::Privileges, "device", words::field(&device, "path"), Value::Null).at(at);
        let mut access = Vec::new();
        for index in by_number.remove(&number).unwrap_or_default() {
            if let Some((at, rule, said)) = rules.get_mut(index) {
                *said = true;
                access.push(rule.clone());
                fact.pointers.push(at.clone());
            }
        }
        let words: Vec<&str> = access.iter().map(|rule| words::field(rule, "access")).collect();
        format!("{number} {}", words.join(" ")).trim_end().clone_into(&mut fact.shown);
        fact.exact = json!([device, access]);
        facts.add(fact);
    }
    let mut keys = Vec::new();
    for (at, rule, said) in rules {
        if !said {
            keys.push(facts.add(of_rule(at, rule)));
        }
    }
    facts.order(RULES, keys);
}

fn of_rule(at: String, rule: Value) -> Fact {
    let usual = DEVICES.iter().any(|(major, minor)| {
        rule == json!({"access": "rwm", "allow": true, "major": major, "minor": minor, "type": "c"})
    }) || rule == json!({"access": "rwm", "allow": false});
    let verb = match rule.get("allow").and_then(Value::as_bool) {
        Some(true) => "may",
        Some(false) => "may not",
        None => "?",
    };
    let shown = format!("{verb} {}", words::field(&rule, "access"));
    let name = number(&rule);
    Fact::new(Group::Privileges, "device rule", name, rule).shown(shown).at(at).usual(usual)
}

/// The type and the number of a device: `c 10:200`.
fn number(device: &Value) -> String {
    let part = |key: &str| device.get(key).map_or_else(|| "*".to_owned(), ToString::to_string);
    let kind = match words::field(device, "type") {
        "" => "a",
        kind => kind,
    };
    format!("{kind} {}:{}", part("major"), part("minor"))
}
