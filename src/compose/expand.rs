//! Short forms, written out. What comes out has places: each part of a short form keeps the span of its text.
//!
//! Long forms pass through, so that what was written out once can be handed in again. Where Compose writes out a
//! form only after files were merged, the result is the same: the table says how two long forms meet.

mod command;
mod device;
mod external;
mod extra_hosts;
mod keys;
mod pairs;
mod ports;
mod single;
mod volume;

use std::rc::Rc;

use super::Variables;
use super::schema::{Names, Object, Shape};
use crate::diag::{Code, Diagnostics, Invalid, Reported};
use crate::yaml::{Entry, Node, Plain, Value};

pub use command::{command, healthcheck_test};
pub use device::device;
pub use external::{external, loosely_external};
pub use extra_hosts::extra_hosts;
pub use keys::{dependencies_required, depends_on, names};
pub use pairs::{contexts, distinct_pairs, distinct_variables, pairs, ssh, variables};
pub use ports::ports;
pub use single::{build, dns, env_file, extends, gpus, include, one_or_list, scalars, source};
pub use volume::volume;

/// Writes out one value if it is short, and gives back anything else as it is. It never gets a value with a tag.
pub type Expand = fn(&mut Expansion<'_>, &Node) -> Result<Node, Reported>;

/// Writes out every short form of a tree. A form that cannot be read is reported and becomes [`Value::Broken`]; what
/// has the wrong type is left for [`check`](super::check::check) to find.
///
/// With [`Variables::Kept`], a short form that cannot be read before its variables are known stays as it is.
pub fn expand(d: &mut Diagnostics, node: &Node, shape: &Shape, variables: Variables) -> Node {
    Expansion { d, variables, ports: 0 }.node(node, shape)
}

/// Whether a form is one that is written out, be it right or not.
pub(super) fn is_short(write_out: Expand, form: &Node) -> bool {
    let d = &mut Diagnostics::default();
    let written = write_out(&mut Expansion { d, variables: Variables::Replaced, ports: 0 }, form);
    let kind = |node: &Node| std::mem::discriminant(&node.value);
    written.map_or(true, |written| kind(&written) != kind(form))
}

/// One walk over a tree.
pub struct Expansion<'d> {
    d: &'d mut Diagnostics,
    variables: Variables,
    /// How many ports were written out by now.
    ports: usize,
}

impl Expansion<'_> {
    fn node(&mut self, node: &Node, shape: &Shape) -> Node {
        let value = match &node.value {
            Value::Override(inner) => Value::Override(Rc::new(self.node(inner, shape))),
            Value::Reset | Value::Broken(_) => return node.clone(),
            _ => match shape {
                Shape::Any | Shape::Leaf(_) => return node.clone(),
                Shape::Nullable(inner) | Shape::Blank(inner) => return self.node(node, inner),
                Shape::Short(write_out, inner) => match write_out(self, node) {
                    Ok(long) => return self.node(&long, inner),
                    Err(reported) => Value::Broken(reported),
                },
                Shape::Object(object) => return self.object(node, object),
                Shape::Names(names) => return self.names(node, names),
                Shape::List(list) => match &node.value {
                    Value::Seq(items) => {
                        Value::Seq(items.iter().map(|item| self.node(item, &list.item)).collect())
                    }
                    _ => return node.clone(),
                },
            },
        };
        Node { span: node.span, value }
    }

    fn object(&mut self, node: &Node, object: &Object) -> Node {
        entries(node, |entry| {
            let known = object.get(&entry.key);
            known.map_or_else(|| entry.value.clone(), |attribute| self.node(&entry.value, &attribute.shape))
        })
    }

    fn names(&mut self, node: &Node, names: &Names) -> Node {
        entries(node, |entry| self.node(&entry.value, &names.value))
    }

    /// Whether a text holds a variable that is not replaced.
    fn keeps(&self, text: &str) -> bool {
        self.variables == Variables::Kept && text.contains('$')
    }

    /// Whether another item is worth looking at. Of a hostile list with hundreds of thousands of mistakes, nobody
    /// reads more than the sink keeps.
    fn wanted(&self) -> Result<(), Reported> {
        if self.d.has_room() { Ok(()) } else { self.d.failed() }
    }

    /// Reports what is wrong with a part of a node's text.
    fn invalid(&mut self, node: &Node, invalid: Invalid) -> Reported {
        self.d.invalid(Code::InvalidValue, invalid, |range| visible(node, range))
    }
}

/// The place of a part of a text; of all of it where the part is empty and cannot be seen.
fn visible(node: &Node, range: std::ops::Range<usize>) -> crate::source::Span {
    if range.is_empty() && node.as_str() == Some("") { node.span } else { node.at(range) }
}

/// The mapping with other values; what is no mapping stays.
fn entries(node: &Node, mut value: impl FnMut(&Entry) -> Node) -> Node {
    let Value::Map(entries) = &node.value else { return node.clone() };
    let entries = entries.iter().map(|entry| Entry { value: value(entry), ..entry.clone() });
    Node { span: node.span, value: Value::Map(entries.collect()) }
}

/// The text of a node that is a text and nothing else.
fn text(node: &Node) -> Option<&str> {
    match &node.untagged().value {
        Value::Scalar(scalar) if scalar.resolve() == Plain::Str => Some(&scalar.text),
        _ => None,
    }
}

/// A mapping with one key, whose value was written alone.
fn alone(node: &Node, key: &str) -> Node {
    Node::map(node.span, vec![Entry::new(key, node.span, node.clone())])
}

#[cfg(test)]
mod tests;
