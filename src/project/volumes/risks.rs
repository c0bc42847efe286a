//! Mounts that another container can lead elsewhere.
//!
//! A runtime makes the mounts of a container one by one, and follows the links it finds in what is mounted already. Who
//! can write there while it does so, can put a link in the way (CVE-2021-30465, CVE-2024-45310).

use std::collections::BTreeMap;

use super::{Access, Mount, MountSource};
use crate::diag::{Code, Diagnostics};
use crate::project::Service;

/// A mount and the service that has it.
#[derive(Clone, Copy)]
struct Placed<'p> {
    path: &'p str,
    mount: &'p Mount,
    service: &'p Service,
}

/// Reports what another container could lead elsewhere.
pub(in crate::project) fn check(d: &mut Diagnostics, services: &[Service]) {
    let sources = services.iter().flat_map(|service| {
        let place = |mount| Some(Placed { path: source(mount)?, mount, service });
        service.mounts.iter().filter_map(place)
    });
    let sources: Vec<Placed> = sources.collect();
    let writers = Writers::of(&sources);
    for service in services {
        let place = |mount: &'_ Mount| -> bool { writers.other(mount, service).is_some() };
        let targets = service.mounts.iter().map(|mount| Placed { path: &mount.target, mount, service });
        below(
            targets.collect(),
            |placed| place(placed.mount),
            |placed, outer| {
                warn_nested(d, placed, outer, &writers);
            },
        );
    }
    let volumes =
        sources.into_iter().filter(|placed| matches!(placed.mount.source, MountSource::Volume { .. }));
    below(
        volumes.collect(),
        |placed| placed.mount.access == Access::ReadWrite,
        |placed, outer| {
            refuse_subpath(d, placed, outer);
        },
    );
}

/// What is mounted, where containers can share it.
fn source(mount: &Mount) -> Option<&str> {
    match &mount.source {
        MountSource::Bind { path, .. } | MountSource::Volume { path, .. } => Some(path.as_str()),
        MountSource::Device { source, .. } => Some(source),
        MountSource::Tmpfs { .. } | MountSource::Generated(_) | MountSource::Private(_) => None,
    }
}

/// For each source two services that can write to it, where there are two.
struct Writers<'p>(BTreeMap<&'p str, [Option<Placed<'p>>; 2]>);

impl<'p> Writers<'p> {
    fn of(sources: &[Placed<'p>]) -> Self {
        let mut writers: BTreeMap<&str, [Option<Placed>; 2]> = BTreeMap::new();
        for placed in sources.iter().filter(|placed| placed.mount.access == Access::ReadWrite) {
            let [first, second] = writers.entry(placed.path).or_default();
            match first {
                None => *first = Some(*placed),
                Some(first) if first.service.bundle != placed.service.bundle => {
                    second.get_or_insert(*placed);
                }
                Some(_) => {}
            }
        }
        Writers(writers)
    }

    /// A mount by which another service can write to what is mounted.
    fn other(&self, mount: &Mount, service: &Service) -> Option<Placed<'p>> {
        let writers = self.0.get(source(mount)?)?;
        writers.iter().flatten().find(|other| other.service.bundle != service.bundle).copied()
    }
}

/// Calls `found` for each path that lies below a wanted one, with the nearest such.
fn below<'p>(
    mut paths: Vec<Placed<'p>>,
    wanted: impl Fn(&Placed<'p>) -> bool,
    mut found: impl FnMut(&Placed<'p>, &Placed<'p>),
) {
    paths.sort_by(|one, other| one.path.split('/').cmp(other.path.split('/')));
    let mut around: Vec<Placed> = Vec::new();
    for placed in paths {
        let is_below =
            |outer: &str| placed.path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
        while around.pop_if(|outer| !is_below(outer.path) && outer.path != placed.path).is_some() {}
        if let Some(outer) = around.iter().rev().find(|outer| outer.path != placed.path) {
            found(&placed, outer);
        }
        if wanted(&placed) && around.last().is_none_or(|outer| outer.path != placed.path) {
            around.push(placed);
        }
    }
}

fn warn_nested(d: &mut Diagnostics, placed: &Placed, outer: &Placed, writers: &Writers) {
    let Some(other) = writers.other(outer.mount, placed.service) else { return };
    let (target, inside) = (&placed.mount.target, &outer.mount.target);
    let name = &other.service.bundle;
    let message = format!("`{target}` is mounted in `{inside}`, where `{name}` can put a link in its place");
    let draft = d.warning(Code::Conflict, message).label(placed.mount.span, "");
    let draft = draft.label(other.mount.span, "this can write there");
    draft.help(format!("mount it outside `{inside}`, or mount that read-only in `{name}`")).emit();
}

/// Docker opens such a directory without following links, and mounts what it has opened. A runtime cannot.
fn refuse_subpath(d: &mut Diagnostics, placed: &Placed, outer: &Placed) {
    let name = &outer.service.bundle;
    let message = format!("`{name}` can put a link to anywhere on the host in the place of this directory");
    let draft = d.error(Code::Conflict, message).label(placed.mount.span, "a directory in a volume");
    let draft = draft.label(outer.mount.span, "this can write to what it is in");
    draft.help("mount the whole volume here, or a `subpath` or `read_only` there").emit();
}
