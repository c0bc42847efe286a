//! The one network of a project that a user without rights runs: nobody can make bridges, so all containers that would be
//! in one share a network namespace, where they find each other on the loopback.
//!
//! What is then different from what is written is said here. What would be wired differently is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use super::proot;
use crate::compose::value::port::{ExposedPort, Protocol};
use crate::diag::{Code, Diagnostics, Draft};
use crate::hook::argv::user_network::BUNDLE;
use crate::project::network::{Attachment, Driver, Given};
use crate::project::{Namespace, Published, Service, Settings};
use crate::source::Span;

/// The last port of the host that is the administrator's to give, unless `net.ipv4.ip_unprivileged_port_start` says
/// otherwise.
pub(super) const PRIVILEGED: u16 = 1023;

/// Gives every container in a network the address where it finds all the others, and says what is lost.
pub(in crate::project) fn share(d: &mut Diagnostics, services: &mut [Service], settings: &Settings) {
    let Some(rootless) = &settings.rootless else { return };
    let members: Vec<&Service> = services.iter().filter(|service| is_member(service)).collect();
    if members.is_empty() {
        return;
    }
    check_members(d, &members);
    if let Some(program) = &settings.proot {
        let mapped = proot::map(d, services, &members, program);
        services.iter_mut().zip(mapped).for_each(|(service, mapped)| service.mapped = mapped);
    } else {
        check_names(d, services);
        if rootless.mapping.is_none() {
            check_users(d, services);
        }
        check_ports(d, &members, |_, port| port);
        check_published(d, &members);
    }
    for attachment in services.iter_mut().flat_map(|service| &mut service.networks) {
        attachment.addresses =
            vec![Given { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), written: None, locked: None }];
    }
}

fn check_members(d: &mut Diagnostics, members: &[&Service]) {
    check_isolation(d, members);
    for service in members {
        check_way_out(d, service);
        service.networks.iter().for_each(|attachment| check_attachment(d, attachment));
    }
}

/// Whether a container is in a network that is not that of another one.
fn is_member(service: &Service) -> bool {
    matches!(service.namespaces.network, Namespace::Own) && !service.networks.is_empty()
}

/// The bundle that has the network is one more.
fn check_names(d: &mut Diagnostics, services: &[Service]) {
    if let Some(service) = services.iter().find(|service| &*service.bundle == BUNDLE) {
        let message = format!("without root a service cannot be called `{BUNDLE}`");
        let draft = d.error(Code::Name, message).label(service.name.span, "");
        draft.help("that is the bundle which has the network of all containers").emit();
    }
}

/// Who shares a network shares its user namespace, which without ranges has one user.
fn check_users(d: &mut Diagnostics, services: &[Service]) {
    let mut in_network = services.iter().filter(|service| service.shares_user_network());
    let Some(first) = in_network.next() else { return };
    let place = |service: &Service| service.user.written.unwrap_or(service.name.span);
    let other = in_network.find(|service| {
        service.user.known
            && first.user.known
            && (service.user.ids.uid, service.user.ids.gid) != (first.user.ids.uid, first.user.ids.gid)
    });
    if let Some(other) = other {
        let message =
            "without root, containers in networks have the same users, and these run as different ones";
        let says = |service: &Service| format!("{}:{}", service.user.ids.uid, service.user.ids.gid);
        let draft = d.error(Code::Rootless, message).label(place(other), says(other));
        let draft = draft.label(place(first), says(first));
        draft.help("map a range that has both with `userns_map`").emit();
    }
}

/// A port of the network and who listens there.
#[derive(Clone, Copy)]
struct Listener<'a> {
    bundle: &'a str,
    span: Span,
    /// Whether the project says so, and not the image alone.
    is_written: bool,
}

/// In one network, of two who listen at one port the second one fails. What an image says need not be so.
/// Where a port of a container is in the network is for the caller to say.
pub(super) fn check_ports(d: &mut Diagnostics, members: &[&Service], at: impl Fn(&Service, u16) -> u16) {
    let mut taken: BTreeMap<(Protocol, u16), Listener> = BTreeMap::new();
    let mut said: BTreeSet<(Span, Span)> = BTreeSet::new();
    for is_written in [true, false] {
        for service in members {
            for (ports, span) in apart(listened(service, is_written)) {
                let new = Listener { bundle: &service.bundle, span, is_written };
                let clash = ports.expand().find_map(|port| {
                    let port = ExposedPort { first: at(service, port.first), ..port };
                    let before = *taken.entry((port.protocol, port.first)).or_insert(new);
                    (before.bundle != new.bundle).then_some((port, before))
                });
                if let Some((port, before)) = clash.filter(|(_, before)| said.insert((before.span, span))) {
                    report(d, port, before, new);
                }
            }
        }
    }
}

/// Where a container listens, as the project says it, or its image alone.
pub(super) fn listened(service: &Service, is_written: bool) -> Vec<(ExposedPort, Span)> {
    if !is_written {
        let exposed = service.image().into_iter().flat_map(|image| &image.locked.configuration.exposed_ports);
        let place = service.written.image.as_ref().map_or(service.name.span, |image| image.span);
        return exposed.filter_map(|port| Some((port.parse().ok()?, place))).collect();
    }
    let published = service.ports.iter().map(|port| {
        let last = port.container.saturating_add(port.count.saturating_sub(1));
        (ExposedPort { first: port.container, last, protocol: port.protocol }, port.written)
    });
    published.chain(service.written.expose.iter().map(|port| (port.value, port.span))).collect()
}

/// Without what is there twice, so that every port is looked at once.
pub(super) fn apart(mut all: Vec<(ExposedPort, Span)>) -> Vec<(ExposedPort, Span)> {
    all.sort_by_key(|(ports, _)| (ports.protocol, ports.first, ports.last));
    let (mut of, mut next) = (None, 0);
    for (ports, _) in &mut all {
        if of != Some(ports.protocol) {
            (of, next) = (Some(ports.protocol), 0);
        }
        let last = u32::from(ports.last);
        ports.first = ports.first.max(u16::try_from(next).unwrap_or(u16::MAX));
        next = next.max(last + 1);
    }
    all.retain(|(ports, _)| ports.first <= ports.last);
    all
}

fn report(d: &mut Diagnostics, port: ExposedPort, before: Listener, new: Listener) {
    let (number, protocol) = (port.first, port.protocol);
    let names = format!("`{}` and `{}`", before.bundle, new.bundle);
    let message =
        format!("{names} listen at port {number}/{protocol}, and without root they share one network");
    if before.is_written && new.is_written {
        placed(d.error(Code::Conflict, message), before, new).emit();
    } else {
        placed(d.warning(Code::Rootless, message), before, new).emit();
    }
}

fn placed<'d, T>(draft: Draft<'d, T>, before: Listener, new: Listener) -> Draft<'d, T> {
    let draft = draft.label(new.span, format!("for `{}`", new.bundle));
    let draft = if before.span == new.span {
        draft
    } else {
        draft.label(before.span, format!("and for `{}`", before.bundle))
    };
    draft.help("let one of them listen at another port")
}

fn check_published(d: &mut Diagnostics, members: &[&Service]) {
    for port in members.iter().flat_map(|service| &service.ports) {
        if port.protocol == Protocol::Sctp {
            let draft = d.error(Code::Rootless, "nobody publishes ports of SCTP without root");
            draft.label(port.written, "").help("remove it").emit();
        } else {
            check_privileged(d, port);
        }
    }
}

/// Below this, nobody but the administrator listens on the host, unless a parameter says otherwise.
pub(super) fn check_privileged(d: &mut Diagnostics, port: &Published) {
    if port.host <= PRIVILEGED {
        let message = format!("port {} of the host is not a user's to listen at", port.host);
        let draft = d.warning(Code::Rootless, message).label(port.written, "");
        let help = format!(
            "take one above {PRIVILEGED}, or set `net.ipv4.ip_unprivileged_port_start={}` on the host",
            port.host
        );
        draft.help(help).emit();
    }
}

/// Said once: it is one fact.
fn check_isolation(d: &mut Diagnostics, members: &[&Service]) {
    let networks = |service: &Service| -> BTreeSet<Rc<str>> {
        service.networks.iter().map(|attachment| Rc::clone(&attachment.network.name)).collect()
    };
    let Some((first, rest)) = members.split_first() else { return };
    let own = networks(first);
    if let Some(other) = rest.iter().find(|service| networks(service) != own) {
        let message =
            "without root all containers are in one network, and these would not all reach each other";
        let place = |service: &Service| {
            service.networks.first().map_or(service.name.span, |attachment| attachment.name.span)
        };
        let draft = d.warning(Code::Rootless, message).label(place(first), format!("`{}`", first.bundle));
        let draft = draft.label(place(other), format!("`{}`", other.bundle));
        draft
            .help("nothing keeps one network from another; a bundle for root, without `rootless`, does")
            .emit();
    }
}

fn check_way_out(d: &mut Diagnostics, service: &Service) {
    let is_internal = service.networks.iter().all(|attachment| attachment.network.internal);
    if let Some(first) = service.networks.first().filter(|_| is_internal) {
        let message = format!("`{}` would have a way out, and its network is `internal`", service.bundle);
        let draft = d.error(Code::Rootless, message).label(first.name.span, "");
        draft
            .help(
                "without root all containers share one network with a way out; `network_mode: none` has none",
            )
            .emit();
    }
}

/// What a container cannot be in a network without root.
fn check_attachment(d: &mut Diagnostics, attachment: &Attachment) {
    let network = &attachment.network;
    let at = attachment.name.span;
    let asked = |key: &str| attachment.service.get(key).map(|node| node.span);
    let given = attachment.addresses.iter().find_map(|address| address.written);
    for (span, what) in [
        (given, "an address of its own"),
        (attachment.link_local.first().map(|address| address.span), "an address of its own"),
        (attachment.mac.as_ref().map(|mac| mac.span), "a MAC address of its own"),
        (asked("interface_name"), "an interface of its own"),
        (network.external.map(|_| at), "a network that somebody else has made"),
        (matches!(network.driver, Driver::Macvlan(_)).then_some(at), "a network of the driver `macvlan`"),
        (matches!(network.driver, Driver::Ipvlan(_)).then_some(at), "a network of the driver `ipvlan`"),
    ] {
        if let Some(span) = span {
            let draft = d.error(Code::Rootless, format!("without root, no container has {what}"));
            draft.label(span, "").help("containers find each other by their names; remove it").emit();
        }
    }
}
