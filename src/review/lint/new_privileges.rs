//! `no-new-privileges` is not set: a set-user-ID program makes root of any user.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};

pub(super) const RULE: Rule = Rule {
    name: RuleName::NewPrivileges,
    severity: Severity::Medium,
    title: "programs of the container may gain privileges",
    help: "add `no-new-privileges` to `security_opt`, unless it needs programs such as sudo",
    elsewhere: Elsewhere { cis: Some("5.26"), kics: Some("27fcc7d6"), compose_lint: &["CL-0003"] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    const AT: &str = "/process/noNewPrivileges";
    if subject.bundle.at(AT) != Some(&true.into()) {
        found.add(AT, "", "set-user-ID programs give their privileges to whoever starts them");
    }
}
