//! Replaces `${NAME}` in every value of a tree; keys are left alone, as in Compose.

use std::rc::Rc;

use super::template::{Expanded, Lookup, expand, has_variable};
use super::{Entry, Node, Scalar, Style, Value};
use crate::diag::{Code, Diagnostics, Reported};

/// The tree with its variables replaced. Reports every malformed variable, every `${NAME:?…}` that is not met, and
/// every variable that is not set and has no default: an output that is checked in must not depend on what
/// somebody forgot. A value with such a mistake is [`Value::Broken`].
pub fn interpolate(d: &mut Diagnostics, node: &Node, variables: &dyn Lookup) -> Node {
    let value = match &node.value {
        Value::Scalar(scalar) if has_variable(&scalar.text) => match replaced(d, node, scalar, variables) {
            Ok(scalar) => Value::Scalar(scalar),
            Err(reported) => Value::Broken(reported),
        },
        Value::Null | Value::Broken(_) | Value::Scalar(_) => node.value.clone(),
        Value::Seq(items) => Value::Seq(items.iter().map(|item| interpolate(d, item, variables)).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|entry| of_entry(d, entry, variables)).collect())
        }
    };
    Node { span: node.span, value }
}

fn of_entry(d: &mut Diagnostics, entry: &Entry, variables: &dyn Lookup) -> Entry {
    let value = interpolate(d, &entry.value, variables);
    Entry { key: Rc::clone(&entry.key), key_span: entry.key_span, value }
}

fn replaced(
    d: &mut Diagnostics,
    node: &Node,
    scalar: &Scalar,
    variables: &dyn Lookup,
) -> Result<Scalar, Reported> {
    let mut failed = None;
    let expanded = match expand(&scalar.text, variables) {
        Ok(expanded) => expanded,
        Err(problems) => {
            for invalid in problems {
                failed = Some(d.invalid(Code::Interpolation, invalid, |range| node.at(range)));
            }
            Expanded::default()
        }
    };
    for unset in &expanded.unset {
        let message = format!("the variable `{}` is not set", unset.name);
        let draft = d.error(Code::UnsetVariable, message).label(node.at(unset.range.clone()), "");
        let help = format!("set it in `.env`, or give a default: `${{{}:-}}` is an empty text", unset.name);
        failed = Some(draft.help(help).emit());
    }
    let scalar = Scalar { text: expanded.text.into(), style: Style::Interpolated, verbatim: None };
    failed.map_or(Ok(scalar), Err)
}
