//! Replaces `${NAME}` in every value of a tree; keys are left alone, as in Compose.

use std::rc::Rc;

use super::template::{Lookup, expand, has_variable};
use super::{Entry, Node, Scalar, Style, Value};
use crate::diag::{Code, Diagnostics, Reported};

/// The tree with its variables replaced. Reports every malformed variable, every `${NAME:?…}` that is not met, and
/// every variable that is not set and has no default: an output that is checked in must not depend on what
/// somebody forgot.
pub fn interpolate(d: &mut Diagnostics, node: &Node, variables: &dyn Lookup) -> Result<Node, Reported> {
    let mut walk = Walk { d, variables, failed: None };
    let node = walk.node(node);
    walk.failed.map_or(Ok(node), Err)
}

struct Walk<'a> {
    d: &'a mut Diagnostics,
    variables: &'a dyn Lookup,
    failed: Option<Reported>,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Null => Value::Null,
            Value::Scalar(scalar) if has_variable(&scalar.text) => Value::Scalar(self.scalar(node, scalar)),
            Value::Scalar(scalar) => Value::Scalar(scalar.clone()),
            Value::Seq(items) => Value::Seq(items.iter().map(|item| self.node(item)).collect()),
            Value::Map(entries) => Value::Map(entries.iter().map(|entry| self.entry(entry)).collect()),
        };
        Node { span: node.span, value }
    }

    fn entry(&mut self, entry: &Entry) -> Entry {
        Entry { key: Rc::clone(&entry.key), key_span: entry.key_span, value: self.node(&entry.value) }
    }

    fn scalar(&mut self, node: &Node, scalar: &Scalar) -> Scalar {
        let expanded = match expand(&scalar.text, self.variables) {
            Ok(expanded) => expanded,
            Err(problems) => {
                for invalid in problems {
                    self.failed = Some(self.d.invalid(Code::Interpolation, invalid, |range| node.at(range)));
                }
                return scalar.clone();
            }
        };
        for unset in &expanded.unset {
            let message = format!("the variable `{}` is not set", unset.name);
            let draft = self.d.error(Code::UnsetVariable, message).label(node.at(unset.range.clone()), "");
            let help =
                format!("set it in `.env`, or give a default: `${{{}:-}}` is an empty text", unset.name);
            self.failed = Some(draft.help(help).emit());
        }
        Scalar { text: expanded.text.into(), style: Style::Interpolated, verbatim: None }
    }
}
