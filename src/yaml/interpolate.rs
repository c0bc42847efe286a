//! Replaces `${NAME}` in every value of a tree; keys are left alone, as in Compose.

use std::rc::Rc;

use super::template::{Expanded, Lookup, expand, has_variable};
use super::{Entry, Node, Scalar, Style, Value};
use crate::diag::{Code, Diagnostics, Reported};

/// The tree with its variables replaced. Reports every malformed variable, every `${NAME:?…}` that is not met, and
/// every variable that is not set and has no default: an output that is checked in must not depend on what
/// somebody forgot. A value with such a mistake is [`Value::Broken`].
pub fn interpolate(d: &mut Diagnostics, node: &Node, variables: &dyn Lookup) -> Node {
    Walk { d, variables, size: 0 }.node(node)
}

struct Walk<'a> {
    d: &'a mut Diagnostics,
    variables: &'a dyn Lookup,
    /// How long all texts with variables are by now.
    size: usize,
}

/// How many bytes all texts with variables may have together: a short file can name a long variable many times.
const MAX_SIZE: usize = 64 * 1024 * 1024;

impl Walk<'_> {
    fn node(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Scalar(scalar) if has_variable(&scalar.text) => match self.scalar(node, scalar) {
                Ok(scalar) => Value::Scalar(scalar),
                Err(reported) => Value::Broken(reported),
            },
            Value::Null | Value::Broken(_) | Value::Reset | Value::Scalar(_) => node.value.clone(),
            Value::Override(inner) => Value::Override(Rc::new(self.node(inner))),
            Value::Seq(items) => Value::Seq(items.iter().map(|item| self.node(item)).collect()),
            Value::Map(entries) => Value::Map(entries.iter().map(|entry| self.entry(entry)).collect()),
        };
        Node { span: node.span, value }
    }

    fn entry(&mut self, entry: &Entry) -> Entry {
        Entry { key: Rc::clone(&entry.key), key_span: entry.key_span, value: self.node(&entry.value) }
    }

    fn scalar(&mut self, node: &Node, scalar: &Scalar) -> Result<Scalar, Reported> {
        let mut failed = None;
        if self.size > MAX_SIZE {
            self.d.failed()?;
        }
        let expanded = match expand(&scalar.text, self.variables) {
            Ok(expanded) => expanded,
            Err(problems) => {
                for invalid in problems {
                    failed = Some(self.d.invalid(Code::Interpolation, invalid, |range| node.at(range)));
                }
                Expanded::default()
            }
        };
        self.size += expanded.text.len();
        if self.size > MAX_SIZE {
            let message = format!("the values of variables make more than {MAX_SIZE} bytes of this file");
            failed = Some(self.d.error(Code::Interpolation, message).label(node.span, "up to here").emit());
        }
        for unset in &expanded.unset {
            let message = format!("the variable `{}` is not set", unset.name);
            let draft = self.d.error(Code::UnsetVariable, message).label(node.at(unset.range.clone()), "");
            let help =
                format!("set it in `.env`, or give a default: `${{{}:-}}` is an empty text", unset.name);
            failed = Some(draft.help(help).emit());
        }
        let scalar = Scalar { text: expanded.text.into(), style: Style::Interpolated, parts: Rc::from([]) };
        failed.map_or(Ok(scalar), Err)
    }
}
