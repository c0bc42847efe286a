//! Devices of a service, and what there is to say about devices at the top of a file.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::decode::{Expected, Table, text, value, wrong_type};
use super::value::device::{DeviceAccess, DeviceNode};
use super::value::target::{clean, clean_target};
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{Span, Spanned};
use crate::yaml::{Entry, Node, Value};

/// A device that a service gets.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its path on the host: absolute and clean.
    pub source: Spanned<Rc<str>>,
    /// Its path in the container: absolute and clean.
    pub target: Spanned<Rc<str>>,
    /// What the container may do with it.
    pub access: Spanned<DeviceAccess>,
    /// The whole of it.
    pub span: Span,
}

/// An item of `devices`.
pub(super) fn device(d: &mut Diagnostics, node: &Node) -> Result<Device, Reported> {
    let mut t = Table::new(d, node, "a device")?;
    let source = t.required(d, "source", source);
    // A short form takes the place in the container from the host: one mistake is enough.
    let target =
        t.required(d, "target", |d, node| source.as_ref().map_err(|r| *r).and_then(|_| target(d, node)));
    let access = t.opt(d, "permissions", value);
    t.finish(d)?;
    let (source, target) = (source?, target?);
    let access = access.unwrap_or(Spanned { value: DeviceAccess::all(), span: node.span });
    Ok(Device { source, target, access, span: node.span })
}

fn source(d: &mut Diagnostics, node: &Node) -> Result<Spanned<Rc<str>>, Reported> {
    let written = text(d, node)?;
    let path = &*written.value;
    if path.starts_with('/') {
        return Ok(Spanned { value: clean(path).into(), span: written.span });
    }
    let draft = if is_cdi(path) {
        let message = format!("what the device `{path}` stands for is known on the host alone");
        let draft = d.error(Code::HostDependent, message).label(written.span, "a name for CDI");
        draft.help(
            "name the device nodes it stands for, and mount the files: `cdi list` on the host shows them",
        )
    } else {
        let message = format!("a device of the host is an absolute path, and not `{path}`");
        d.error(Code::InvalidValue, message).label(written.span, "").help("write a path such as `/dev/fuse`")
    };
    Err(draft.emit())
}

/// `VENDOR/CLASS=NAME`, as the Container Device Interface names devices.
fn is_cdi(name: &str) -> bool {
    name.split_once('=').is_some_and(|(kind, _)| kind.contains('/'))
}

fn target(d: &mut Diagnostics, node: &Node) -> Result<Spanned<Rc<str>>, Reported> {
    let written = text(d, node)?;
    // Docker's command line takes `HOST:PERMISSIONS`, Compose does not.
    if written.value.parse::<DeviceAccess>().is_ok() {
        let message = format!("`{}` is no path in the container", written.value);
        let draft = d.error(Code::InvalidValue, message).label(written.span, "");
        return Err(draft.help("permissions come third: `HOST:CONTAINER:PERMISSIONS`").emit());
    }
    let clean = clean_target(&written.value);
    let clean = clean.map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |range| node.at(range)))?;
    Ok(Spanned { value: clean.into(), span: written.span })
}

/// Devices of a driver that its vendor hands out: a hook of the host's, or CDI, finds the nodes and the libraries that
/// belong together, and both are made for one version of the driver on one host.
pub(super) fn no_device_requests(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    if matches!(&node.value, Value::Seq(items) if items.is_empty()) || node.is_null() {
        return Ok(());
    }
    let message = "a bundle cannot ask for devices by what they can do: the host's driver hands them out";
    let draft = d.error(Code::HostDependent, message).label(node.span, "");
    Err(draft.help("name the device nodes under `devices`, and mount the libraries of the driver").emit())
}

/// Devices whose numbers the user says, by their clean paths on the host.
pub type DeviceNodes = BTreeMap<Rc<str>, Spanned<DeviceNode>>;

/// `devices` of `x-bundlegen`: a path of the host, and its type and numbers.
pub(super) fn device_nodes(d: &mut Diagnostics, node: &Node) -> Result<DeviceNodes, Reported> {
    let Value::Map(entries) = &node.value else {
        return Err(wrong_type(d, node, Expected::Mapping("`devices` of `x-bundlegen`")));
    };
    let mut nodes = DeviceNodes::new();
    let mut failed = Ok(());
    for entry in entries.iter() {
        failed = device_node(d, entry, &mut nodes).and(failed);
    }
    failed.map(|()| nodes)
}

fn device_node(d: &mut Diagnostics, entry: &Entry, nodes: &mut DeviceNodes) -> Result<(), Reported> {
    if !entry.key.starts_with('/') {
        let message = format!("a device of the host is an absolute path, and not `{}`", entry.key);
        let draft = d.error(Code::InvalidValue, message).label(entry.key_span, "");
        return Err(draft.help("write a path such as `/dev/fuse`").emit());
    }
    let node = value(d, &entry.value)?;
    let path: Rc<str> = clean(&entry.key).into();
    match nodes.insert(Rc::clone(&path), node) {
        Some(first) if first.value != node.value => {
            let draft = d.error(Code::Conflict, format!("`{path}` is said to be two devices"));
            Err(draft
                .label(node.span, "")
                .label(first.span, "the other one")
                .help("remove one of them")
                .emit())
        }
        _ => Ok(()),
    }
}
