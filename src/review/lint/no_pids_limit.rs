//! No limit of processes: a fork bomb takes the host with it.

use serde_json::Value;

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};

pub(super) const RULE: Rule = Rule {
    name: RuleName::NoPidsLimit,
    severity: Severity::Medium,
    title: "processes are not limited",
    help: "write `pids_limit: 100`, or the same under `deploy.resources.limits`",
    elsewhere: Elsewhere { cis: Some("5.29"), kics: Some("221e0658"), compose_lint: &["CL-0026"] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    const AT: &str = "/linux/resources/pids/limit";
    let limit = subject.bundle.at(AT).and_then(Value::as_i64);
    if !subject.is_own() && limit.is_none_or(|limit| limit <= 0) {
        found.add(subject.nearest(AT), "", "it can start as many processes as the host can have");
    }
}
