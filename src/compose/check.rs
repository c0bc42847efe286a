//! Whether a tree says what Compose allows. The values come out typed, in the spelling that `config` prints.
//!
//! What is checked and printed once can be checked again, and stays as it is: the tree of several files is checked
//! after each of them.

mod collection;
mod form;
mod leaf;
mod number;
mod special;

use std::rc::Rc;

use super::Variables;
use super::decode::{Expected, wanted, wrong_type};
use super::schema::{List, Shape};
use crate::diag::{Diagnostics, Reported};
use crate::yaml::{Node, Value};

pub use special::{container_name, device_count, file_mode, nano_cpus, plain_ulimit, pull_policy, ulimit};

/// Reads one value that has a grammar of its own.
pub type Reader = fn(&mut Diagnostics, &Node, Variables) -> Result<Node, Reported>;

/// Checks a tree whose short forms are written out. What is wrong is reported and becomes
/// [`Value::Broken`].
pub fn check(d: &mut Diagnostics, node: &Node, shape: &Shape, variables: Variables) -> Node {
    value(d, node, shape, variables).unwrap_or_else(|reported| broken(node, reported))
}

fn value(d: &mut Diagnostics, node: &Node, shape: &Shape, variables: Variables) -> Result<Node, Reported> {
    let value = match (&node.value, shape) {
        (Value::Broken(_) | Value::Reset, _) | (_, Shape::Any) | (Value::Null, Shape::Nullable(_)) => {
            return Ok(node.clone());
        }
        (Value::Override(inner), _) => Value::Override(Rc::new(check(d, inner, shape, variables))),
        (Value::Null, Shape::Blank(_)) => return Ok(Node::text(node.span, "")),
        (_, Shape::Nullable(inner) | Shape::Blank(inner)) => return value(d, node, inner, variables),
        (_, Shape::Leaf(leaf)) => {
            // Of a hostile file with hundreds of thousands of mistakes, nobody reads more than the sink keeps.
            wanted(d)?;
            return leaf::read(d, node, *leaf, variables);
        }
        (Value::Scalar(_) | Value::Seq(_), shape) if waits(node, shape, variables) => {
            return Ok(node.clone());
        }
        (_, Shape::Short(expand, inner)) => match form::missed(node, *expand, inner) {
            Some(expected) => return Err(wrong_type(d, node, expected)),
            None => return value(d, node, inner, variables),
        },
        (Value::Map(entries), Shape::Object(object)) => {
            Value::Map(collection::object(d, node.span, entries, object, variables).into())
        }
        (_, Shape::Object(object)) => return Err(wrong_type(d, node, Expected::Mapping(object.what))),
        (Value::Map(entries), Shape::Names(names)) => {
            Value::Map(collection::names(d, entries, names, variables).into())
        }
        (_, Shape::Names(names)) => return Err(wrong_type(d, node, Expected::Mapping(names.what))),
        (Value::Seq(items), Shape::List(list)) => {
            Value::Seq(collection::list(d, items, list, variables).into())
        }
        (_, Shape::List(_)) => return Err(wrong_type(d, node, Expected::List)),
    };
    Ok(Node { span: node.span, value })
}

/// Whether a short form could not be written out, as it holds a variable whose value is not known yet.
fn waits(node: &Node, shape: &Shape, variables: Variables) -> bool {
    let wanted = match shape {
        Shape::Short(_, inner) => inner,
        shape => shape,
    };
    match (&node.value, wanted) {
        (Value::Scalar(_), _) => leaf::holds_variable(node, variables),
        (
            Value::Seq(items),
            Shape::Object(_) | Shape::Names(_) | Shape::List(List { item: Shape::Object(_), .. }),
        ) => items.iter().any(|item| leaf::holds_variable(item, variables)),
        _ => false,
    }
}

/// A node whose mistake was reported.
fn broken(node: &Node, reported: Reported) -> Node {
    Node { span: node.span, value: Value::Broken(reported) }
}

#[cfg(test)]
mod tests;
