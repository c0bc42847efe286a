//! What a service has from other services and from its image.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::declared::shared_memory;
use super::path::HostPath;
use super::{Access, Content, Mount, MountFrom, MountSource};
use crate::compose::VolumesFrom;
use crate::compose::value::target::clean_target;
use crate::diag::{Code, Diagnostics};
use crate::project::Service;

/// How many mounts a project has from `volumes_from`. A thousand services may ask for the thousand mounts of another.
const MAX_SHARED: usize = 10_000;

/// Adds the mounts of `volumes_from`, then those of the image, where a service has none at the place (moby:
/// `daemon/volumes.go`, `daemon/create_unix.go`). The services are in the order they start, so that whoever is asked
/// has all of its own.
pub(in crate::project) fn complete(d: &mut Diagnostics, services: &mut [Service]) {
    let mut places: BTreeMap<Rc<str>, usize> = BTreeMap::new();
    let mut room = MAX_SHARED;
    for at in 0..services.len() {
        let (before, rest) = services.split_at_mut(at);
        let Some(service) = rest.first_mut() else { continue };
        let mut targets: BTreeSet<Rc<str>> =
            service.mounts.iter().map(|mount| Rc::clone(&mount.target)).collect();
        let mut from: BTreeMap<Rc<str>, Mount> = BTreeMap::new();
        for asked in &service.written.volumes_from {
            match places.get(&asked.service.value).and_then(|place| before.get(*place)) {
                Some(other) if other.mounts.len() <= room => {
                    room -= other.mounts.len();
                    inherit(d, asked, other, &targets, &mut from);
                }
                Some(_) => {
                    let message = format!("more than {MAX_SHARED} mounts come from other services");
                    d.error(Code::InvalidValue, message).label(asked.service.span, "").emit();
                }
                None => unknown(d, asked),
            }
        }
        targets.extend(from.keys().cloned());
        service.mounts.extend(from.into_values());
        of_image(d, service, &mut targets);
        // Of several containers, the first is the one that is asked.
        places.entry(Rc::clone(&service.name.value)).or_insert(at);
    }
}

/// One that is wrong was reported, and is not here.
fn unknown(d: &mut Diagnostics, asked: &VolumesFrom) {
    if d.failed().is_ok() {
        let message = format!("`{}`, whose mounts are asked for, is not there", asked.service.value);
        let draft = d.error(Code::UnknownService, message).label(asked.service.span, "");
        draft.help("turn its profile on, or remove it here").emit();
    }
}

/// What `tmpfs` says, and files of the bundle, stay with their service.
fn inherit(
    d: &mut Diagnostics,
    asked: &VolumesFrom,
    other: &Service,
    own: &BTreeSet<Rc<str>>,
    from: &mut BTreeMap<Rc<str>, Mount>,
) {
    for mount in &other.mounts {
        if matches!(mount.from, MountFrom::Tmpfs | MountFrom::Files) || own.contains(&mount.target) {
            continue;
        }
        let mut source = mount.source.clone();
        match &mut source {
            // Its own service fills it.
            MountSource::Volume { content, .. } if *content == Content::Image => *content = Content::Empty,
            MountSource::Tmpfs { volume: Some(volume), .. } => {
                shared_memory(d, volume, asked.service.span, mount.span);
            }
            _ => {}
        }
        let access = if asked.read_only.is_some() { Access::ReadOnly } else { mount.access };
        let span = asked.service.span;
        let mount =
            Mount { source, target: Rc::clone(&mount.target), access, from: MountFrom::Volumes, span };
        from.insert(Rc::clone(&mount.target), mount);
    }
}

/// Docker makes a volume without a name for each path that an image declares one at.
fn of_image(d: &mut Diagnostics, service: &mut Service, targets: &mut BTreeSet<Rc<str>>) {
    let span = service.name.span;
    let mut mounts = Vec::new();
    let declared = service.image().map(|image| &image.locked.configuration.volumes);
    for path in declared.into_iter().flatten() {
        let target: Rc<str> = match clean_target(path) {
            Ok(target) => target.into(),
            Err(invalid) => {
                let path = path.escape_debug();
                let message = format!("the image declares a volume at `{path}`: {invalid}");
                let draft = d.warning(Code::Image, message).label(span, "with this image");
                draft.help("it is left out").emit();
                continue;
            }
        };
        if !targets.insert(Rc::clone(&target)) {
            continue;
        }
        let path = HostPath::of_anonymous_volume(&service.bundle, &target);
        let source = MountSource::Volume { path, content: Content::Image };
        mounts.push(Mount { source, target, access: Access::ReadWrite, from: MountFrom::Image, span });
    }
    service.mounts.extend(mounts);
}
