//! Services that wait for each other.

use std::collections::{BTreeMap, BTreeSet};

use super::profiles::Services;
use crate::diag::{Code, Diagnostics};
use crate::source::Span;
use crate::yaml::Node;

/// The services that each service waits for, and where that is said.
type Waiting<'s> = BTreeMap<&'s str, BTreeMap<&'s str, Span>>;

/// Reports a cycle. The time is linear in the number of dependencies, whatever their shape.
pub(super) fn check(d: &mut Diagnostics, services: &Services) {
    let mut waiting = Waiting::new();
    for service in services.enabled() {
        let needed = service.value.get("depends_on").map_or(&[][..], Node::entries);
        let needed = needed.iter().filter(|entry| services.is_enabled(&entry.key));
        waiting.insert(&service.key, needed.map(|entry| (&*entry.key, entry.key_span)).collect());
    }
    take_ready(&mut waiting);
    if !waiting.is_empty() {
        report(d, &waiting);
    }
}

/// Takes out every service that can start.
fn take_ready(waiting: &mut Waiting) {
    let mut dependents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, needed) in waiting.iter() {
        missing.insert(name, needed.len());
        for other in needed.keys() {
            dependents.entry(other).or_default().push(name);
        }
    }
    let mut ready: Vec<&str> =
        missing.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    while let Some(name) = ready.pop() {
        for dependent in dependents.remove(name).unwrap_or_default() {
            let Some(count) = missing.get_mut(dependent) else { continue };
            *count -= 1;
            if *count == 0 {
                ready.push(dependent);
            }
        }
        waiting.remove(name);
    }
}

/// Every service that waits has a dependency that waits, so following the first one comes round.
fn report(d: &mut Diagnostics, waiting: &Waiting) {
    let mut path: Vec<(&str, Span)> = Vec::new();
    let mut visited: BTreeSet<&str> = BTreeSet::new();
    let mut next = waiting.keys().next().copied();
    while let Some(name) = next.take() {
        let mut needed = waiting.get(name).into_iter().flatten();
        let Some((other, span)) = needed.find(|(other, _)| waiting.contains_key(*other)) else { break };
        if !visited.insert(name) {
            path.drain(..path.iter().position(|(on_path, _)| *on_path == name).unwrap_or(0));
            break;
        }
        path.push((name, *span));
        next = Some(other);
    }
    let mut names: Vec<&str> = path.iter().take(MAX_NAMES).map(|(name, _)| *name).collect();
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
    draft.help(help).emit();
}

/// A longer cycle is not named in full.
const MAX_NAMES: usize = 16;

/// The places of its beginning are enough to find a cycle.
const MAX_LABELS: usize = 8;
