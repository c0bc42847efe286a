//! Commands that are one text.

use super::{Expansion, text};
use crate::compose::value::words;
use crate::diag::{Code, Reported};
use crate::yaml::{Node, Value};

/// `command`, `entrypoint` and the command of a hook: a text is split into words, with no shell.
pub fn command(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    let Some(text) = text(node) else { return Ok(node.clone()) };
    // The words depend on what the variables hold.
    if x.keeps(text) {
        return Ok(node.clone());
    }
    let found = words::split(text).map_err(|invalid| x.invalid(node, invalid))?;
    if let Some(cut) = found.cut {
        let message = "Compose cuts a command at an unquoted `;`, `&`, `|`, `<` or `>`; the rest is lost";
        let draft = x.d.warning(Code::CommandCut, message).label(node.at(cut), "never reaches the container");
        draft.help("for a shell, write [\"sh\", \"-c\", \"…\"]; for the character itself, quote it").emit();
    }
    let words = found.words.into_iter().zip(found.places);
    let words = words.map(|(word, place)| match node.part(place) {
        part if part.as_str() == Some(&word) => part,
        part => Node::text(part.span, word),
    });
    Ok(Node::seq(node.span, words.collect()))
}

/// `test` of a healthcheck: a text is for a shell.
pub fn healthcheck_test(_x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    let Value::Scalar(_) = &node.value else { return Ok(node.clone()) };
    if text(node).is_none() {
        return Ok(node.clone());
    }
    Ok(Node::seq(node.span, vec![Node::text(node.span, "CMD-SHELL"), node.clone()]))
}
