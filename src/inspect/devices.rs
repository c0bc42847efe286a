//! `linux.devices` and `linux.resources.devices`: device nodes, and rules for devices.

use serde_json::{Value, json};

use super::{Bundle, Draft};
use crate::compose::value::device::{DeviceAccess, DeviceNode, DeviceRule};
use crate::lower::capabilities::Privilege;
use crate::lower::defaults::DEVICES;
use crate::lower::devices::known;

const RULES: &str = "/linux/resources/devices";

/// A node comes with a rule of its own; the rules without a node are written as rules.
pub(super) fn devices(draft: &mut Draft, bundle: &Bundle, privilege: Privilege) {
    let all = bundle.list(RULES);
    let first = match privilege {
        Privilege::Privileged => all.len(),
        Privilege::Ordinary => default_rules().len(),
    };
    if privilege == Privilege::Ordinary && !all.starts_with(&default_rules()) {
        draft.cannot_say(bundle, RULES);
    }
    let mut rules = all.iter().enumerate().skip(first);
    for (index, node) in bundle.list("/linux/devices").iter().enumerate() {
        let access = match privilege {
            Privilege::Privileged => Some("rwm"),
            Privilege::Ordinary => rules.next().and_then(|(_, rule)| access_of(node, rule)),
        };
        if access.and_then(|access| device(draft, node, access)).is_none() {
            draft.cannot_say(bundle, &format!("/linux/devices/{index}"));
        }
    }
    for (index, rule) in rules {
        match written(rule) {
            Some(rule) => draft.push("device_cgroup_rules", rule),
            None => draft.cannot_say(bundle, &format!("{RULES}/{index}")),
        }
    }
}

pub(super) fn default_rules() -> Vec<Value> {
    let deny = json!({ "allow": false, "access": "rwm" });
    let allowed = DEVICES.iter().map(
        |(major, minor)| json!({ "allow": true, "type": "c", "major": major, "minor": minor, "access": "rwm" }),
    );
    [deny].into_iter().chain(allowed).collect()
}

/// What the rule of a node allows, if it is the one that a build makes.
fn access_of<'r>(node: &Value, rule: &'r Value) -> Option<&'r str> {
    let alike = ["type", "major", "minor"].iter().all(|key| node.get(key) == rule.get(key));
    let allowed = rule.get("allow") == Some(&Value::Bool(true));
    let access = rule.get("access")?.as_str()?;
    (alike && allowed && access.parse::<DeviceAccess>().is_ok()).then_some(access)
}

fn device(draft: &mut Draft, node: &Value, access: &str) -> Option<()> {
    let text = |key: &str| node.get(key)?.as_str();
    let number = |key: &str| node.get(key)?.as_u64();
    let path = text("path").filter(|path| path.starts_with('/'))?;
    if (number("uid")?, number("gid")?) != (0, 0) {
        return None;
    }
    let (kind, mode) = (text("type")?, number("fileMode")?);
    let said = format!("{kind} {}:{} {mode:04o}", number("major")?, number("minor")?);
    let node: DeviceNode = said.parse().ok()?;
    let source = match known(path) {
        Some(known) if known == node => path.to_owned(),
        _ => draft.device(path, &said),
    };
    let mut device = json!({ "source": source, "target": path });
    if let (true, Value::Object(device)) = (access != "rwm", &mut device) {
        device.insert("permissions".into(), access.into());
    }
    draft.push("devices", device);
    Some(())
}

/// The letter, the numbers and the access of a rule, as `device_cgroup_rules` has them. One without a number is for any.
fn written(rule: &Value) -> Option<String> {
    let number = |key: &str| match rule.get(key) {
        None => Some("*".to_owned()),
        Some(number) => number.as_u64().map(|number| number.to_string()),
    };
    let kind = rule.get("type")?.as_str()?;
    let access = rule.get("access")?.as_str()?;
    let text = format!("{kind} {}:{} {access}", number("major")?, number("minor")?);
    let allowed = rule.get("allow") == Some(&Value::Bool(true));
    (allowed && text.parse::<DeviceRule>().is_ok()).then_some(text)
}
