//! Capabilities, filters and labels: what a container may do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::known::pointed;
use super::namespaces::Sharing;
use super::{Bundle, Draft, Facts, texts};
use crate::bundle::json;
use crate::compose::value::architecture::Architecture;
use crate::compose::value::capability::Capability;
use crate::compose::value::hostname::Hostname;
use crate::lower::capabilities::{self, DEFAULT, Privilege};
use crate::lower::defaults::{MASKED_PATHS, MOUNT_LABEL, NETWORK_SYSCTLS, PROCESS_LABEL, READONLY_PATHS};
use crate::lower::seccomp::default_profile;
use crate::lower::selinux::Part;

pub(super) fn confinement(draft: &mut Draft, bundle: &Bundle, facts: &Facts) {
    let bounding = bounding(bundle);
    if facts.privilege == Privilege::Privileged {
        draft.set("privileged", true);
    } else {
        capabilities(draft, &bounding);
        paths(draft, bundle);
    }
    check_sets(draft, bundle);
    seccomp(draft, bundle, &bounding, facts.privilege);
    if let Some(profile) = bundle.text("/process/apparmorProfile") {
        draft.push("security_opt", format!("apparmor={profile}"));
    }
    labels(draft, bundle);
    if let Some(Value::Bool(value)) = bundle.at("/process/noNewPrivileges") {
        draft.push("security_opt", format!("no-new-privileges:{value}"));
    }
    sysctls(draft, bundle, facts);
}

/// A network of a container's own has Docker's parameters.
fn sysctls(draft: &mut Draft, bundle: &Bundle, facts: &Facts) {
    let own_network = facts.network == Sharing::Own;
    let implied: &[(&str, &str)] = if own_network { NETWORK_SYSCTLS } else { &[] };
    for (name, value) in bundle.map("/linux/sysctl") {
        let Some(value) = value.as_str() else { continue };
        let is_domain = name == "kernel.domainname" && !matches!(facts.network, Sharing::Of(_));
        if implied.contains(&(name.as_str(), value)) {
            continue;
        }
        if is_domain && value.parse::<Hostname>().is_ok() {
            draft.set("domainname", value);
        } else {
            draft.put("sysctls", name, value);
        }
    }
    let has = |name: &str| bundle.map("/linux/sysctl").any(|(key, _)| key == name);
    for (name, _) in implied.iter().filter(|(name, _)| !has(name)) {
        draft.cannot_say(bundle, &format!("/linux/sysctl/{}", pointed(name)));
    }
}

fn bounding(bundle: &Bundle) -> BTreeSet<Capability> {
    texts(bundle.list("/process/capabilities/bounding")).filter_map(|name| name.parse().ok()).collect()
}

/// Whether a container is privileged: it has every capability, every device, and nothing is hidden from it.
pub(super) fn privilege(bundle: &Bundle) -> Privilege {
    let rules = bundle.list("/linux/resources/devices");
    let every_device =
        rules.len() == 1 && rules.iter().all(|rule| rule.get("allow") == Some(&Value::Bool(true)));
    let hidden = bundle.at("/linux/maskedPaths").is_some() || bundle.at("/linux/readonlyPaths").is_some();
    let all = capabilities::effective_set(&[], &[], Privilege::Privileged);
    if every_device && !hidden && bounding(bundle) == all {
        Privilege::Privileged
    } else {
        Privilege::Ordinary
    }
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

/// Root has all sets alike, and other users the bounding one alone.
fn check_sets(draft: &mut Draft, bundle: &Bundle) {
    let set = |name: &str| -> Option<BTreeSet<&str>> {
        let list = bundle.at("/process/capabilities")?.get(name)?.as_array()?;
        Some(texts(list).collect())
    };
    let bounding = set("bounding").unwrap_or_default();
    if bounding.iter().any(|name| name.parse::<Capability>().is_err()) {
        draft.cannot_say(bundle, "/process/capabilities/bounding");
    }
    let is_root = bundle.at("/process/user/uid").and_then(Value::as_u64).unwrap_or_default() == 0;
    let expected = is_root.then_some(bounding);
    for name in ["effective", "permitted"] {
        let own = set(name);
        let empty = own.as_ref().is_none_or(BTreeSet::is_empty);
        if own != expected && !(empty && expected.as_ref().is_none_or(BTreeSet::is_empty)) {
            draft.cannot_say(bundle, &format!("/process/capabilities/{name}"));
        }
    }
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

/// The default filters by what they follow. A project has few of them.
#[derive(Default)]
pub(super) struct Filters(BTreeMap<BTreeSet<Capability>, Vec<(Architecture, Value)>>);

impl Filters {
    /// The architecture whose default filter this is, if it is one.
    pub(super) fn architecture(&mut self, bundle: &Bundle, filter: &Value) -> Option<Architecture> {
        let capabilities = bounding(bundle);
        let defaults = self.0.entry(capabilities).or_insert_with_key(|capabilities| {
            let default = |architecture: &Architecture| {
                let filter = json::pruned(&default_profile(capabilities, *architecture)).ok()?;
                Some((*architecture, filter))
            };
            Architecture::ALL.iter().filter_map(default).collect()
        });
        defaults.iter().find(|(_, default)| default == filter).map(|(architecture, _)| *architecture)
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
    let text = filter.to_string();
    let is_default = draft.filters.architecture(bundle, filter).is_some();
    match (is_default, privilege) {
        (true, Privilege::Ordinary) => {}
        (true, Privilege::Privileged) => draft.push("security_opt", "seccomp=builtin"),
        (false, _) if crate::lower::seccomp::is_profile(&text, bounding) => {
            draft.push("security_opt", format!("seccomp={text}"));
        }
        (false, _) => draft.cannot_say(bundle, "/linux/seccomp"),
    }
}

/// A label of a process, and that of the files that goes with it.
fn labels(draft: &mut Draft, bundle: &Bundle) {
    let (process, mount) = (bundle.text("/process/selinuxLabel"), bundle.text("/linux/mountLabel"));
    let said = process.and_then(|label| parts(label, &PROCESS_LABEL));
    let of_files = mount.and_then(|label| parts(label, &MOUNT_LABEL));
    let (Some(mut said), Some(of_files)) = (said, of_files) else {
        for (at, label) in [("/process/selinuxLabel", process), ("/linux/mountLabel", mount)] {
            if label.is_some() {
                draft.cannot_say(bundle, at);
            }
        }
        return;
    };
    for (name, value) in of_files {
        match said.get(name) {
            Some(known) if *known != value => return draft.cannot_say(bundle, "/linux/mountLabel"),
            _ => drop(said.insert(name, value)),
        }
    }
    let of_process = PROCESS_LABEL.iter().chain(&MOUNT_LABEL);
    let defaults: BTreeSet<(&str, &str)> =
        of_process.filter_map(|(part, default)| Some((part.as_ref()?.name(), *default))).collect();
    let mut unlike: Vec<String> = Vec::new();
    for (name, value) in &said {
        if !defaults.contains(&(*name, *value)) {
            unlike.push(format!("label={name}:{value}"));
        }
    }
    if let (true, Some(kind)) = (unlike.is_empty(), said.get("type")) {
        unlike.push(format!("label=type:{kind}"));
    }
    for option in unlike {
        draft.push("security_opt", option);
    }
}

/// The parts of a label by their names in `security_opt`. A part that has none must be as it always is.
fn parts<'l>(label: &'l str, parts: &[Part; 4]) -> Option<BTreeMap<&'static str, &'l str>> {
    let values: Vec<&str> = label.splitn(4, ':').collect();
    if values.len() != parts.len() || values.iter().any(|value| value.is_empty()) {
        return None;
    }
    let fixed = |((part, default), value): (&Part, &&str)| part.is_some() || default == value;
    parts.iter().zip(&values).all(fixed).then(|| {
        let named =
            parts.iter().zip(&values).filter_map(|((part, _), value)| Some((part.as_ref()?.name(), *value)));
        named.collect()
    })
}
