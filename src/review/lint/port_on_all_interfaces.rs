//! A port that answers on every address of the host, also to those outside.

use std::net::IpAddr;

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::ports::published;

pub(super) const RULE: Rule = Rule {
    name: RuleName::PortOnAllInterfaces,
    severity: Severity::Medium,
    title: "a port answers on every address of the host",
    help: "write the address before the port, such as `127.0.0.1:8080:80`, unless everybody is to reach it",
    elsewhere: Elsewhere { cis: Some("5.14"), kics: Some("451d79dc"), compose_lint: &["CL-0005"] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    for (pointer, ports) in published(subject.bundle) {
        if ports.ip.as_ref().is_none_or(IpAddr::is_unspecified) {
            let message = format!("`{ports}` is open to whoever reaches any address of the host");
            found.add(pointer, ports.to_string(), message);
        }
    }
}
