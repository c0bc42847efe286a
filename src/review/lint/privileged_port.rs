//! A port of the host that is for system services: nobody expects a container behind it.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::ports::published;

pub(super) const RULE: Rule = Rule {
    name: RuleName::PrivilegedPort,
    severity: Severity::Low,
    title: "a port of the host is for system services",
    help: "publish another port of the host",
    elsewhere: Elsewhere { cis: Some("5.8"), kics: Some("bc2908f3"), compose_lint: &[] },
    check,
};

/// The first port that any user may have.
const FIRST_FREE: u16 = 1024;

/// The ports of the web are published to be known.
const WEB: [u16; 2] = [80, 443];

fn check(subject: &Subject, found: &mut Found) {
    for (pointer, ports) in published(subject.bundle) {
        let is_web = ports.count == 1 && WEB.contains(&ports.host);
        if ports.host < FIRST_FREE && !is_web {
            let message =
                format!("`{ports}` takes port {} of the host, which is for its own services", ports.host);
            found.add(pointer, ports.to_string(), message);
        }
    }
}
