//! A mount over `/proc` or `/sys`: runtimes and security profiles rely on what is there.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::compose::value::target::{clean, kernel_tree};
use crate::review::view::host_path::of_host;
use crate::review::view::mounts::{Mount, mounts};

pub(super) const RULE: Rule = Rule {
    name: RuleName::MountOverProc,
    severity: Severity::High,
    title: "something is mounted over `/proc` or `/sys`",
    help: "mount it elsewhere, and tell the program in the container where",
    elsewhere: Elsewhere::NOWHERE,
    check,
};

/// A build refuses them (CVE-2019-16884, CVE-2023-27561, CVE-2025-52881).
fn check(subject: &Subject, found: &mut Found) {
    for mount in mounts(subject.bundle) {
        let destination = clean(mount.destination);
        if kernel_tree(&destination).is_some() && !is_usual(&mount, &destination) {
            let message =
                format!("`{}` is mounted over `{destination}`, which the runtime relies on", mount.source);
            found.add(mount.pointer(), mount.destination, message);
        }
    }
}

/// The kernel's own file systems in their places; where a user namespace may not mount them, the host's are bound.
fn is_usual(mount: &Mount, destination: &str) -> bool {
    let kinds: &[&str] = match destination {
        "/proc" => &["proc"],
        "/sys" => &["sysfs"],
        "/sys/fs/cgroup" => &["cgroup", "cgroup2"],
        _ => return false,
    };
    kinds.contains(&mount.kind) || (mount.is_bind() && of_host(mount.source).as_deref() == Some(destination))
}
