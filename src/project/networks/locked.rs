//! Whether the lock says of networks what it has to.

use std::collections::BTreeMap;

use super::Before;
use crate::diag::{Code, Diagnostics};
use crate::lock::LockedNetwork;
use crate::project::{Absent, Options, Reach, Service, Unused};

/// Where nothing but the lock counts, reports what is missing in it, and what it has that nobody needs.
pub(super) fn check(
    d: &mut Diagnostics,
    before: &Before,
    after: &BTreeMap<String, LockedNetwork>,
    services: &[Service],
    options: &Options,
) {
    // After a mistake, services are missing that have their addresses too.
    let (Reach::Lock(unused), 0) = (options.search.reach, d.errors()) else { return };
    if options.search.absent == Absent::Told {
        return;
    }
    missing(d, before, after, services);
    if unused == Unused::Refused {
        refuse_unused(d, before, after);
    }
}

fn missing(
    d: &mut Diagnostics,
    before: &Before,
    after: &BTreeMap<String, LockedNetwork>,
    services: &[Service],
) {
    for service in services {
        for attached in &service.networks {
            let key = &*attached.network.key.value;
            let Some(wanted) = after.get(key) else { continue };
            let known = before.networks.get(key);
            let subnets = known.is_some_and(|known| known.subnets == wanted.subnets);
            let address = wanted.addresses.get(&*service.bundle);
            let same = known.and_then(|known| known.addresses.get(&*service.bundle)) == address;
            if (subnets || wanted.subnets.is_empty()) && same {
                continue;
            }
            let bundle = &service.bundle;
            let message = format!("the lock does not have the address of `{bundle}` in the network `{key}`");
            let draft = d.error(Code::Lock, message).label(service.name.span, "");
            draft.help("run `bundlegen lock`").emit();
        }
    }
}

fn refuse_unused(d: &mut Diagnostics, before: &Before, after: &BTreeMap<String, LockedNetwork>) {
    let help = "`bundlegen lock` leaves it out";
    for (key, places) in &before.places {
        let Some(used) = after.get(key) else {
            let draft = d.error(Code::Lock, format!("no service needs an address of the network `{key}`"));
            draft.label(places.name, "").help(help).emit();
            continue;
        };
        if let (Some(subnets), true) = (places.subnets, used.subnets.is_empty()) {
            let message =
                format!("the subnets of the network `{key}` are written, and not taken from the lock");
            d.error(Code::Lock, message).label(subnets, "").help(help).emit();
        }
        for (bundle, span) in
            places.addresses.iter().filter(|(bundle, _)| !used.addresses.contains_key(*bundle))
        {
            let message = format!("`{bundle}` needs no address of the network `{key}`");
            d.error(Code::Lock, message).label(*span, "").help(help).emit();
        }
    }
}
