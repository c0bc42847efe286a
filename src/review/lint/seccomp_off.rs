//! No filter of system calls: everything that the kernel can do can be asked of it.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::capabilities::is_privileged;

pub(super) const RULE: Rule = Rule {
    name: RuleName::SeccompOff,
    severity: Severity::High,
    title: "system calls are not filtered",
    help: "remove `seccomp=unconfined` from `security_opt`, or name a profile that allows what is missing",
    elsewhere: Elsewhere { cis: Some("5.22"), kics: Some("404fde2c"), compose_lint: &["CL-0009"] },
    check,
};

/// A filter that lets everything pass which it does not name is none: new calls are added to the kernel all the time.
fn check(subject: &Subject, found: &mut Found) {
    let bundle = subject.bundle;
    if is_privileged(bundle) || subject.is_own() {
        return;
    }
    let Some(action) = bundle.at("/linux/seccomp").map(|_| bundle.text("/linux/seccomp/defaultAction"))
    else {
        return found.add("/linux/seccomp", "", "every system call is allowed");
    };
    if matches!(action, Some("SCMP_ACT_ALLOW" | "SCMP_ACT_LOG")) {
        found.add(
            "/linux/seccomp/defaultAction",
            "",
            "every system call is allowed that the filter does not name",
        );
    }
}
