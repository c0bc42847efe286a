//! `linux.resources.devices`: which device nodes the container may use.

use oci_spec::runtime as oci;

use super::Context;
use super::defaults::{DEVICES, DEVICES_FROM};
use super::origin::{Origin, Origins};
use crate::diag::{Code, Diagnostics};
use crate::source::Span;

/// Everything is denied, then the harmless devices are allowed; a privileged container may use any. The nodes
/// themselves are made by the runtime. Docker also gives a privileged container every node of the host, which a
/// bundle that is built elsewhere cannot name.
pub fn device_rules(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Vec<oci::LinuxDeviceCgroup> {
    let at = "/linux/resources/devices";
    if let Some(span) = context.privileged() {
        o.set(at, Origin::Written(span));
        // Another warning says what it means without root.
        if context.userns.is_none() {
            warn_no_nodes(d, span);
        }
        return vec![rule(Verdict::Allow, None)];
    }
    o.set(at, Origin::Default(DEVICES_FROM));
    let allowed = DEVICES.iter().map(|device| rule(Verdict::Allow, Some(*device)));
    std::iter::once(rule(Verdict::Deny, None)).chain(allowed).collect()
}

fn warn_no_nodes(d: &mut Diagnostics, span: Span) {
    let message =
        "a privileged service may use every device, but the device nodes of the host are not passed";
    let draft = d.warning(Code::HostDependent, message).label(span, "");
    draft.help("mount the nodes it needs, such as `/dev/fuse:/dev/fuse`").emit();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Allow,
    Deny,
}

/// A rule for one character device, or for every device.
fn rule(verdict: Verdict, device: Option<(i64, i64)>) -> oci::LinuxDeviceCgroup {
    let mut rule = oci::LinuxDeviceCgroup::default();
    rule.set_allow(verdict == Verdict::Allow).set_access(Some("rwm".into()));
    rule.set_typ(device.map(|_| oci::LinuxDeviceType::C));
    rule.set_major(device.map(|(major, _)| major)).set_minor(device.map(|(_, minor)| minor));
    rule
}
