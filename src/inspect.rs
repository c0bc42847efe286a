//! From bundles back to a Compose file: what their `config.json` files say, in the words of Compose.
//!
//! It is the way of [`lower`](crate::lower) backwards, with one file for the sections of each kind. What a bundle has by
//! default is not said; what it lacks of that is. Building the result again, with the lock beside it, gives the same
//! `config.json`. Relative paths start at the directory that holds the bundles' own.

mod annotations;
mod confinement;
mod mounts;
mod namespaces;
mod process;
mod resources;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A bundle as it lies on the disk.
pub struct Bundle {
    /// The name of its directory.
    pub name: String,
    /// Its `config.json`.
    pub config: Value,
    /// Its other files, by their path in it.
    pub files: BTreeMap<String, String>,
}

/// A Compose file in the making.
#[derive(Default)]
struct Draft {
    /// The attributes of the service at hand.
    service: Map<String, Value>,
    /// `volumes` at the top.
    volumes: Map<String, Value>,
    /// `x-bundlegen` at the top.
    extension: Map<String, Value>,
    /// What no Compose file can say.
    unsaid: Vec<String>,
}

/// What bundles say.
pub struct Inspected {
    /// A Compose file.
    pub file: Value,
    /// What no Compose file can say, as `NAME: JSON pointer`.
    pub unsaid: Vec<String>,
}

/// Says what bundles say as a Compose file.
pub fn inspect(bundles: &[Bundle]) -> Inspected {
    let mut draft = Draft::default();
    let mut services = Map::new();
    for bundle in bundles {
        draft.bundle(bundle);
        services.insert(bundle.name.clone(), Value::Object(std::mem::take(&mut draft.service)));
    }
    let mut file = Map::new();
    for (key, map) in [("x-bundlegen", draft.extension), ("services", services), ("volumes", draft.volumes)] {
        if !map.is_empty() {
            file.insert(key.to_owned(), Value::Object(map));
        }
    }
    Inspected { file: Value::Object(file), unsaid: draft.unsaid }
}

/// What the sections read; anything else in a `config.json` is not ours.
const KNOWN: &[(&str, &[&str])] = &[
    ("", &["annotations", "domainname", "hostname", "linux", "mounts", "ociVersion", "process", "root"]),
    (
        "/process",
        &[
            "apparmorProfile",
            "args",
            "capabilities",
            "cwd",
            "env",
            "noNewPrivileges",
            "oomScoreAdj",
            "rlimits",
            "selinuxLabel",
            "terminal",
            "user",
        ],
    ),
    (
        "/linux",
        &[
            "cgroupsPath",
            "devices",
            "gidMappings",
            "maskedPaths",
            "mountLabel",
            "namespaces",
            "readonlyPaths",
            "resources",
            "rootfsPropagation",
            "seccomp",
            "sysctl",
            "uidMappings",
        ],
    ),
    ("/linux/resources", &["blockIO", "cpu", "devices", "memory", "pids"]),
];

impl Draft {
    fn bundle(&mut self, bundle: &Bundle) {
        for (at, keys) in KNOWN {
            let map = bundle.config.pointer(at).and_then(Value::as_object);
            let foreign = map.into_iter().flat_map(Map::keys).filter(|key| !keys.contains(&key.as_str()));
            self.unsaid.extend(foreign.map(|key| format!("{}: {at}/{key}", bundle.name)));
        }
        let privileged = confinement::confinement(self, bundle);
        annotations::annotations(self, bundle);
        process::process(self, bundle);
        mounts::mounts(self, bundle, privileged);
        namespaces::namespaces(self, bundle, privileged);
        resources::resources(self, bundle);
    }

    /// Sets an attribute, unless there is nothing to say.
    fn set(&mut self, key: &str, value: impl Into<Value>) {
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

    /// Adds an item to an attribute that is a list.
    fn push(&mut self, key: &str, item: impl Into<Value>) {
        let list = self.service.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(items) = list {
            items.push(item.into());
        }
    }

    fn cannot_say(&mut self, bundle: &Bundle, at: &str) {
        self.unsaid.push(format!("{}: {at}", bundle.name));
    }
}

impl Bundle {
    fn at(&self, pointer: &str) -> Option<&Value> {
        self.config.pointer(pointer)
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer).and_then(Value::as_str)
    }

    fn list(&self, pointer: &str) -> &[Value] {
        self.at(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn map(&self, pointer: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.at(pointer).and_then(Value::as_object).into_iter().flatten()
    }
}

/// The texts of a list.
fn texts(items: &[Value]) -> impl Iterator<Item = &str> {
    items.iter().filter_map(Value::as_str)
}
