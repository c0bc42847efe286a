//! `linux.resources`: limits of the control group, and devices.

use serde_json::{Map, Value, json};

use super::confinement::further_rules;
use super::{Bundle, Draft};

/// The numbers that an attribute gives as they are.
const NUMBERS: &[(&str, &str)] = &[
    ("/linux/resources/memory/limit", "mem_limit"),
    ("/linux/resources/memory/reservation", "mem_reservation"),
    ("/linux/resources/memory/swap", "memswap_limit"),
    ("/linux/resources/memory/swappiness", "mem_swappiness"),
    ("/linux/resources/memory/disableOOMKiller", "oom_kill_disable"),
    ("/linux/resources/cpu/shares", "cpu_shares"),
    ("/linux/resources/cpu/quota", "cpu_quota"),
    ("/linux/resources/cpu/period", "cpu_period"),
    ("/linux/resources/cpu/realtimeRuntime", "cpu_rt_runtime"),
    ("/linux/resources/cpu/realtimePeriod", "cpu_rt_period"),
    ("/linux/resources/cpu/cpus", "cpuset"),
    ("/linux/resources/pids/limit", "pids_limit"),
];

pub(super) fn resources(draft: &mut Draft, bundle: &Bundle) {
    for (at, attribute) in NUMBERS {
        if let Some(value) = bundle.at(at) {
            draft.set(attribute, value.clone());
        }
    }
    devices(draft, bundle);
}

/// The letter, the numbers and the access of a rule, as `device_cgroup_rules` has them.
fn rule(rule: &Value) -> Option<String> {
    let number = |key: &str| match rule.get(key) {
        None => "*".to_owned(),
        Some(number) => number.to_string(),
    };
    let kind = rule.get("type").and_then(Value::as_str).unwrap_or("a");
    (rule.get("allow") == Some(&Value::Bool(true))).then(|| {
        let access = rule.get("access").and_then(Value::as_str).unwrap_or("rwm");
        format!("{kind} {}:{} {access}", number("major"), number("minor"))
    })
}

/// A node comes with a rule of its own; the rules without a node are written as rules.
fn devices(draft: &mut Draft, bundle: &Bundle) {
    let nodes = bundle.list("/linux/devices");
    let mut numbers = Map::new();
    let mut rules = further_rules(bundle);
    for node in nodes {
        let of = |key: &str| node.get(key).map(ToString::to_string).unwrap_or_default();
        let text = |key: &str| node.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let access = rules.next().and_then(|rule| rule.get("access")?.as_str()).unwrap_or("rwm").to_owned();
        let path = text("path");
        numbers.insert(path.clone(), format!("{} {}:{}", text("type"), of("major"), of("minor")).into());
        draft.push("devices", json!({ "source": path, "target": path, "permissions": access }));
    }
    let further: Vec<Value> = rules.filter_map(rule).map(Value::from).collect();
    draft.set("device_cgroup_rules", further);
    if !numbers.is_empty() {
        draft.extension.insert("devices".into(), Value::Object(numbers));
    }
}
