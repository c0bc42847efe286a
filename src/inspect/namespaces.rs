//! `linux.namespaces`: what a container shares, and with whom.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Bundle, Draft};
use crate::lower::capabilities::Privilege;

/// The kinds, with the attribute that speaks of each.
const KINDS: [(&str, &str); 5] =
    [("network", "network_mode"), ("pid", "pid"), ("ipc", "ipc"), ("uts", "uts"), ("cgroup", "cgroup")];

pub(super) fn namespaces(draft: &mut Draft, bundle: &Bundle, privilege: Privilege) {
    let own: BTreeMap<&str, Option<&str>> = bundle
        .list("/linux/namespaces")
        .iter()
        .filter_map(|namespace| {
            Some((namespace.get("type")?.as_str()?, namespace.get("path").and_then(Value::as_str)))
        })
        .collect();
    for (kind, attribute) in KINDS {
        match own.get(kind) {
            None if kind == "cgroup" && privilege == Privilege::Privileged => {}
            None => draft.set(attribute, "host"),
            Some(Some(path)) => match owner(path) {
                Some(owner) => draft.set(attribute, format!("service:{owner}")),
                None => draft.cannot_say(bundle, "/linux/namespaces"),
            },
            Some(None) if kind == "network" => network(draft, bundle),
            Some(None) if kind == "cgroup" && privilege == Privilege::Privileged => {
                draft.set(attribute, "private");
            }
            Some(None) => {}
        }
    }
}

/// The service whose namespace is pinned at a path: `/run/bundlegen/PROJECT/SERVICE/KIND`.
fn owner(path: &str) -> Option<&str> {
    path.strip_prefix("/run/bundlegen/")?.split('/').nth(1)
}

/// A network of its own has nothing in it, unless the annotations name some.
fn network(draft: &mut Draft, bundle: &Bundle) {
    let named = ["ports", "networks"].iter().any(|key| draft.service.contains_key(*key));
    if !named && bundle.at("/annotations/io.bundlegen.networks").is_none() {
        draft.set("network_mode", "none");
    }
}
