//! Lists of names that stand for mappings.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Expansion, entries, text};
use crate::compose::decode::{Expected, wrong_type};
use crate::diag::{Code, Reported};
use crate::source::Span;
use crate::yaml::{Entry, Node, Value};

/// `networks` and `models` of a service: a list of names is a mapping of them to nothing.
pub fn names(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    mapping(x, node, |item| Node::null(item.span))
}

/// `depends_on`: a list of services is a mapping of them to the weakest condition. A mapping gets no defaults here,
/// where they would hide what an earlier file says; [`dependencies_required`] fills them in at last.
pub fn depends_on(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    mapping(x, node, |item| {
        let condition = Node::text(item.span, "service_started");
        let condition = Entry::new("condition", item.span, condition);
        Node::map(item.span, vec![condition, required(item.span)])
    })
}

/// `depends_on` of a service whose files are merged, where every dependency says whether it is required.
#[must_use]
pub fn dependencies_required(depends_on: &Node) -> Node {
    entries(depends_on, |entry| match &entry.value.value {
        Value::Map(keys) if !keys.iter().any(|key| &*key.key == "required") => {
            let span = entry.value.span;
            Node::map(span, keys.iter().cloned().chain([required(span)]).collect())
        }
        _ => entry.value.clone(),
    })
}

fn required(span: Span) -> Entry {
    Entry::new("required", span, Node::plain(span, "true"))
}

fn mapping(x: &mut Expansion<'_>, node: &Node, value: impl Fn(&Node) -> Node) -> Result<Node, Reported> {
    let Value::Seq(items) = &node.value else { return Ok(node.clone()) };
    let mut seen = Seen::default();
    let mut failed = None;
    let mut found = Vec::with_capacity(items.len());
    for item in items.iter().map(Node::untagged).filter(|item| !matches!(item.value, Value::Reset)) {
        x.wanted()?;
        match seen.add(x, item) {
            Ok(name) => found.push(Entry::new(name, item.span, value(item))),
            Err(reported) => failed = Some(reported),
        }
    }
    failed.map_or(Ok(Node::map(node.span, found)), Err)
}

/// The texts of a list that may not stand in it twice.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<Rc<str>, Span>);

impl Seen {
    /// The text of an item that must be one, and a new one.
    pub(super) fn add(&mut self, x: &mut Expansion<'_>, item: &Node) -> Result<Rc<str>, Reported> {
        if let Value::Map(_) = item.value {
            let draft = x.d.error(Code::WrongType, "an item here must be a text, and this is a mapping");
            let draft = draft.label(item.span, "a mapping");
            return Err(draft.help("leave the dashes away, so that the names are keys").emit());
        }
        let Some(text) = text(item) else { return Err(wrong_type(x.d, item, Expected::Text)) };
        let name: Rc<str> = text.into();
        let Some(first) = self.0.insert(Rc::clone(&name), item.span) else { return Ok(name) };
        self.0.insert(Rc::clone(&name), first);
        let draft = x.d.error(Code::InvalidValue, format!("`{name}` stands in this list twice"));
        Err(draft.label(item.span, "again").label(first, "first").help("remove one of them").emit())
    }
}
