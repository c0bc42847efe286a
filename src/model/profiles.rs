//! Which services are on.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Selection;
use super::edit::only;
use crate::load::Environment;
use crate::yaml::template::Lookup;
use crate::yaml::{Entry, Node};

/// The services of a project by name, those that are off as well.
pub(super) struct Services {
    all: BTreeMap<Rc<str>, Entry>,
    enabled: BTreeSet<Rc<str>>,
}

impl Services {
    /// Tells which services are on (compose-go: `WithProfiles` and `WithServicesEnabled` in `types/project.go`). Naming a
    /// service turns all of its profiles on.
    pub(super) fn new(root: &Node, selection: &Selection, environment: &Environment) -> Self {
        let entries = root.get("services").map_or(&[][..], Node::entries);
        let all: BTreeMap<_, _> =
            entries.iter().map(|entry| (Rc::clone(&entry.key), entry.clone())).collect();
        let mut on: BTreeSet<String> = profiles(selection, environment).into_iter().collect();
        let named = selection.services.iter().filter_map(|name| all.get(&**name));
        let more: Vec<String> = named
            .filter(|service| !is_on(&service.value, &on))
            .flat_map(|service| profiles_of(&service.value).map(str::to_owned))
            .collect();
        on.extend(more);
        let enabled = all.iter().filter(|(_, service)| is_on(&service.value, &on));
        let enabled = enabled.map(|(name, _)| Rc::clone(name)).collect();
        Services { all, enabled }
    }

    /// A service that is there, on or off.
    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.all.get(name)
    }

    /// Whether a service is there and on.
    pub(super) fn is_enabled(&self, name: &str) -> bool {
        self.enabled.contains(name)
    }

    /// Whether a service is there and off.
    pub(super) fn is_disabled(&self, name: &str) -> bool {
        self.all.contains_key(name) && !self.is_enabled(name)
    }

    /// All names, those of services that are off as well.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.keys().map(|name| &**name)
    }

    /// The services that are on, by name.
    pub(super) fn enabled(&self) -> impl Iterator<Item = &Entry> {
        self.all.values().filter(|service| self.enabled.contains(&service.key))
    }

    /// The tree without the services that are off.
    pub(super) fn without_disabled(&self, root: &Node) -> Node {
        super::edit::change(root, "services", &mut |services| {
            only(services, |service| self.is_enabled(&service.key))
        })
    }
}

/// The profiles that were given, else those of `COMPOSE_PROFILES`. Where that is not set either, the profile with the
/// empty name is on: Compose splits the empty text at its commas, and there are files that rely on it.
fn profiles(selection: &Selection, environment: &Environment) -> Vec<String> {
    if !selection.profiles.is_empty() {
        return selection.profiles.clone();
    }
    let variable = environment.get("COMPOSE_PROFILES").unwrap_or_default();
    variable.split(',').map(|profile| profile.trim().to_owned()).collect()
}

fn profiles_of(service: &Node) -> impl Iterator<Item = &str> {
    service.get("profiles").map_or(&[][..], Node::items).iter().filter_map(Node::as_str)
}

/// A service without a profile is always on.
fn is_on(service: &Node, on: &BTreeSet<String>) -> bool {
    let mut profiles = profiles_of(service).peekable();
    profiles.peek().is_none() || on.contains("*") || profiles.any(|profile| on.contains(profile))
}
