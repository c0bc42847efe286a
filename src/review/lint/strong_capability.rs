//! Capabilities that Docker does not give and that reach beyond the container.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::compose::value::capability::Capability;
use crate::review::view::capabilities::{BOUNDING, has_nearly_all, is_privileged, listed};

pub(super) const RULE: Rule = Rule {
    name: RuleName::StrongCapability,
    severity: Severity::High,
    title: "a capability reaches beyond the container",
    help: "remove it from `cap_add` unless the program cannot do without, and give it to no program that talks to strangers",
    elsewhere: Elsewhere {
        cis: Some("5.4"),
        kics: Some("ce76b7d0"),
        compose_lint: &["CL-0011", "CL-0027", "CL-0028", "CL-0030"],
    },
    check,
};

/// What each allows.
pub(super) fn allows(capability: Capability) -> Option<&'static str> {
    Some(match capability {
        Capability::AuditControl => "turns off what the host records",
        Capability::AuditRead => "reads what the host records",
        Capability::Bpf => "loads programs into the kernel",
        Capability::CheckpointRestore => "chooses the numbers of processes and reads what they have mapped",
        Capability::DacReadSearch => {
            "opens any file of the file systems it is on, also outside of the container"
        }
        Capability::MacAdmin => "changes the rules of AppArmor or Smack",
        Capability::MacOverride => "passes by the rules of Smack",
        Capability::NetAdmin => {
            "configures networks and filters, through code of the kernel that has often been broken"
        }
        Capability::Perfmon => "watches the whole machine",
        Capability::SysBoot => "restarts the machine, or another kernel",
        Capability::SysPtrace => "reads and changes the memory of other processes",
        Capability::SysTime => "sets the clock of the host",
        Capability::Syslog => "reads what the kernel says, with its addresses",
        _ => return None,
    })
}

/// In a user namespace they hold for what belongs to it.
fn check(subject: &Subject, found: &mut Found) {
    let bundle = subject.bundle;
    if is_privileged(bundle) || has_nearly_all(bundle) {
        return;
    }
    let severity = if subject.is_for_root() { RULE.severity } else { Severity::Low };
    for (index, capability) in listed(bundle, "bounding") {
        if let Some(allows) = allows(capability) {
            let message = format!("with `{capability}` it {allows}");
            found.add_as(severity, format!("{BOUNDING}/{index}"), capability.name(), message);
        }
    }
}
