//! The host's processes: they can be seen, and by root ended, traced and entered.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::namespaces::shares_host;

pub(super) const RULE: Rule = Rule {
    name: RuleName::HostPid,
    severity: Severity::High,
    title: "the container is among the host's processes",
    help: "remove `pid: host`; `pid: service:NAME` shares those of one other service",
    elsewhere: Elsewhere { cis: Some("5.16"), kics: Some("4f31dd9f"), compose_lint: &["CL-0010"] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    const AT: &str = "/linux/namespaces";
    if !shares_host(subject.bundle, "pid") {
        return;
    }
    if subject.is_for_root() {
        found.add(
            AT,
            "",
            "it sees every process of the host with its command line, and as root it can end them",
        );
    } else {
        found.add_as(Severity::Medium, AT, "", "it sees every process of the host with its command line");
    }
}
