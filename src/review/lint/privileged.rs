//! `privileged: true`: every capability, every device, and nothing that confines.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::capabilities::is_privileged;

pub(super) const RULE: Rule = Rule {
    name: RuleName::Privileged,
    severity: Severity::Critical,
    title: "the container has all rights of root on the host",
    help: "name the capabilities and devices that it needs under `cap_add` and `devices`",
    elsewhere: Elsewhere { cis: Some("5.5"), kics: Some("ae5b6871"), compose_lint: &["CL-0002"] },
    check,
};

/// In a user namespace the rights end where those of the user end, and what is left is a kernel with nothing before it.
fn check(subject: &Subject, found: &mut Found) {
    const AT: &str = "/process/capabilities";
    if !is_privileged(subject.bundle) {
        return;
    }
    if subject.is_for_root() {
        found.add(AT, "", "it is privileged: it can do to the host what root can");
    } else {
        let message = "it is privileged in its user namespace: nothing stands between it and the kernel";
        found.add_as(Severity::Medium, AT, "", message);
    }
}
