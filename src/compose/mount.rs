//! The mounts of a service.

use std::rc::Rc;

use super::decode::{Table, all, boolean, integer, text, text_or_number, value};
use super::value::bytes::Bytes;
use super::value::target::{clean_path, clean_target};
use super::value::tmpfs::Settings;
use super::value::volume::{Access, Propagation, Recursion};
use super::volume::labels;
use super::written::written_keys;
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{Span, Spanned};
use crate::yaml::{Node, Plain, Value};

/// A mount of a service.
#[derive(Clone, Debug)]
pub struct Mount {
    /// What is mounted.
    pub source: Source,
    /// The place in the container: absolute and clean.
    pub target: Spanned<Rc<str>>,
    /// Whether the container may write to it.
    pub access: Access,
    /// Whether a new volume stays empty, and is not filled with what the image has at the target.
    pub nocopy: bool,
    /// The whole of it.
    pub span: Span,
}

/// What is mounted.
#[derive(Clone, Debug)]
pub enum Source {
    /// A directory or file of the host.
    Bind {
        /// As it is written.
        path: Spanned<Rc<str>>,
        /// What happens when it is not there.
        missing: MissingSource,
        /// How mounts below it travel.
        propagation: Propagation,
        /// Whether mounts below it come along.
        recursion: Recursion,
    },
    /// A volume.
    Volume {
        /// Its key in the file; none where it has no name.
        name: Option<Spanned<Rc<str>>>,
        /// The directory in it that is mounted, instead of all of it.
        subpath: Option<Spanned<Rc<str>>>,
    },
    /// Memory.
    Tmpfs {
        /// Options of `mount`.
        options: Vec<String>,
    },
}

/// What `prepare` does about a bind source that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingSource {
    /// It makes a directory, as Docker does for the short form.
    Created,
    /// Nothing: the container will not start.
    Left,
}

/// A mount. All keys are read before it is known which of them belong together.
pub(super) fn mount(d: &mut Diagnostics, node: &Node) -> Result<Mount, Reported> {
    let mut t = Table::new(d, node, "a mount")?;
    let kind = t.required(d, "type", text);
    let source = t.opt(d, "source", text);
    let target = t.required(d, "target", target);
    let read_only = t.opt(d, "read_only", boolean).is_some_and(|read_only| read_only.value);
    t.opt(d, "consistency", consistency);
    let bind = t.opt(d, "bind", bind);
    let tmpfs = t.opt(d, "tmpfs", tmpfs);
    let volume = t.opt(d, "volume", of_volume).unwrap_or_default();
    // What it says is of no use: see below.
    t.opt(d, "image", |_, _| Ok(()));
    t.finish(d)?;
    let (kind, target) = (kind?, target?);
    check_fits(d, &kind, node)?;
    let access = if read_only { Access::ReadOnly } else { Access::ReadWrite };
    let source = match &*kind.value {
        "bind" => bind_source(d, source, &bind.unwrap_or_default(), access, node)?,
        "volume" => {
            let name = source.filter(|source| !source.value.is_empty());
            check_named(d, name.as_ref(), volume.subpath.as_ref())?;
            Source::Volume { name, subpath: volume.subpath }
        }
        "tmpfs" => {
            let settings = Settings { read_only, ..tmpfs.unwrap_or_default() };
            Source::Tmpfs { options: settings.options() }
        }
        other => return Err(unsupported(d, other, kind.span, node.get("image"))),
    };
    Ok(Mount { source, target, access, nocopy: volume.nocopy, span: node.span })
}

/// `image`, `npipe` or `cluster`: the model has no others.
fn unsupported(d: &mut Diagnostics, kind: &str, span: Span, image: Option<&Node>) -> Reported {
    let help = match kind {
        "image" => "a bundle has one image; copy the directory to the project and mount that",
        "npipe" => "named pipes are for containers on Windows",
        _ => "volumes of a cluster are for Docker Swarm",
    };
    let message = format!("a mount of type `{kind}` is not supported");
    let mut draft = d.error(Code::NotSupported, message).label(span, "");
    if let Some(image) = image {
        draft = draft.label(image.span, format!("nor is {}", written_keys("volumes.image", image)));
    }
    draft.help(help).emit()
}

fn bind_source(
    d: &mut Diagnostics,
    source: Option<Spanned<Rc<str>>>,
    bind: &Bind,
    access: Access,
    node: &Node,
) -> Result<Source, Reported> {
    let path = needed(d, source, node, "a bind mount")?;
    check_host_path(d, &path)?;
    let propagation = bind.propagation.unwrap_or_else(|| unsaid_propagation(&path.value));
    check_recursion(d, bind.recursion.as_ref(), access, propagation)?;
    let recursion = bind.recursion.as_ref().map_or(Recursion::Enabled, |recursion| recursion.value);
    Ok(Source::Bind { path, missing: bind.missing, propagation, recursion })
}

/// What holds its storage is a slave of the host's in Docker, so that no container keeps the file systems of others:
/// moby `daemon/volumes_linux.go`. Of the root directory that is true on every host.
fn unsaid_propagation(path: &str) -> Propagation {
    if clean_path(path) == "/" { Propagation::Rslave } else { Propagation::Rprivate }
}

/// As Docker does: moby `volume/mounts/linux_parser.go`.
fn check_recursion(
    d: &mut Diagnostics,
    recursion: Option<&Spanned<Recursion>>,
    access: Access,
    propagation: Propagation,
) -> Result<(), Reported> {
    let Some(Spanned { value, span }) = recursion else { return Ok(()) };
    if !matches!(value, Recursion::Writable | Recursion::ReadOnly) {
        return Ok(());
    }
    if access == Access::ReadWrite {
        let message = format!("`recursive: {value}` has no meaning for a mount that can be written to");
        let draft = d.error(Code::Conflict, message).label(*span, "");
        return Err(draft.help("add `read_only: true` to the mount").emit());
    }
    if *value == Recursion::ReadOnly && propagation != Propagation::Rprivate {
        let message = format!("`recursive: readonly` and `propagation: {propagation}` exclude each other");
        let draft = d.error(Code::Conflict, message).label(*span, "");
        return Err(draft.help("remove one of them, or write `propagation: rprivate`").emit());
    }
    Ok(())
}

fn check_named(
    d: &mut Diagnostics,
    name: Option<&Spanned<Rc<str>>>,
    subpath: Option<&Spanned<Rc<str>>>,
) -> Result<(), Reported> {
    match (name, subpath) {
        (None, Some(subpath)) => {
            let message = format!("a volume without a name has no directory `{}`", subpath.value);
            let draft = d.error(Code::Conflict, message).label(subpath.span, "");
            Err(draft.help("remove `subpath`, or name a `source`").emit())
        }
        _ => Ok(()),
    }
}

/// A path of the host that can be read by people too.
pub(super) fn check_host_path(d: &mut Diagnostics, path: &Spanned<Rc<str>>) -> Result<(), Reported> {
    let Some((at, c)) = path.value.char_indices().find(|(_, c)| c.is_control()) else { return Ok(()) };
    let message = format!("a path cannot contain the control character `{}`", c.escape_debug());
    let draft = d.error(Code::InvalidValue, message).label(path.at(at..at + c.len_utf8()), "");
    Err(draft.help("remove it").emit())
}

/// What makes no sense with each type of mount. Compose passes over it in silence.
const FOREIGN: [(&str, &[&str]); 3] = [
    ("bind", &["image", "tmpfs", "volume"]),
    ("volume", &["bind", "image", "tmpfs"]),
    ("tmpfs", &["bind", "image", "source", "volume"]),
];

fn check_fits(d: &mut Diagnostics, kind: &Spanned<Rc<str>>, node: &Node) -> Result<(), Reported> {
    let Value::Map(entries) = &node.value else { return Ok(()) };
    let foreign = FOREIGN.iter().find(|(name, _)| *name == &*kind.value);
    let foreign = foreign.map_or(&[] as &[&str], |(_, keys)| *keys);
    // The short form of a volume writes `z` there, and Docker relabels volumes too.
    let relabels = |node: &Node| node.entries().iter().all(|entry| &*entry.key == "selinux");
    let foreign = |key: &str, node: &Node| {
        foreign.contains(&key) && !(&*kind.value == "volume" && key == "bind" && relabels(node))
    };
    all(entries.iter().filter(|entry| foreign(&entry.key, &entry.value)).map(|entry| {
        let below = entry.value.entries().iter().map(|below| format!("`{}.{}`", entry.key, below.key));
        let mut keys = below.collect::<Vec<_>>().join(", ");
        if keys.is_empty() {
            keys = format!("`{}`", entry.key);
        }
        let message = format!("`type: {}` gives no meaning to {keys}", kind.value);
        let draft = d.error(Code::Conflict, message).label(entry.key_span, "");
        Err(draft.label(kind.span, "the type").help("remove it, or change the type").emit())
    }))
    .map(|_: Vec<()>| ())
}

/// How Docker Desktop keeps the two sides of a mount alike. A bundle has one side.
const CONSISTENCIES: [&str; 4] = ["consistent", "cached", "delegated", "default"];

fn consistency(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    let text = text(d, node)?;
    if CONSISTENCIES.contains(&&*text.value) {
        let message = format!("`consistency: {}` means nothing on Linux", text.value);
        let draft = d.warning(Code::NoPlace, message).label(text.span, "for Docker Desktop alone");
        draft.help("remove it").emit();
        return Ok(());
    }
    let message = format!("no consistency is called `{}`", text.value.escape_debug());
    let draft = d.error(Code::InvalidValue, message).label(text.span, "");
    Err(draft.help("write `consistent`, `cached` or `delegated`, or leave the key away").emit())
}

fn needed(
    d: &mut Diagnostics,
    source: Option<Spanned<Rc<str>>>,
    node: &Node,
    what: &str,
) -> Result<Spanned<Rc<str>>, Reported> {
    source.filter(|source| !source.value.is_empty()).ok_or_else(|| {
        d.error(Code::MissingKey, format!("{what} needs a `source`")).label(node.span, "not in here").emit()
    })
}

pub(super) fn target(d: &mut Diagnostics, node: &Node) -> Result<Spanned<Rc<str>>, Reported> {
    let text = text(d, node)?;
    let clean = clean_target(&text.value);
    let clean = clean.map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |range| node.at(range)))?;
    Ok(Spanned { value: clean.into(), span: node.span })
}

/// The settings of a bind mount.
struct Bind {
    missing: MissingSource,
    propagation: Option<Propagation>,
    recursion: Option<Spanned<Recursion>>,
}

impl Default for Bind {
    fn default() -> Self {
        Bind { missing: MissingSource::Left, propagation: None, recursion: None }
    }
}

fn bind(d: &mut Diagnostics, node: &Node) -> Result<Bind, Reported> {
    let mut t = Table::new(d, node, "`bind` of a mount")?;
    let propagation = t.opt(d, "propagation", value);
    let create = t.opt(d, "create_host_path", boolean).is_some_and(|create| create.value);
    let recursion = t.opt(d, "recursive", value);
    t.opt(d, "selinux", selinux);
    t.finish(d)?;
    let missing = if create { MissingSource::Created } else { MissingSource::Left };
    let propagation = propagation.map(|propagation| propagation.value);
    Ok(Bind { missing, propagation, recursion })
}

/// Docker gives the files on the host another label, where the host has SELinux.
fn selinux(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    let label = text(d, node)?;
    let message =
        format!("`selinux: {}` changes labels on the host, which nobody does for a bundle", label.value);
    let draft = d.warning(Code::NotSupported, message).label(label.span, "");
    draft.help("without SELinux remove it; with it, use `chcon -Rt container_file_t` on the host").emit();
    Ok(())
}

fn tmpfs(d: &mut Diagnostics, node: &Node) -> Result<Settings, Reported> {
    let mut t = Table::new(d, node, "`tmpfs` of a mount")?;
    let size = t.opt(d, "size", text_or_number::<Bytes>).map_or(0, |size| size.value.0);
    let mode = t.opt(d, "mode", mode).unwrap_or(0);
    t.finish(d)?;
    Ok(Settings { mode, size, ..Settings::default() })
}

/// A file mode: YAML reads `0755` as octal, and a text is octal too.
fn mode(d: &mut Diagnostics, node: &Node) -> Result<u32, Reported> {
    let number = match &node.value {
        Value::Scalar(scalar) if scalar.resolve() == Plain::Str => i64::from_str_radix(&scalar.text, 8).ok(),
        _ => Some(integer(d, node)?.value),
    };
    let mode = number.and_then(|mode| u32::try_from(mode).ok()).filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| {
        let draft = d.error(Code::InvalidValue, "this is no file mode").label(node.span, "");
        draft.help("write it in octal, such as `0755`").emit()
    })
}

/// The settings of a volume.
#[derive(Default)]
struct OfVolume {
    nocopy: bool,
    subpath: Option<Spanned<Rc<str>>>,
}

fn of_volume(d: &mut Diagnostics, node: &Node) -> Result<OfVolume, Reported> {
    let mut t = Table::new(d, node, "`volume` of a mount")?;
    let nocopy = t.opt(d, "nocopy", boolean).is_some_and(|nocopy| nocopy.value);
    t.opt(d, "labels", labels);
    let subpath = t.opt(d, "subpath", subpath).flatten();
    t.finish(d)?;
    Ok(OfVolume { nocopy, subpath })
}

/// A directory in a volume; none where it is the volume itself.
fn subpath(d: &mut Diagnostics, node: &Node) -> Result<Option<Spanned<Rc<str>>>, Reported> {
    let path = text(d, node)?;
    check_host_path(d, &path)?;
    let clean = clean_path(&path.value);
    if clean.starts_with('/') || clean.split('/').next() == Some("..") {
        let message = format!("a directory in a volume must be a relative path, found `{}`", path.value);
        let draft = d.error(Code::InvalidValue, message).label(path.span, "");
        return Err(draft.help("start from the top of the volume").emit());
    }
    Ok((clean != ".").then(|| Spanned { value: clean.into(), span: path.span }))
}
