//! What `runc features` and `crun features` say a runtime can do. See the features chapter of the runtime spec.

use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use serde::Deserialize;

use crate::diag::{Code, Diagnostics, Reported, json};
use crate::load::unreadable;
use crate::source::{Sources, Span};

/// What a runtime says of itself. A list that is not there says nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Features {
    /// Where the file is that says so.
    #[serde(skip)]
    pub name: Rc<str>,
    /// The oldest version of the spec it takes.
    pub oci_version_min: Option<String>,
    /// The newest version of the spec it takes.
    pub oci_version_max: Option<String>,
    /// The kinds of hooks it calls.
    pub hooks: Option<BTreeSet<String>>,
    /// The options of mounts that it knows itself.
    pub mount_options: Option<BTreeSet<String>>,
    /// What belongs to Linux.
    pub linux: LinuxFeatures,
}

/// The part that belongs to Linux.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LinuxFeatures {
    /// The kinds of namespaces.
    pub namespaces: Option<BTreeSet<String>>,
    /// The capabilities it knows the names of.
    pub capabilities: Option<BTreeSet<String>>,
    /// How it makes control groups.
    pub cgroup: CgroupFeatures,
    /// Filters of system calls.
    pub seccomp: SeccompFeatures,
    /// AppArmor profiles.
    pub apparmor: Enabled,
    /// SELinux labels.
    pub selinux: Enabled,
}

/// How a runtime makes control groups.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CgroupFeatures {
    /// Through systemd.
    pub systemd: Option<bool>,
}

/// What a runtime can do with filters of system calls.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeccompFeatures {
    /// Whether it was built with them.
    pub enabled: Option<bool>,
    /// What a rule may do.
    pub actions: Option<BTreeSet<String>>,
    /// How arguments are compared.
    pub operators: Option<BTreeSet<String>>,
    /// The architectures of system calls.
    pub archs: Option<BTreeSet<String>>,
    /// The flags of seccomp(2).
    pub supported_flags: Option<BTreeSet<String>>,
}

/// Whether a runtime was built with something.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Enabled {
    /// Whether it was.
    pub enabled: Option<bool>,
}

/// Reads what a runtime said of itself.
pub(super) fn read(
    d: &mut Diagnostics,
    sources: &mut Sources,
    path: &Path,
    span: Option<Span>,
) -> Result<Features, Reported> {
    let file = sources.read(path).map_err(|error| unreadable(d, path, &error, span))?;
    let text = sources.text(file);
    let features = serde_json::from_str::<Features>(&text).map_err(|error| {
        let full = error.to_string();
        let message = format!("this is not what `runc features` prints: {}", json::without_place(&full));
        let range = json::range(&text, &error);
        d.error(Code::Features, message).label(Span::new(file, range.start, range.end), "").emit()
    })?;
    Ok(Features { name: path.to_string_lossy().into(), ..features })
}
