//! What no runtime does and whoever supervises the containers may: it is handed on as it stands.

use super::decode::text;
use crate::diag::{Code, Diagnostics, Reported};
use crate::nearest::nearest;
use crate::yaml::{Node, Value};

/// A value as it is. Fails where a part of it was wrong, which was reported.
pub(super) fn handed_on(_: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    whole(node).map(|()| node.clone())
}

/// What a container's end leads to.
const POLICIES: [&str; 4] = ["no", "always", "unless-stopped", "on-failure"];

/// When a container is started again. As Docker, which refuses the rest: moby `daemon/container.go`.
pub(super) fn restart(d: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    let policy = text(d, node)?;
    let known = match policy.value.split_once(':') {
        None => policy.value.is_empty() || POLICIES.contains(&&*policy.value),
        Some((name, attempts)) => name == "on-failure" && attempts.parse::<u32>().is_ok(),
    };
    if known {
        return Ok(node.clone());
    }
    let draft = d.error(Code::InvalidValue, format!("there is no restart policy `{}`", policy.value));
    let help = "write `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:ATTEMPTS`";
    let draft = draft.label(policy.span, "").help(help);
    Err(draft.did_you_mean(nearest(&policy.value, POLICIES)).emit())
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
