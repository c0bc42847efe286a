//! A Compose file in the making.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::confinement::Filters;
use super::{Bundle, Inspected};
use crate::compose::{HOOK, RESOLV_CONF};

/// A Compose file in the making.
#[derive(Default)]
pub(super) struct Draft {
    /// The attributes of the service at hand.
    service: Map<String, Value>,
    /// The name of the project, where a bundle says it.
    project: Option<String>,
    /// `x-bundlegen` at the top.
    extension: Map<String, Value>,
    /// What is defined at the top, by section and key.
    definitions: BTreeMap<Section, Map<String, Value>>,
    /// The keys of what is defined the same way.
    keys: BTreeMap<(Section, String), String>,
    /// The subnets of networks that are said nowhere else, by key.
    subnets: BTreeMap<String, BTreeSet<String>>,
    /// How many keys are like a wanted one.
    numbers: BTreeMap<(Section, String), usize>,
    /// The default filters, each made once.
    pub(super) filters: Filters,
    unsaid: BTreeSet<String>,
    /// The bundles that are in the network of the host for want of one of their own.
    on_host: BTreeSet<String>,
    pub(super) without_lock: Vec<String>,
}

/// A section at the top of the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Networks,
    Volumes,
    Configs,
    Secrets,
}

impl Section {
    fn key(self) -> &'static str {
        match self {
            Section::Networks => "networks",
            Section::Volumes => "volumes",
            Section::Configs => "configs",
            Section::Secrets => "secrets",
        }
    }
}

impl Draft {
    pub(super) fn take_service(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.service)
    }

    /// Puts the subnets into the networks.
    fn say_subnets(&mut self) {
        let networks = self.definitions.entry(Section::Networks).or_default();
        for (key, subnets) in std::mem::take(&mut self.subnets) {
            let network = networks.entry(key).or_insert(Value::Null);
            if network.is_null() {
                *network = json!({});
            }
            let Value::Object(network) = network else { continue };
            let ipam = network.entry("ipam").or_insert_with(|| json!({}));
            let Value::Object(ipam) = ipam else { continue };
            if let Value::Array(pools) = ipam.entry("config").or_insert_with(|| json!([])) {
                pools.extend(subnets.into_iter().map(|subnet| json!({ "subnet": subnet })));
            }
        }
    }

    pub(super) fn finish(mut self, services: Map<String, Value>) -> Inspected {
        self.say_subnets();
        let mut file = Map::new();
        let mut extension = self.extension;
        // What is there by default was noted to see whether all say the same.
        for (key, default) in [("hook", HOOK), ("resolv_conf", RESOLV_CONF)] {
            if extension.get(key).is_some_and(|path| path == default) {
                extension.remove(key);
            }
        }
        if !self.on_host.is_empty() {
            extension.entry("proot").or_insert_with(|| super::proot::ANYWHERE.into());
        }
        if let Some(name) = self.project {
            file.insert("name".into(), name.into());
        }
        let sections = self.definitions.into_iter().map(|(section, map)| (section.key(), map));
        for (key, map) in [("x-bundlegen", extension), ("services", services)].into_iter().chain(sections) {
            if !map.is_empty() {
                file.insert(key.to_owned(), Value::Object(map));
            }
        }
        let unsaid = self.unsaid.into_iter().collect();
        Inspected { file: Value::Object(file), unsaid, without_lock: self.without_lock }
    }

    /// Sets an attribute, unless there is nothing to say.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        let says_nothing = match &value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if !says_nothing {
            self.service.insert(key.to_owned(), value);
        }
    }

    pub(super) fn says(&self, key: &str) -> bool {
        self.service.contains_key(key)
    }

    /// The services that the one at hand waits for, as far as it has been said.
    pub(super) fn waits_for(&self) -> impl Iterator<Item = &str> {
        let waits = self.service.get("depends_on").and_then(Value::as_object);
        waits.into_iter().flat_map(Map::keys).map(String::as_str)
    }

    /// Adds an item to an attribute that is a list.
    pub(super) fn push(&mut self, key: &str, item: impl Into<Value>) {
        let list = self.service.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(items) = list {
            items.push(item.into());
        }
    }

    /// Adds an entry to an attribute that is a mapping.
    pub(super) fn put(&mut self, key: &str, name: &str, value: impl Into<Value>) {
        let map = self.service.entry(key).or_insert_with(|| json!({}));
        if let Value::Object(map) = map {
            map.insert(name.to_owned(), value.into());
        }
    }

    /// Adds an entry to a mapping of an attribute that is a mapping of them.
    pub(super) fn put_in(&mut self, key: &str, name: &str, attribute: &str, value: impl Into<Value>) {
        let map = self.service.entry(key).or_insert_with(|| json!({}));
        let Value::Object(map) = map else { return };
        let inner = map.entry(name).or_insert(Value::Null);
        if inner.is_null() {
            *inner = json!({});
        }
        if let Value::Object(inner) = inner {
            inner.insert(attribute.to_owned(), value.into());
        }
    }

    /// Says a subnet of a network.
    pub(super) fn subnet(&mut self, network: &str, subnet: String) {
        self.subnets.entry(network.to_owned()).or_default().insert(subnet);
    }

    /// What holds for the whole project can be said once.
    pub(super) fn project(&mut self, bundle: &Bundle, at: &str, name: &str) {
        match &self.project {
            _ if name.is_empty() => {}
            Some(known) if known != name => self.cannot_say(bundle, at),
            Some(_) => {}
            None => self.project = Some(name.to_owned()),
        }
    }

    /// Says that there is proot, wherever it is, as a bundle would otherwise have a network of its own.
    pub(super) fn on_host(&mut self, bundle: &Bundle) {
        self.on_host.insert(bundle.name.clone());
    }

    pub(super) fn is_on_host(&self, bundle: &Bundle) -> bool {
        self.on_host.contains(&bundle.name)
    }

    /// Says something to the compiler, once.
    pub(super) fn extend(&mut self, bundle: &Bundle, at: &str, key: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.extension.get(key) {
            Some(known) if *known != value => self.cannot_say(bundle, at),
            _ => drop(self.extension.insert(key.to_owned(), value)),
        }
    }

    /// Says where an image comes from.
    pub(super) fn image_source(&mut self, bundle: &Bundle, at: &str, image: &str, source: String) {
        let images = self.extension.entry("images").or_insert_with(|| json!({}));
        let known = images.get(image).is_some_and(|known| *known != source);
        match images {
            Value::Object(images) if !known => drop(images.insert(image.to_owned(), source.into())),
            _ => self.cannot_say(bundle, at),
        }
    }

    pub(super) fn extension(&self, key: &str) -> Option<&Value> {
        self.extension.get(key)
    }

    /// Says the numbers of a device: under its path, or under another one where that is taken.
    pub(super) fn device(&mut self, path: &str, node: &str) -> String {
        let devices = self.extension.entry("devices").or_insert_with(|| json!({}));
        let Value::Object(devices) = devices else { return path.to_owned() };
        let name = match devices.get(path) {
            Some(known) if known.as_str() != Some(node) => {
                format!("{path}-{}", node.chars().map(plain).collect::<String>())
            }
            _ => path.to_owned(),
        };
        devices.insert(name.clone(), node.into());
        name
    }

    /// Defines something that has a name of its own.
    pub(super) fn declare(&mut self, bundle: &Bundle, at: &str, section: Section, key: &str, value: Value) {
        let map = self.definitions.entry(section).or_default();
        match map.get(key) {
            Some(known) if *known != value => self.cannot_say(bundle, at),
            _ => drop(map.insert(key.to_owned(), value)),
        }
    }

    /// Defines something under a key like `wanted`: what is the same has one key.
    pub(super) fn define(&mut self, section: Section, wanted: &str, value: Value) -> String {
        let text = value.to_string();
        if let Some(key) = self.keys.get(&(section, text.clone())) {
            return key.clone();
        }
        let key = self.define_anew(section, wanted, value);
        self.keys.insert((section, text), key.clone());
        key
    }

    /// Defines something that is nobody else's.
    pub(super) fn define_anew(&mut self, section: Section, wanted: &str, value: Value) -> String {
        let map = self.definitions.entry(section).or_default();
        let mut wanted: String = wanted.trim_start_matches('/').chars().map(plain).collect();
        if !wanted.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            wanted.insert(0, 'x');
        }
        let count = self.numbers.entry((section, wanted.clone())).or_default();
        let mut key = wanted.clone();
        while map.contains_key(&key) {
            *count += 1;
            key = format!("{wanted}-{}", *count + 1);
        }
        map.insert(key.clone(), value);
        key
    }

    pub(super) fn cannot_say(&mut self, bundle: &Bundle, at: &str) {
        self.unsaid.insert(format!("{}: {at}", bundle.name));
    }
}

/// What the key of a definition may have.
fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' }
}
