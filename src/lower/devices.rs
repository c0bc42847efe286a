//! `linux.devices` and `linux.resources.devices`: which device nodes the container has and may use.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use oci_spec::runtime as oci;

use super::Context;
use super::defaults::{DEVICES, DEVICES_FROM};
use super::origin::{Origin, Origins};
use crate::compose::devices::{Device, DeviceNodes};
use crate::compose::value::device::{DeviceKind, DeviceNode, DeviceRule};
use crate::diag::{Code, Diagnostics, Reported};
use crate::nearest::nearest;
use crate::source::{Span, Spanned};

mod table;

pub use table::known;

/// The nodes and the rules for them. Everything is denied, then the harmless devices are allowed, then those of the
/// service, and last `device_cgroup_rules`. A privileged container may use any (moby `daemon/oci_linux.go`, `WithDevices`).
/// The nodes that every container has are made by the runtime.
pub fn devices(
    d: &mut Diagnostics,
    context: &Context,
    o: &mut Origins,
) -> (Option<Vec<oci::LinuxDevice>>, Vec<oci::LinuxDeviceCgroup>) {
    let own = own(d, context);
    for (index, (_, node)) in own.iter().enumerate() {
        o.set(format!("/linux/devices/{index}"), Origin::Written(node.span));
    }
    let rules = match context.privileged() {
        Some(span) => privileged(d, context, o, span),
        None => rules(d, context, o, &own),
    };
    let nodes: Vec<_> = own.iter().map(|(device, node)| made(device, node.value)).collect();
    ((!nodes.is_empty()).then_some(nodes), rules)
}

/// The devices of the service, each with what the kernel knows it by. One place in the container can have one.
fn own<'a>(d: &mut Diagnostics, context: &Context<'a>) -> Vec<(&'a Device, Spanned<DeviceNode>)> {
    let mut places: BTreeMap<&str, Span> = BTreeMap::new();
    let mut found = Vec::new();
    for device in &context.service.written.devices {
        if let Some(first) = places.insert(&device.target.value, device.target.span) {
            let draft = d.error(Code::Conflict, format!("two devices on `{}`", device.target.value));
            let draft = draft.label(device.target.span, "").label(first, "the other one");
            draft.help("remove one of them").emit();
        }
        found.extend(node(d, &device.source, &context.settings.devices).map(|node| (device, node)));
    }
    found
}

/// What a path on the host stands for, and where that is said. Numbers that the user gives go first. The machine that
/// builds is not asked: what it has says nothing about the one that runs the bundle.
pub fn node(
    d: &mut Diagnostics,
    path: &Spanned<Rc<str>>,
    said: &DeviceNodes,
) -> Result<Spanned<DeviceNode>, Reported> {
    if let Some(said) = said.get(&path.value) {
        return Ok(*said);
    }
    let known = table::known(&path.value).map(|node| Spanned { value: node, span: path.span });
    known.ok_or_else(|| unknown(d, path))
}

fn unknown(d: &mut Diagnostics, path: &Spanned<Rc<str>>) -> Reported {
    let name = &*path.value;
    if let Some((_, member)) = table::DIRECTORIES.iter().find(|(directory, _)| *directory == name) {
        let message = format!("`{name}` is a directory, and what is in it differs from host to host");
        let draft = d.error(Code::HostDependent, message).label(path.span, "");
        return draft.help(format!("name each device, such as `{member}`")).emit();
    }
    let message = format!("the numbers of the device `{name}` are not known");
    let draft = d.error(Code::HostDependent, message).label(path.span, "");
    let draft = draft.help(format!(
        "if they are the same on every host, say them at the top of the file, as `ls -l {name}` shows them: \
         `x-bundlegen: {{devices: {{{name}: \"c 240:0\"}}}}`"
    ));
    let meant = name.strip_prefix("/dev/").and_then(|name| nearest(name, table::names()));
    draft.did_you_mean(meant.map(|meant| format!("/dev/{meant}")).as_deref()).emit()
}

/// A node as Docker makes it, but for what the host's own says: its owner is root.
fn made(device: &Device, node: DeviceNode) -> oci::LinuxDevice {
    let mut made = oci::LinuxDevice::default();
    made.set_path(PathBuf::from(&*device.target.value))
        .set_typ(kind(node.kind))
        .set_major(node.major.into())
        .set_minor(node.minor.into())
        .set_file_mode(Some(node.mode))
        .set_uid(Some(0))
        .set_gid(Some(0));
    made
}

fn kind(kind: DeviceKind) -> oci::LinuxDeviceType {
    match kind {
        DeviceKind::Char => oci::LinuxDeviceType::C,
        DeviceKind::Block => oci::LinuxDeviceType::B,
    }
}

/// Docker also gives a privileged container every node of the host, which a bundle that is built elsewhere cannot name.
/// Rules would allow nothing more.
fn privileged(
    d: &mut Diagnostics,
    context: &Context,
    o: &mut Origins,
    span: Span,
) -> Vec<oci::LinuxDeviceCgroup> {
    let written = context.written();
    // Another warning says what it means without root.
    if written.devices.is_empty() && context.userns.is_none() {
        let message =
            "a privileged service may use every device, but the device nodes of the host are not passed";
        let draft = d.warning(Code::HostDependent, message).label(span, "");
        draft.help("name the nodes it needs, such as `devices: [/dev/fuse]`").emit();
    }
    let limited = written.devices.iter().filter(|device| !device.access.value.is_all());
    let limited = limited.map(|device| device.access.span);
    for place in limited.chain(written.device_cgroup_rules.iter().map(|rule| rule.span)) {
        let draft = d.warning(Code::Conflict, "a privileged service may do anything with every device");
        draft
            .label(place, "this changes nothing")
            .label(span, "privileged here")
            .help("remove one of them")
            .emit();
    }
    o.set("/linux/resources/devices", Origin::Written(span));
    vec![rule(Verdict::Allow, None, None, None, "rwm")]
}

fn rules(
    d: &mut Diagnostics,
    context: &Context,
    o: &mut Origins,
    own: &[(&Device, Spanned<DeviceNode>)],
) -> Vec<oci::LinuxDeviceCgroup> {
    let at = "/linux/resources/devices";
    o.set(at, Origin::Default(DEVICES_FROM));
    let char = Some(oci::LinuxDeviceType::C);
    let allowed = |(major, minor): &(i64, i64)| rule(Verdict::Allow, char, Some(*major), Some(*minor), "rwm");
    let mut rules = vec![rule(Verdict::Deny, None, None, None, "rwm")];
    rules.extend(DEVICES.iter().map(allowed));
    for (device, Spanned { value: node, .. }) in own {
        o.set(format!("{at}/{}", rules.len()), Origin::Written(device.span));
        o.set(format!("{at}/{}/access", rules.len()), Origin::Written(device.access.span));
        let (major, minor) = (Some(node.major.into()), Some(node.minor.into()));
        let access = device.access.value.to_string();
        rules.push(rule(Verdict::Allow, Some(kind(node.kind)), major, minor, &access));
    }
    for written in &context.written().device_cgroup_rules {
        if written.value.allows_more() {
            let message = "a rule of type `a` allows everything, whatever else it says";
            let draft = d.warning(Code::InvalidValue, message).label(written.span, "");
            draft.help("write a rule of type `c` and one of type `b`, or `a *:* rwm`").emit();
        }
        o.set(format!("{at}/{}", rules.len()), Origin::Written(written.span));
        rules.push(of_rule(&written.value));
    }
    rules
}

/// What any number may stand for is left out. Docker says -1, which crun hands to the kernel as it is where the host has
/// cgroup v1, and the kernel takes no such number.
fn of_rule(written: &DeviceRule) -> oci::LinuxDeviceCgroup {
    let number = |number: Option<u32>| number.map(i64::from);
    let kind = written.kind.map_or(oci::LinuxDeviceType::A, kind);
    rule(Verdict::Allow, Some(kind), number(written.major), number(written.minor), &written.access)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Allow,
    Deny,
}

/// A rule; for every device where it has no type.
fn rule(
    verdict: Verdict,
    kind: Option<oci::LinuxDeviceType>,
    major: Option<i64>,
    minor: Option<i64>,
    access: &str,
) -> oci::LinuxDeviceCgroup {
    let mut rule = oci::LinuxDeviceCgroup::default();
    rule.set_allow(verdict == Verdict::Allow).set_access(Some(access.to_owned()));
    rule.set_typ(kind).set_major(major).set_minor(minor);
    rule
}
