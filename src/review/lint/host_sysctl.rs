//! A kernel parameter that is not the container's own: it is set for the host.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::compose::value::sysctl::{Namespace, Sysctl};
use crate::lower::origin::escaped;
use crate::review::view::namespaces::shares_host;

pub(super) const RULE: Rule = Rule {
    name: RuleName::HostSysctl,
    severity: Severity::High,
    title: "a kernel parameter is set for others",
    help: "set it on the host, or give the container the namespace that it belongs to",
    elsewhere: Elsewhere::NOWHERE,
    check,
};

/// A build refuses them, and so do runtimes that look.
fn check(subject: &Subject, found: &mut Found) {
    for (name, _) in subject.bundle.map("/linux/sysctl") {
        let whose = match name.parse::<Sysctl>().map(|sysctl| sysctl.namespace) {
            Ok(Namespace::Net) => "network",
            Ok(Namespace::Ipc) => "ipc",
            Ok(Namespace::Uts) => "uts",
            Err(_) => "",
        };
        if whose.is_empty() || shares_host(subject.bundle, whose) {
            let message = format!("`{name}` is set for the whole host");
            found.add(format!("/linux/sysctl/{}", escaped(name)), name.as_str(), message);
        }
    }
}
