//! Devices with which the host can be taken over: its disks, its memory, its keyboard.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::devices::devices;

pub(super) const RULE: Rule = Rule {
    name: RuleName::DangerousDevice,
    severity: Severity::Critical,
    title: "a device takes over the host",
    help: "remove it from `devices` and `device_cgroup_rules`; mount a directory in the place of a disk",
    elsewhere: Elsewhere { cis: Some("5.18"), kics: None, compose_lint: &["CL-0016"] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    for device in devices(subject.bundle) {
        if let Some(danger) = device.danger {
            let severity = if subject.is_for_root() { RULE.severity } else { Severity::High };
            found.add_as(severity, device.pointer, device.name, format!("{}: {danger}", device.said));
        }
    }
}
