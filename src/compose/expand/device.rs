//! Devices: `HOST[:CONTAINER[:PERMISSIONS]]`.

use super::{Expansion, text};
use crate::diag::{Invalid, Reported};
use crate::yaml::{Entry, Node};

/// An item of `devices`.
pub fn device(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    let Some(text) = text(node) else { return Ok(node.clone()) };
    if x.keeps(text) {
        return Ok(node.clone());
    }
    let colons: Vec<usize> = text.match_indices(':').map(|(at, _)| at).take(3).collect();
    let (source, target, permissions) = match *colons.as_slice() {
        [] => (0..text.len(), None, None),
        [a] => (0..a, Some(a + 1..text.len()), None),
        [a, b] => (0..a, Some(a + 1..b), Some(b + 1..text.len())),
        [_, _, c, ..] => {
            let message = format!("too many colons in `{text}`");
            let help = "write `HOST:CONTAINER:PERMISSIONS`, or the long form with `source` and `target`";
            return Err(x.invalid(node, Invalid::new(c..text.len(), message).help(help)));
        }
    };
    let target = target.filter(|range| !range.is_empty()).unwrap_or(source.clone());
    let permissions = permissions.map_or_else(|| Node::text(node.span, "rwm"), |range| node.part(range));
    let entry = |key, value: Node| Entry::new(key, value.span, value);
    Ok(Node::map(
        node.span,
        vec![
            entry("source", node.part(source)),
            entry("target", node.part(target)),
            entry("permissions", permissions),
        ],
    ))
}
