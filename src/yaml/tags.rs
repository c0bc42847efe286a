//! What a tag makes of a value: those of YAML as go-yaml takes them, and Compose's own two.

use std::borrow::Cow;
use std::rc::Rc;

use super::parse::Builder;
use super::scalar::resolve;
use super::{Entry, Node, Plain, Style, Value};
use crate::diag::{Code, Reported};
use crate::source::Span;

/// A tag of Compose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// `!reset`
    Reset,
    /// `!override`
    Override,
}

/// The tag of Compose that has this whole name.
pub(super) fn own(tag: &str) -> Option<Own> {
    match tag {
        "!reset" => Some(Own::Reset),
        "!override" => Some(Own::Override),
        _ => None,
    }
}

/// What YAML defines stands under this name; `!!int` is short for it with `int` behind.
const YAML: &str = "tag:yaml.org,2002:";

/// Whether the key `<<` merges, with the tag it has.
pub(super) fn merges(tag: Option<&str>, written: Style) -> bool {
    match tag {
        None | Some("!") => written == Style::Plain,
        Some(tag) => tag.strip_prefix(YAML) == Some("merge"),
    }
}

/// What a tag makes of a scalar: its text, and whether it may still be something else. A tag that nobody defined makes
/// it a text. Collections are what they are, whatever their tag says.
pub(super) fn typed<'t>(
    text: &'t str,
    written: Style,
    tag: Option<&str>,
) -> Result<(Cow<'t, str>, Style), String> {
    let tag = match tag {
        // `!` alone says nothing.
        None | Some("!") => return Ok((text.into(), written)),
        Some(tag) => tag.strip_prefix(YAML),
    };
    let kind = resolve(text);
    let (tag, fits) = match tag {
        Some("binary") => return binary(text).map(|text| (text.into(), Style::Text)),
        Some(tag @ "int") => (tag, matches!(kind, Plain::Int(_))),
        Some(tag @ "float") => match kind {
            Plain::Int(value) => return Ok((format!("{value}.0").into(), Style::Plain)),
            kind => (tag, matches!(kind, Plain::Float(_))),
        },
        Some(tag @ "bool") => (tag, matches!(kind, Plain::Bool(_))),
        Some(tag @ "null") => (tag, kind == Plain::Null),
        Some(tag @ "timestamp") => (tag, kind == Plain::Timestamp),
        _ => return Ok((text.into(), Style::Text)),
    };
    if fits {
        Ok((text.into(), Style::Plain))
    } else {
        Err(format!("`{text}` is not what its tag `!!{tag}` says"))
    }
}

/// The text that is written in base64. Its lines may be broken anywhere.
fn binary(text: &str) -> Result<String, String> {
    let bytes = base64(text).ok_or("what stands behind `!!binary` is not base64")?;
    String::from_utf8(bytes).map_err(|_| "what stands behind `!!binary` is not a text in UTF-8".to_owned())
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    let padding = digits.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = digits.get(..digits.len() - padding).filter(|_| padding <= 2)?;
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(digits.len()), 0u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// The node with `!override` on it.
pub(super) fn overriding(node: Node) -> Node {
    Node { span: node.span, value: Value::Override(Rc::new(node)) }
}

/// The items of a list without the tags of Compose: it finds no item of another list by them, so that an item with
/// `!reset` is only dropped, and so is a key below an item.
pub(super) fn items_without(items: &[Node]) -> Vec<Node> {
    kept(items).map(Node::without_tags).collect()
}

fn kept(items: &[Node]) -> impl Iterator<Item = &Node> {
    items.iter().filter(|item| !matches!(item.value, Value::Reset))
}

/// The node without every key that has `!reset`; on the node itself it stays.
pub(super) fn without_resets(node: &Node) -> Node {
    map_entries(node, &without_resets)
}

fn map_entries(node: &Node, change: &dyn Fn(&Node) -> Node) -> Node {
    let value = match &node.value {
        Value::Override(inner) => Value::Override(Rc::new(change(inner))),
        Value::Seq(items) => Value::Seq(kept(items).map(change).collect()),
        Value::Map(entries) => {
            let kept = entries.iter().filter(|entry| !matches!(entry.value.value, Value::Reset));
            let changed = |entry: &Entry| Entry { value: change(&entry.value), ..entry.clone() };
            Value::Map(kept.map(changed).collect())
        }
        other => other.clone(),
    };
    Node { span: node.span, value }
}

impl Builder<'_> {
    /// What a tag of Compose does at this place. Below `!override` another one changes nothing, and Compose takes what
    /// `!reset` stands on for the value.
    pub(super) fn allowed(&mut self, own: Own, span: Span) -> Result<Option<Own>, Reported> {
        if self.overriding == 0 {
            return Ok(Some(own));
        }
        match own {
            Own::Override => Ok(None),
            Own::Reset => {
                let draft = self.d.error(Code::Tag, "`!reset` has no effect inside of `!override`");
                let draft = draft.label(span, "");
                Err(draft.help("leave the key out: with `!override` nothing else is kept").emit())
            }
        }
    }

    /// What an alias to a node with tags of Compose stands for: a tag on the node itself acts at the alias too; a
    /// `!reset` below it has acted where it was written.
    pub(super) fn aliased_tags(&mut self, node: &Node, span: Span) -> Node {
        match &node.value {
            Value::Reset => match self.allowed(Own::Reset, span) {
                Ok(_) => node.clone(),
                Err(reported) => Node { span, value: Value::Broken(reported) },
            },
            Value::Override(inner) if self.overriding > 0 => (**inner).clone(),
            _ => without_resets(node),
        }
    }
}

impl Node {
    /// The node as it is where nothing was merged before it: without the keys that have `!reset`, and without every
    /// `!override`. Nothing is left of a node that has `!reset` itself.
    #[must_use]
    pub fn without_tags(&self) -> Node {
        match &self.value {
            Value::Reset => Node::null(self.span),
            Value::Override(inner) => inner.without_tags(),
            _ => map_entries(self, &Node::without_tags),
        }
    }
}
