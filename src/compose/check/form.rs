//! What may stand where a short form is allowed.

use crate::compose::decode::Expected;
use crate::compose::expand::{Expand, is_short};
use crate::compose::schema::Shape;
use crate::yaml::{Node, Value};

/// What should have stood where neither the long form stands nor a short one that could be written out.
pub(super) fn missed(node: &Node, expand: Expand, long: &Shape) -> Option<Expected> {
    let right = match long {
        Shape::Object(_) | Shape::Names(_) => matches!(node.value, Value::Map(_)),
        Shape::List(_) => matches!(node.value, Value::Seq(_)),
        _ => true,
    };
    if right { None } else { Some(expected(node, expand, long)) }
}

/// The forms that are allowed, by what is made of a sample of each.
fn expected(node: &Node, expand: Expand, long: &Shape) -> Expected {
    let text = || is_short(expand, &Node::text(node.span, "x"));
    let list = || is_short(expand, &Node::seq(node.span, Vec::new()));
    let mapping = || is_short(expand, &Node::map(node.span, Vec::new()));
    match long {
        Shape::Object(_) if text() => Expected::TextOrMapping,
        Shape::Object(object) => Expected::Mapping(object.what),
        Shape::Names(names) if names.what == "names with values" => Expected::Pairs,
        Shape::Names(_) if list() => Expected::ListOrMapping,
        Shape::Names(names) => Expected::Mapping(names.what),
        _ if text() => Expected::TextOrList,
        _ if mapping() => Expected::ListOrMapping,
        _ => Expected::List,
    }
}
