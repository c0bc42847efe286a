//! Who has which port of the host.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use crate::compose::value::port::Protocol;
use crate::source::Span;

/// Who has a port, and where that is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner {
    pub service: Rc<str>,
    pub span: Span,
}

/// A port of the host, at one address or at every one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub ip: Option<IpAddr>,
    pub protocol: Protocol,
    pub number: u16,
}

/// The ports of the host that somebody has: by protocol, number and whether it is one of IPv6.
#[derive(Default)]
pub(super) struct Taken(BTreeMap<(Protocol, u16, bool), Places>);

/// Who has a port of one family.
#[derive(Default)]
struct Places {
    /// At all addresses.
    everywhere: Option<Owner>,
    /// At one address.
    at: BTreeMap<IpAddr, Owner>,
}

impl Taken {
    /// Who has a port, or one that excludes it.
    pub(super) fn owner(&self, port: Port) -> Option<&Owner> {
        families(port.ip).into_iter().flatten().find_map(|(six, ip)| {
            let places = self.0.get(&(port.protocol, port.number, six))?;
            let there = match ip {
                None => places.at.values().next(),
                Some(ip) => places.at.get(&ip),
            };
            places.everywhere.as_ref().or(there)
        })
    }

    /// Gives a port to somebody, where nobody has it.
    pub(super) fn take(&mut self, port: Port, owner: &Owner) {
        for (six, ip) in families(port.ip).into_iter().flatten() {
            let places = self.0.entry((port.protocol, port.number, six)).or_default();
            match ip {
                None => _ = places.everywhere.get_or_insert_with(|| owner.clone()),
                Some(ip) => _ = places.at.entry(ip).or_insert_with(|| owner.clone()),
            }
        }
    }
}

/// Where a port is opened, of IPv4 and of IPv6: at an address or everywhere. As Docker does, `0.0.0.0` is all of IPv4
/// and `::` all of IPv6.
fn families(ip: Option<IpAddr>) -> [Option<(bool, Option<IpAddr>)>; 2] {
    match ip {
        Some(ip) if ip.is_unspecified() => [Some((ip.is_ipv6(), None)), None],
        Some(ip) => [Some((ip.is_ipv6(), Some(ip))), None],
        None => [Some((false, None)), Some((true, None))],
    }
}
