//! `external: {name: NAME}`, which Compose once had for what is now `external: true` and `name: NAME`.

use super::{Expansion, text};
use crate::compose::decode::{Expected, wrong_type};
use crate::diag::{Code, Reported};
use crate::nearest::nearest;
use crate::yaml::{Entry, Node, Value};

/// A network or volume that may be external.
pub fn external(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    write_out(x, node, Others::Refused)
}

/// A secret or config that may be external. Here Compose does not look at other keys beside the name.
pub fn loosely_external(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    write_out(x, node, Others::Allowed)
}

/// What becomes of keys beside the name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    Allowed,
    Refused,
}

fn write_out(x: &mut Expansion<'_>, node: &Node, others: Others) -> Result<Node, Reported> {
    let Value::Map(entries) = &node.value else { return Ok(node.clone()) };
    let Some(external) = entries.iter().find(|entry| &*entry.key == "external") else {
        return Ok(node.clone());
    };
    let Value::Map(keys) = &external.value.untagged().value else { return Ok(node.clone()) };
    if others == Others::Refused {
        check_keys(x, keys)?;
    }
    let adopted = match keys.iter().find(|entry| &*entry.key == "name") {
        Some(name) => adopt(x, name, entries)?,
        None => None,
    };
    let entries = entries.iter().map(|entry| match &*entry.key {
        "external" => Entry { value: Node::plain(entry.value.span, "true"), ..entry.clone() },
        _ => entry.clone(),
    });
    Ok(Node::map(node.span, entries.chain(adopted).collect()))
}

fn check_keys(x: &mut Expansion<'_>, keys: &[Entry]) -> Result<(), Reported> {
    let mut failed = Ok(());
    for entry in keys.iter().filter(|entry| &*entry.key != "name" && !entry.key.starts_with("x-")) {
        x.wanted()?;
        let message = format!("`external` has no key `{}`", entry.key);
        let draft = x.d.error(Code::UnknownKey, message).label(entry.key_span, "not known to Compose");
        let draft = draft.help("write `external: true`, and the name beside it");
        failed = Err(draft.did_you_mean(nearest(&entry.key, ["name"])).emit());
    }
    failed
}

/// The name that the old form gives, unless the new one gives the same.
fn adopt(x: &mut Expansion<'_>, name: &Entry, entries: &[Entry]) -> Result<Option<Entry>, Reported> {
    let value = name.value.untagged();
    let new = match (&value.value, text(value)) {
        (Value::Reset, _) => return Ok(None),
        (_, Some(new)) => new,
        _ => return Err(wrong_type(x.d, value, Expected::Text)),
    };
    let draft = x.d.warning(Code::Obsolete, "`name` in `external` is an old way to write it");
    draft.label(name.key_span, "").help(format!("write `external: true` and `name: {new}`")).emit();
    let Some(known) = entries.iter().find(|entry| &*entry.key == "name") else {
        return Ok(Some(name.clone()));
    };
    if text(&known.value) == Some(new) {
        return Ok(None);
    }
    let other = text(&known.value).unwrap_or_default();
    let message = format!("two names are given, `{other}` and `{new}`");
    let draft = x.d.error(Code::Conflict, message).label(value.span, "one name");
    Err(draft.label(known.value.span, "another name").help("keep `name`, and write `external: true`").emit())
}
