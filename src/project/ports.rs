//! Ports of the host, of which there is one each: which container gets which.
//!
//! Docker chooses among several ports, or any, when a container starts. A bundle is started by nobody who could, so it
//! is decided here, and only from what the project says.

mod reach;
mod taken;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::rc::Rc;

use super::{Namespace, Service, Settings};
use crate::compose::ports::Port;
use crate::compose::value::port::Protocol;
use crate::diag::{Code, Diagnostics, Reported};
use crate::image::Digest;
use crate::source::Span;
use taken::{Owner, Taken};

/// Ports of the host that lead to ports of a container: as many as there are of the container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Published {
    /// The address on the host; every one if there is none.
    pub ip: Option<IpAddr>,
    /// The protocol.
    pub protocol: Protocol,
    /// The first port on the host, never 0.
    pub host: u16,
    /// The first port in the container, never 0.
    pub container: u16,
    /// How many ports follow each other, never 0.
    pub count: u16,
    /// Where the first of them is written.
    pub written: Span,
}

/// Where ports come from that nobody chose: those that IANA leaves to everybody (RFC 6335, section 6).
const DYNAMIC: RangeInclusive<u16> = 49152..=65535;

/// How many ports of a project may be looked at for one that is free.
const MAX_LOOKS: usize = 1 << 20;

/// Gives every container its ports of the host. Reports ports that two containers would have, since the second one would
/// not start, and those that nothing is left for.
pub(super) fn publish(d: &mut Diagnostics, settings: &Settings, services: &mut [Service]) {
    let mut host = Host { taken: Taken::default(), looks: MAX_LOOKS, clashes: Clashes::default() };
    let own = |service: &Service| matches!(service.namespaces.network, Namespace::Own);
    let mut found: Vec<Vec<Published>> = services.iter().map(|_| Vec::new()).collect();
    for service in services.iter().filter(|service| own(service)) {
        reach::check(d, service, settings);
    }
    // What is fixed comes first; what can be elsewhere takes what is left.
    for choice in [Choice::None, Choice::Some, Choice::All] {
        for (service, found) in services.iter().zip(&mut found).filter(|(service, _)| own(service)) {
            for port in sorted(service, choice) {
                if host.publish(d, &settings.project, service, port, found).is_err() {
                    break;
                }
            }
        }
    }
    host.clashes.report(d);
    for (service, found) in services.iter_mut().zip(found) {
        service.ports = joined(found);
    }
}

/// What a port leaves to choose.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// It names one port of the host.
    None,
    /// It names several.
    Some,
    /// It names none.
    All,
}

impl Choice {
    fn of(port: &Port) -> Self {
        match port.published.map(|ports| ports.value.count()) {
            Some(1) => Choice::None,
            Some(_) => Choice::Some,
            None => Choice::All,
        }
    }
}

/// The ports of a service that leave such a choice, in the order they choose in: as Docker does, by the port of the
/// container (moby `nat.SortPortMap`).
fn sorted(service: &Service, choice: Choice) -> Vec<&Port> {
    let mut ports: Vec<&Port> =
        service.written.ports.iter().filter(|port| Choice::of(port) == choice).collect();
    ports.sort_by_key(|port| {
        let ip = port.host_ip.map(|ip| ip.value);
        (port.target.value, port.protocol, port.published.map(|ports| ports.value), ip)
    });
    ports
}

/// The ports of the host.
struct Host {
    taken: Taken,
    /// How often it may still be looked for one.
    looks: usize,
    clashes: Clashes,
}

impl Host {
    /// Finds one port of the host.
    fn publish(
        &mut self,
        d: &mut Diagnostics,
        project: &str,
        service: &Service,
        port: &Port,
        found: &mut Vec<Published>,
    ) -> Result<(), Reported> {
        let written = port.published.map_or(port.target.span, |ports| ports.span);
        let owner = Owner { service: Rc::clone(&service.name.value), span: written };
        let (ip, protocol) = (reach::address(service, port), port.protocol);
        let at = |number| taken::Port { ip, protocol, number };
        let ports = port.published.map_or(DYNAMIC, |ports| ports.value.first..=ports.value.last);
        let number = match Choice::of(port) {
            Choice::None => {
                let number = *ports.start();
                if let Some(before) = self.taken.owner(at(number)) {
                    self.clashes.add(number, &owner, before);
                }
                Some(number)
            }
            Choice::Some => self.free(ports.clone(), at),
            Choice::All => {
                let first =
                    follows(found.last(), port).unwrap_or_else(|| derived(project, &service.bundle, port));
                self.free((first..=*DYNAMIC.end()).chain(*DYNAMIC.start()..first), at)
            }
        };
        let Some(number) = number else {
            return Err(none_left(d, &ports, &owner, self.taken.owner(at(*ports.start()))));
        };
        self.taken.take(at(number), &owner);
        found.push(Published { ip, protocol, host: number, container: port.target.value, count: 1, written });
        Ok(())
    }

    /// The first of some ports that nobody has.
    fn free(&mut self, ports: impl IntoIterator<Item = u16>, at: impl Fn(u16) -> taken::Port) -> Option<u16> {
        for number in ports {
            self.looks = self.looks.checked_sub(1)?;
            if self.taken.owner(at(number)).is_none() {
                return Some(number);
            }
        }
        None
    }
}

/// The port after the last one, where both come from one range of the container: it stays a range.
fn follows(last: Option<&Published>, port: &Port) -> Option<u16> {
    let last = last.filter(|last| last.written == port.target.span && last.protocol == port.protocol)?;
    let next = last.host.checked_add(1).filter(|next| DYNAMIC.contains(next))?;
    (last.container.checked_add(1) == Some(port.target.value)).then_some(next)
}

/// A port that depends on nothing but names and the port of the container, so that it stays when others come and go.
fn derived(project: &str, bundle: &str, port: &Port) -> u16 {
    let text = format!("{project}\0{bundle}\0{}/{}", port.target.value, port.protocol);
    let digits = Digest::sha256(text.as_bytes()).to_string();
    let number = digits.rsplit(':').next().and_then(|hex| u16::from_str_radix(hex.get(..4)?, 16).ok());
    DYNAMIC.start() + number.unwrap_or_default() % (DYNAMIC.end() - DYNAMIC.start() + 1)
}

fn none_left(
    d: &mut Diagnostics,
    ports: &RangeInclusive<u16>,
    owner: &Owner,
    before: Option<&Owner>,
) -> Reported {
    let message = format!("no port of the host from {} to {} is left", ports.start(), ports.end());
    let mut draft =
        d.error(Code::Conflict, message).label(owner.span, format!("looked for by `{}`", owner.service));
    if let Some(before) = before.filter(|before| before.span != owner.span) {
        draft = draft.label(before.span, format!("`{}` has the first one", before.service));
    }
    draft.help("publish fewer ports there, or others").emit()
}

/// Ports that two containers would have, by both places.
#[derive(Default)]
struct Clashes(BTreeMap<(Owner, Owner), Vec<u16>>);

impl Clashes {
    fn add(&mut self, number: u16, owner: &Owner, before: &Owner) {
        // Containers of one service were looked at before.
        if owner != before {
            self.0.entry((owner.clone(), before.clone())).or_default().push(number);
        }
    }

    fn report(&self, d: &mut Diagnostics) {
        for ((owner, before), numbers) in &self.0 {
            let (first, last) = (numbers.iter().min(), numbers.iter().max());
            let (Some(first), Some(last)) = (first, last) else { continue };
            let message = match numbers.len() {
                1 => format!("port {first} of the host is published twice"),
                count => format!("{count} ports of the host from {first} to {last} are published twice"),
            };
            let draft =
                d.error(Code::Conflict, message).label(owner.span, format!("for `{}`", owner.service));
            let draft = draft.label(before.span, format!("and for `{}`", before.service));
            draft.help("give one of them another port, or each an address of its own").emit();
        }
    }
}

/// Ports that follow each other on both sides, as one entry.
fn joined(mut ports: Vec<Published>) -> Vec<Published> {
    ports.sort();
    let mut joined: Vec<Published> = Vec::new();
    for port in ports {
        match joined.last_mut() {
            Some(last) if last.goes_on_at(&port) => last.count += 1,
            _ => joined.push(port),
        }
    }
    joined
}

impl Published {
    fn goes_on_at(&self, next: &Published) -> bool {
        (self.ip, self.protocol) == (next.ip, next.protocol)
            && self.host.checked_add(self.count) == Some(next.host)
            && self.container.checked_add(self.count) == Some(next.container)
    }
}

#[cfg(test)]
mod tests {
    use crate::source::Sources;

    use super::*;

    fn published(ip: &str, host: u16, container: u16) -> Published {
        let file = Sources::default().add("compose.yaml".to_owned(), String::new());
        let (ip, written) = (ip.parse().ok(), Span::start_of(file));
        Published { ip, protocol: Protocol::Tcp, host, container, count: 1, written }
    }

    #[test]
    fn ports_that_follow_each_other_are_one_entry() {
        let mut ports: Vec<Published> = (10000..20000).map(|port| published("", port, port)).collect();
        ports.reverse();
        let one = joined(ports);
        assert_eq!(
            one.iter().map(|port| (port.host, port.container, port.count)).collect::<Vec<_>>(),
            [(10000, 10000, 10000)]
        );
        let all = (1..=65535).map(|port| published("", port, port)).collect();
        assert_eq!(joined(all).first().map(|port| port.count), Some(65535));
    }

    #[test]
    fn ports_that_lead_elsewhere_stay_apart() {
        let mut udp = published("", 82, 82);
        udp.protocol = Protocol::Udp;
        let apart = [
            published("", 80, 80),
            published("", 81, 82),
            published("127.0.0.1", 82, 83),
            published("", 84, 83),
            udp,
        ];
        assert_eq!(joined(apart.to_vec()).len(), apart.len());
    }
}
