//! The interfaces of containers: their order, their names and their addresses on the link.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Declared;
use crate::compose;
use crate::compose::network::Joined;
use crate::diag::{Code, Diagnostics};
use crate::project::Service;
use crate::project::network::{Attachment, Driver};
use crate::source::{Span, Spanned};

/// What a service says of its networks, by key.
pub(super) struct Said<'a>(BTreeMap<&'a str, &'a Joined>);

impl<'a> Said<'a> {
    pub(super) fn of(written: &'a compose::Service) -> Self {
        Said(written.networks.iter().map(|said| (&*said.name.value, said)).collect())
    }

    /// Nothing is said where a network is joined because none is named.
    pub(super) fn of_one(&self, one: &Attachment) -> Option<&'a Joined> {
        self.0.get(&*one.name.value).copied()
    }
}

/// Puts the networks in the order of their interfaces, and names these. The one with the highest `priority` comes first,
/// then by key (compose-go: `NetworksByPriority`); what is left without a name is `eth` and the first number that is
/// free.
pub(super) fn name(d: &mut Diagnostics, attached: &mut [Attachment], said: &Said, declared: &Declared) {
    let priority = |one: &Attachment| said.of_one(one).map_or(0, |said| said.priority);
    attached.sort_by_key(|one| (Reverse(priority(one)), Rc::clone(&one.name.value)));
    let mut names: BTreeMap<Rc<str>, Span> = BTreeMap::new();
    for one in attached.iter_mut() {
        let Some(name) = said.of_one(one).and_then(|said| said.interface_name.as_ref()) else {
            continue;
        };
        one.interface = Spanned { value: name.value.as_str().into(), span: name.span };
        if let Some(other) = names.insert(Rc::clone(&one.interface.value), name.span) {
            let message = format!("two interfaces of a container are called `{}`", name.value);
            let draft = d.error(Code::Conflict, message).label(name.span, "").label(other, "the other one");
            draft.help("give each a name of its own").emit();
        }
    }
    let mut next: BTreeMap<&str, u32> = BTreeMap::new();
    for one in attached.iter_mut().filter(|one| one.interface.value.is_empty()) {
        let prefix =
            declared.get(&one.name.value).and_then(|network| network.prefix.as_deref()).unwrap_or("eth");
        let number = next.entry(prefix).or_default();
        loop {
            let name: Rc<str> = format!("{prefix}{number}").into();
            *number = number.saturating_add(1);
            if !names.contains_key(&name) {
                names.insert(Rc::clone(&name), one.name.span);
                one.interface.value = name;
                break;
            }
        }
    }
}

/// The `mac_address` of a service is that of the first interface, unless it has one of its own (Docker Compose:
/// `defaultNetworkSettings` in `pkg/compose/create.go`).
pub(super) fn give_mac(
    d: &mut Diagnostics,
    attached: &mut [Attachment],
    written: &compose::Service,
    declared: &Declared,
) {
    if let (Some(first), Some(mac)) = (attached.first_mut(), &written.mac_address) {
        let mac = Spanned { value: mac.value.to_string().into(), span: mac.span };
        first.mac.get_or_insert(mac);
    }
    for one in attached {
        let (Some(mac), Driver::Ipvlan(_)) = (&one.mac, &one.network.driver) else { continue };
        let driver = declared.get(&one.name.value).and_then(|network| network.driver_written);
        let draft = d.error(Code::Conflict, "a network of the driver `ipvlan` gives nobody a MAC address");
        let draft =
            draft.label(mac.span, "an address").label(driver.unwrap_or(one.network.key.span), "the driver");
        draft.help("remove one of them").emit();
    }
}

/// Reports addresses that two containers have in one network.
pub(super) fn check_macs(d: &mut Diagnostics, services: &[Service]) {
    let mut seen: BTreeMap<(&str, &str), Span> = BTreeMap::new();
    let mut said: BTreeSet<Span> = BTreeSet::new();
    for one in services.iter().flat_map(|service| &service.networks) {
        let Some(mac) = &one.mac else { continue };
        let other = seen.insert((&one.network.name, &mac.value), mac.span);
        if let Some(other) = other.filter(|other| *other != mac.span && said.insert(mac.span)) {
            let message = format!(
                "the address `{}` is given twice in the network `{}`",
                mac.value, one.network.key.value
            );
            let draft = d.error(Code::Conflict, message).label(mac.span, "").label(other, "the other one");
            draft.help("give each an address of its own").emit();
        }
    }
}
