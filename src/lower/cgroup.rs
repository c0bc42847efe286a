//! `linux.cgroupsPath`: where the container's control group is made. See the chapter on control groups of the runtime
//! spec.

use std::path::PathBuf;
use std::rc::Rc;

use super::Context;
use super::origin::{Origin, Origins};
use crate::compose::value::cgroup_manager::CgroupManager;
use crate::diag::{Code, Diagnostics};
use crate::source::Spanned;

/// Docker's where systemd makes the groups (moby `daemon/oci_linux.go`).
const SLICE: &str = "system.slice";

/// What systemd puts before the name of our scopes.
const PREFIX: &str = "bundlegen";

/// Below `cgroup_parent`, a group called after the project and the bundle. Docker calls it after the container's id,
/// which a bundle has not before it runs; so without a parent there is no path, and the runtime takes the id it is given.
/// systemd needs a name for the group in any case.
pub fn cgroup(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Option<PathBuf> {
    let manager = context.settings.cgroup_manager.unwrap_or(CgroupManager::Cgroupfs);
    let parent = context.written().cgroup_parent.as_ref().filter(|parent| !parent.value.is_empty());
    let name = format!("{}-{}", context.settings.project, context.service.bundle);
    let (path, origin) = match (manager, parent) {
        (CgroupManager::Cgroupfs, None) => return None,
        (CgroupManager::Cgroupfs, Some(parent)) => {
            check_path(d, context, parent);
            let path = format!("{}/{name}", parent.value.trim_end_matches('/'));
            (path, Origin::Written(parent.span))
        }
        (CgroupManager::Systemd, None) => (
            format!("{SLICE}:{PREFIX}:{name}"),
            Origin::Default("Docker's slice, and the name of the bundle"),
        ),
        (CgroupManager::Systemd, Some(parent)) => {
            check_slice(d, parent);
            (format!("{}:{PREFIX}:{name}", parent.value), Origin::Written(parent.span))
        }
    };
    o.set("/linux/cgroupsPath", origin);
    Some(path.into())
}

/// A `..` leads out of the part of the tree that was meant.
fn check_path(d: &mut Diagnostics, context: &Context, parent: &Spanned<Rc<str>>) {
    if parent.value.split('/').any(|part| part == "..") {
        let draft = d.error(Code::InvalidValue, "`..` cannot stand in the path of a control group");
        draft.label(parent.span, "").help("write the path from the root of the control groups").emit();
    }
    if context.settings.cgroup_manager.is_none() && is_slice(&parent.value) {
        let message = format!(
            "`{}` is a slice of systemd, and nothing says that systemd makes the groups",
            parent.value
        );
        let help =
            "write `x-bundlegen: {cgroup_manager: systemd}` at the top, or `cgroupfs` if it is a directory";
        d.error(Code::Conflict, message).label(parent.span, "").help(help).emit();
    }
}

fn check_slice(d: &mut Diagnostics, parent: &Spanned<Rc<str>>) {
    if !is_slice(&parent.value) {
        let message = format!("systemd makes the control groups, and `{}` is no slice", parent.value);
        let draft = d.error(Code::InvalidValue, message).label(parent.span, "");
        draft.help("write the name of a slice, such as `app.slice`").emit();
    }
}

/// As runc takes it (`ExpandSlice` of its `libcontainer`): the dashes of a name stand between the slices it lies in.
fn is_slice(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '@');
    let Some(name) = text.strip_suffix(".slice") else { return false };
    name == "-" || (name.chars().all(allowed) && name.split('-').all(|part| !part.is_empty()))
}
