//! AppArmor is turned off.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::capabilities::is_privileged;

pub(super) const RULE: Rule = Rule {
    name: RuleName::ApparmorOff,
    severity: Severity::Medium,
    title: "AppArmor does not confine the container",
    help: "remove `apparmor=unconfined` from `security_opt`, or name a profile that the host has",
    elsewhere: Elsewhere { cis: Some("5.2"), kics: None, compose_lint: &["CL-0009"] },
    check,
};

/// A bundle has no profile unless somebody names one, so what is written is all that there is to mind.
fn check(subject: &Subject, found: &mut Found) {
    const AT: &str = "/process/apparmorProfile";
    let written = subject.service().and_then(|service| service.security.apparmor.as_ref());
    let profile = written.map(|profile| &*profile.value).or(subject.bundle.text(AT));
    if profile == Some("unconfined") && !is_privileged(subject.bundle) {
        found.add(AT, "", "it asks not to be confined by AppArmor");
    }
}
