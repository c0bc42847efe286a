//! What things are called outside the project, and the parts of a service that have one spelling.

use std::rc::Rc;

use super::edit::{change, has, with, with_default};
use super::paths::clean;
use crate::source::Span;
use crate::yaml::{Entry, Node, Value};

/// The tree in which every network, volume, secret and config has its name, every service its networks, and every build
/// its Dockerfile (compose-go: `loader/normalize.go`).
pub(super) fn complete(root: &Node, project: &str, main: Span) -> Node {
    let root = &default_network(root, main);
    let root = &change(root, "services.*.pull_policy", &mut |policy| match policy.as_str() {
        Some("if_not_present") => Node::text(policy.span, "missing"),
        _ => policy.clone(),
    });
    let root = &change(root, "services.*.build", &mut |build| {
        if has(build, "dockerfile_inline") {
            return build.clone();
        }
        with_default(build, "dockerfile", || Node::text(build.span, "Dockerfile"))
    });
    let root = &change(root, "services.*.volumes.*.target", &mut |target| match target.as_str() {
        Some(text) => respelt(target, clean(text)),
        None => target.clone(),
    });
    ["networks", "volumes", "secrets", "configs"]
        .iter()
        .fold(root.clone(), |root, section| change(&root, section, &mut |section| named(section, project)))
}

/// A text in another spelling, at its place; the node itself where it is spelt so already.
fn respelt(node: &Node, text: String) -> Node {
    if node.as_str() == Some(&text) { node.clone() } else { Node::text(node.span, text) }
}

/// Every definition with its name: the one it was given, its key where it is not the project's own, else both.
fn named(section: &Node, project: &str) -> Node {
    let Value::Map(entries) = &section.value else { return section.clone() };
    let named = entries.iter().map(|entry| {
        let definition = match &entry.value.value {
            Value::Null => Node::map(entry.value.span, Vec::new()),
            _ => entry.value.clone(),
        };
        let external = definition.get("external").and_then(Node::as_str) == Some("true");
        let name =
            || if external { Rc::clone(&entry.key) } else { format!("{project}_{}", entry.key).into() };
        let value = with_default(&definition, "name", || Node::text(entry.key_span, name()));
        Entry { value, ..entry.clone() }
    });
    Node { span: section.span, value: Value::Map(named.collect()) }
}

/// A service that says nothing about networks is in the one called `default`, which exists where somebody is in it.
fn default_network(root: &Node, main: Span) -> Node {
    let mut used = false;
    let root = change(root, "services.*", &mut |service| {
        // Compose does not look for it where a service cannot have networks.
        if has(service, "provider") || has(service, "network_mode") {
            return service.clone();
        }
        let service = in_default(service);
        used |= service.get("networks").is_some_and(|networks| has(networks, "default"));
        service
    });
    if !used {
        return root;
    }
    let root = with_default(&root, "networks", || Node::map(main, Vec::new()));
    change(&root, "networks", &mut |networks| with_default(networks, "default", || Node::null(main)))
}

fn in_default(service: &Node) -> Node {
    let networks = match service.get("networks") {
        Some(networks) if matches!(&networks.value, Value::Map(entries) if entries.is_empty()) => {
            networks.span
        }
        Some(_) => return service.clone(),
        None => service.span,
    };
    let default = Entry::new("default", networks, Node::null(networks));
    with(service, Entry::new("networks", networks, Node::map(networks, vec![default])))
}
