//! `ports` of a service: what the host publishes, and where in the container it leads.
//!
//! Short forms and ranges of the container were written out before, so that each port of a container stands alone here.
//! Which port of the host one gets that leaves a choice is for the project to say.

use std::net::IpAddr;

use super::decode::{Table, integer, text, text_or_number, value};
use super::value::port::{HostPorts, Protocol};
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::Spanned;
use crate::yaml::Node;

/// A port of a container that the host publishes.
#[derive(Clone, Debug)]
pub struct Port {
    /// The address on the host; every one if there is none.
    pub host_ip: Option<Spanned<IpAddr>>,
    /// The ports of the host of which one is meant; any will do if there are none.
    pub published: Option<Spanned<HostPorts>>,
    /// The port of the container, never 0.
    pub target: Spanned<u16>,
    /// The protocol.
    pub protocol: Protocol,
    /// All that is written of it: `mode` makes no difference outside of a swarm, `name` and `app_protocol` are for people.
    pub written: Node,
}

/// All that is written of several ports.
pub fn written(ports: &[Port]) -> Option<Node> {
    let first = ports.first()?;
    Some(Node::seq(first.written.span, ports.iter().map(|port| port.written.clone()).collect()))
}

pub(super) fn port(d: &mut Diagnostics, node: &Node) -> Result<Port, Reported> {
    let mut t = Table::new(d, node, "a port")?;
    let host_ip = t.opt(d, "host_ip", host_ip).flatten();
    let published = t.opt(d, "published", published).flatten();
    let target = t.required(d, "target", target);
    let protocol = t.opt(d, "protocol", protocol).unwrap_or_default();
    for key in ["mode", "name", "app_protocol"] {
        t.opt(d, key, text);
    }
    t.finish(d)?;
    Ok(Port { host_ip, published, target: target?, protocol, written: node.clone() })
}

/// An empty text says nothing.
fn host_ip(d: &mut Diagnostics, node: &Node) -> Result<Option<Spanned<IpAddr>>, Reported> {
    let text = text(d, node)?;
    match text.value.parse() {
        _ if text.value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(Spanned { value, span: text.span })),
        Err(_) => {
            let message = format!("`{}` is no IP address", text.value.escape_debug());
            Err(d.error(Code::InvalidValue, message).label(text.span, "").emit())
        }
    }
}

/// As for Docker, port 0 is any.
fn published(d: &mut Diagnostics, node: &Node) -> Result<Option<Spanned<HostPorts>>, Reported> {
    if matches!(node.as_str(), Some("" | "0")) { Ok(None) } else { text_or_number(d, node).map(Some) }
}

fn target(d: &mut Diagnostics, node: &Node) -> Result<Spanned<u16>, Reported> {
    let Spanned { value, span } = integer(d, node)?;
    match u16::try_from(value) {
        Ok(value) if value > 0 => Ok(Spanned { value, span }),
        _ => {
            let message = format!("a port of a container is from 1 to 65535, found `{value}`");
            Err(d.error(Code::InvalidValue, message).label(span, "").emit())
        }
    }
}

/// An empty text says nothing.
fn protocol(d: &mut Diagnostics, node: &Node) -> Result<Protocol, Reported> {
    if node.as_str() == Some("") {
        return Ok(Protocol::default());
    }
    value(d, node).map(|protocol| protocol.value)
}
