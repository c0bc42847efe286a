//! No limit of processors: one container can take all of them.

use serde_json::Value;

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};

pub(super) const RULE: Rule = Rule {
    name: RuleName::NoCpuLimit,
    severity: Severity::Low,
    title: "processor time is not limited",
    help: "write `cpus: 0.5`, or the same under `deploy.resources.limits`",
    elsewhere: Elsewhere { cis: Some("5.12"), kics: Some("6b610c50"), compose_lint: &["CL-0026"] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    const AT: &str = "/linux/resources/cpu/quota";
    let quota = subject.bundle.at(AT).and_then(Value::as_i64).is_some_and(|quota| quota > 0);
    let some = subject.bundle.text("/linux/resources/cpu/cpus").is_some_and(|cpus| !cpus.is_empty());
    if !subject.is_own() && !quota && !some {
        found.add(subject.nearest(AT), "", "it can take all processors of the host");
    }
}
