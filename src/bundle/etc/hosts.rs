//! `/etc/hosts`: every name that a container finds others by, as there is no name server that knows them.
//!
//! The names are those Docker's server answers for (moby `daemon/container_operations.go`, compose `pkg/compose/create.go`),
//! and its order of asking is the order here: what is written, the links, then one network after the other. A name that
//! was answered for is not asked for again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use super::LOOPBACK;
use crate::compose::value::extra_host::Address;
use crate::compose::value::hostname::from_service;
use crate::diag::{Code, Diagnostics, Reported};
use crate::lower::networks::host_gateways;
use crate::lower::surroundings::Surroundings;
use crate::project::network::{Attachment, Driver};
use crate::project::{Service, Settings};
use crate::yaml::Node;

/// The most names that the files of a project may have: as many as in two bridges that are full of containers with four
/// names each.
const MAX: usize = 2 * BRIDGE * BRIDGE * 4;

/// How many ports a bridge of Linux has (`BR_MAX_PORTS` of the kernel, without 0).
const BRIDGE: usize = 1023;

/// How many names a link has.
const NAMES_OF_LINK: usize = 3;

/// The containers of a project, by the networks they are in.
pub struct Neighbours<'a> {
    surroundings: &'a Surroundings<'a>,
    /// By the name of the network on the host.
    members: BTreeMap<&'a str, Vec<Member<'a>>>,
}

/// A container in a network, and what others call it there.
struct Member<'a> {
    service: &'a str,
    bundle: &'a str,
    attachment: &'a Attachment,
    names: Vec<String>,
}

impl<'a> Neighbours<'a> {
    /// Those of a project.
    pub fn new(d: &mut Diagnostics, surroundings: &'a Surroundings<'a>) -> Result<Self, Reported> {
        let mut all = Neighbours { surroundings, members: BTreeMap::new() };
        for service in surroundings.containers() {
            for attachment in &service.networks {
                let names = all.names(service, attachment);
                let member =
                    Member { service: &service.name.value, bundle: &service.bundle, attachment, names };
                all.members.entry(&attachment.network.name).or_default().push(member);
            }
        }
        all.check(d)?;
        all.check_found(d);
        Ok(all)
    }

    /// Docker's server answers for those in external networks too. Here, somebody of whom no address is known is found by
    /// nobody.
    fn check_found(&self, d: &mut Diagnostics) {
        let is_known = |attachment: &Attachment| {
            !attachment.addresses.is_empty() || attachment.network.external.is_none()
        };
        for service in self.surroundings.services().filter_map(|containers| containers.first()) {
            if service.networks.iter().any(is_known) {
                continue;
            }
            let is_other = |member: &Member| member.service != &*service.name.value;
            let meets = |attachment: &&Attachment| {
                self.members
                    .get(&*attachment.network.name)
                    .is_some_and(|members| members.iter().any(is_other))
            };
            let Some(attachment) = service.networks.iter().find(meets) else { continue };
            let (name, network) = (&service.name.value, &attachment.network.key.value);
            let message = format!("the others in the network `{network}` do not find `{name}` by its name");
            let draft =
                d.warning(Code::HostDependent, message).label(attachment.name.span, "no address is known");
            let draft = attachment
                .network
                .external
                .iter()
                .fold(draft, |draft, span| draft.label(*span, "made elsewhere"));
            draft
                .help(format!(
                    "write its `ipv4_address` here, or put `{name}` and them into a network of the project"
                ))
                .emit();
        }
    }

    fn check(&self, d: &mut Diagnostics) -> Result<(), Reported> {
        let mut failed = Ok(());
        let mut names = self.names_of_links();
        for members in self.members.values() {
            let of_members: usize = members.iter().map(|member| member.names.len()).sum();
            names = names.saturating_add(of_members.saturating_mul(members.len()));
            let Some(first) = members.first().map(|member| &member.attachment.network) else { continue };
            let count = members.len();
            if matches!(first.driver, Driver::Bridge(_)) && count > BRIDGE {
                let message = format!("{count} containers are in the network `{}`", first.key.value);
                let draft = d.error(Code::InvalidValue, message).label(first.key.span, "");
                failed = Err(draft.help(format!("a bridge of Linux has room for {BRIDGE}")).emit());
            } else if names > MAX && failed.is_ok() {
                let message = "so many containers are in networks with each other that the files with their \
                               names would be too large";
                let draft = d.error(Code::InvalidValue, message).label(first.key.span, "one of the networks");
                let help = format!("there is room for {MAX} names in all of them");
                failed = Err(draft.help(help).emit());
            }
        }
        failed
    }

    /// How many names links can lead to, and how often it is looked for a network where they do.
    fn names_of_links(&self) -> usize {
        let of = |containers: &[&Service]| {
            let Some(service) = containers.first() else { return 0 };
            let links = service.written.links.iter().flat_map(Node::items).filter_map(Node::as_str);
            let targets = links.map(|link| link.split(':').next().unwrap_or_default());
            let linked: usize = targets.map(|target| self.surroundings.of_service(target).len()).sum();
            let each = linked.saturating_mul(service.networks.len().max(NAMES_OF_LINK));
            each.saturating_mul(containers.len())
        };
        self.surroundings.services().map(of).fold(0, usize::saturating_add)
    }

    /// What holds for all of the project.
    pub fn settings(&self) -> &Settings {
        self.surroundings.settings
    }

    /// The file of a container that has a network of its own, or none.
    pub fn hosts(&self, service: &Service) -> String {
        let mut text = Text { lines: LOOPBACK.to_owned(), taken: BTreeSet::new() };
        let settings = self.surroundings.settings;
        text.extra_hosts(service, settings);
        self.links(service, &mut text);
        for attachment in &service.networks {
            self.network(service, attachment, &mut text);
        }
        text.lines
    }

    /// One network: the container itself, then the others.
    fn network(&self, service: &Service, attachment: &Attachment, text: &mut Text) {
        text.heading(&format!("network {}", attachment.network.key.value));
        let members = self.members.get(&*attachment.network.name).map_or(&[][..], Vec::as_slice);
        let (own, others): (Vec<_>, Vec<_>) =
            members.iter().partition(|member| member.bundle == &*service.bundle);
        let mut names = own_names(service);
        if service.written.hostname.is_some() {
            text.take(names.clone());
        }
        let own = own.into_iter().flat_map(|member| &member.names);
        names.extend(own.filter(|name| !text.is_taken(name)).cloned());
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.to_ascii_lowercase()));
        let mut answered = text.lines_of(attachment, names);
        // In Docker's own network, nobody answers for names.
        for member in others.into_iter().filter(|_| !attachment.network.default_bridge) {
            let names = text.free(&member.names);
            answered.extend(text.lines_of(member.attachment, names));
        }
        text.take(answered);
    }

    /// What others call a container in a network: its service, its name, its aliases, its host name; and the names of
    /// those who are in its network with it.
    fn names(&self, service: &Service, attachment: &Attachment) -> Vec<String> {
        let around = self.surroundings;
        let mut names = vec![service.name.value.to_string(), around.container_name(service)];
        names.extend(attachment.aliases.iter().map(|alias| alias.value.to_string()));
        names.push(hostname(service));
        for joined in around.joined(&service.bundle) {
            names.extend([joined.name.value.to_string(), around.container_name(joined)]);
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.to_ascii_lowercase()));
        names
    }

    /// The names that only this container knows others by, as Compose has them: the alias and the numbered names.
    fn links(&self, service: &Service, text: &mut Text) {
        let mut answered = Vec::new();
        for link in service.written.links.iter().flat_map(Node::items).filter_map(Node::as_str) {
            let (target, alias) = link.split_once(':').unwrap_or((link, link));
            for container in self.surroundings.of_service(target) {
                let Some(attachment) = self.surroundings.common(service, container) else { continue };
                if answered.is_empty() {
                    text.heading("links");
                }
                let numbered = self.surroundings.numbered(container);
                let whole = format!("{}-{numbered}", self.surroundings.settings.project);
                let names = text.free(&[alias.to_owned(), numbered, whole]);
                answered.extend(text.lines_of(attachment, names));
            }
        }
        text.take(answered);
    }
}

/// The name of the host itself, with the domain in front if there is one (moby `libnetwork/sandbox_unix.go`).
fn own_names(service: &Service) -> Vec<String> {
    if service.written.uts.is_some() {
        return Vec::new();
    }
    let written = &service.written;
    let name = hostname(service);
    let domain = written.domainname.as_ref().map(|domain| format!("{name}.{}", domain.value));
    domain.into_iter().chain([name]).collect()
}

fn hostname(service: &Service) -> String {
    let written = service.written.hostname.as_ref().map(|name| name.value.to_string());
    written.unwrap_or_else(|| from_service(&service.bundle))
}

/// A file in the making.
struct Text {
    lines: String,
    /// The names that were answered for, in lower case.
    taken: BTreeSet<String>,
}

impl Text {
    /// Those that are written, by name.
    fn extra_hosts(&mut self, service: &Service, settings: &Settings) {
        let mut hosts: Vec<_> = service.written.extra_hosts.iter().map(|host| &host.value).collect();
        hosts.sort_by_key(|host| &host.name);
        let mut answered: Vec<String> = vec!["localhost".to_owned()];
        for host in hosts {
            let addresses: Vec<IpAddr> = match host.address {
                Address::Ip(address) => vec![address],
                Address::HostGateway => host_gateways(service, settings),
            };
            for address in addresses {
                let _infallible = writeln!(self.lines, "{address}\t{}", host.name);
                answered.push(host.name.clone());
            }
        }
        self.take(answered);
    }

    fn heading(&mut self, text: &str) {
        let _infallible = writeln!(self.lines, "# {text}");
    }

    /// Says who has these names, and returns those that it could say it of: of some who are in an external network, no
    /// address is known.
    fn lines_of(&mut self, attachment: &Attachment, names: Vec<String>) -> Vec<String> {
        for given in attachment.addresses.iter().filter(|_| !names.is_empty()) {
            let _infallible = writeln!(self.lines, "{}\t{}", given.ip, names.join(" "));
        }
        if attachment.addresses.is_empty() { Vec::new() } else { names }
    }

    fn is_taken(&self, name: &str) -> bool {
        self.taken.contains(&name.to_ascii_lowercase())
    }

    fn free(&self, names: &[String]) -> Vec<String> {
        names.iter().filter(|name| !self.is_taken(name)).cloned().collect()
    }

    fn take(&mut self, names: Vec<String>) {
        self.taken.extend(names.into_iter().map(|name| name.to_ascii_lowercase()));
    }
}
