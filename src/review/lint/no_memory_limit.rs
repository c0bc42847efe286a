//! No limit of memory: one container can take all of it.

use serde_json::Value;

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};

pub(super) const RULE: Rule = Rule {
    name: RuleName::NoMemoryLimit,
    severity: Severity::Medium,
    title: "memory is not limited",
    help: "write `mem_limit: 256m`, or the same under `deploy.resources.limits`",
    elsewhere: Elsewhere { cis: Some("5.11"), kics: Some("bb9ac4f7"), compose_lint: &["CL-0026"] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    const AT: &str = "/linux/resources/memory/limit";
    let limit = subject.bundle.at(AT).and_then(Value::as_i64);
    if !subject.is_own() && limit.is_none_or(|limit| limit <= 0) {
        found.add(subject.nearest(AT), "", "it can take all memory of the host, and others are ended for it");
    }
}
