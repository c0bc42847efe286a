//! The networks that hooks attach a container to. What its annotations say of them, and the lock, is not said again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Map, Value};

use super::{Bundle, Draft, Facts};
use crate::hook::argv::{Network, Pin};
use crate::lock::{Lock, LockedNetwork};
use crate::lower::annotations::OWN_PREFIX;

/// What the arguments of hooks are called where no Compose file can say them.
const AT: &str = "/hooks/createRuntime/0/args";

/// Who joins which namespace: the bundle of the owner, and what the pin is called.
pub(super) type Joined<'a> = BTreeSet<(&'a str, &'a str)>;

pub(super) fn networks(draft: &mut Draft, bundle: &Bundle, facts: &Facts, lock: Option<&Lock>) {
    let Some(told) = &facts.told else { return };
    for pin in &told.pins {
        // Shared memory goes with the queues.
        let kind = if *pin == Pin::Shm { Pin::Ipc } else { *pin };
        if !facts.joined.contains(&(bundle.name.as_str(), kind.to_string().as_str())) {
            draft.cannot_say(bundle, AT);
        }
    }
    let said = annotation(bundle);
    let names = names(&told.project, &said);
    for network in &told.networks {
        let name = network.list.as_str().or_else(|| network.list.get("name")?.as_str()).unwrap_or_default();
        let Some(key) = names.get(name) else {
            draft.cannot_say(bundle, AT);
            continue;
        };
        let nothing = Value::Null;
        let said = said.get(key).unwrap_or(&nothing);
        let locked = lock.and_then(|lock| lock.networks.get(key));
        addresses(draft, bundle, key, network, said, locked);
    }
}

/// What is known of networks besides, by key: `service` and `network`.
fn annotation(bundle: &Bundle) -> Map<String, Value> {
    let text = bundle.annotation(&format!("{OWN_PREFIX}networks"));
    match text.and_then(|text| serde_json::from_str(text).ok()) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// The keys of networks by their names on the host: those of the annotation, and those that go without saying.
fn names(project: &str, said: &Map<String, Value>) -> BTreeMap<String, String> {
    let own = |key: &str| format!("{project}_{key}");
    let unsaid = ["default", "bridge"].map(|key| (own(key), key.to_owned()));
    let names = said.iter().map(|(key, said)| {
        let name = said.pointer("/network/name").and_then(Value::as_str);
        (name.map_or_else(|| own(key), str::to_owned), key.clone())
    });
    unsaid.into_iter().chain(names).collect()
}

/// Says the addresses and the subnets that neither the annotation says nor the lock.
fn addresses(
    draft: &mut Draft,
    bundle: &Bundle,
    key: &str,
    network: &Network,
    said: &Value,
    locked: Option<&LockedNetwork>,
) {
    let subnets = said.pointer("/network/ipam/config").and_then(Value::as_array);
    let subnets: Vec<&str> =
        subnets.into_iter().flatten().filter_map(|pool| pool.get("subnet")?.as_str()).collect();
    let attribute = |ip: IpAddr| if ip.is_ipv4() { "ipv4_address" } else { "ipv6_address" };
    let is_written = |ip: IpAddr| {
        let text = said.get("service").and_then(|service| service.get(attribute(ip))?.as_str());
        text.is_some_and(|text| text.parse::<IpAddr>() == Ok(ip))
    };
    for ip in network.asked.iter().filter(|ip| !is_written(**ip)) {
        draft.put_in("networks", key, attribute(*ip), ip.to_string());
    }
    let given = locked.and_then(|locked| locked.addresses.get(&bundle.name));
    for address in &network.addresses {
        let (ip, subnet) = (address.address.addr(), address.address.trunc());
        if !is_written(ip) && !given.is_some_and(|given| given.0.contains(&ip)) {
            draft.put_in("networks", key, attribute(ip), ip.to_string());
        }
        let is_written = subnets.iter().any(|text| text.parse() == Ok(subnet));
        if !is_written && !locked.is_some_and(|locked| locked.subnets.contains(&subnet)) {
            draft.subnet(key, subnet.to_string());
        }
    }
}
