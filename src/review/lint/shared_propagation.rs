//! A mount that passes on to the host what is mounted below it.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::mounts::mounts;

pub(super) const RULE: Rule = Rule {
    name: RuleName::SharedPropagation,
    severity: Severity::High,
    title: "what the container mounts appears on the host",
    help: "leave `propagation` away, or write `rslave`, which goes in one direction",
    elsewhere: Elsewhere { cis: Some("5.20"), kics: Some("baa452f0"), compose_lint: &["CL-0017"] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    let mut any = false;
    for mount in mounts(subject.bundle) {
        if mount.options().any(|option| matches!(option, "shared" | "rshared")) {
            any = true;
            let message = format!(
                "what is mounted below `{}` in the container is mounted on the host too",
                mount.destination
            );
            found.add(mount.pointer(), mount.destination, message);
        }
    }
    let root = subject.bundle.text("/linux/rootfsPropagation");
    if !any && matches!(root, Some("shared" | "rshared")) {
        found.add("/linux/rootfsPropagation", "", "what the container mounts is mounted on the host too");
    }
}
