//! Ports of the host, of which there is one each.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Namespace, Service};
use crate::diag::{Code, Diagnostics};
use crate::source::Span;
use crate::yaml::Node;

/// A protocol, a port, and whether it is one of IPv6.
type Port<'p> = (&'p str, u16, bool);

/// Who has a port.
#[derive(Default)]
struct Taken<'p> {
    /// At all addresses.
    everywhere: Option<Owner<'p>>,
    /// At one address.
    at: BTreeMap<IpAddr, Owner<'p>>,
}

#[derive(Clone, Copy)]
struct Owner<'p> {
    service: &'p str,
    span: Span,
}

/// Reports ports that two containers would publish: the second one would not start. A range is one of which any will do.
pub(super) fn check(d: &mut Diagnostics, services: &[Service]) {
    let mut taken: BTreeMap<Port, Taken> = BTreeMap::new();
    let own = services.iter().filter(|service| matches!(service.namespaces.network, Namespace::Own));
    for service in own {
        for port in service.written.ports.iter().flat_map(Node::items) {
            let Some(published) = port.get("published") else { continue };
            let number = published.as_str().and_then(|text| text.parse().ok()).filter(|port| *port != 0);
            let Some(number) = number else { continue };
            let protocol = port.get("protocol").and_then(Node::as_str).unwrap_or("tcp");
            let owner = Owner { service: &service.name.value, span: published.span };
            let mut before = None;
            for (six, ip) in families(port).into_iter().flatten() {
                let place = taken.entry((protocol, number, six)).or_default();
                before = place.take(ip, owner).or(before);
            }
            // Containers of one service were looked at before.
            if let Some(before) = before.filter(|before| before.span != owner.span) {
                report(d, number, owner, before);
            }
        }
    }
}

impl<'p> Taken<'p> {
    /// Gives the port to somebody, and says who had it before.
    fn take(&mut self, ip: Option<IpAddr>, owner: Owner<'p>) -> Option<Owner<'p>> {
        let before = match ip {
            None => self.everywhere.or(self.at.values().next().copied()),
            Some(ip) => self.everywhere.or(self.at.get(&ip).copied()),
        };
        match ip {
            None => _ = self.everywhere.get_or_insert(owner),
            Some(ip) => _ = self.at.entry(ip).or_insert(owner),
        }
        before
    }
}

/// Where a port is opened, of IPv4 and of IPv6: at an address or everywhere.
fn families(port: &Node) -> [Option<(bool, Option<IpAddr>)>; 2] {
    match port.get("host_ip").and_then(Node::as_str).unwrap_or_default().parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() => [Some((ip.is_ipv6(), None)), None],
        Ok(ip) => [Some((ip.is_ipv6(), Some(ip))), None],
        Err(_) => [Some((false, None)), Some((true, None))],
    }
}

fn report(d: &mut Diagnostics, port: u16, owner: Owner, before: Owner) {
    let message = format!("port {port} of the host is published twice");
    let draft = d.error(Code::Conflict, message).label(owner.span, format!("for `{}`", owner.service));
    let draft = draft.label(before.span, format!("and for `{}`", before.service));
    draft.help("give one of them another port, or each an address of its own").emit();
}
