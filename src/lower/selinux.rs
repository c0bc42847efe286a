//! `process.selinuxLabel` and `linux.mountLabel`: what SELinux takes the container and its files for.
//!
//! A bundle has no labels unless it is asked for one, as Docker has none where its daemon runs without
//! `--selinux-enabled`. What is not said of a label, Docker takes from a file of the host; here it is as in every policy
//! for containers.

use super::Context;
use super::defaults::{MOUNT_LABEL, PROCESS_LABEL};
use super::origin::{Origin, Origins};
use crate::compose::value::security_opt::LabelPart;

/// The label of the process, if any part of a label is said.
pub fn process_label(context: &Context, o: &mut Origins) -> Option<String> {
    label(context, o, "/process/selinuxLabel", &PROCESS_LABEL)
}

/// The label of the files, if any part of a label is said: both must fit together (`label.InitLabels` of
/// opencontainers/selinux).
pub fn mount_label(context: &Context, o: &mut Origins) -> Option<String> {
    label(context, o, "/linux/mountLabel", &MOUNT_LABEL)
}

/// A part of a label: by what it is set, and what it is otherwise.
pub type Part = (Option<LabelPart>, &'static str);

fn label(context: &Context, o: &mut Origins, at: &str, parts: &[Part; 4]) -> Option<String> {
    let said = &context.service.security.label;
    let said_of = |part: &Option<LabelPart>| said.get(part.as_ref()?);
    let first = parts.iter().find_map(|(part, _)| said_of(part)).or_else(|| said.values().next())?;
    o.set(at, Origin::Written(first.span));
    let values = parts.iter().map(|(part, default)| said_of(part).map_or(*default, |said| &*said.value));
    Some(values.collect::<Vec<_>>().join(":"))
}
