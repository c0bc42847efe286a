//! `linux.cgroupsPath`: the parent of the control group, and who makes it.

use super::{Bundle, Draft};

/// The slice of a service that names none, and what systemd puts before the names of our scopes.
const SLICE: &str = "system.slice";
const PREFIX: &str = "bundlegen";

const AT: &str = "/linux/cgroupsPath";

pub(super) fn cgroup(draft: &mut Draft, bundle: &Bundle) {
    let Some(path) = bundle.text(AT) else { return };
    let parts: Vec<&str> = path.split(':').collect();
    let said = match parts.as_slice() {
        [slice, PREFIX, name] => of_systemd(draft, bundle, slice, name),
        [_] => of_directory(draft, bundle, path),
        _ => None,
    };
    if said.is_none() {
        draft.cannot_say(bundle, AT);
    }
}

fn of_systemd(draft: &mut Draft, bundle: &Bundle, slice: &str, name: &str) -> Option<()> {
    draft.project(bundle, AT, project(bundle, name)?);
    draft.extend(bundle, AT, "cgroup_manager", "systemd");
    if slice != SLICE {
        draft.set("cgroup_parent", slice);
    }
    Some(())
}

/// A directory that is called like a slice of systemd has to be said to be one.
fn of_directory(draft: &mut Draft, bundle: &Bundle, path: &str) -> Option<()> {
    let (parent, name) = path.rsplit_once('/')?;
    draft.project(bundle, AT, project(bundle, name)?);
    if parent.strip_suffix(".slice").is_some() {
        draft.extend(bundle, AT, "cgroup_manager", "cgroupfs");
    }
    draft.set("cgroup_parent", if parent.is_empty() { "/" } else { parent });
    Some(())
}

/// The group is called after the project and the bundle.
fn project<'n>(bundle: &Bundle, name: &'n str) -> Option<&'n str> {
    let project = name.strip_suffix(&bundle.name)?.strip_suffix('-')?;
    (!project.is_empty()).then_some(project)
}

/// systemd makes the groups of all bundles or of none.
pub(super) fn check(draft: &mut Draft, bundles: &[&Bundle]) {
    if draft.extension("cgroup_manager").is_some_and(|manager| manager == "systemd") {
        for bundle in bundles.iter().filter(|bundle| bundle.text(AT).is_none()) {
            draft.cannot_say(bundle, AT);
        }
    }
}
