//! `privileged: true`: every capability, every device, and nothing that confines.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};

pub(super) const RULE: Rule = Rule {
    name: RuleName::Privileged,
    severity: Severity::Critical,
    title: "the container has all rights of root on the host",
    help: "name the capabilities and devices that it needs under `cap_add` and `devices`",
    elsewhere: Elsewhere { cis: Some("5.5"), kics: Some("ae5b6871"), compose_lint: &["CL-0002"] },
    check,
};

/// A device rule that allows all of them is what no other attribute makes.
fn check(subject: &Subject, found: &mut Found) {
    let rules = subject.bundle.list("/linux/resources/devices");
    let all = |rule: &serde_json::Value| {
        let is = |key: &str| rule.get(key).and_then(serde_json::Value::as_str);
        rule.get("allow") == Some(&true.into())
            && rule.get("major").is_none()
            && is("type").is_none_or(|kind| kind == "a")
    };
    if rules.iter().any(all) && subject.bundle.at("/linux/seccomp").is_none() {
        found.add("/process/capabilities", "", "it is privileged: it can do to the host what root can");
    }
}
