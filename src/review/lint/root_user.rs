//! The process is root: it is root on the host too, should it get out.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::namespaces::{host_user, user};

pub(super) const RULE: Rule = Rule {
    name: RuleName::RootUser,
    severity: Severity::Medium,
    title: "the process is root",
    help: "name another user under `user`, or run the bundles without root: `x-bundlegen: {rootless: 1000}`",
    elsewhere: Elsewhere { cis: Some("4.1"), kics: None, compose_lint: &["CL-0018"] },
    check,
};

/// Root of a user namespace is somebody else on the host.
fn check(subject: &Subject, found: &mut Found) {
    if subject.knows_user() && host_user(subject.bundle, user(subject.bundle)) == Some(0) {
        found.add("/process/user/uid", "", "the process is root, and root on the host should it get out");
    }
}
