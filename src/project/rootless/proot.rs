//! Ports on the network of the host, for a user who has no program that carries the traffic of another one: proot changes
//! the ports of `bind` and `connect`, so that what listens at a port of its container listens at the published one.
//!
//! proot looks at the number alone: a port is mapped for all addresses and protocols, and to one port (its
//! `src/extension/portmap/portmap.c`). So whoever connects to a published port by the name of its service has the same
//! mapping. What this makes of other connections, and what it lacks of a network of the project's own, is said here.

use std::collections::{BTreeMap, BTreeSet};

use super::network::{PRIVILEGED, apart, check_ports, check_privileged, listened};
use crate::compose::value::port::Protocol;
use crate::diag::{Code, Diagnostics, Draft, Reported};
use crate::project::{HostFile, Namespace, Published, Service};
use crate::source::Span;

/// What proot maps for a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The port that the process means.
    pub container: u16,
    /// The port that it gets.
    pub host: u16,
    /// Where this is written.
    pub written: Span,
}

/// How many ports may be mapped in a project, all containers taken together. Every one is an argument of every process,
/// and proot has room for 4096 (`PORTMAP_SIZE`).
const MAX: usize = 1 << 17;

/// How many ports may be mapped for a process.
const MAX_EACH: usize = 4000;

/// The ports of a container that are published, by number.
type Own = BTreeMap<u16, Mapped>;

/// What is mapped for every service, and what follows from it; nothing for those without a network.
pub(super) fn map(
    d: &mut Diagnostics,
    services: &[Service],
    members: &[&Service],
    program: &HostFile,
) -> Vec<Vec<Mapped>> {
    warn_of_the_host(d, members, program);
    for service in members {
        service.ports.iter().for_each(|port| check_published(d, port));
    }
    let none = || services.iter().map(|_| Vec::new()).collect();
    if check_room(d, services, members).is_err() {
        return none();
    }
    let own: BTreeMap<&str, Own> =
        members.iter().map(|service| (&*service.bundle, own(d, service))).collect();
    let moved = |service: &Service, port| {
        own.get(&*service.bundle).and_then(|own| own.get(&port)).map_or(port, |mapped| mapped.host)
    };
    check_ports(d, members, moved);
    check_unpublished(d, members, &own);
    let reached = reached(d, members, &own);
    warn_of_others(d, &own, &reached);
    let of = |service: &Service| mapped(service, &own, &reached);
    let all: Vec<Vec<Mapped>> = services.iter().map(of).collect();
    warn_of_signals(
        d,
        services.iter().zip(&all).filter(|(_, mapped)| !mapped.is_empty()).map(|(one, _)| one),
    );
    all
}

/// What is published of the container itself or of the one whose network it joins, and what is of others.
fn mapped(service: &Service, own: &BTreeMap<&str, Own>, reached: &Own) -> Vec<Mapped> {
    if !service.shares_user_network() {
        return Vec::new();
    }
    let owner = match &service.namespaces.network {
        Namespace::Of(owner) => &*owner.bundle,
        Namespace::Own | Namespace::Host(_) => &*service.bundle,
    };
    let mut all = reached.clone();
    all.extend(own.get(owner).into_iter().flatten().map(|(port, mapped)| (*port, *mapped)));
    all.into_values().filter(|mapped| mapped.container != mapped.host).collect()
}

/// Said once: it is one fact.
fn warn_of_the_host(d: &mut Diagnostics, members: &[&Service], program: &HostFile) {
    let Some(first) = members.first() else { return };
    let message = "with proot, all containers in networks are in the network of the host";
    let draft = d.warning(Code::Rootless, message).label(program.written.unwrap_or(first.name.span), "");
    let help = "others reach every port they listen at, and they reach the loopback and the abstract sockets of \
                the host; pasta or slirp4netns, without `proot`, keep them apart";
    draft.help(help).emit();
}

fn check_published(d: &mut Diagnostics, port: &Published) {
    let problem = match (port.protocol, port.ip) {
        (Protocol::Tcp, None) => None,
        (Protocol::Tcp, Some(ip)) => {
            Some(format!("proot publishes ports at every address, and not at {ip} alone"))
        }
        (other, _) => Some(format!("proot publishes no ports of {}", other.to_string().to_uppercase())),
    };
    match problem {
        Some(message) => {
            let draft = d.error(Code::Rootless, message).label(port.written, "");
            draft.help("remove it; pasta or slirp4netns, without `proot`, can do it").emit();
        }
        None => check_privileged(d, port),
    }
}

fn check_room(d: &mut Diagnostics, services: &[Service], members: &[&Service]) -> Result<(), Reported> {
    let published = || members.iter().flat_map(|service| &service.ports);
    let count: usize = published().map(|port| usize::from(port.count)).sum();
    if count <= MAX_EACH && count.saturating_mul(services.len()) <= MAX {
        return Ok(());
    }
    let message = format!("{count} ports are published, which is too much for proot");
    let mut draft = d.error(Code::Rootless, message);
    if let Some(port) = published().max_by_key(|port| port.count) {
        draft = draft.label(port.written, "");
    }
    let help =
        format!("every process is told all of them, and there is room for {MAX_EACH}, or {MAX} in all");
    Err(draft.help(help).emit())
}

/// The ports of a container, one by one. Those that are published twice are errors: the process binds one of them.
fn own(d: &mut Diagnostics, service: &Service) -> Own {
    let mut own = Own::new();
    for port in service.ports.iter().filter(|port| port.protocol == Protocol::Tcp) {
        for step in 0..port.count {
            let number = |first: u16| first.saturating_add(step);
            let (container, host) = (number(port.container), number(port.host));
            let new = Mapped { container, host, written: port.written };
            let before = *own.entry(container).or_insert(new);
            if before != new {
                let message = format!(
                    "proot publishes port {container} once, and it is to be {} and {host}",
                    before.host
                );
                let draft = d.error(Code::Rootless, message).label(port.written, "");
                draft.label(before.written, "the other one").help("remove one of them").emit();
                break;
            }
        }
    }
    own
}

/// Who listens at a port that is not published does so on the host, where a user may not have it.
fn check_unpublished(d: &mut Diagnostics, members: &[&Service], own: &BTreeMap<&str, Own>) {
    for service in members {
        let published = own.get(&*service.bundle);
        let is_published = |port: u16| published.is_some_and(|own| own.contains_key(&port));
        let all = [true, false].into_iter().flat_map(|is_written| apart(listened(service, is_written)));
        let closed = all.filter(|(ports, _)| ports.protocol == Protocol::Tcp).find_map(|(ports, span)| {
            let port = (ports.first..=ports.last.min(PRIVILEGED)).find(|port| !is_published(*port))?;
            Some((port, span))
        });
        if let Some((port, span)) = closed {
            let message =
                format!("port {port} of the host is not a user's to listen at, and nothing maps it");
            let draft = d.warning(Code::Rootless, message).label(span, format!("`{}` does", service.bundle));
            draft.help(format!("publish it at a port above {PRIVILEGED}")).emit();
        }
    }
}

/// A container that listens at a port which somebody publishes.
#[derive(Clone, Copy)]
struct Listener<'a> {
    bundle: &'a str,
    span: Span,
    is_written: bool,
    is_mapped: bool,
}

/// What others than the container itself must have mapped to reach it. Where two listen at one port, nobody can.
fn reached(d: &mut Diagnostics, members: &[&Service], own: &BTreeMap<&str, Own>) -> Own {
    let mut reached: Own = own.values().flatten().map(|(port, mapped)| (*port, *mapped)).collect();
    let mut first: BTreeMap<u16, Listener> = BTreeMap::new();
    let mut said = BTreeSet::new();
    let mut unclear = Vec::new();
    for is_written in [true, false] {
        for service in members {
            for (ports, span) in apart(listened(service, is_written)) {
                if ports.protocol != Protocol::Tcp {
                    continue;
                }
                for (&port, _) in reached.range(ports.first..=ports.last) {
                    let is_mapped = own.get(&*service.bundle).is_some_and(|own| own.contains_key(&port));
                    let new = Listener { bundle: &service.bundle, span, is_written, is_mapped };
                    let before = *first.entry(port).or_insert(new);
                    if before.bundle != new.bundle {
                        unclear.push(port);
                        if said.insert((before.span, span)) {
                            report(d, port, before, new);
                        }
                    }
                }
            }
        }
    }
    for port in unclear {
        reached.remove(&port);
    }
    reached
}

fn report(d: &mut Diagnostics, port: u16, before: Listener, new: Listener) {
    let names = format!("`{}` and `{}`", before.bundle, new.bundle);
    let message = format!("proot cannot tell {names} apart, which both listen at port {port}");
    if before.is_mapped && new.is_mapped {
        let help = "no service reaches another one at that port; let one of them listen at another port";
        placed(d.warning(Code::Rootless, message), before, new, help).emit();
    } else if before.is_written && new.is_written {
        let help = "publish the port of both, or let one of them listen at another port";
        placed(d.error(Code::Conflict, message), before, new, help).emit();
    } else {
        let help = "if both do, publish the port of both, or let one of them listen at another port";
        placed(d.warning(Code::Rootless, message), before, new, help).emit();
    }
}

fn placed<'d, T>(draft: Draft<'d, T>, before: Listener, new: Listener, help: &str) -> Draft<'d, T> {
    let draft = draft.label(new.span, format!("for `{}`", new.bundle));
    let draft = if before.span == new.span {
        draft
    } else {
        draft.label(before.span, format!("and for `{}`", before.bundle))
    };
    draft.help(help)
}

/// The mapping holds for whatever a process connects to, and for whatever listens.
fn warn_of_others(d: &mut Diagnostics, own: &BTreeMap<&str, Own>, reached: &Own) {
    let mut said = BTreeSet::new();
    let all = own.iter().flat_map(|(bundle, own)| own.values().map(move |mapped| (bundle, mapped)));
    for (bundle, mapped) in all.filter(|(_, mapped)| mapped.container != mapped.host) {
        if said.insert(mapped.written) {
            let Mapped { container, host, written } = *mapped;
            let is_for_all = reached.contains_key(&container);
            let whom = if is_for_all { "everybody".to_owned() } else { format!("`{bundle}`") };
            let message = format!("with proot, port {container} of any host is port {host} for {whom}");
            let draft = d.warning(Code::Rootless, message).label(written, "");
            let help = format!(
                "let the service listen at port {host} itself, and nothing is mapped; others that listen at port \
                 {container} must say so with `expose`"
            );
            draft.help(help).emit();
        }
    }
}

/// proot ignores what ends other programs (its `src/tracee/event.c`), and passes nothing on.
fn warn_of_signals<'a>(d: &mut Diagnostics, wrapped: impl Iterator<Item = &'a Service>) {
    let mut deaf = wrapped.filter(|service| service.written.init.is_none_or(|init| !init.value));
    if let Some(first) = deaf.next() {
        let message = format!("proot keeps from `{}` the signals that stop it", first.bundle);
        let mut draft = d.warning(Code::Rootless, message).label(first.name.span, "");
        for other in deaf {
            draft = draft.label(other.name.span, "here too");
        }
        draft.help("write `init: true`: an init passes them on to the process").emit();
    }
}
