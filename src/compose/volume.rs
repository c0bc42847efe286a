//! Volumes at the top of the file.

use std::net::IpAddr;
use std::rc::Rc;

use super::decode::{Pair, Table, boolean, missing_key, pairs, text};
use super::value::tmpfs;
use crate::diag::{Code, Diagnostics, Reported};
use crate::nearest::nearest;
use crate::source::{Span, Spanned};
use crate::yaml::{Node, Value};

/// A named volume.
#[derive(Debug, Default)]
pub struct Volume {
    /// The name it is known by outside the file.
    pub name: Option<Spanned<Rc<str>>>,
    /// Where it says that it is made elsewhere.
    pub external: Option<Span>,
    /// What is mounted for it. Without it a volume is a directory beside the bundles.
    pub device: Option<Device>,
}

/// What the driver `local` mounts: the arguments of `mount(2)`.
#[derive(Clone, Debug)]
pub struct Device {
    /// The file system, and where it comes from.
    pub source: DeviceSource,
    /// The options of the mount, in the order they are written.
    pub options: Vec<String>,
    /// Where it is written.
    pub span: Span,
}

/// What a device is.
#[derive(Clone, Debug)]
pub enum DeviceSource {
    /// A directory or file of the host.
    Bind(Spanned<Rc<str>>),
    /// Memory: each mount of it is another one.
    Tmpfs,
    /// A file system of this type, and what it is made of.
    FileSystem(Rc<str>, Rc<str>),
}

/// A volume is often declared with nothing after its name.
pub(super) fn decode(d: &mut Diagnostics, node: &Node) -> Result<Volume, Reported> {
    if matches!(node.value, Value::Null) {
        return Ok(Volume::default());
    }
    let mut t = Table::new(d, node, "a volume")?;
    let is_local = node.get("driver").and_then(Node::as_str) == Some("local");
    let external = t.opt(d, "external", boolean).filter(|external| external.value);
    let volume = Volume {
        name: t.opt(d, "name", name),
        external: external.map(|external| external.span),
        device: t.opt(d, "driver_opts", |d, node| device(d, node, is_local)).flatten(),
    };
    t.opt(d, "labels", labels);
    t.opt(d, "driver", driver);
    t.finish(d)?;
    Ok(volume)
}

/// Docker shows the labels of a volume to whoever asks its daemon.
pub(super) fn labels(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    if !pairs(d, node)?.is_empty() {
        let draft = d.warning(Code::NotSupported, "labels of a volume have no place in a bundle");
        draft.label(node.span, "nothing reads them").help("remove them").emit();
    }
    Ok(())
}

/// The name is also that of a directory.
fn name(d: &mut Diagnostics, node: &Node) -> Result<Spanned<Rc<str>>, Reported> {
    let name = text(d, node)?;
    super::check_name(d, &name)?;
    Ok(name)
}

fn driver(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    let driver = text(d, node)?;
    if matches!(&*driver.value, "local" | "default" | "") {
        return Ok(());
    }
    let message =
        format!("the volume driver `{}` is a plugin of Docker, which a bundle does without", driver.value);
    Err(d
        .error(Code::NotSupported, message)
        .label(driver.span, "")
        .help("leave it away: a volume is a directory beside the bundles")
        .emit())
}

/// The options of the driver `local` (moby: `volume/local/local_unix.go`).
const OPTIONS: [&str; 4] = ["type", "device", "o", "size"];

/// What the options of the driver mount, if there are any. They need a type and a device, as in Docker.
fn device(d: &mut Diagnostics, node: &Node, is_local: bool) -> Result<Option<Device>, Reported> {
    let pairs = pairs(d, node)?;
    check_options(d, &pairs)?;
    if pairs.is_empty() {
        return Ok(None);
    }
    let find = |key: &str| pairs.iter().find(|pair| &*pair.key.value == key)?.value.clone();
    let filled = |key: &str| find(key).filter(|value| !value.value.is_empty());
    let mut needed = |key| filled(key).ok_or_else(|| missing_key(d, "an option of a volume", key, node.span));
    let (kind, device) = (needed("type"), needed("device"));
    let (kind, device, o) = (kind?, device?, filled("o"));
    let written = o.as_ref().map_or("", |o| &o.value);
    let mut options: Vec<String> = written.split(',').filter(|o| !o.is_empty()).map(str::to_owned).collect();
    let is_bind = options.iter().any(|option| matches!(option.as_str(), "bind" | "rbind"));
    let source = match &*kind.value {
        _ if is_bind => bound(d, device, written == "bind" && is_local)?,
        "none" => return Err(nothing_bound(d, &kind)),
        "tmpfs" => {
            if let Some(o) = &o {
                let checked = tmpfs::checked(&o.value);
                options = checked.map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |r| o.at(r)))?;
            }
            DeviceSource::Tmpfs
        }
        name => {
            check_address(d, name, o.as_ref(), &kind)?;
            DeviceSource::FileSystem(Rc::clone(&kind.value), device.value)
        }
    };
    Ok(Some(Device { source, options, span: node.span }))
}

fn check_options(d: &mut Diagnostics, pairs: &[Pair]) -> Result<(), Reported> {
    let mut failed = Ok(());
    for Pair { key, .. } in pairs {
        if &*key.value == "size" {
            let message =
                "the size of a volume is a quota of the host's file system, which a bundle cannot set";
            let draft = d.error(Code::NotSupported, message).label(key.span, "");
            failed = Err(draft.help("leave it away, or write `type: tmpfs` and `o: size=…`").emit());
        } else if !OPTIONS.contains(&&*key.value) {
            let message = format!("the volume driver `local` has no option `{}`", key.value.escape_debug());
            let known = if d.has_room() { nearest(&key.value, OPTIONS) } else { None };
            let draft = d.error(Code::InvalidValue, message).label(key.span, "");
            failed = Err(draft.help("it has `type`, `device` and `o`").did_you_mean(known).emit());
        }
    }
    failed
}

/// Compose finds a relative path where it is all that is said; to Docker it means nothing.
fn bound(d: &mut Diagnostics, device: Spanned<Rc<str>>, relative: bool) -> Result<DeviceSource, Reported> {
    super::mount::check_host_path(d, &device)?;
    if relative || device.value.starts_with('/') {
        return Ok(DeviceSource::Bind(device));
    }
    let message = format!("the device of this volume must be an absolute path, found `{}`", device.value);
    let draft = d.error(Code::InvalidValue, message).label(device.span, "");
    Err(draft.help("Compose takes a relative one with `driver: local` and `o: bind`").emit())
}

fn nothing_bound(d: &mut Diagnostics, kind: &Spanned<Rc<str>>) -> Reported {
    let draft = d.error(Code::InvalidValue, "`type: none` mounts nothing").label(kind.span, "");
    draft.help("add `o: bind` to mount a directory of the host").emit()
}

/// Docker looks the address of a server up when it mounts; a runtime does not, and the kernel cannot.
fn check_address(
    d: &mut Diagnostics,
    file_system: &str,
    o: Option<&Spanned<Rc<str>>>,
    kind: &Spanned<Rc<str>>,
) -> Result<(), Reported> {
    if !matches!(file_system, "nfs" | "nfs4" | "cifs" | "smb3") {
        return Ok(());
    }
    let mut at = 0;
    for option in o.map_or("", |o| &o.value).split(',') {
        let start = at;
        at += option.len() + 1;
        let Some(address) = option.strip_prefix("addr=") else { continue };
        if address.parse::<IpAddr>().is_ok() {
            return Ok(());
        }
        let message = format!("`addr` of a volume must be an address, found `{address}`");
        let place = o.map_or(kind.span, |o| o.at(start..start + option.len()));
        let draft = d.error(Code::InvalidValue, message).label(place, "");
        return Err(draft.help("a runtime does not look names up; write the server's IP address").emit());
    }
    if !file_system.starts_with("nfs") {
        return Ok(());
    }
    let draft = d.error(Code::MissingKey, "a volume on a server needs `addr` in `o`");
    Err(draft.label(kind.span, "on a server").help("write `o: addr=ADDRESS`").emit())
}
