//! Lists of `NAME=VALUE` that stand for mappings.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::keys::Seen;
use super::{Expansion, entries, text};
use crate::compose::decode::{Expected, wrong_type};
use crate::diag::{Code, Invalid, Reported};
use crate::yaml::{Entry, Node, Value};

/// `labels` and their like: a name alone has the empty text.
pub fn pairs(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    read(x, node, Equal::Replaced, |x, item, text| Ok(named(x, item, text, Node::text(item.span, ""))))
        .map(|node| nothing_is_empty(&node))
}

/// The same, where Compose refuses items that are equal.
pub fn distinct_pairs(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    read(x, node, Equal::Refused, |x, item, text| Ok(named(x, item, text, Node::text(item.span, ""))))
        .map(|node| nothing_is_empty(&node))
}

/// `environment` and `args`: a name alone takes its value from the environment, and cannot end with a blank.
pub fn variables(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    read(x, node, Equal::Replaced, variable)
}

/// The same, where Compose refuses items that are equal.
pub fn distinct_variables(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    read(x, node, Equal::Refused, variable)
}

/// `ssh` of a build: `default`, or `ID=PATH`.
pub fn ssh(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    read(x, node, Equal::Refused, |x, item, text| {
        if !text.contains('=') && text != "default" && !x.keeps(text) {
            let message = format!("the key `{text}` has no path; only `default` needs none");
            return Err(x.invalid(item, Invalid::whole(text, message).help(format!("write `{text}=PATH`"))));
        }
        Ok(named(x, item, text, Node::null(item.span)))
    })
}

/// `additional_contexts` of a build: `NAME=CONTEXT`.
pub fn contexts(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    read(x, node, Equal::Replaced, |x, item, text| {
        if !text.contains('=') && !x.keeps(text) {
            let message = format!("the context `{text}` says no place");
            return Err(x.invalid(item, Invalid::whole(text, message).help(format!("write `{text}=PATH`"))));
        }
        Ok(named(x, item, text, Node::null(item.span)))
    })
}

/// What becomes of a second item that is like an earlier one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Equal {
    Replaced,
    Refused,
}

/// Reads one item; nothing where a variable has to be known first.
type Read = fn(&mut Expansion<'_>, &Node, &str) -> Result<Option<Entry>, Reported>;

/// The last item with a name counts, at the place of the first.
fn read(x: &mut Expansion<'_>, node: &Node, equal: Equal, read: Read) -> Result<Node, Reported> {
    let Value::Seq(items) = &node.value else { return Ok(node.clone()) };
    let mut pairs = Pairs::default();
    let mut seen = Seen::default();
    let mut failed = None;
    for item in items.iter().map(Node::untagged).filter(|item| !matches!(item.value, Value::Reset)) {
        x.wanted()?;
        let pair = item_text(x, item).and_then(|text| {
            if equal == Equal::Refused {
                seen.add(x, item)?;
            }
            read(x, item, text)
        });
        match pair {
            Ok(Some(pair)) if pair.key.is_empty() => nameless(x, item),
            Ok(Some(pair)) => pairs.add(pair),
            Ok(None) => return Ok(node.clone()),
            Err(reported) => failed = Some(reported),
        }
    }
    failed.map_or(Ok(Node::map(node.span, pairs.entries)), Err)
}

/// An item such as `${OPTIONAL}` comes to nothing where the variable is not set. Compose hands it on, and nobody can use
/// it; here it is left out.
fn nameless(x: &mut Expansion<'_>, item: &Node) {
    let draft = x.d.doubt(Code::InvalidValue, "a name is missing").label(item.span, "left out");
    draft.help("write `NAME=value` or `NAME`").emit();
}

fn item_text<'n>(x: &mut Expansion<'_>, item: &'n Node) -> Result<&'n str, Reported> {
    if let Value::Map(_) = &item.value {
        let draft = x.d.error(Code::WrongType, "an item here must be a text, and this is a mapping");
        let draft = draft.label(item.span, "a mapping");
        return Err(draft.help("write NAME=VALUE, or leave the dashes away").emit());
    }
    text(item).ok_or_else(|| wrong_type(x.d, item, Expected::Text))
}

#[derive(Default)]
struct Pairs {
    entries: Vec<Entry>,
    places: BTreeMap<Rc<str>, usize>,
}

impl Pairs {
    fn add(&mut self, pair: Entry) {
        let at = *self.places.entry(Rc::clone(&pair.key)).or_insert(self.entries.len());
        match self.entries.get_mut(at) {
            Some(first) => *first = pair,
            None => self.entries.push(pair),
        }
    }
}

/// The name and the value of an item, or `nothing` where it has no `=`. A name is a key from here on, in which no
/// variable is ever replaced: an item with one in its name cannot be read yet.
fn named(x: &Expansion<'_>, item: &Node, text: &str, nothing: Node) -> Option<Entry> {
    let (name, value) = match text.find('=') {
        Some(at) => (0..at, item.part(at + 1..text.len())),
        None => (0..text.len(), nothing),
    };
    let key = text.get(name.clone()).unwrap_or("");
    (!x.keeps(key)).then(|| Entry::new(key, item.at(name), value))
}

fn variable(x: &mut Expansion<'_>, item: &Node, text: &str) -> Result<Option<Entry>, Reported> {
    let name = text.split_once('=').map_or(text, |(name, _)| name);
    let trimmed = name.trim_end();
    if trimmed.len() < name.len() {
        let message = format!("the name `{name}` ends with a blank");
        let help = format!("write `{trimmed}{}`", text.get(name.len()..).unwrap_or(""));
        return Err(x.invalid(item, Invalid::new(trimmed.len()..name.len(), message).help(help)));
    }
    Ok(named(x, item, text, Node::null(item.span)))
}

fn nothing_is_empty(node: &Node) -> Node {
    entries(node, |entry| match &entry.value.value {
        Value::Null => Node::text(entry.value.span, ""),
        _ => entry.value.clone(),
    })
}
