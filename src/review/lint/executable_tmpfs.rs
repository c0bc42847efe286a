//! A temporary file system from which programs can be started: what is downloaded there can be run.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::mounts::mounts;

pub(super) const RULE: Rule = Rule {
    name: RuleName::ExecutableTmpfs,
    severity: Severity::Low,
    title: "programs can be started from a temporary file system",
    help: "leave `exec` away: Docker mounts it with `noexec`",
    elsewhere: Elsewhere { cis: None, kics: None, compose_lint: &["CL-0022"] },
    check,
};

/// `/dev` is one too, with the nodes that the runtime makes.
fn check(subject: &Subject, found: &mut Found) {
    let temporary =
        mounts(subject.bundle).filter(|mount| mount.kind == "tmpfs" && mount.destination != "/dev");
    for mount in temporary.filter(|mount| mount.is_writable() && mount.is_executable()) {
        let message =
            format!("programs can be started from `{}`, into which the container writes", mount.destination);
        found.add(mount.pointer(), mount.destination, message);
    }
}
