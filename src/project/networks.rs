//! The networks of a project, and who is in them.

mod interfaces;
mod locked;
mod names;
mod routes;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use super::addresses::{self, Member, Place};
use super::free::hex;
use super::network::{Attachment, Bridge, Driver, Given, Network, Subnet};
use super::subnets::{self, Wanted};
use super::{Namespace, Options, Service};
use crate::compose::namespace::NetworkMode;
use crate::compose::network::{self as written, Joined};
use crate::compose::{self, Named};
use crate::diag::{Code, Diagnostics};
use crate::lock::{self, Lock, LockedNetwork, NetworkPlaces};
use crate::source::{Span, Spanned};
use crate::yaml::Node;

/// The networks that a file declares, by key.
pub(super) struct Declared(BTreeMap<Rc<str>, Named<compose::Network>>);

/// What the lock says of networks, and where.
#[derive(Default)]
pub(super) struct Before {
    pub networks: BTreeMap<String, LockedNetwork>,
    pub places: BTreeMap<String, NetworkPlaces>,
}

impl Before {
    pub(super) fn of(lock: Option<&(Lock, lock::Places)>) -> Self {
        let before = |(lock, places): &(Lock, lock::Places)| Before {
            networks: lock.networks.clone(),
            places: places.networks.clone(),
        };
        lock.map(before).unwrap_or_default()
    }

    /// Where it says that a container has an address.
    fn place(&self, network: &str, bundle: &str, ip: IpAddr) -> Option<Span> {
        let known = self.networks.get(network)?.addresses.get(bundle)?;
        let places = self.places.get(network)?;
        places.addresses.get(bundle).copied().filter(|_| known.0.contains(&ip))
    }
}

/// The key and the name of the network of `network_mode: bridge`.
const BRIDGE: &str = "bridge";

impl Declared {
    pub(super) fn new(networks: Vec<Named<compose::Network>>) -> Self {
        Declared(networks.into_iter().map(|network| (Rc::clone(&network.name.value), network)).collect())
    }

    /// What is declared under a key, unless something was wrong with it.
    fn get(&self, key: &str) -> Option<&compose::Network> {
        self.0.get(key).filter(|network| network.whole.is_ok()).map(|network| &network.value)
    }
}

/// A network with the containers in it, while it is decided upon.
struct Used<'a> {
    key: Spanned<Rc<str>>,
    name: Rc<str>,
    /// What is written of it; nothing of Docker's own.
    written: Option<&'a compose::Network>,
    members: Vec<Joining<'a>>,
}

/// A container in a network.
struct Joining<'a> {
    /// Its place among all containers.
    index: usize,
    bundle: &'a Rc<str>,
    service: &'a Spanned<Rc<str>>,
    /// What the service says; nothing where it is in Docker's own network.
    said: Option<&'a Joined>,
}

/// Attaches every container to its networks, and returns what the lock is to say of them.
pub(super) fn attach(
    d: &mut Diagnostics,
    declared: &Declared,
    before: &Before,
    services: &mut [Service],
    options: &Options,
) -> BTreeMap<String, LockedNetwork> {
    names::share_host(d, declared, services);
    let used = used(d, declared, services, options);
    names::check(d, &used);
    let wanted: Vec<Wanted> = used
        .iter()
        .filter(|network| network.external().is_none())
        .map(|network| Wanted {
            key: &network.key,
            name: &network.name,
            written: network.written,
            locked: before.networks.get(&*network.key.value),
        })
        .collect();
    let mut decided = subnets::decide(d, &wanted).into_iter();
    let mut locks = BTreeMap::new();
    let mut attached: Vec<Vec<Attachment>> = services.iter().map(|_| Vec::new()).collect();
    for network in &used {
        let decided = if network.external().is_some() { Some(Vec::new()) } else { decided.next() };
        let decided = decided.unwrap_or_default();
        let (addresses, lock) = given(d, network, &decided, before, options);
        locks.extend(lock.map(|lock| (network.key.value.to_string(), lock)));
        let made = Rc::new(network.made(decided));
        for (joining, addresses) in network.members.iter().zip(addresses) {
            if let Some(all) = attached.get_mut(joining.index) {
                all.push(joining.attachment(&made, addresses));
            }
        }
    }
    let written: Vec<_> = services.iter().map(|service| Rc::clone(&service.written)).collect();
    for ((attached, written), service) in attached.iter_mut().zip(&written).zip(services.iter_mut()) {
        let said = interfaces::Said::of(written);
        interfaces::name(d, attached, &said, declared);
        routes::choose(attached, &said);
        interfaces::give_mac(d, attached, written, declared);
        service.networks = std::mem::take(attached);
    }
    interfaces::check_macs(d, services);
    locked::check(d, before, &locks, services, options);
    locks
}

/// The networks that somebody is in, by key, each with its containers by the names of their bundles.
fn used<'a>(
    d: &mut Diagnostics,
    declared: &'a Declared,
    services: &'a [Service],
    options: &Options,
) -> Vec<Used<'a>> {
    let mut used: BTreeMap<&str, Used> = BTreeMap::new();
    let mut bridge: Option<Used> = None;
    for (index, service) in services.iter().enumerate() {
        if !matches!(service.namespaces.network, Namespace::Own) {
            continue;
        }
        let joining = |said| Joining { index, bundle: &service.bundle, service: &service.name, said };
        if let Some(mode) =
            service.written.network_mode.as_ref().filter(|mode| mode.value == NetworkMode::Bridge)
        {
            let key = Spanned { value: BRIDGE.into(), span: mode.span };
            let name = format!("{}_{BRIDGE}", options.name).into();
            let own = bridge.get_or_insert_with(|| Used { key, name, written: None, members: Vec::new() });
            own.members.push(joining(None));
        }
        for said in &service.written.networks {
            let Some(network) = declared.0.get(&said.name.value).filter(|network| network.whole.is_ok())
            else {
                continue;
            };
            if matches!(network.value.driver, written::Driver::Host | written::Driver::None) {
                continue;
            }
            let entry = used.entry(&network.name.value).or_insert_with(|| Used {
                key: network.name.clone(),
                name: names::real_name(network, options),
                written: Some(&network.value),
                members: Vec::new(),
            });
            entry.members.push(joining(Some(said)));
        }
    }
    if let Some(own) = bridge {
        match used.get(BRIDGE) {
            None => _ = used.insert(BRIDGE, own),
            Some(other) => names::two_bridges(d, &own.key, &other.key),
        }
    }
    let mut used: Vec<Used> = used.into_values().collect();
    for network in &mut used {
        network.members.sort_by(|a, b| a.bundle.cmp(b.bundle));
    }
    used
}

impl Used<'_> {
    /// Where it says that somebody else makes it.
    fn external(&self) -> Option<Span> {
        self.written.and_then(|written| written.external)
    }

    fn made(&self, subnets: Vec<Subnet>) -> Network {
        let driver = self.written.map_or_else(written::Driver::default, |written| written.driver.clone());
        let says_something = |node: &&Node| !node.entries().is_empty();
        Network {
            key: self.key.clone(),
            name: Rc::clone(&self.name),
            driver: made_by(driver, &self.name),
            internal: self.written.is_some_and(|written| written.internal.is_some()),
            external: self.external(),
            subnets,
            default_bridge: self.written.is_none(),
            labels: self.written.map(|written| written.labels.clone()).unwrap_or_default(),
            written: self.written.map(|written| &written.written).filter(says_something).cloned(),
        }
    }
}

fn made_by(driver: written::Driver, name: &str) -> Driver {
    match driver {
        written::Driver::Macvlan(card) => Driver::Macvlan(card),
        written::Driver::Ipvlan(card) => Driver::Ipvlan(card),
        written::Driver::Bridge(written::Bridge { interface, mtu, masquerade, icc, host_ip }) => {
            let interface =
                interface.map_or_else(|| bridge_name(name), |interface| interface.value.as_str().into());
            Driver::Bridge(Bridge { interface, mtu, masquerade, icc, host_ip })
        }
        // Nobody is attached to what is not there.
        written::Driver::Host | written::Driver::None => made_by(written::Driver::default(), name),
    }
}

/// As Docker has it: `br-` and twelve digits, there those of an id that is made up.
fn bridge_name(name: &str) -> Rc<str> {
    let digits = hex(&["bridge", name]);
    format!("br-{}", digits.get(..12).unwrap_or(&digits)).into()
}

impl Joining<'_> {
    fn attachment(&self, network: &Rc<Network>, addresses: Vec<Given>) -> Attachment {
        let key = &network.key;
        let name = self.said.map_or_else(|| key.clone(), |said| said.name.clone());
        let mut aliases: Vec<Spanned<Rc<str>>> = Vec::new();
        let mut known = std::collections::BTreeSet::new();
        for alias in self.said.iter().flat_map(|said| &said.aliases) {
            if known.insert(alias.value.as_str()) {
                aliases.push(Spanned { value: alias.value.as_str().into(), span: alias.span });
            }
        }
        let link_local = self.said.iter().flat_map(|said| &said.link_local_ips);
        let mac = self.said.and_then(|said| said.mac_address);
        Attachment {
            service: self.said.map_or_else(|| Node::map(key.span, Vec::new()), |said| said.written.clone()),
            network: Rc::clone(network),
            aliases,
            addresses,
            link_local: link_local.map(|ip| Spanned { value: ip.value.0, span: ip.span }).collect(),
            mac: mac.map(|mac| Spanned { value: mac.value.to_string().into(), span: mac.span }),
            interface: Spanned { value: "".into(), span: name.span },
            sysctls: self.said.map(|said| said.sysctls.clone()).unwrap_or_default(),
            default_route: false,
            name,
        }
    }

    /// The address of a family that it asks for.
    fn asked(&self, six: bool) -> Option<Spanned<IpAddr>> {
        let said = self.said?;
        if six {
            said.ipv6_address.map(|ip| Spanned { value: ip.value.0.into(), span: ip.span })
        } else {
            said.ipv4_address.map(|ip| Spanned { value: ip.value.0.into(), span: ip.span })
        }
    }
}

/// The addresses of all members of a network, and what the lock is to say of it.
fn given(
    d: &mut Diagnostics,
    network: &Used,
    subnets: &[Subnet],
    before: &Before,
    options: &Options,
) -> (Vec<Vec<Given>>, Option<LockedNetwork>) {
    let locked = before.networks.get(&*network.key.value);
    let mut all: Vec<Vec<Given>> = network.members.iter().map(|_| Vec::new()).collect();
    let mut lock = LockedNetwork::default();
    for six in [false, true] {
        let subnet = subnets.iter().find(|subnet| subnet.gateway.is_ipv6() == six);
        let Some(subnet) = subnet else {
            without_subnet(d, network, six, &mut all);
            continue;
        };
        if subnet.written.is_none() {
            lock.subnets.push(subnet.net);
        }
        let members: Vec<Member> = network
            .members
            .iter()
            .map(|joining| Member {
                bundle: joining.bundle,
                service: joining.service,
                written: joining.asked(six),
                locked: locked
                    .and_then(|locked| locked.addresses.get(&**joining.bundle))
                    .map_or(&[], |addresses| &addresses.0),
            })
            .collect();
        let place = Place { project: &options.name, network: &network.key, name: &network.name, subnet };
        let found = addresses::give(d, &place, &members);
        for ((joining, found), given) in network.members.iter().zip(found).zip(&mut all) {
            let Some(found) = found else { continue };
            if found.written.is_none() {
                lock.addresses.entry(joining.bundle.to_string()).or_default().0.push(found.ip);
            }
            let place = before.place(&network.key.value, joining.bundle, found.ip);
            given.push(Given { locked: place.filter(|_| found.written.is_none()), ..found });
        }
    }
    let says_something = lock != LockedNetwork::default();
    (all, says_something.then_some(lock))
}

/// What is asked for in a network without addresses of that family. Those of an external one are not known here.
fn without_subnet(d: &mut Diagnostics, network: &Used, six: bool, all: &mut [Vec<Given>]) {
    for (joining, given) in network.members.iter().zip(all) {
        let Some(asked) = joining.asked(six) else { continue };
        if network.external().is_some() {
            given.push(Given { ip: asked.value, written: Some(asked.span), locked: None });
            continue;
        }
        let family = if six { "IPv6" } else { "IPv4" };
        let message = format!("the network `{}` has no addresses of {family}", network.key.value);
        let key = if six { "enable_ipv6" } else { "enable_ipv4" };
        let draft =
            d.error(Code::Conflict, message).label(asked.span, "").label(network.key.span, "the network");
        draft.help(format!("write `{key}: true` in the network, or remove the address")).emit();
    }
}
