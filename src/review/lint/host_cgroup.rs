//! The host's control groups: who sees them all, and can write to them, leaves its limits.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::capabilities::is_privileged;
use crate::review::view::mounts::mounts;
use crate::review::view::namespaces::shares_host;

pub(super) const RULE: Rule = Rule {
    name: RuleName::HostCgroup,
    severity: Severity::Medium,
    title: "the container has the host's control groups",
    help: "remove `cgroup: host`, and `writable-cgroups` from `security_opt`",
    elsewhere: Elsewhere { cis: Some("5.25"), kics: None, compose_lint: &[] },
    check,
};

/// Privileged containers have them too, and another finding. In a user namespace, the host's groups have been a way out
/// (CVE-2023-25809).
fn check(subject: &Subject, found: &mut Found) {
    let bundle = subject.bundle;
    if is_privileged(bundle) && subject.is_for_root() {
        return;
    }
    if shares_host(bundle, "cgroup") {
        let severity = if subject.is_for_root() { RULE.severity } else { Severity::High };
        found.add_as(severity, "/linux/namespaces", "", "it sees the control groups of the whole host");
    }
    for mount in
        mounts(bundle).filter(|mount| matches!(mount.kind, "cgroup" | "cgroup2") && mount.is_writable())
    {
        let message =
            format!("`{}` can be written to: the container can make and change groups", mount.destination);
        found.add(mount.pointer(), mount.destination, message);
    }
}
