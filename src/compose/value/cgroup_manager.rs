//! Who makes the control groups of containers.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;
use crate::nearest::nearest;

/// Who makes the control groups of containers: it decides how a path to one is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupManager {
    /// The runtime itself, below the mount point of the hierarchy: a path.
    Cgroupfs,
    /// systemd, as it is asked to with `runc --systemd-cgroup`: `SLICE:PREFIX:NAME`.
    Systemd,
}

const NAMES: [(&str, CgroupManager); 2] =
    [("cgroupfs", CgroupManager::Cgroupfs), ("systemd", CgroupManager::Systemd)];

impl FromStr for CgroupManager {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let known = NAMES.iter().find(|(name, _)| *name == text).map(|(_, manager)| *manager);
        known.ok_or_else(|| {
            let invalid = Invalid::whole(text, format!("no manager of cgroups is called `{text}`"));
            invalid.did_you_mean(nearest(text, NAMES.iter().map(|(name, _)| *name)))
        })
    }
}

impl fmt::Display for CgroupManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, manager)| manager == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}
