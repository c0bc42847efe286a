//! The addresses of containers in a subnet: what is written, else what the lock says, else derived from the name of the
//! bundle.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use super::free::{Free, hash};
use super::network::{Given, Subnet};
use super::subnets::{from_number, is_host, number};
use crate::diag::{Code, Diagnostics};
use crate::source::{Span, Spanned};

/// A container that wants an address.
pub(super) struct Member<'a> {
    pub bundle: &'a Rc<str>,
    /// Its service.
    pub service: &'a Spanned<Rc<str>>,
    /// What is written for it.
    pub written: Option<Spanned<IpAddr>>,
    /// What the lock says of it.
    pub locked: &'a [IpAddr],
}

/// Where addresses are given out.
pub(super) struct Place<'a> {
    pub project: &'a str,
    /// The key of the network.
    pub network: &'a Spanned<Rc<str>>,
    /// The name of the network on the host.
    pub name: &'a str,
    pub subnet: &'a Subnet,
}

/// Gives each an address that nobody else has, in the order of the members; they are sorted by the names of their bundles.
/// Those that are written go first, then those of the lock, so that one more container changes nobody's.
pub(super) fn give(d: &mut Diagnostics, place: &Place, members: &[Member]) -> Vec<Option<Given>> {
    let mut addresses = Addresses::new(place);
    let mut found: Vec<Option<Given>> = members.iter().map(|member| addresses.written(d, member)).collect();
    for (member, found) in members.iter().zip(&mut found) {
        if found.is_none() && member.written.is_none() {
            *found = addresses.locked(member);
        }
    }
    for (member, found) in members.iter().zip(&mut found) {
        if found.is_none() && member.written.is_none() {
            *found = addresses.derived(member);
        }
    }
    let want = |(member, found): (&Member, &Option<Given>)| found.is_none() && member.written.is_none();
    if members.iter().zip(&found).any(want) {
        addresses.exhausted(d, found.iter().flatten().count(), members.len());
    }
    found
}

/// The addresses of a subnet, and who has them.
struct Addresses<'a> {
    place: &'a Place<'a>,
    /// Those that may be given to whoever asks for none.
    free: Free,
    /// Those that are written, and by what.
    holders: BTreeMap<IpAddr, (String, Option<Span>)>,
}

impl<'a> Addresses<'a> {
    fn new(place: &'a Place<'a>) -> Self {
        let Subnet { net, range, gateway, aux, .. } = place.subnet;
        let mut free = Free::new(number(range.network()), number(range.broadcast()));
        free.remove(number(net.network()));
        // Of IPv6, no address is everybody's.
        if net.broadcast().is_ipv4() {
            free.remove(number(net.broadcast()));
        }
        let gateway = (*gateway, "the gateway's".to_owned());
        let aux = aux.iter().map(|(name, ip)| (*ip, format!("that of `{name}`")));
        let holders: BTreeMap<_, _> = aux.chain([gateway]).map(|(ip, holder)| (ip, (holder, None))).collect();
        for ip in holders.keys() {
            free.remove(number(*ip));
        }
        Addresses { place, free, holders }
    }

    /// The address that a service asks for, which may lie outside of the range of the others.
    fn written(&mut self, d: &mut Diagnostics, member: &Member) -> Option<Given> {
        let Spanned { value: ip, span } = member.written?;
        let net = &self.place.subnet.net;
        if !net.contains(&ip) {
            self.outside(d, ip, span);
            return None;
        }
        if !is_host(net, ip) {
            let message = format!("`{ip}` is that of the network `{}` itself", self.place.network.value);
            self.subnet(d.error(Code::InvalidValue, message).label(span, "")).emit();
            return None;
        }
        if let Some((holder, at)) = self.holders.get(&ip) {
            let message = format!("the address `{ip}` is given twice");
            let draft = d.error(Code::Conflict, message).label(span, "");
            match at {
                Some(at) => draft.label(*at, holder.clone()).help("give each an address of its own").emit(),
                None => self.subnet(draft).help(format!("it is {holder}; take another one")).emit(),
            };
            return None;
        }
        self.free.remove(number(ip));
        self.holders.insert(ip, (format!("that of `{}`", member.service.value), Some(span)));
        Some(Given { ip, written: Some(span), locked: None })
    }

    fn outside(&self, d: &mut Diagnostics, ip: IpAddr, span: Span) {
        let Place { network, subnet, .. } = self.place;
        let message =
            format!("`{ip}` lies outside of `{}`, the subnet of the network `{}`", subnet.net, network.value);
        let draft = self.subnet(d.error(Code::InvalidValue, message).label(span, ""));
        let help = match subnet.written {
            Some(_) => "write an address of the subnet",
            None => "write the subnet that it lies in: `ipam: {config: [{subnet: …}]}` of the network",
        };
        draft.help(help).emit();
    }

    /// Shows where the subnet is written.
    fn subnet<'d, T>(&self, draft: crate::diag::Draft<'d, T>) -> crate::diag::Draft<'d, T> {
        match self.place.subnet.written {
            Some(at) => draft.label(at, "the subnet"),
            None => draft,
        }
    }

    /// The address of the lock, if nobody else has it by now. Somebody may have changed the lock.
    fn locked(&mut self, member: &Member) -> Option<Given> {
        let own = |ip: &&IpAddr| self.place.subnet.range.contains(*ip);
        let ip = *member.locked.iter().find(own)?;
        let free = self.free.remove(number(ip));
        free.then_some(Given { ip, written: None, locked: None })
    }

    /// Another project may have a network of the same name, so its name is part of what an address is derived from.
    fn derived(&mut self, member: &Member) -> Option<Given> {
        let Place { project, name, subnet, .. } = self.place;
        let range = &subnet.range;
        let first = number(range.network());
        let size = (number(range.broadcast()) - first).min(LONGEST) + 1;
        let wanted = u128::from(hash(&["address", name, project, member.bundle])) % size;
        let ip = from_number(range, self.free.take(first + wanted)?);
        Some(Given { ip, written: None, locked: None })
    }

    fn exhausted(&self, d: &mut Diagnostics, room: usize, members: usize) {
        let Place { network, subnet, .. } = self.place;
        let (range, name) = (subnet.range, &network.value);
        let message =
            format!("`{range}` has room for {room} of the {members} containers in the network `{name}`");
        let draft = d.error(Code::InvalidValue, message).label(subnet.written.unwrap_or(network.span), "");
        let help = match subnet.written {
            Some(_) if subnet.range != subnet.net => "write a larger `ip_range`",
            Some(_) => "write a larger `subnet`",
            None => "write a larger subnet: `ipam: {config: [{subnet: 10.200.0.0/16}]}`",
        };
        draft.help(help).emit();
    }
}

/// Numbers up to this one can be told apart by eye.
const LONGEST: u128 = u32::MAX as u128;
