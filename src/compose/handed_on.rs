//! What no runtime does and whoever supervises the containers may: it is handed on as it stands.

use crate::diag::{Diagnostics, Reported};
use crate::yaml::{Node, Value};

/// A value as it is. Fails where a part of it was wrong, which was reported.
pub(super) fn handed_on(_: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    whole(node).map(|()| node.clone())
}

fn whole(node: &Node) -> Result<(), Reported> {
    match &node.value {
        Value::Broken(reported) => Err(*reported),
        Value::Override(node) => whole(node),
        Value::Seq(items) => items.iter().try_for_each(whole),
        Value::Map(entries) => entries.iter().try_for_each(|entry| whole(&entry.value)),
        Value::Null | Value::Scalar(_) | Value::Reset => Ok(()),
    }
}
