//! `process.capabilities`: what the container's processes may do that root may do. See the Linux process chapter of
//! the runtime spec.

use std::collections::BTreeSet;

use oci_spec::runtime as oci;

use crate::compose::value::capability::{Capability, CapabilityName};

/// What a container gets that asks for nothing, as Docker does (`caps.DefaultCapabilities`).
pub const DEFAULT: &[Capability] = &[
    Capability::Chown,
    Capability::DacOverride,
    Capability::Fowner,
    Capability::Fsetid,
    Capability::Kill,
    Capability::Setgid,
    Capability::Setuid,
    Capability::Setpcap,
    Capability::NetBindService,
    Capability::NetRaw,
    Capability::SysChroot,
    Capability::Mknod,
    Capability::AuditWrite,
    Capability::Setfcap,
];

/// Whether the service is `privileged`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// `privileged: false`, the default.
    Ordinary,
    /// `privileged: true`.
    Privileged,
}

/// Who the container's first process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunsAs {
    /// User 0.
    Root,
    /// Any other user.
    Other,
}

/// The capabilities of a service, as Docker does (`caps.TweakCapabilities`): a privileged container has them all,
/// whatever `cap_drop` says; `ALL` in `cap_add` means all that are not dropped by name; `ALL` in `cap_drop` leaves
/// what is added; otherwise additions win over drops. Docker means the capabilities of the host's kernel by `ALL`, we
/// mean [`Capability::ALL`], so that the output does not depend on the machine.
pub fn effective_set(
    add: &[CapabilityName],
    drop: &[CapabilityName],
    privilege: Privilege,
) -> BTreeSet<Capability> {
    let all = || Capability::ALL.iter().copied().collect::<BTreeSet<_>>();
    let (added, dropped) = (named(add), named(drop));
    if privilege == Privilege::Privileged {
        all()
    } else if add.contains(&CapabilityName::All) {
        &all() - &dropped
    } else if drop.contains(&CapabilityName::All) {
        added
    } else {
        let kept = &DEFAULT.iter().copied().collect() - &dropped;
        &kept | &added
    }
}

fn named(names: &[CapabilityName]) -> BTreeSet<Capability> {
    let one = |name: &CapabilityName| match name {
        CapabilityName::All => None,
        CapabilityName::One(capability) => Some(*capability),
    };
    names.iter().filter_map(one).collect()
}

/// The five sets of a process. As Docker does since 20.10: the inheritable and ambient sets are absent, so that a
/// program which is not root gains nothing from its parent; and for another user than root only the bounding set is
/// given, which is what execve(2) would leave anyway.
pub fn capabilities(set: &BTreeSet<Capability>, runs_as: RunsAs) -> oci::LinuxCapabilities {
    let listed: oci::Capabilities = set.iter().map(|capability| oci(*capability)).collect();
    let own = (runs_as == RunsAs::Root).then(|| listed.clone());
    let mut sets = oci::LinuxCapabilities::default();
    sets.set_bounding(Some(listed)).set_effective(own.clone()).set_permitted(own);
    // The library's default fills all five.
    sets.set_inheritable(None).set_ambient(None);
    sets
}

/// The same capability in the library's type, which has our variants in another order.
fn oci(capability: Capability) -> oci::Capability {
    macro_rules! same {
        ($($variant:ident)*) => {
            match capability { $(Capability::$variant => oci::Capability::$variant,)* }
        };
    }
    same! {
        Chown DacOverride DacReadSearch Fowner Fsetid Kill Setgid Setuid Setpcap LinuxImmutable NetBindService
        NetBroadcast NetAdmin NetRaw IpcLock IpcOwner SysModule SysRawio SysChroot SysPtrace SysPacct SysAdmin SysBoot
        SysNice SysResource SysTime SysTtyConfig Mknod Lease AuditWrite AuditControl Setfcap MacOverride MacAdmin
        Syslog WakeAlarm BlockSuspend AuditRead Perfmon Bpf CheckpointRestore
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<CapabilityName> {
        text.split_whitespace().map(|name| name.parse().unwrap()).collect()
    }

    fn set(text: &str) -> BTreeSet<Capability> {
        text.split_whitespace().map(|name| name.parse().unwrap()).collect()
    }

    fn tweaked(add: &str, drop: &str) -> BTreeSet<Capability> {
        effective_set(&names(add), &names(drop), Privilege::Ordinary)
    }

    #[test]
    fn defaults() {
        assert_eq!(DEFAULT.len(), 14);
        assert!(DEFAULT.is_sorted());
        let docker = "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE \
                      SYS_CHROOT KILL AUDIT_WRITE";
        assert_eq!(tweaked("", ""), set(docker));
    }

    #[test]
    fn added_and_dropped() {
        let default = tweaked("", "");
        let all: BTreeSet<_> = Capability::ALL.iter().copied().collect();
        for (add, drop, want) in [
            ("NET_ADMIN SYS_PTRACE", "", &default | &set("NET_ADMIN SYS_PTRACE")),
            ("", "CHOWN MKNOD SYS_ADMIN", &default - &set("CHOWN MKNOD")),
            ("CHOWN", "CHOWN", default.clone()),
            ("", "ALL", set("")),
            ("NET_BIND_SERVICE", "ALL", set("NET_BIND_SERVICE")),
            ("NET_BIND_SERVICE", "ALL NET_BIND_SERVICE", set("NET_BIND_SERVICE")),
            ("ALL", "", all.clone()),
            ("ALL", "NET_ADMIN", &all - &set("NET_ADMIN")),
            ("ALL NET_ADMIN", "NET_ADMIN", &all - &set("NET_ADMIN")),
            ("ALL", "ALL", all.clone()),
            ("ALL", "ALL NET_ADMIN", &all - &set("NET_ADMIN")),
        ] {
            assert_eq!(tweaked(add, drop), want, "add [{add}] drop [{drop}]");
        }
    }

    #[test]
    fn privileged_has_them_all() {
        let got = effective_set(&names("CHOWN"), &names("ALL NET_ADMIN"), Privilege::Privileged);
        assert_eq!(got.len(), Capability::ALL.len());
    }

    #[test]
    fn sets_of_a_process() {
        let json = |runs_as| {
            let json = serde_json::to_value(capabilities(&set("CHOWN"), runs_as));
            json.unwrap().to_string()
        };
        let root = r#"{"bounding":["CAP_CHOWN"],"effective":["CAP_CHOWN"],"permitted":["CAP_CHOWN"]}"#;
        assert_eq!(json(RunsAs::Root), root);
        assert_eq!(json(RunsAs::Other), r#"{"bounding":["CAP_CHOWN"]}"#);
        let none = serde_json::to_value(capabilities(&set(""), RunsAs::Root)).unwrap().to_string();
        assert_eq!(none, r#"{"bounding":[],"effective":[],"permitted":[]}"#);
    }

    #[test]
    fn every_capability_keeps_its_name() {
        for capability in Capability::ALL {
            assert_eq!(serde_json::to_value(oci(*capability)).unwrap(), capability.name());
        }
    }
}
