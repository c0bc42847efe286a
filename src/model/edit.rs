//! Trees, changed along a path: `services.*.ports.*` are all ports of all services.

use std::rc::Rc;

use crate::yaml::{Entry, Node, Value};

/// The tree in which every node at `path` is what `change` makes of it. A `*` is every key of a mapping, and every item
/// of a list. What is not there stays away.
pub(super) fn change(root: &Node, path: &str, change: &mut dyn FnMut(&Node) -> Node) -> Node {
    let steps: Vec<&str> = path.split('.').collect();
    along(root, &steps, change)
}

fn along(node: &Node, path: &[&str], change: &mut dyn FnMut(&Node) -> Node) -> Node {
    let Some((step, rest)) = path.split_first() else { return change(node) };
    let value = match &node.value {
        Value::Map(entries) if entries.iter().any(|entry| matches(step, &entry.key)) => {
            let entry = |entry: &Entry| {
                let mut entry = entry.clone();
                if matches(step, &entry.key) {
                    entry.value = along(&entry.value, rest, change);
                }
                entry
            };
            Value::Map(entries.iter().map(entry).collect())
        }
        Value::Seq(items) if *step == "*" => {
            Value::Seq(items.iter().map(|item| along(item, rest, change)).collect())
        }
        _ => return node.clone(),
    };
    Node { span: node.span, value }
}

fn matches(step: &str, key: &str) -> bool {
    step == "*" || step == key
}

/// Every node at `path`.
pub(super) fn all<'n>(root: &'n Node, path: &str) -> Vec<&'n Node> {
    path.split('.').fold(vec![root], |nodes, step| {
        let below = |node: &'n Node| {
            let values = node.entries().iter().filter(move |entry| matches(step, &entry.key));
            let items = node.items().iter().filter(move |_| step == "*");
            values.map(|entry| &entry.value).chain(items)
        };
        nodes.into_iter().flat_map(below).collect()
    })
}

/// The entry of a key.
pub(super) fn entry<'n>(node: &'n Node, key: &str) -> Option<&'n Entry> {
    node.entries().iter().find(|entry| &*entry.key == key)
}

/// Whether a mapping has a key, whatever its value.
pub(super) fn has(node: &Node, key: &str) -> bool {
    node.get(key).is_some()
}

/// Whether a key of a mapping is missing, and that is all there is to say: what is broken in the mapping may be that very
/// key with a mistake in it.
pub(super) fn lacks(node: &Node, key: &str) -> bool {
    let broken = |entry: &Entry| matches!(entry.value.value, Value::Broken(_));
    matches!(node.value, Value::Map(_)) && !has(node, key) && !node.entries().iter().any(broken)
}

/// The text of a key; nothing where there is none, or an empty one.
pub(super) fn text<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    node.get(key).filter(|value| value.as_str().is_some_and(|text| !text.is_empty()))
}

/// The mapping with a key set: at its old place, or at the end. What is no mapping stays as it is.
pub(super) fn with(node: &Node, entry: Entry) -> Node {
    let Value::Map(entries) = &node.value else { return node.clone() };
    let mut entries = entries.to_vec();
    match entries.iter_mut().find(|known| known.key == entry.key) {
        Some(known) => known.value = entry.value,
        None => entries.push(entry),
    }
    Node::map(node.span, entries)
}

/// The same where the key is missing; else the mapping as it is.
pub(super) fn with_default(node: &Node, key: &str, value: impl FnOnce() -> Node) -> Node {
    if has(node, key) { node.clone() } else { with(node, Entry::new(key, node.span, value())) }
}

/// The mapping with only those of its entries that are wanted.
pub(super) fn only(node: &Node, wanted: impl Fn(&Entry) -> bool) -> Node {
    match &node.value {
        Value::Map(entries) if !entries.iter().all(&wanted) => {
            let kept: Rc<[Entry]> = entries.iter().filter(|entry| wanted(entry)).cloned().collect();
            Node { span: node.span, value: Value::Map(kept) }
        }
        _ => node.clone(),
    }
}
