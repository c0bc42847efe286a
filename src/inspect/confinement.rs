//! Capabilities, filters and labels: what a container may do.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Bundle, Draft, texts};
use crate::bundle::json;
use crate::compose::value::architecture::Architecture;
use crate::compose::value::capability::Capability;
use crate::lower::capabilities::{self, DEFAULT, Privilege};
use crate::lower::defaults::{DEVICES, MASKED_PATHS, READONLY_PATHS};
use crate::lower::seccomp::default_profile;

/// Whether a container is privileged: what it has then, it has by default.
pub(super) fn confinement(draft: &mut Draft, bundle: &Bundle) -> Privilege {
    let bounding = bounding(bundle);
    let privilege = privilege(bundle, &bounding);
    if privilege == Privilege::Privileged {
        draft.set("privileged", true);
    } else {
        capabilities(draft, &bounding);
        paths(draft, bundle);
    }
    seccomp(draft, bundle, &bounding, privilege);
    labels(draft, bundle);
    if let Some(Value::Bool(value)) = bundle.at("/process/noNewPrivileges") {
        draft.push("security_opt", format!("no-new-privileges:{value}"));
    }
    for (name, value) in bundle.map("/linux/sysctl") {
        if !is_default_sysctl(name, value) {
            let sysctls =
                draft.service.entry("sysctls").or_insert_with(|| Value::Object(serde_json::Map::new()));
            if let Value::Object(map) = sysctls {
                map.insert(name.clone(), value.clone());
            }
        }
    }
    privilege
}

fn is_default_sysctl(name: &str, value: &Value) -> bool {
    crate::lower::defaults::NETWORK_SYSCTLS.iter().any(|(key, default)| *key == name && value == *default)
}

fn bounding(bundle: &Bundle) -> BTreeSet<Capability> {
    texts(bundle.list("/process/capabilities/bounding")).filter_map(|name| name.parse().ok()).collect()
}

/// A privileged container has every capability, every device, and nothing is hidden from it.
fn privilege(bundle: &Bundle, bounding: &BTreeSet<Capability>) -> Privilege {
    let rules = bundle.list("/linux/resources/devices");
    let every_device =
        rules.len() == 1 && rules.iter().all(|rule| rule.get("allow") == Some(&Value::Bool(true)));
    let hidden = bundle.at("/linux/maskedPaths").is_some() || bundle.at("/linux/readonlyPaths").is_some();
    let all = capabilities::effective_set(&[], &[], Privilege::Privileged);
    if every_device && !hidden && *bounding == all { Privilege::Privileged } else { Privilege::Ordinary }
}

fn capabilities(draft: &mut Draft, bounding: &BTreeSet<Capability>) {
    let default: BTreeSet<Capability> = DEFAULT.iter().copied().collect();
    let names = |set: BTreeSet<Capability>| {
        let mut names: Vec<String> = set.iter().map(ToString::to_string).collect();
        names.sort();
        names
    };
    if bounding.is_empty() {
        draft.set("cap_drop", vec!["ALL"]);
        return;
    }
    draft.set("cap_add", names(bounding - &default));
    draft.set("cap_drop", names(&default - bounding));
}

fn paths(draft: &mut Draft, bundle: &Bundle) {
    let has = |pointer: &str, paths: &[&str]| texts(bundle.list(pointer)).eq(paths.iter().copied());
    if bundle.at("/linux/maskedPaths").is_none() && bundle.at("/linux/readonlyPaths").is_none() {
        draft.push("security_opt", "systempaths=unconfined");
        return;
    }
    if !has("/linux/maskedPaths", MASKED_PATHS) {
        draft.cannot_say(bundle, "/linux/maskedPaths");
    }
    if !has("/linux/readonlyPaths", READONLY_PATHS) {
        draft.cannot_say(bundle, "/linux/readonlyPaths");
    }
}

/// The default filter needs no word; any other one stands in the option itself.
fn seccomp(draft: &mut Draft, bundle: &Bundle, bounding: &BTreeSet<Capability>, privilege: Privilege) {
    let Some(filter) = bundle.at("/linux/seccomp") else {
        if privilege == Privilege::Ordinary {
            draft.push("security_opt", "seccomp=unconfined");
        }
        return;
    };
    let defaults = Architecture::ALL.iter().map(|architecture| default_profile(bounding, *architecture));
    let is_default =
        defaults.into_iter().any(|default| json::pruned(&default).is_ok_and(|default| default == *filter));
    match (is_default, privilege) {
        (true, Privilege::Ordinary) => {}
        (true, Privilege::Privileged) => draft.push("security_opt", "seccomp=builtin"),
        (false, _) => draft.push("security_opt", format!("seccomp={filter}")),
    }
}

fn labels(draft: &mut Draft, bundle: &Bundle) {
    if let Some(profile) = bundle.text("/process/apparmorProfile") {
        draft.push("security_opt", format!("apparmor={profile}"));
    }
    let Some(label) = bundle.text("/process/selinuxLabel") else { return };
    for (kind, part) in ["user", "role", "type", "level"].into_iter().zip(label.splitn(4, ':')) {
        if !part.is_empty() {
            draft.push("security_opt", format!("label={kind}:{part}"));
        }
    }
}

/// The device rules that are no default.
pub(super) fn further_rules(bundle: &Bundle) -> impl Iterator<Item = &Value> {
    bundle.list("/linux/resources/devices").iter().skip(1 + DEVICES.len())
}
