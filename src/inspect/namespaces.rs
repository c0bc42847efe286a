//! `linux.namespaces`: what a container shares, and with whom.

use std::collections::BTreeSet;

use serde_json::Value;

use super::networks::Joined;
use super::{Bundle, Draft, Facts};
use crate::hook::argv::{Pin, RUN};
use crate::lower::capabilities::Privilege;

/// Whose a namespace is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing<'a> {
    Own,
    Host,
    /// That of another bundle.
    Of(&'a str),
}

/// The kinds, with the attribute that speaks of each and the name that its pin has.
const KINDS: [(&str, &str, &str); 3] =
    [("network", "network_mode", "net"), ("pid", "pid", "pid"), ("ipc", "ipc", "ipc")];

/// The kinds that are always a container's own, or the host's.
const UNSHARED: [&str; 3] = ["cgroup", "mount", "uts"];

fn find<'a>(bundle: &'a Bundle, kind: &str) -> Option<&'a Value> {
    let is = |namespace: &&Value| namespace.get("type").and_then(Value::as_str) == Some(kind);
    bundle.list("/linux/namespaces").iter().find(is)
}

pub(super) fn has_own(bundle: &Bundle, kind: &str) -> bool {
    find(bundle, kind).is_some()
}

pub(super) fn network(bundle: &Bundle) -> Sharing<'_> {
    sharing(bundle, "network", "net")
}

pub(super) fn ipc(bundle: &Bundle) -> Sharing<'_> {
    sharing(bundle, "ipc", "ipc")
}

fn sharing<'a>(bundle: &'a Bundle, kind: &str, file: &str) -> Sharing<'a> {
    let Some(namespace) = find(bundle, kind) else { return Sharing::Host };
    let path = namespace.get("path").and_then(Value::as_str);
    match path.and_then(pin) {
        Some((_, owner, pinned)) if pinned == file => Sharing::Of(owner),
        _ => Sharing::Own,
    }
}

/// A pinned namespace: project, bundle and file.
pub(super) fn pin(path: &str) -> Option<(&str, &str, &str)> {
    let (project, rest) = path.strip_prefix(RUN)?.strip_prefix('/')?.split_once('/')?;
    let (owner, file) = rest.split_once('/')?;
    Some((project, owner, file))
}

/// The namespaces that other bundles join.
pub(super) fn joined<'a>(bundles: &[&'a Bundle]) -> Joined<'a> {
    let of = |bundle: &'a Bundle| {
        let owner = |(kind, _, file)| match sharing(bundle, kind, file) {
            Sharing::Of(owner) => Some((owner, file)),
            Sharing::Own | Sharing::Host => None,
        };
        KINDS.into_iter().filter_map(owner)
    };
    bundles.iter().flat_map(|bundle| of(bundle)).collect()
}

pub(super) fn namespaces(draft: &mut Draft, bundle: &Bundle, facts: &Facts) {
    let is_shared = facts.joined.contains(&(bundle.name.as_str(), "ipc"))
        || facts.told.as_ref().is_some_and(|told| told.pins.contains(&Pin::Ipc));
    check(draft, bundle);
    for (kind, attribute, file) in KINDS {
        match sharing(bundle, kind, file) {
            Sharing::Host => draft.set(attribute, "host"),
            Sharing::Of(owner) => {
                let peer = format!("service:{}", peer(draft, facts, owner, kind, file));
                draft.set(attribute, peer);
            }
            Sharing::Own if kind == "network" && !draft.is_on_host(bundle) && is_empty(draft, facts) => {
                draft.set(attribute, "none");
            }
            Sharing::Own if kind == "ipc" && is_shared => {
                draft.set(attribute, "shareable");
            }
            Sharing::Own => {}
        }
    }
    match (has_own(bundle, "cgroup"), facts.privilege) {
        (true, Privilege::Privileged) => draft.set("cgroup", "private"),
        (false, Privilege::Ordinary) => draft.set("cgroup", "host"),
        _ => {}
    }
    if !facts.own_uts {
        draft.set("uts", "host");
    }
}

/// Whom to name: the owner, unless the service waits for another one that is with the owner too, and not for the owner.
fn peer(draft: &Draft, facts: &Facts, owner: &str, kind: &str, file: &str) -> String {
    let is_with = |name: &&str| {
        let other = facts.bundles.get(name);
        other.is_some_and(|other| sharing(other, kind, file) == Sharing::Of(owner))
    };
    let waits_for_owner = draft.waits_for().any(|name| name == owner);
    let other = draft.waits_for().find(is_with).filter(|_| !waits_for_owner);
    other.unwrap_or(owner).to_owned()
}

/// Each kind once, and joined where a build would.
fn check(draft: &mut Draft, bundle: &Bundle) {
    let mut seen = BTreeSet::new();
    for (index, namespace) in bundle.list("/linux/namespaces").iter().enumerate() {
        let at = format!("/linux/namespaces/{index}");
        let kind = namespace.get("type").and_then(Value::as_str).unwrap_or_default();
        let path = namespace.get("path").and_then(Value::as_str);
        let file = KINDS.iter().find(|(known, ..)| *known == kind).map(|(.., file)| *file);
        let known = match (file, path) {
            (Some(_), None) => true,
            (Some(file), Some(path)) => match pin(path) {
                Some((project, _, pinned)) if pinned == file => {
                    draft.project(bundle, &at, project);
                    true
                }
                _ => false,
            },
            (None, path) => UNSHARED.contains(&kind) && path.is_none(),
        };
        if !known || !seen.insert(kind) {
            draft.cannot_say(bundle, &at);
        }
    }
    if !seen.contains("mount") {
        draft.cannot_say(bundle, "/linux/namespaces");
    }
}

/// A network of its own has nothing in it, unless something was to be.
fn is_empty(draft: &Draft, facts: &Facts) -> bool {
    let attached = facts.told.as_ref().is_some_and(|told| !told.networks.is_empty());
    !attached
        && !["network_mode", "ports", "networks", "links", "mac_address"].iter().any(|key| draft.says(key))
}
