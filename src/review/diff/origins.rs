//! Where what changed comes from, where the bundles after the change were just compiled.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::confinement::NAMESPACE;
use super::{Change, Group, Sign, seccomp};
use crate::compose::Service;
use crate::lower::origin::{Origin, Origins};
use crate::review::Made;
use crate::review::place::Place;
use crate::source::Span;

/// Says the places, and puts what the image brings to the image, if that is another one.
pub(super) fn origins(changes: &mut [Change], bundle: &str, made: Option<Made>) {
    let Some(made) = made else { return };
    let known: BTreeMap<&str, &Origin> = made.origins(bundle).into_iter().flat_map(Origins::iter).collect();
    let service = made.service(bundle).map(|service| &*service.written);
    let new_image = changes.iter().any(|change| change.kind == "image");
    for change in changes {
        let origin = change.pointers[1].iter().find_map(|pointer| origin(&known, pointer));
        if new_image && change.sign != Sign::Removed && matches!(origin, Some(Origin::Image { .. })) {
            change.group = Group::Image;
        }
        let written = service.and_then(|service| attribute(change, service)).map(Origin::Written);
        let place = written.as_ref().or(origin).map(|origin| Place::known(&made, bundle, origin));
        let gone = || {
            let around =
                change.pointers[0].first().and_then(|pointer| around(&known, without_items(pointer)));
            around.map(|origin| Place::known(&made, bundle, origin))
        };
        change.place = place.or_else(gone).filter(|place| tells(change, place));
    }
}

/// Whether a place tells anything: what is gone has no default, and what is generated is generated for a reason that is
/// said elsewhere.
fn tells(change: &Change, place: &Place) -> bool {
    let is_default = !matches!(place, Place::File { .. });
    let silent = change.sign == Sign::Removed || matches!(change.kind, "name" | NAMESPACE | seccomp::CALL);
    !is_default || !silent && (change.group != Group::Image || change.kind == "image")
}

/// The origin of a value: what is written of it or in it goes before what is a default.
fn origin<'o>(known: &BTreeMap<&str, &'o Origin>, pointer: &str) -> Option<&'o Origin> {
    let own = known.get(pointer).copied();
    if let Some(Origin::Written(_)) = own {
        return own;
    }
    let below = format!("{pointer}/");
    let within = known.range::<str, _>((Bound::Included(below.as_str()), Bound::Unbounded));
    let within = within.take_while(|(at, _)| at.starts_with(&below)).take(WITHIN).map(|(_, origin)| *origin);
    let first = within.reduce(|first, other| match (first, other) {
        (Origin::Written(_), _) => first,
        (_, Origin::Written(_)) => other,
        _ => first,
    });
    first
        .filter(|first| matches!(first, Origin::Written(_)) || own.is_none())
        .or(own)
        .or_else(|| around(known, pointer))
}

/// How many values inside of another one are looked at.
const WITHIN: usize = 64;

fn around<'o>(known: &BTreeMap<&str, &'o Origin>, pointer: &str) -> Option<&'o Origin> {
    super::changes::ancestors(pointer).find_map(|at| known.get(at).copied())
}

/// The attribute that decided about what is no more, and so has no origin: the namespaces and filters that a container
/// shares with the host or does without.
fn attribute(change: &Change, service: &Service) -> Option<Span> {
    let privileged = service.privileged.as_ref().map(|written| written.span);
    let security = service.security_opt.first().map(|written| written.span);
    let host = || service.extra_hosts.iter().find(|host| host.value.name == change.name);
    match (change.kind, change.name.as_str()) {
        ("image", _) => service.image.as_ref().map(|written| written.span),
        ("name", _) => host().map(|written| written.span),
        (NAMESPACE, "pid") => service.pid.as_ref().map(|written| written.span),
        (NAMESPACE, "ipc") => service.ipc.as_ref().map(|written| written.span),
        (NAMESPACE, "uts") => service.uts.as_ref().map(|written| written.span),
        (NAMESPACE, "network") => service.network_mode.as_ref().map(|written| written.span),
        (NAMESPACE, "user") => service.userns_mode.as_ref().map(|written| written.span),
        (NAMESPACE, "cgroup") => service.cgroup.as_ref().map(|written| written.span).or(privileged),
        (seccomp::FILTER | "masked path" | "read-only path", _) if change.sign == Sign::Removed => {
            privileged.or(security)
        }
        _ => None,
    }
}

/// Says where a network is written.
pub(super) fn of_network(changes: &mut [Change], key: &str, made: Option<Made>) {
    let Some(made) = made else { return };
    let networks = made.project.services.iter().flat_map(|service| &service.networks).map(|one| &one.network);
    let written =
        networks.filter(|network| &*network.key.value == key).find_map(|network| network.written.as_ref());
    let Some(written) = written else { return };
    for change in changes.iter_mut().filter(|change| change.sign != Sign::Removed) {
        change.place = Some(Place::known(&made, "", &Origin::Written(written.span)));
    }
}

/// A pointer up to the list that it counts items of: those are others now.
fn without_items(pointer: &str) -> &str {
    let (mut at, mut top) = (pointer, pointer);
    while let Some((above, last)) = at.rsplit_once('/') {
        if last.parse::<usize>().is_ok() {
            top = above;
        }
        at = above;
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_left_out() {
        assert_eq!(without_items("/mounts/3"), "/mounts");
        assert_eq!(without_items("/hooks/createRuntime/0/args/5"), "/hooks/createRuntime");
        assert_eq!(without_items("/annotations/a~1b"), "/annotations/a~1b");
    }
}
