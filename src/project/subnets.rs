//! The subnets of networks: what `ipam` says, else what the lock says, else derived from the network's name.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::free::{Free, hash};
use super::network::Subnet;
use crate::compose::network::{Driver, Network, Pool};
use crate::compose::value::address::{Ip, Range};
use crate::diag::{Code, Diagnostics, Reported};
use crate::lock::LockedNetwork;
use crate::source::{Span, Spanned};

/// A network that has subnets.
pub(super) struct Wanted<'a> {
    pub key: &'a Spanned<Rc<str>>,
    /// Its name on the host.
    pub name: &'a str,
    /// What is written of it; nothing of Docker's own.
    pub written: Option<&'a Network>,
    pub locked: Option<&'a LockedNetwork>,
}

/// An address family.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Family {
    const ALL: [Family; 2] = [Family::V4, Family::V6];

    fn of(net: &IpNet) -> Self {
        match net {
            IpNet::V4(_) => Family::V4,
            IpNet::V6(_) => Family::V6,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }
}

/// Decides on the subnets of all networks, that of IPv4 first: those that are written, then those of the lock that are still free, then the
/// others, each in the order of the networks.
pub(super) fn decide(d: &mut Diagnostics, networks: &[Wanted]) -> Vec<Vec<Subnet>> {
    let mut occupied = Occupied::default();
    let mut slots = Slots::default();
    let mut all: Vec<[Slot; 2]> = networks.iter().map(|network| written(d, network, &mut occupied)).collect();
    for (network, subnets) in networks.iter().zip(&mut all) {
        for (family, subnet) in Family::ALL.into_iter().zip(subnets) {
            if matches!(subnet, Slot::Wanted) {
                *subnet = locked(network, family, &mut occupied).map_or(Slot::Wanted, Slot::Taken);
            }
        }
    }
    let decided = networks.iter().zip(all).map(|(network, subnets)| {
        let subnet = |(family, subnet)| match subnet {
            Slot::Taken(subnet) => Some(subnet),
            Slot::None => None,
            Slot::Wanted => slots.derived(d, network, family, &mut occupied),
        };
        Family::ALL.into_iter().zip(subnets).filter_map(subnet).collect()
    });
    decided.collect()
}

/// What a network has of a family so far.
enum Slot {
    None,
    Wanted,
    Taken(Subnet),
}

/// What is written of a network.
fn written(d: &mut Diagnostics, network: &Wanted, occupied: &mut Occupied) -> [Slot; 2] {
    let Some(written) = network.written else { return [Slot::Wanted, Slot::None] };
    let ipv4 = written.ipv4.is_none_or(|enabled| enabled.value);
    let ipv6 = written.ipv6.is_some_and(|enabled| enabled.value);
    if let (false, false, Some(off)) = (ipv4, ipv6, written.ipv4) {
        let message = format!("the network `{}` has neither IPv4 nor IPv6", network.key.value);
        let draft = d.error(Code::Conflict, message).label(off.span, "");
        draft.help("write `enable_ipv6: true`, or `internal: true` for one that leads nowhere").emit();
    }
    let mut slots = [ipv4, ipv6].map(|enabled| if enabled { Slot::Wanted } else { Slot::None });
    for pool in &written.pools {
        let Some(subnet) = pool.subnet else {
            check_subnetless(d, pool);
            continue;
        };
        let family = Family::of(&subnet.value.0);
        let [v4, v6] = &mut slots;
        let slot = if family == Family::V4 { v4 } else { v6 };
        match slot {
            Slot::None => warn_unused(d, network, family, &subnet),
            Slot::Taken(first) => {
                let message =
                    format!("the network `{}` has two subnets of {}", network.key.value, family.name());
                let draft = d.error(Code::NotSupported, message).label(subnet.span, "");
                let draft =
                    first.written.into_iter().fold(draft, |draft, first| draft.label(first, "the other one"));
                draft.help("remove one of them, or make two networks").emit();
            }
            Slot::Wanted => {
                if let Ok(subnet) = of_pool(d, pool, &subnet) {
                    if let Some(other) = occupied.take(&subnet.net, subnet.written, &network.key.value) {
                        overlapping(d, network, &subnet, &other);
                    }
                    *slot = Slot::Taken(subnet);
                } else {
                    *slot = Slot::None;
                }
            }
        }
    }
    if matches!(written.driver, Driver::Macvlan(_) | Driver::Ipvlan(_)) {
        check_cards(d, network, &mut slots);
    }
    slots
}

/// Others have given out the addresses of the network that a card of the host is in: none can be made up.
fn check_cards(d: &mut Diagnostics, network: &Wanted, slots: &mut [Slot; 2]) {
    for (family, slot) in Family::ALL.into_iter().zip(slots) {
        if !matches!(slot, Slot::Wanted) {
            continue;
        }
        *slot = Slot::None;
        let message = format!(
            "the network `{}` needs the {} subnet that its card is in",
            network.key.value,
            family.name()
        );
        let draft = d.error(Code::MissingKey, message).label(network.key.span, "");
        draft
            .help("write it, and the part that is free: `ipam: {config: [{subnet: …, ip_range: …}]}`")
            .emit();
    }
}

fn overlapping(d: &mut Diagnostics, network: &Wanted, subnet: &Subnet, other: &Owner) {
    let name = &other.network;
    let message = format!("the subnets of the networks `{name}` and `{}` overlap", network.key.value);
    let mut draft = d.error(Code::Conflict, message).label(subnet.written.unwrap_or(network.key.span), "");
    if let Some(other) = other.written {
        draft = draft.label(other, "the other one");
    }
    draft.help("give each addresses of its own").emit();
}

/// As Docker, which passes over it too.
fn warn_unused(d: &mut Diagnostics, network: &Wanted, family: Family, subnet: &Spanned<Range>) {
    let key = if family == Family::V4 { "enable_ipv4" } else { "enable_ipv6" };
    let message = format!(
        "the network `{}` has no {}, and nobody an address of this subnet",
        network.key.value,
        family.name()
    );
    let draft = d.warning(Code::ValueDropped, message).label(subnet.span, "Docker passes over it too");
    draft.help(format!("write `{key}: true`, or remove it")).emit();
}

/// What says something of a subnet that is not there.
fn check_subnetless(d: &mut Diagnostics, pool: &Pool) {
    let range = pool.ip_range.as_ref().map(|range| ("ip_range", range.span));
    let gateway = pool.gateway.as_ref().map(|gateway| ("gateway", gateway.span));
    let aux = pool.aux_addresses.first().map(|(_, ip)| ("aux_addresses", ip.span));
    for (key, span) in [range, gateway, aux].into_iter().flatten() {
        let draft = d.error(Code::MissingKey, format!("`{key}` needs the `subnet` that it lies in"));
        draft.label(span, "").label(pool.span, "not in here").emit();
    }
}

/// Checks a pool against itself.
fn of_pool(d: &mut Diagnostics, pool: &Pool, subnet: &Spanned<Range>) -> Result<Subnet, Reported> {
    let net = subnet.value.0;
    let before = d.errors();
    check_usable(d, subnet);
    let outside = |d: &mut Diagnostics, what: &str, found: &dyn std::fmt::Display, span: Span| {
        let message = format!("the {what} `{found}` lies outside of the subnet `{net}`");
        d.error(Code::InvalidValue, message).label(span, "").label(subnet.span, "the subnet").emit();
    };
    if let Some(range) = pool.ip_range.filter(|range| !net.contains(&range.value.0)) {
        outside(d, "range", &range.value, range.span);
    }
    if let Some(gateway) = pool.gateway.filter(|gateway| !net.contains(&gateway.value.0)) {
        outside(d, "gateway", &gateway.value, gateway.span);
    }
    let gateway = pool.gateway.map_or_else(|| first_host(&net), |gateway| gateway.value.0);
    let mut taken = BTreeMap::from([(gateway, pool.gateway.map_or(subnet.span, |gateway| gateway.span))]);
    for (name, Spanned { value: Ip(ip), span }) in &pool.aux_addresses {
        if !net.contains(ip) {
            outside(d, &format!("address of `{name}`"), ip, *span);
        } else if let Some(other) = taken.insert(*ip, *span) {
            let draft =
                d.error(Code::Conflict, format!("the address `{ip}` is given twice")).label(*span, "");
            let whose = if *ip == gateway { "the gateway's" } else { "the other one" };
            draft.label(other, whose).help("give each an address of its own").emit();
        }
    }
    if let Some(Spanned { span, .. }) =
        pool.gateway.filter(|_| net.contains(&gateway) && !is_host(&net, gateway))
    {
        let message = format!("`{gateway}` is no address that a gateway can have in `{net}`");
        let draft = d.error(Code::InvalidValue, message).label(span, "that of the network itself");
        draft.help(format!("write one such as `{}`", first_host(&net))).emit();
    }
    if d.errors() > before {
        d.failed()?;
    }
    Ok(Subnet {
        net,
        gateway,
        written: Some(subnet.span),
        range: pool.ip_range.map_or(net, |range| range.value.0),
        aux: pool.aux_addresses.iter().map(|(name, ip)| (Rc::clone(name), ip.value.0)).collect(),
    })
}

/// The addresses of containers are of this world and not of the host itself.
fn check_usable(d: &mut Diagnostics, subnet: &Spanned<Range>) {
    let net = subnet.value.0;
    let special = |ip: IpAddr| ip.is_loopback() || ip.is_multicast() || ip.is_unspecified();
    let message = if special(net.network()) || special(net.broadcast()) {
        format!("no network can have the addresses `{net}`")
    } else if net.max_prefix_len() - net.prefix_len() < 2 {
        format!("the subnet `{net}` has no room for a gateway and a container")
    } else {
        return;
    };
    let help = "write one such as `10.200.0.0/24` or `fd00:200::/64`";
    d.error(Code::InvalidValue, message).label(subnet.span, "").help(help).emit();
}

/// A subnet of the lock, if it is still free. One that is written was taken before.
fn locked(network: &Wanted, family: Family, occupied: &mut Occupied) -> Option<Subnet> {
    let known = network.locked?;
    let own = |net: &&IpNet| Family::of(net) == family && net.trunc() == **net;
    let room = |net: &&IpNet| net.max_prefix_len() - net.prefix_len() >= 2;
    let net = *known.subnets.iter().filter(own).find(room)?;
    if occupied.overlaps(&net) {
        return None;
    }
    occupied.take(&net, None, &network.key.value);
    Some(plain(net))
}

/// A subnet of which nothing is said.
fn plain(net: IpNet) -> Subnet {
    Subnet { net, gateway: first_host(&net), written: None, range: net, aux: BTreeMap::new() }
}

/// The address after that of the network.
pub(super) fn first_host(net: &IpNet) -> IpAddr {
    from_number(net, number(net.network()).saturating_add(1))
}

/// Whether something on the network can have an address: not the first one, and of IPv4 not the last one.
pub(super) fn is_host(net: &IpNet, ip: IpAddr) -> bool {
    net.contains(&ip) && ip != net.network() && (ip.is_ipv6() || ip != net.broadcast())
}

pub(super) fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    }
}

/// The address with that number, of the family of `net`.
pub(super) fn from_number(net: &IpNet, number: u128) -> IpAddr {
    match net {
        IpNet::V4(_) => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into(),
        IpNet::V6(_) => Ipv6Addr::from(number).into(),
    }
}

/// What is taken, by its family and first address.
#[derive(Default)]
struct Occupied(BTreeMap<(bool, u128), Owner>);

/// Who has a subnet.
#[derive(Clone)]
struct Owner {
    /// Its last address.
    last: u128,
    network: Rc<str>,
    /// Where it is written, if it is.
    written: Option<Span>,
}

impl Occupied {
    fn find(&self, net: &IpNet) -> Option<&Owner> {
        let six = Family::of(net) == Family::V6;
        let (first, last) = (number(net.network()), number(net.broadcast()));
        let (_, before) = self.0.range((six, 0)..=(six, last)).next_back()?;
        Some(before).filter(|owner| owner.last >= first)
    }

    fn overlaps(&self, net: &IpNet) -> bool {
        self.find(net).is_some()
    }

    /// Takes a subnet, unless somebody has it.
    fn take(&mut self, net: &IpNet, written: Option<Span>, network: &Rc<str>) -> Option<Owner> {
        let owner = self.find(net).cloned();
        if owner.is_none() {
            let at = (Family::of(net) == Family::V6, number(net.network()));
            let last = number(net.broadcast());
            self.0.insert(at, Owner { last, network: Rc::clone(network), written });
        }
        owner
    }
}

/// Where subnets of IPv4 are derived: as many as there are of 256 addresses. Docker's own lie in 172.16.0.0/12 and
/// 192.168.0.0/16, most networks at home in the latter, and those of offices at the lower end of 10.0.0.0/8.
const POOL: Ipv4Addr = Ipv4Addr::new(10, 128, 0, 0);
const SUBNETS: u128 = 1 << 15;

/// How often a subnet of IPv6 is tried for. Another project's is met by chance in one of 2^40 cases.
const TRIES: u32 = 64;

struct Slots(Free);

impl Default for Slots {
    fn default() -> Self {
        Slots(Free::new(0, SUBNETS - 1))
    }
}

impl Slots {
    fn derived(
        &mut self,
        d: &mut Diagnostics,
        network: &Wanted,
        family: Family,
        occupied: &mut Occupied,
    ) -> Option<Subnet> {
        let net = match family {
            Family::V4 => self.v4(network.name, occupied),
            Family::V6 => {
                (0..TRIES).map(|attempt| v6(network.name, attempt)).find(|net| !occupied.overlaps(net))
            }
        };
        let Some(net) = net else {
            let message =
                format!("no subnet of {} is left for the network `{}`", family.name(), network.key.value);
            let draft = d.error(Code::Conflict, message).label(network.key.span, "");
            draft.help("write one under `ipam`").emit();
            return None;
        };
        occupied.take(&net, None, &network.key.value);
        Some(plain(net))
    }

    fn v4(&mut self, name: &str, occupied: &Occupied) -> Option<IpNet> {
        let wanted = u128::from(hash(&["subnet", name])) % SUBNETS;
        loop {
            let index = self.0.take(wanted)?;
            let first = u32::from(POOL) | u32::try_from(index << 8).unwrap_or(0);
            let net = IpNet::V4(Ipv4Net::new(first.into(), 24).ok()?);
            if !occupied.overlaps(&net) {
                return Some(net);
            }
        }
    }
}

/// A unique local address: `fd`, 40 bits of chance, and 16 for the subnet (RFC 4193).
fn v6(name: &str, attempt: u32) -> IpNet {
    let bits = hash(&["subnet6", name, &attempt.to_string()]) >> 8;
    let first = (0xfd_u128 << 120) | (u128::from(bits) << 64);
    IpNet::V6(Ipv6Net::new(first.into(), 64).unwrap_or_default())
}
