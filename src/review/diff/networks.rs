//! What a container is in its networks, and which of its ports are published.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::facts::{Fact, Facts, Key};
use super::rest::{Rest, leaves};
use super::setting::{Setting, without_sysctls};
use super::{Group, words};
use crate::hook::argv::{Address, Arguments, Network, Ports};
use crate::lower::annotations::OWN_PREFIX;
use crate::lower::origin::escaped;

/// What a network of a container is called.
pub(super) const NETWORK: &str = "network";

/// That the annotation about networks names one, and how: it says little beside what it says of the network.
pub(super) const NAMED: &str = "named under `networks`";
pub(super) const PLAIN: &str = "form under `networks` of";

/// Says the networks that hooks are told of. `at` is the pointer to an argument.
pub(super) fn networks(facts: &mut Facts, setting: &Setting, told: &Arguments, at: impl Fn(usize) -> String) {
    let mut order: Vec<Key> = Vec::new();
    let mut out = Vec::new();
    for (index, network) in told.networks.iter().enumerate() {
        let key = setting.key(told, network);
        let at = at(index);
        order.push(facts.add(of_network(&key, index, network).at(&at)));
        if network.default_route {
            out.push(key.clone());
        }
        parts(facts, setting, &key, network, &at);
    }
    facts.order("/networks", order);
    if !out.is_empty() {
        let shown = out.join(", ");
        let first = out.first().cloned().unwrap_or_default();
        let way_out = Fact::new(Group::Network, "way out through", "", json!(out)).shown(shown).at("/hooks");
        facts.add(way_out.usual(true).part_of(NETWORK, first));
    }
}

/// The addresses. The name of the interface follows from the place among the networks, unless it is another one.
fn of_network(key: &str, index: usize, network: &Network) -> Fact {
    let address = |one: &Address| match one.gateway {
        Some(gateway) => format!("{} by {gateway}", one.address),
        None => one.address.to_string(),
    };
    let addresses: Vec<String> = network.addresses.iter().map(address).collect();
    let expected = format!("eth{index}");
    let interface = Some(&network.interface).filter(|name| **name != expected);
    let mut shown = addresses.join(", ");
    if let Some(interface) = interface {
        shown = if shown.is_empty() { format!("as {interface}") } else { format!("{shown} as {interface}") };
    }
    Fact::new(Group::Network, NETWORK, key, json!([addresses, interface])).shown(shown)
}

fn parts(facts: &mut Facts, setting: &Setting, key: &str, network: &Network, at: &str) {
    let mut part = |kind: &'static str, name: String, value: Value| {
        facts.add(Fact::new(Group::Network, kind, name, value).at(at).part_of(NETWORK, key));
    };
    for address in &network.link_local {
        part("further address in", key.to_owned(), Value::from(address.to_string()));
    }
    if let Some(mac) = &network.mac {
        part("network card in", key.to_owned(), Value::from(mac.clone()));
    }
    let (list, sysctls) = without_sysctls(&network.list);
    for (name, value) in sysctls.as_ref().and_then(Value::as_object).into_iter().flatten() {
        part("sysctl of the interface", format!("{key} {name}"), value.clone());
    }
    if sysctls.as_ref().is_some_and(|sysctls| sysctls.as_object().is_none_or(Map::is_empty)) {
        part("list of", key.to_owned(), network.list.clone());
    } else if list.is_string() {
        part("made by somebody else", key.to_owned(), list);
    } else if !setting.is_common(&list) {
        leaves(&list, "", &mut |at, value| part("list of", format!("{key} {at}"), value.clone()));
    }
}

/// What the annotation about networks says, but for what the hooks are told as well.
pub(super) fn written(facts: &mut Facts, rest: &mut Rest, setting: &Setting, told: Option<&Arguments>) {
    let at = format!("/annotations/{}", escaped(&format!("{OWN_PREFIX}networks")));
    let Some(annotation) = rest.take(&at) else { return facts.says(at) };
    let said: Option<Map<String, Value>> =
        annotation.as_str().and_then(|text| serde_json::from_str(text).ok());
    let is_known = |said: &Map<String, Value>| {
        let known = |(_, part): (&String, &Value)| {
            part.as_object().is_some_and(|part| part.keys().all(|key| key == "service" || key == "network"))
        };
        !said.is_empty() && said.iter().all(known)
    };
    let Some(said) = said.filter(is_known) else { return rest.give_back(&at, annotation) };
    for (key, part) in said {
        if let Some(network) = part.get("network").filter(|network| !setting.is_written(&key, network)) {
            facts.add(Fact::new(Group::Network, "written of network", key.clone(), network.clone()).at(&at));
        }
        let attached = told.and_then(|told| told.networks.iter().find(|one| setting.key(told, one) == key));
        let head = if attached.is_some() { NETWORK } else { "written in" };
        if attached.is_none() {
            facts.add(Fact::new(Group::Network, head, key.clone(), json!("written")).shown("").at(&at));
        }
        let keys: Vec<&String> = part.as_object().into_iter().flat_map(|part| part.keys()).collect();
        let named = Fact::new(Group::Network, NAMED, key.clone(), json!(keys)).shown("");
        facts.add(named.at(&at).usual(true).part_of(head, &key));
        let service = part.get("service").unwrap_or(&Value::Null);
        of_service(facts, &key, head, service, attached, &at);
    }
    facts.says(at);
}

fn of_service(
    facts: &mut Facts,
    key: &str,
    head: &'static str,
    service: &Value,
    attached: Option<&Network>,
    at: &str,
) {
    let map = service.as_object().filter(|map| !map.is_empty());
    // An item of a list and an empty mapping mean the same.
    let exact = if map.is_some() { Value::Bool(true) } else { service.clone() };
    facts.add(Fact::new(Group::Network, PLAIN, key, exact).at(at).usual(true).part_of(head, key));
    for (attribute, value) in map.into_iter().flatten() {
        if attribute == "aliases"
            && let Some(aliases) = value.as_array()
        {
            for alias in aliases {
                let name = format!("{} in {key}", words::plain(alias));
                facts.add(Fact::new(Group::Network, "alias", name, json!(true)).at(at).part_of(head, key));
            }
            continue;
        }
        if !attached.is_some_and(|network| repeats(network, attribute, value)) {
            let name = format!("{attribute} of {key}");
            facts.add(Fact::new(Group::Network, "written", name, value.clone()).at(at).part_of(head, key));
        }
    }
}

/// Whether the hooks are told the same.
fn repeats(network: &Network, attribute: &str, value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    match attribute {
        "ipv4_address" | "ipv6_address" => {
            let ip: Option<IpAddr> = text.parse().ok();
            network.addresses.iter().any(|address| Some(address.address.addr()) == ip)
        }
        "mac_address" => network.mac.as_deref() == Some(text),
        _ => false,
    }
}

/// What is known of a published port: on which places of the host, and what is written of it besides.
#[derive(Default)]
struct Place {
    host: String,
    written: usize,
    besides: Vec<Value>,
}

/// Says the ports that are published, with what is written of them.
pub(super) fn ports(facts: &mut Facts, rest: &mut Rest, told: &[Ports], at: impl Fn(usize) -> String) {
    let annotation = format!("/annotations/{}", escaped(&format!("{OWN_PREFIX}ports")));
    let mut places: Vec<Place> =
        told.iter().map(|ports| Place { host: host(ports), ..Place::default() }).collect();
    let firsts: BTreeMap<(&str, Option<IpAddr>, u16), usize> = told
        .iter()
        .enumerate()
        .map(|(index, ports)| ((ports.protocol.as_str(), ports.ip, ports.host), index))
        .collect();
    for entry in entries(rest, &annotation) {
        let found = index_of(&entry, told, &firsts).and_then(|index| places.get_mut(index));
        if let Some(place) = found {
            place.written += 1;
            place.besides.extend(besides(entry));
        } else {
            let name = entry.get("target").map(words::plain).unwrap_or_default();
            let name = format!("{name}/{}", entry.get("protocol").map_or("tcp".to_owned(), words::plain));
            let shown = entry.get("published").map(words::plain).unwrap_or_default();
            let entry = Fact::new(Group::Network, "written port", name, entry).shown(shown);
            facts.add(entry.at(&annotation));
        }
    }
    for (index, (ports, place)) in told.iter().zip(places).enumerate() {
        let name = format!("{}/{}", range(ports.container, ports.count), ports.protocol);
        let exact = json!([place.host, place.written, place.besides]);
        let besides: Vec<String> = place.besides.iter().map(ToString::to_string).collect();
        let shown = format!("at {} {}", place.host, besides.join(" "));
        let fact = Fact::new(Group::Network, "published port", name, exact).shown(shown.trim_end());
        facts.add(fact.at(at(index)).at(&annotation));
    }
}

/// The objects of the annotation about ports.
fn entries(rest: &mut Rest, at: &str) -> Vec<Value> {
    let Some(annotation) = rest.take(at) else { return Vec::new() };
    let entries: Option<Vec<Value>> = annotation.as_str().and_then(|text| serde_json::from_str(text).ok());
    let entries = entries.filter(|entries| !entries.is_empty() && entries.iter().all(Value::is_object));
    entries.unwrap_or_else(|| {
        rest.give_back(at, annotation);
        Vec::new()
    })
}

/// Which of the published ports a written one is.
fn index_of(
    entry: &Value,
    told: &[Ports],
    firsts: &BTreeMap<(&str, Option<IpAddr>, u16), usize>,
) -> Option<usize> {
    let protocol = entry.get("protocol").map_or(Some("tcp"), Value::as_str)?;
    let ip = entry.get("host_ip").map(|ip| ip.as_str()?.parse().ok());
    let ip: Option<IpAddr> = match ip {
        Some(ip) => Some(ip?),
        None => None,
    };
    let published: u16 = words::field(entry, "published").parse().ok()?;
    let target = u16::try_from(entry.get("target")?.as_u64()?).ok()?;
    let (_, index) = firsts.range((protocol, ip, 0)..=(protocol, ip, published)).next_back()?;
    let ports = told.get(*index)?;
    let offset = published.checked_sub(ports.host)?;
    (offset < ports.count && ports.container.checked_add(offset) == Some(target)).then_some(*index)
}

/// What a written port says besides what the hooks are told.
fn besides(mut entry: Value) -> Option<Value> {
    let map = entry.as_object_mut()?;
    for key in ["target", "published", "protocol", "host_ip"] {
        map.remove(key);
    }
    if map.get("mode").is_some_and(|mode| mode == "ingress") {
        map.remove("mode");
    }
    (!map.is_empty()).then_some(entry)
}

fn range(first: u16, count: u16) -> String {
    match count {
        0 | 1 => first.to_string(),
        count => format!("{first}-{}", first.saturating_add(count - 1)),
    }
}

/// The place on the host: the port, with its address if not every one is meant.
fn host(ports: &Ports) -> String {
    let port = range(ports.host, ports.count);
    match ports.ip {
        Some(IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
        Some(ip) => format!("{ip}:{port}"),
        None => port,
    }
}
