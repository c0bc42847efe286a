//! What bundles have in common: the networks of their project.
//!
//! Every bundle says all of the networks it is attached to. Here it is said once, and a bundle only says where it
//! differs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::Group;
use super::annotations::object;
use super::facts::{Fact, Facts};
use super::rest::leaves;
use super::words;
use crate::hook::argv::{Arguments, Network};
use crate::inspect::Bundle;
use crate::lower::annotations::OWN_PREFIX;
use crate::review::Bundles;

/// What bundles have in common.
#[derive(Debug)]
pub(super) struct Setting {
    /// The CNI lists, by the name on the host, with the key of the network.
    lists: BTreeMap<String, (String, Value)>,
    /// What the Compose file says of networks, by key.
    written: BTreeMap<String, Value>,
    /// The addresses of the containers.
    addresses: BTreeSet<IpAddr>,
}

impl Setting {
    pub(super) fn new(bundles: &Bundles) -> Self {
        let mut setting =
            Setting { lists: BTreeMap::new(), written: BTreeMap::new(), addresses: BTreeSet::new() };
        for (key, list) in &bundles.networks {
            setting.lists.insert(words::field(list, "name").to_owned(), (key.clone(), list.clone()));
        }
        for bundle in bundles.bundles.values() {
            setting.add(bundle);
        }
        setting
    }

    /// Takes from a bundle what nobody has said before.
    fn add(&mut self, bundle: &Bundle) {
        for (key, said) in said(bundle) {
            if let Some(network) = said.get("network") {
                self.written.entry(key).or_insert_with(|| network.clone());
            }
        }
        let Some(told) = bundle.told() else { return };
        for network in &told.networks {
            self.addresses.extend(network.addresses.iter().map(|one| one.address.addr()));
            let name = name(network);
            if network.list.is_object() && !self.lists.contains_key(name) {
                let key = without_project(&told.project, name).to_owned();
                self.lists.insert(name.to_owned(), (key, without_sysctls(&network.list).0));
            }
        }
    }

    /// The key of the network that a hook is told of.
    pub(super) fn key(&self, told: &Arguments, network: &Network) -> String {
        let name = name(network);
        let known = self.lists.get(name).map(|(key, _)| key.clone());
        known.unwrap_or_else(|| without_project(&told.project, name).to_owned())
    }

    /// Whether a list is the one that all have.
    pub(super) fn is_common(&self, list: &Value) -> bool {
        self.lists.get(words::field(list, "name")).is_some_and(|(_, common)| common == list)
    }

    /// Whether all say this of a network.
    pub(super) fn is_written(&self, key: &str, network: &Value) -> bool {
        self.written.get(key) == Some(network)
    }

    /// Whether an address is that of a container.
    pub(super) fn is_address(&self, ip: &IpAddr) -> bool {
        self.addresses.contains(ip)
    }

    /// The keys of the networks.
    pub(super) fn networks(&self) -> BTreeSet<String> {
        let keys = self.lists.values().map(|(key, _)| key).chain(self.written.keys());
        keys.cloned().collect()
    }

    /// What is known of a network.
    pub(super) fn facts(&self, key: &str) -> Facts {
        let mut facts = Facts::default();
        let lists = self.lists.values().filter(|(known, _)| known == key);
        let mut way_out = None;
        for (_, list) in lists {
            way_out = of_list(&mut facts, list).or(way_out);
        }
        if let Some(written) = self.written.get(key) {
            let internal = written.get("internal").and_then(Value::as_bool);
            leaves(written, "", &mut |at, value| {
                let follows = at == "/internal" && internal == Some(true) && way_out == Some(WayOut::None);
                if !follows {
                    facts.add(Fact::new(Group::Network, "written", name_of(at), value.clone()));
                }
            });
        }
        facts
    }
}

/// What the annotation of a bundle says of its networks, by key: `service` and `network`.
pub(super) fn said(bundle: &Bundle) -> Map<String, Value> {
    bundle.annotation(&format!("{OWN_PREFIX}networks")).and_then(object).unwrap_or_default()
}

/// The name of a network on the host.
fn name(network: &Network) -> &str {
    network.list.as_str().unwrap_or_else(|| words::field(&network.list, "name"))
}

fn without_project<'n>(project: &str, name: &'n str) -> &'n str {
    name.strip_prefix(project).and_then(|rest| rest.strip_prefix('_')).unwrap_or(name)
}

/// A list without what is for one interface alone: the kernel parameters, which are the last plugin.
pub(super) fn without_sysctls(list: &Value) -> (Value, Option<Value>) {
    let mut list = list.clone();
    let plugins = list.get_mut("plugins").and_then(Value::as_array_mut);
    let Some(plugins) = plugins else { return (list, None) };
    let is_own = plugins.last().is_some_and(|plugin| {
        plugin.get("type") == Some(&json!("tuning")) && plugin.as_object().is_some_and(|map| map.len() == 2)
    });
    let own = if is_own { plugins.pop() } else { None };
    let sysctls = own.as_ref().and_then(|plugin| plugin.get("sysctl")).cloned();
    if let (Some(own), None) = (own, &sysctls) {
        plugins.push(own);
    }
    (list, sysctls)
}

/// Whether a way leads out of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WayOut {
    Bridge,
    None,
}

/// What a CNI list says. The settings of a bridge that all follow from whether a way leads out are one fact.
fn of_list(facts: &mut Facts, list: &Value) -> Option<WayOut> {
    let mut list = list.clone();
    let way_out = take_way_out(&mut list);
    if let Some(way_out) = way_out {
        let words = if way_out == WayOut::Bridge { "through a bridge of the host" } else { "none" };
        facts.add(Fact::new(Group::Network, "way out", "", Value::from(words)));
    }
    let plugins = list.as_object_mut().and_then(|list| list.remove("plugins"));
    leaves(&list, "", &mut |at, value| {
        facts.add(Fact::new(Group::Network, "list", name_of(at), value.clone()).usual(true));
    });
    for plugin in plugins.as_ref().and_then(Value::as_array).into_iter().flatten() {
        let kind = words::field(plugin, "type");
        facts.add(Fact::new(Group::Network, "plugin", kind, Value::Bool(true)).usual(true));
        leaves(plugin, "", &mut |at, value| {
            if at != "/type" {
                let name = format!("{kind} {}", name_of(at));
                facts.add(
                    Fact::new(Group::Network, "setting of", name, value.clone()).part_of("plugin", kind),
                );
            }
        });
    }
    way_out
}

/// Takes away what says whether a way leads out of a bridge, if it says so throughout.
fn take_way_out(list: &mut Value) -> Option<WayOut> {
    let portmap = json!({"type": "portmap", "snat": true, "capabilities": {"portMappings": true}});
    let plugins = list.get_mut("plugins")?.as_array_mut()?;
    let has_portmap = plugins.get(1) == Some(&portmap);
    let bridge = plugins.first_mut()?.as_object_mut()?;
    let flag = |key: &str| bridge.get(key).and_then(Value::as_bool);
    let routes = bridge.get("ipam")?.get("routes");
    // Those of a network with IPv6 are said one by one.
    let has_routes = match routes {
        None => false,
        Some(Value::Array(routes)) if matches!(routes.as_slice(), [one] if *one == json!({"dst": "0.0.0.0/0"})) => {
            true
        }
        Some(_) => return None,
    };
    let way_out = match (flag("isGateway")?, flag("ipMasq")?, has_routes, has_portmap) {
        (true, true, true, true) => WayOut::Bridge,
        (false, false, false, false) => WayOut::None,
        _ => return None,
    };
    bridge.remove("isGateway");
    bridge.remove("ipMasq");
    if has_routes && let Some(ipam) = bridge.get_mut("ipam").and_then(Value::as_object_mut) {
        ipam.remove("routes");
    }
    if has_portmap {
        plugins.remove(1);
    }
    Some(way_out)
}

/// A JSON pointer as a name: `ipam.config.0.subnet`.
fn name_of(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/").replace("~0", "~")
}
