//! The root file system can be written to: who gets in can change the programs.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};

pub(super) const RULE: Rule = Rule {
    name: RuleName::WritableRoot,
    severity: Severity::Low,
    title: "the root file system is writable",
    help: "write `read_only: true`, and give it volumes or a `tmpfs` for what it writes",
    elsewhere: Elsewhere { cis: Some("5.13"), kics: None, compose_lint: &["CL-0007"] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    const AT: &str = "/root/readonly";
    if !subject.is_own() && subject.bundle.at(AT) != Some(&true.into()) {
        found.add(AT, "", "the programs of the container can be changed from inside");
    }
}
