//! The ports of the host that a bundle publishes: its hooks are told them.

use serde_json::Value;

use crate::hook::argv::Ports;
use crate::inspect::Bundle;

/// The ports, each with the place where the first hook is told of it.
pub fn published(bundle: &Bundle) -> Vec<(String, Ports)> {
    let sections = ["createRuntime", "poststart"].into_iter();
    let of_section = |section: &str| -> Vec<(String, Ports)> {
        let hooks = bundle.list(&format!("/hooks/{section}")).iter().enumerate();
        hooks.flat_map(|(index, hook)| of_hook(&format!("/hooks/{section}/{index}/args"), hook)).collect()
    };
    sections.map(of_section).find(|ports| !ports.is_empty()).unwrap_or_default()
}

fn of_hook(at: &str, hook: &Value) -> Vec<(String, Ports)> {
    let args = hook.get("args").and_then(Value::as_array).into_iter().flatten().enumerate();
    let ports = args.filter_map(|(index, arg)| {
        let ports = arg.as_str()?.strip_prefix("--publish=")?.parse().ok()?;
        Some((format!("{at}/{index}"), ports))
    });
    ports.collect()
}
