//! Other capabilities that Docker does not give: a program with one can disturb others.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use super::{host_code_capability, strong_capability};
use crate::compose::value::capability::Capability;
use crate::lower::capabilities::DEFAULT;
use crate::review::view::capabilities::{BOUNDING, has_nearly_all, is_privileged, listed};

pub(super) const RULE: Rule = Rule {
    name: RuleName::AddedCapability,
    severity: Severity::Medium,
    title: "a capability is more than Docker gives",
    help: "remove it from `cap_add` unless the program cannot do without",
    elsewhere: Elsewhere { cis: Some("5.4"), kics: Some("ce76b7d0"), compose_lint: &["CL-0029"] },
    check,
};

/// What each allows. What has another rule, or is Docker's, is not here.
fn allows(capability: Capability) -> Option<&'static str> {
    let elsewhere = host_code_capability::allows(capability).or(strong_capability::allows(capability));
    if elsewhere.is_some() || DEFAULT.contains(&capability) {
        return None;
    }
    Some(match capability {
        Capability::BlockSuspend => "keeps the machine awake",
        Capability::IpcLock => "keeps any amount of memory from being swapped out",
        Capability::IpcOwner => "uses shared memory and queues of other users",
        Capability::Lease => "is told when others open files, and makes them wait",
        Capability::LinuxImmutable => "makes files that not even root can change",
        Capability::NetBroadcast => "sends to everybody in its networks",
        Capability::SysNice => "takes processor time from others",
        Capability::SysPacct => "records what processes use",
        Capability::SysResource => "passes by limits, quotas and what is kept for root",
        Capability::SysTtyConfig => "takes over terminals of the host",
        Capability::WakeAlarm => "wakes the machine up",
        _ => "does what Docker does not let it do",
    })
}

/// In a user namespace none of them does anything to others.
fn check(subject: &Subject, found: &mut Found) {
    let bundle = subject.bundle;
    if is_privileged(bundle) || has_nearly_all(bundle) || !subject.is_for_root() {
        return;
    }
    for (index, capability) in listed(bundle, "bounding") {
        if let Some(allows) = allows(capability) {
            let message = format!("with `{capability}` it {allows}");
            found.add(format!("{BOUNDING}/{index}"), capability.name(), message);
        }
    }
}
