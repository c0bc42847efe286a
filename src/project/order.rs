//! The order services start in.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::compose::{Named, Service};
use crate::diag::{Code, Diagnostics, Reported};
use crate::nearest::nearest;
use crate::source::Span;

/// The services that start before one, and where that is said.
type Dependencies = BTreeMap<Rc<str>, Span>;

/// The place of every service in the start order: dependencies first, then by name. An unknown dependency and a
/// cycle are errors. The time is linear in the number of dependencies, whatever their shape.
pub(super) fn start_order(
    d: &mut Diagnostics,
    services: &[Named<Service>],
) -> Result<BTreeMap<Rc<str>, usize>, Reported> {
    let mut failed = None;
    let names: BTreeSet<&str> = services.iter().map(|service| &*service.name.value).collect();
    let mut waiting: BTreeMap<Rc<str>, Dependencies> = BTreeMap::new();
    for service in services {
        let mut known = Dependencies::new();
        for dependency in &service.value.depends_on {
            if names.contains(&*dependency.value) {
                known.insert(Rc::clone(&dependency.value), dependency.span);
            } else {
                failed = Some(unknown(d, &names, &dependency.value, dependency.span));
            }
        }
        waiting.insert(Rc::clone(&service.name.value), known);
    }
    let order = take_ready(&mut waiting);
    if !waiting.is_empty() {
        failed = Some(cycle(d, &waiting));
    }
    failed.map_or(Ok(order), Err)
}

fn unknown(d: &mut Diagnostics, names: &BTreeSet<&str>, name: &str, span: Span) -> Reported {
    let known = if d.has_room() { nearest(name, names.iter().copied()) } else { None };
    let draft = d.error(Code::UnknownService, format!("no service is called `{name}`")).label(span, "");
    draft.did_you_mean(known).emit()
}

/// Takes out every service that can start, the first by name of those that are ready.
fn take_ready(waiting: &mut BTreeMap<Rc<str>, Dependencies>) -> BTreeMap<Rc<str>, usize> {
    let mut dependents: BTreeMap<Rc<str>, Vec<Rc<str>>> = BTreeMap::new();
    let mut missing: BTreeMap<Rc<str>, usize> = BTreeMap::new();
    for (name, dependencies) in waiting.iter() {
        missing.insert(Rc::clone(name), dependencies.len());
        for dependency in dependencies.keys() {
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

/// Every service that waits has a dependency that waits, so following the first one comes round.
fn cycle(d: &mut Diagnostics, waiting: &BTreeMap<Rc<str>, Dependencies>) -> Reported {
    let mut path: Vec<(Rc<str>, Span)> = Vec::new();
    let mut visited: BTreeSet<Rc<str>> = BTreeSet::new();
    let mut next = waiting.keys().next().cloned();
    while let Some(name) = next.take() {
        let mut dependencies = waiting.get(&name).into_iter().flatten();
        let Some((dependency, span)) = dependencies.find(|(name, _)| waiting.contains_key(*name)) else {
            break;
        };
        if !visited.insert(Rc::clone(&name)) {
            path.drain(..path.iter().position(|(on_path, _)| *on_path == name).unwrap_or(0));
            break;
        }
        path.push((name, *span));
        next = Some(Rc::clone(dependency));
    }
    let mut names: Vec<&str> = path.iter().take(MAX_NAMES).map(|(name, _)| &**name).collect();
    let first = names.first().copied().unwrap_or_default();
    names.extend((path.len() > MAX_NAMES).then_some("…"));
    let message = match names.as_slice() {
        [only] => format!("service `{only}` waits for itself"),
        names => format!("services wait for each other: {} → {first}", names.join(" → ")),
    };
    let mut draft = d.error(Code::Cycle, message);
    for (name, span) in path.iter().take(MAX_LABELS) {
        draft = draft.label(*span, format!("`{name}` waits for this"));
    }
    let help = if path.len() == 1 { "remove this dependency" } else { "remove one of these dependencies" };
    draft.help(help).emit()
}

/// A longer cycle is not named in full.
const MAX_NAMES: usize = 16;

/// The places of its beginning are enough to find a cycle.
const MAX_LABELS: usize = 8;
