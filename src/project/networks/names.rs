//! What networks are called on the host, and those that are the host's own.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Declared, Used};
use crate::compose::network::{Driver, Joined};
use crate::compose::{self, Named};
use crate::diag::{Code, Diagnostics};
use crate::project::{Namespace, Options, Service};
use crate::source::{Span, Spanned};

/// The model has filled it in, unless there was a mistake.
pub(super) fn real_name(network: &Named<compose::Network>, options: &Options) -> Rc<str> {
    match &network.value.name {
        Some(name) => Rc::clone(&name.value),
        None => format!("{}_{}", options.name, network.name.value).into(),
    }
}

/// Services in a network of the driver `host` have the host's, and whoever joins them has it too. Those in one of the
/// driver `none` have their own, with nothing in it.
pub(super) fn share_host(d: &mut Diagnostics, declared: &Declared, services: &mut [Service]) {
    let mut hosts: BTreeMap<Rc<str>, Span> = BTreeMap::new();
    for service in services.iter_mut() {
        let written = Rc::clone(&service.written);
        for said in &written.networks {
            let driver = declared.get(&said.name.value).map(|network| &network.driver);
            let word = match driver {
                Some(Driver::Host) => "the host's own network",
                Some(Driver::None) => "a network with nothing in it",
                _ => continue,
            };
            check_alone(d, said, &written.networks, word);
            check_silent(d, said, word);
            check_unpublished(d, said, &written, word);
            if matches!(driver, Some(Driver::Host)) {
                service.namespaces.network = Namespace::Host(said.name.span);
                hosts.insert(Rc::clone(&service.bundle), said.name.span);
            }
        }
    }
    for service in services {
        if let Namespace::Of(owner) = &service.namespaces.network
            && hosts.contains_key(&owner.bundle)
        {
            service.namespaces.network = Namespace::Host(owner.span);
        }
    }
}

fn check_alone(d: &mut Diagnostics, said: &Joined, all: &[Joined], word: &str) {
    let Some(other) = all.iter().find(|other| other.name.value != said.name.value) else { return };
    let message = format!("`{}` is {word}, and whoever is in it is in no other", said.name.value);
    let draft = d.error(Code::Conflict, message).label(said.name.span, "");
    draft.label(other.name.span, "another one").help("remove one of them").emit();
}

/// There is no interface of the container that anything could be said of.
fn check_silent(d: &mut Diagnostics, said: &Joined, word: &str) {
    let places = [
        ("ipv4_address", said.ipv4_address.map(|value| value.span)),
        ("ipv6_address", said.ipv6_address.map(|value| value.span)),
        ("link_local_ips", said.link_local_ips.first().map(|value| value.span)),
        ("mac_address", said.mac_address.map(|value| value.span)),
        ("interface_name", said.interface_name.as_ref().map(|value| value.span)),
        ("aliases", said.aliases.first().map(|value| value.span)),
    ];
    for (key, span) in places {
        let Some(span) = span else { continue };
        let message = format!("`{key}` cannot be set in {word}");
        let draft = d.error(Code::Conflict, message).label(span, "");
        draft.label(said.name.span, "the network").help("remove it").emit();
    }
}

/// As with a `network_mode` that says the same.
fn check_unpublished(d: &mut Diagnostics, said: &Joined, written: &compose::Service, word: &str) {
    let places = [
        ("links", written.links.as_ref().and_then(|links| links.items().first()).map(|link| link.span)),
        ("mac_address", written.mac_address.as_ref().map(|mac| mac.span)),
        ("ports", written.ports.first().map(|port| port.written.span)),
    ];
    let places: Vec<_> = places.into_iter().filter_map(|(key, span)| Some((key, span?))).collect();
    if places.is_empty() {
        return;
    }
    let names = places.iter().map(|(key, _)| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    let message = format!("{names} cannot be set in {word}");
    let mut draft = d.error(Code::Conflict, message).label(said.name.span, "the network");
    for (_, span) in places {
        draft = draft.label(span, "");
    }
    draft.help("remove it, or give the service another network").emit();
}

/// `network_mode: bridge` beside a network of the project with that key.
pub(super) fn two_bridges(d: &mut Diagnostics, mode: &Spanned<Rc<str>>, network: &Spanned<Rc<str>>) {
    let message = "`network_mode: bridge` and a network with the key `bridge` are two networks";
    let draft = d.error(Code::Conflict, message).label(mode.span, "").label(network.span, "the other one");
    draft.help("give the network of the project another key").emit();
}

/// Reports names that two networks have, and those that no network can have.
pub(super) fn check(d: &mut Diagnostics, used: &[Used]) {
    let mut names: BTreeMap<&str, &Used> = BTreeMap::new();
    let mut bridges: BTreeMap<&str, Span> = BTreeMap::new();
    for network in used {
        check_name(d, network);
        if let Some(other) = names.insert(&network.name, network)
            && (network.external().is_none() || other.external().is_none())
        {
            let (key, other_key) = (&network.key, &other.key);
            let message = format!(
                "the networks `{}` and `{}` are both called `{}`",
                other_key.value, key.value, network.name
            );
            let draft = d.error(Code::Conflict, message).label(place(network), "");
            draft.label(place(other), "the other one").help("give one of them another name").emit();
        }
        let Some(Driver::Bridge(bridge)) = network.written.map(|written| &written.driver) else { continue };
        let Some(interface) = &bridge.interface else { continue };
        if let Some(other) = bridges.insert(interface.value.as_str(), interface.span) {
            let message = format!("two networks have the bridge `{}`", interface.value);
            let draft =
                d.error(Code::Conflict, message).label(interface.span, "").label(other, "the other one");
            draft.help("give each one of its own").emit();
        }
    }
}

/// Where the name of a network is written.
fn place(network: &Used) -> Span {
    let name = network.written.and_then(|written| written.written.get("name"));
    name.map_or(network.key.span, |name| name.span)
}

/// The names of networks in CNI (the specification, section 1), as Docker has them too.
fn check_name(d: &mut Diagnostics, network: &Used) {
    let allowed =
        |(at, c): &(usize, char)| c.is_ascii_alphanumeric() || (*at > 0 && matches!(c, '_' | '.' | '-'));
    let wrong = network.name.char_indices().find(|place| !allowed(place));
    let message = match wrong {
        Some((_, c)) => format!("`{}` cannot stand here in the name of a network", c.escape_debug()),
        None if network.name.is_empty() => "the name of a network may not be empty".to_owned(),
        None if network.name.len() > MAX_NAME => {
            format!(
                "the name of a network may have {MAX_NAME} characters, and this has {}",
                network.name.len()
            )
        }
        None => return,
    };
    let help = "a name begins with a letter or digit and goes on with letters, digits, `_`, `.` or `-`";
    d.error(Code::Name, message).label(place(network), "").help(help).emit();
}

/// Plugins make files of it.
const MAX_NAME: usize = 200;
