//! The host's name: with rights, the container can change it.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::namespaces::shares_host;

pub(super) const RULE: Rule = Rule {
    name: RuleName::HostUts,
    severity: Severity::Low,
    title: "the container has the host's name",
    help: "remove `uts: host`",
    elsewhere: Elsewhere { cis: Some("5.21"), kics: None, compose_lint: &[] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    if shares_host(subject.bundle, "uts") {
        let for_all =
            if subject.is_for_root() { ", and can change it for all with `CAP_SYS_ADMIN`" } else { "" };
        found.add("/linux/namespaces", "", format!("it has the host's name{for_all}"));
    }
}
