//! A device of the host: what its driver does is not confined.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::devices::devices;

pub(super) const RULE: Rule = Rule {
    name: RuleName::HostDevice,
    severity: Severity::Medium,
    title: "the container uses a device of the host",
    help: "remove it unless the program needs it, and give it no more access than it needs: `/dev/dri/renderD128:/dev/dri/renderD128:rw`",
    elsewhere: Elsewhere { cis: Some("5.18"), kics: None, compose_lint: &[] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    for device in devices(subject.bundle).into_iter().filter(|device| device.danger.is_none()) {
        found.add(device.pointer, device.name, format!("{}: its driver is not confined", device.said));
    }
}
