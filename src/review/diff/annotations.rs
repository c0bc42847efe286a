//! Annotations: labels, and what is handed on to whoever supervises the container.

use serde_json::{Map, Value};

use super::facts::{Fact, Facts};
use super::rest::Rest;
use super::{Group, image, words};
use crate::lower::annotations::{CONTAINER_NAME, OWN_PREFIX};
use crate::lower::origin::escaped;

/// What is handed on as a mapping of which every key is a thing of its own.
const MAPPINGS: [(&str, &str); 3] =
    [("depends-on", "starts after"), ("healthcheck", "healthcheck"), ("logging", "logging")];

/// The annotation with the ports that programs in the container listen on.
const EXPOSED: &str = "org.opencontainers.image.exposedPorts";

/// The annotation with the signal that ends the container.
const STOP_SIGNAL: &str = "org.opencontainers.image.stopSignal";

pub(super) fn annotations(facts: &mut Facts, rest: &mut Rest) {
    exposed(facts, rest);
    for (at, key, value) in rest.entries("/annotations") {
        match key.strip_prefix(OWN_PREFIX) {
            _ if key == CONTAINER_NAME => {
                facts.add(Fact::new(Group::Process, "container name", "", value).at(at));
            }
            Some(name) => handed_on(facts, &at, name, value),
            None if key == STOP_SIGNAL => {
                facts.add(Fact::new(Group::Process, "stop signal", "", value).at(at));
            }
            None => {
                let fact = image::label(&key, &value, &at);
                facts.add(fact.unwrap_or_else(|| Fact::new(Group::Process, "annotation", key, value).at(at)));
            }
        }
    }
}

fn handed_on(facts: &mut Facts, at: &str, name: &str, value: Value) {
    let kind = MAPPINGS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    let map = value.as_str().and_then(object).filter(|map| !map.is_empty());
    let Some((kind, map)) = kind.zip(map) else {
        let shown = said(&value);
        facts.add(Fact::new(Group::Process, "handed on", name.replace('-', "_"), value).shown(shown).at(at));
        return;
    };
    for (name, value) in map {
        let shown = match value.get("condition").and_then(Value::as_str) {
            Some(condition) if kind == "starts after" => condition.trim_start_matches("service_").to_owned(),
            _ if value.is_array() => words::command(&value),
            _ => words::plain(&value),
        };
        facts.add(Fact::new(Group::Process, kind, name, value).shown(shown).at(at));
    }
}

/// The ports one by one, if it is a list of them.
fn exposed(facts: &mut Facts, rest: &mut Rest) {
    let at = format!("/annotations/{}", escaped(EXPOSED));
    match rest.take(&at) {
        Some(Value::String(list)) if !list.is_empty() => {
            for port in list.split(',') {
                facts.add(Fact::new(Group::Network, "exposed port", port, Value::Bool(true)).at(&at));
            }
        }
        Some(other) => rest.give_back(&at, other),
        None => {}
    }
}

/// The mapping that a text is.
pub(super) fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}

/// What a value says that is spelt as JSON.
fn said(value: &Value) -> String {
    let parsed: Option<Value> = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    match parsed {
        Some(Value::String(text)) => text,
        _ => words::plain(value),
    }
}
