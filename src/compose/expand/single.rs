//! Short forms with no grammar: one value where a list or a mapping could stand.

use super::{Expansion, alone, text};
use crate::diag::{Invalid, Reported};
use crate::yaml::{Entry, Node, Value};

/// `build: DIRECTORY`
pub fn build(_x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    Ok(under(node, "context"))
}

/// `extends: SERVICE`
pub fn extends(_x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    Ok(under(node, "service"))
}

/// An item of `include` that is a path.
pub fn include(_x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    Ok(under(node, "path"))
}

/// An item of `secrets` or `configs` of a service that is a name.
pub fn source(_x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    Ok(under(node, "source"))
}

fn under(node: &Node, key: &str) -> Node {
    if text(node).is_some() { alone(node, key) } else { node.clone() }
}

/// A text that stands for a list of one.
pub fn one_or_list(_x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    Ok(listed(node))
}

fn listed(node: &Node) -> Node {
    if text(node).is_some() { Node::seq(node.span, vec![node.clone()]) } else { node.clone() }
}

/// A single value of any type that stands for a list of one.
pub fn scalars(_x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    match &node.value {
        Value::Scalar(_) => Ok(Node::seq(node.span, vec![node.clone()])),
        _ => Ok(node.clone()),
    }
}

/// `dns`: an empty address is as good as none.
pub fn dns(_x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    let list = listed(node);
    let Value::Seq(items) = &list.value else { return Ok(list) };
    let kept = items.iter().filter(|item| text(item) != Some(""));
    Ok(Node::seq(list.span, kept.cloned().collect()))
}

/// `env_file`: a path, or a list of paths and mappings. A file must be there unless the mapping says otherwise.
pub fn env_file(_x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    let list = listed(node);
    let Value::Seq(items) = &list.value else { return Ok(list) };
    Ok(Node::seq(list.span, items.iter().map(required_file).collect()))
}

fn required_file(item: &Node) -> Node {
    let required = || Entry::new("required", item.span, Node::plain(item.span, "true"));
    let entries = match &item.value {
        Value::Override(inner) => {
            let inner = required_file(inner);
            return Node { span: item.span, value: Value::Override(inner.into()) };
        }
        Value::Map(entries) if entries.iter().any(|entry| &*entry.key == "required") => return item.clone(),
        Value::Map(entries) => entries.iter().cloned().chain([required()]).collect(),
        _ if text(item).is_some() => vec![Entry::new("path", item.span, item.clone()), required()],
        _ => return item.clone(),
    };
    Node::map(item.span, entries)
}

/// `gpus: all`
pub fn gpus(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    match text(node) {
        Some("all") => Ok(Node::seq(node.span, vec![alone(node, "count")])),
        Some(text) if !x.keeps(text) => {
            let message = format!("`gpus` is `all` or a list, and this is `{text}`");
            Err(x.invalid(node, Invalid::whole(text, message).help("write `all`, or `[{count: 1}]`")))
        }
        _ => Ok(node.clone()),
    }
}
