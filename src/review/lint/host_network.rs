//! The host's network: what listens on the host's loopback trusts who can reach it.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::namespaces::shares_host;

pub(super) const RULE: Rule = Rule {
    name: RuleName::HostNetwork,
    severity: Severity::High,
    title: "the container is in the host's network",
    help: "give it a network of its own, and publish the ports that it needs",
    elsewhere: Elsewhere { cis: Some("5.10"), kics: Some("071a71ff"), compose_lint: &["CL-0008"] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    const AT: &str = "/linux/namespaces";
    if !shares_host(subject.bundle, "network") {
        return;
    }
    if subject.is_for_root() {
        found.add(AT, "", "it is in the host's network: it reaches what listens on the loopback and on abstract sockets of the host");
    } else {
        found.add_as(Severity::Medium, AT, "", "it is in the host's network: it reaches what listens on the loopback and on abstract sockets of the host");
    }
}
