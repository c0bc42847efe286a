//! The order services start in.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::namespaces::Peers;
use crate::compose::{Named, Service};

/// The services that start before one.
type Dependencies = BTreeSet<Rc<str>>;

/// The place of every service in the start order: dependencies first, then by name. The time is linear in the number
/// of dependencies, whatever their shape. A dependency that is not there was optional, or reported.
pub(super) fn start_order(services: &[Named<Rc<Service>>], peers: &Peers) -> BTreeMap<Rc<str>, usize> {
    let names: BTreeSet<&str> = services.iter().map(|service| &*service.name.value).collect();
    let mut waiting: BTreeMap<Rc<str>, Dependencies> = BTreeMap::new();
    for service in services {
        let dependencies =
            service.value.depends_on.iter().map(|dependency| Rc::clone(&dependency.name.value));
        let containers = peers.containers_of(&service.value).into_iter().map(|owner| owner.name.value);
        let known = dependencies.chain(containers).filter(|name| names.contains(&**name)).collect();
        waiting.insert(Rc::clone(&service.name.value), known);
    }
    take_ready(&mut waiting)
}

/// Takes out every service that can start, the first by name of those that are ready.
fn take_ready(waiting: &mut BTreeMap<Rc<str>, Dependencies>) -> BTreeMap<Rc<str>, usize> {
    let mut dependents: BTreeMap<Rc<str>, Vec<Rc<str>>> = BTreeMap::new();
    let mut missing: BTreeMap<Rc<str>, usize> = BTreeMap::new();
    for (name, dependencies) in waiting.iter() {
        missing.insert(Rc::clone(name), dependencies.len());
        for dependency in dependencies {
            dependents.entry(Rc::clone(dependency)).or_default().push(Rc::clone(name));
        }
    }
    let mut ready: BTreeSet<Rc<str>> =
        missing.iter().filter(|(_, count)| **count == 0).map(|(name, _)| Rc::clone(name)).collect();
    let mut order = BTreeMap::new();
    while let Some(name) = ready.pop_first() {
        for dependent in dependents.remove(&name).unwrap_or_default() {
            let Some(count) = missing.get_mut(&dependent) else { continue };
            *count -= 1;
            if *count == 0 {
                ready.insert(dependent);
            }
        }
        waiting.remove(&name);
        order.insert(name, order.len());
    }
    order
}
