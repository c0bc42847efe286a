//! `links` and `external_links`: other names for other containers, `NAME` or `NAME:ALIAS`.

use super::decode::text;
use super::handed_on::handed_on;
use super::value::alias::Alias;
use crate::diag::{Code, Diagnostics, Reported};
use crate::yaml::Node;

/// Links to services of the project, as they are. That there are such services was asked when the project was completed.
pub(super) fn links(d: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    handed_on(d, node)?;
    let checked = node.items().iter().map(|link| check_alias(d, link));
    checked.fold(Ok(()), Result::and).map(|()| node.clone())
}

/// The alias becomes a word of `/etc/hosts`.
fn check_alias(d: &mut Diagnostics, link: &Node) -> Result<(), Reported> {
    let text = text(d, link)?;
    let Some((name, alias)) = text.value.split_once(':') else { return Ok(()) };
    let start = name.len() + 1;
    let place = |range: std::ops::Range<usize>| link.at(start + range.start..start + range.end);
    match alias.parse::<Alias>() {
        Ok(_) => Ok(()),
        Err(invalid) => Err(d.invalid(Code::InvalidValue, invalid, place)),
    }
}

/// Links to containers outside of the project, as they are: where those run, a build does not know.
pub(super) fn external_links(d: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    handed_on(d, node)?;
    if !node.items().is_empty() {
        let names: Vec<String> =
            node.items().iter().filter_map(Node::as_str).map(|link| format!("`{link}`")).collect();
        let message = format!(
            "{} of `external_links` lead out of the project, and a build does not know where",
            names.join(", ")
        );
        let draft = d.warning(Code::NoPlace, message).label(node.span, "handed on in an annotation");
        draft.help("write the names with their addresses under `extra_hosts`").emit();
    }
    Ok(node.clone())
}
