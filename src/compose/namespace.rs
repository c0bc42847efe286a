//! Which namespaces a service shares, and with whom.

use super::decode::text;
use crate::diag::{Code, Diagnostics, Reported};
use crate::nearest::nearest;
use crate::source::{Span, Spanned};
use crate::yaml::Node;

/// Whose network a container sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkMode {
    /// A namespace of its own with nothing but a loopback interface.
    None,
    /// That of the host.
    Host,
}

/// What Compose has besides `none` and `host`.
const OTHER_NETWORKS: [&str; 2] = ["bridge", "default"];

pub(super) fn network_mode(d: &mut Diagnostics, node: &Node) -> Result<Spanned<NetworkMode>, Reported> {
    let text = text(d, node)?;
    let value = match &*text.value {
        "none" => NetworkMode::None,
        "host" => NetworkMode::Host,
        other => return Err(no_network_mode(d, other, text.span)),
    };
    Ok(Spanned { value, span: node.span })
}

fn no_network_mode(d: &mut Diagnostics, mode: &str, span: Span) -> Reported {
    let of_another = mode.starts_with("service:") || mode.starts_with("container:");
    if of_another || OTHER_NETWORKS.contains(&mode) {
        let message = format!("`network_mode: {mode}` is not supported yet");
        return d.error(Code::NotSupported, message).label(span, "").help("`none` and `host` are").emit();
    }
    let known = nearest(mode, ["none", "host"].into_iter().chain(OTHER_NETWORKS));
    let draft = d.error(Code::InvalidValue, format!("no network mode is called `{mode}`")).label(span, "");
    draft.help("write `none` or `host`").did_you_mean(known).emit()
}
