//! What may not stand together, or not be left out, in any definition, used or not (compose-go: `validation/`).

use std::net::IpAddr;

use super::edit::{all, entry, lacks};
use crate::diag::{Code, Diagnostics};
use crate::yaml::{Entry, Node, Value};

/// Reports what contradicts itself. This is so in services that are off, too.
pub(super) fn check(d: &mut Diagnostics, root: &Node) {
    for volume in definitions(root, "volumes") {
        check_external(d, &volume.value);
    }
    for secret in definitions(root, "secrets") {
        check_one_source(d, secret, "secret", &["file", "environment"]);
    }
    for config in definitions(root, "configs") {
        check_one_source(d, config, "config", &["file", "environment", "content"]);
    }
    for port in all(root, "services.*.ports.*.host_ip") {
        check_address(d, port);
    }
    for path in all(root, "services.*.develop.watch.*.path") {
        if path.as_str() == Some("") {
            d.error(Code::InvalidValue, "the path of a watch may not be empty").label(path.span, "").emit();
        }
    }
    for request in all(root, "services.*.gpus.*") {
        check_count(d, request);
    }
    for request in all(root, "services.*.deploy.resources.reservations.devices.*") {
        check_count(d, request);
    }
    for (path, what) in [("ports", "a port"), ("devices", "a device"), ("volumes", "a mount")] {
        for node in all(root, &format!("services.*.{path}.*")) {
            check_there(d, node, &format!("{what} needs `target`"), "target");
        }
    }
    for mount in all(root, "services.*.volumes.*") {
        if mount.get("type").and_then(Node::as_str) == Some("bind") {
            check_there(d, mount, "a bind mount needs a `source`", "source");
        }
    }
}

fn definitions<'n>(root: &'n Node, section: &str) -> &'n [Entry] {
    root.get(section).map_or(&[], Node::entries)
}

/// A volume that is made elsewhere is described elsewhere.
fn check_external(d: &mut Diagnostics, volume: &Node) {
    let Some(external) = entry(volume, "external") else { return };
    if external.value.as_str() != Some("true") {
        return;
    }
    let allowed = |key: &str| matches!(key, "name" | "external") || key.starts_with("x-");
    for other in volume.entries().iter().filter(|entry| !allowed(&entry.key)) {
        let message = format!("`{}` has no meaning for a volume with `external: true`", other.key);
        let draft = d.error(Code::Conflict, message).label(other.key_span, "");
        draft.label(external.key_span, "made elsewhere").help("remove one of them").emit();
    }
}

/// A secret or config has its content from one place. A driver may know where from.
fn check_one_source(d: &mut Diagnostics, definition: &Entry, what: &str, keys: &[&str]) {
    let node = &definition.value;
    if !matches!(node.value, Value::Map(_)) {
        return;
    }
    let mut given = keys.iter().filter_map(|key| entry(node, key));
    let alternatives = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    match (given.next(), given.next()) {
        (Some(first), Some(second)) => {
            let message = format!("`{}` and `{}` of a {what} exclude each other", first.key, second.key);
            let draft = d.error(Code::Conflict, message).label(second.key_span, "");
            draft.label(first.key_span, "the other one").help("remove one of them").emit();
        }
        (None, _) if lacks(node, "driver") && lacks(node, "external") => {
            let message = format!("the {what} `{}` has no content", definition.key);
            let draft = d.error(Code::MissingKey, message).label(definition.key_span, "");
            draft.help(format!("give it one of {alternatives}, or write `external: true`")).emit();
        }
        _ => {}
    }
}

fn check_address(d: &mut Diagnostics, node: &Node) {
    let Some(text) = node.as_str() else { return };
    if text.parse::<IpAddr>().is_err() {
        let message = format!("`{text}` is no IP address");
        d.error(Code::InvalidValue, message).label(node.content(), "").emit();
    }
}

/// Devices are counted or named.
fn check_count(d: &mut Diagnostics, request: &Node) {
    if let (Some(count), Some(ids)) = (entry(request, "count"), entry(request, "device_ids")) {
        let draft = d.error(Code::Conflict, "`count` and `device_ids` exclude each other");
        let draft = draft.label(ids.key_span, "").label(count.key_span, "the other one");
        draft.help("remove one of them").emit();
    }
}

/// Reports a key that the schema does not ask for and the loader needs (compose-go: `override/uncity.go`,
/// `paths/resolve.go`).
fn check_there(d: &mut Diagnostics, node: &Node, message: &str, key: &str) {
    if lacks(node, key) {
        d.error(Code::MissingKey, message).label(node.span, "not in here").emit();
    }
}
