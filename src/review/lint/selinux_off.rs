//! SELinux does not confine the container.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::compose::value::security_opt::{Label, SecurityOpt};
use crate::review::view::capabilities::is_privileged;

pub(super) const RULE: Rule = Rule {
    name: RuleName::SelinuxOff,
    severity: Severity::Medium,
    title: "SELinux does not confine the container",
    help: "remove `label=disable` from `security_opt`; relabel the files that it needs, or name a type for them",
    elsewhere: Elsewhere { cis: Some("5.3"), kics: None, compose_lint: &[] },
    check,
};

/// The types of processes that may do anything.
const UNCONFINED: &[&str] = &["spc_t", "unconfined_t", "unconfined_service_t", "kernel_t", "init_t"];

fn check(subject: &Subject, found: &mut Found) {
    const AT: &str = "/process/selinuxLabel";
    if is_privileged(subject.bundle) {
        return;
    }
    let kind = subject.bundle.text(AT).and_then(|label| label.split(':').nth(2));
    if let Some(kind) = kind.filter(|kind| UNCONFINED.contains(kind)) {
        return found.add(AT, "", format!("SELinux lets the type `{kind}` do anything"));
    }
    let options = subject.service().into_iter().flat_map(|service| &service.written.security_opt);
    if options.map(|option| &option.value).any(|option| *option == SecurityOpt::Label(Label::Disable)) {
        found.add(AT, "", "it asks not to be confined by SELinux");
    }
}
