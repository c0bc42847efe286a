//! Capabilities by which a container runs code on the host: they are as good as root there.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::compose::value::capability::Capability;
use crate::review::view::capabilities::{BOUNDING, has_nearly_all, is_privileged, listed};

pub(super) const RULE: Rule = Rule {
    name: RuleName::HostCodeCapability,
    severity: Severity::Critical,
    title: "a capability is as good as root on the host",
    help: "remove it from `cap_add`; most programs that ask for it do with a narrower one, or with a device",
    elsewhere: Elsewhere { cis: Some("5.4"), kics: Some("ce76b7d0"), compose_lint: &["CL-0024"] },
    check,
};

/// What each allows.
pub(super) fn allows(capability: Capability) -> Option<&'static str> {
    Some(match capability {
        Capability::SysAdmin => {
            "mounts file systems, changes namespaces and does whatever has no capability of its own"
        }
        Capability::SysModule => "loads code into the kernel",
        Capability::SysRawio => "reads and writes the memory and the ports of the machine",
        _ => return None,
    })
}

/// All of them together are one thing to say. In a user namespace they hold for what belongs to it.
fn check(subject: &Subject, found: &mut Found) {
    let bundle = subject.bundle;
    if is_privileged(bundle) {
        return;
    }
    let severity = if subject.is_for_root() { RULE.severity } else { Severity::Medium };
    if has_nearly_all(bundle) {
        let count = listed(bundle, "bounding").count();
        let message =
            format!("it has {count} capabilities, those among them that are as good as root on the host");
        return found.add_as(severity, BOUNDING, "ALL", message);
    }
    for (index, capability) in listed(bundle, "bounding") {
        if let Some(allows) = allows(capability) {
            let message = format!("with `{capability}` it {allows}");
            found.add_as(severity, format!("{BOUNDING}/{index}"), capability.name(), message);
        }
    }
}
