//! Volumes: definitions at the top of the file, and the mounts of a service.

use std::rc::Rc;

use super::decode::{Table, all, boolean, integer, pairs, text, text_or_number};
use super::value::bytes::Bytes;
use super::value::target::clean_target;
use super::value::tmpfs::Settings;
pub use super::value::volume::Access;
use super::value::volume::Propagation;
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{Span, Spanned};
use crate::yaml::{Node, Plain, Value};

/// A named volume.
#[derive(Debug, Default)]
pub struct Volume {
    /// The name it is known by outside the file.
    pub name: Option<Spanned<Rc<str>>>,
}

/// A volume is often declared with nothing after its name.
pub(super) fn decode(d: &mut Diagnostics, node: &Node) -> Result<Volume, Reported> {
    if matches!(node.value, Value::Null) {
        return Ok(Volume::default());
    }
    let mut t = Table::new(d, node, "a volume")?;
    let volume = Volume { name: t.opt(d, "name", name) };
    t.opt(d, "labels", labels);
    t.opt(d, "driver", driver);
    t.finish(d, &["driver_opts", "external"])?;
    Ok(volume)
}

/// Docker shows the labels of a volume to whoever asks its daemon.
fn labels(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
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
    },
    /// A volume of the file.
    Volume {
        /// Its key.
        name: Spanned<Rc<str>>,
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
    let nocopy = t.opt(d, "volume", of_volume).unwrap_or_default();
    t.finish(d, &["image"])?;
    let (kind, target) = (kind?, target?);
    check_fits(d, &kind, node)?;
    let access = if read_only { Access::ReadOnly } else { Access::ReadWrite };
    let source = match &*kind.value {
        "bind" => {
            let path = needed(d, source, node, "a bind mount")?;
            let Bind { missing, propagation } = bind.unwrap_or_default();
            Source::Bind { path, missing, propagation }
        }
        "volume" => {
            let name = source.filter(|source| !source.value.is_empty());
            Source::Volume { name: name.ok_or_else(|| anonymous(d, node))? }
        }
        "tmpfs" => {
            let settings = Settings { read_only, ..tmpfs.unwrap_or_default() };
            Source::Tmpfs { options: settings.options() }
        }
        // `image`, `npipe` or `cluster`: the model has no others.
        other => {
            let message = format!("a mount of type `{other}` is not supported");
            return Err(d.error(Code::NotSupported, message).label(kind.span, "").emit());
        }
    };
    Ok(Mount { source, target, access, nocopy, span: node.span })
}

/// What makes no sense with each type of mount. Compose passes over it in silence.
const FOREIGN: [(&str, &[&str]); 3] = [
    ("bind", &["tmpfs", "volume"]),
    ("volume", &["bind", "tmpfs"]),
    ("tmpfs", &["bind", "source", "volume"]),
];

fn check_fits(d: &mut Diagnostics, kind: &Spanned<Rc<str>>, node: &Node) -> Result<(), Reported> {
    let Value::Map(entries) = &node.value else { return Ok(()) };
    let foreign = FOREIGN.iter().find(|(name, _)| *name == &*kind.value);
    let foreign = foreign.map_or(&[] as &[&str], |(_, keys)| *keys);
    all(entries.iter().filter(|entry| foreign.contains(&&*entry.key)).map(|entry| {
        let message = format!("`{}` has no meaning with `type: {}`", entry.key, kind.value);
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
        return Ok(());
    }
    let message = format!("no consistency is called `{}`", text.value.escape_debug());
    let draft = d.error(Code::InvalidValue, message).label(text.span, "");
    Err(draft.help("write `consistent`, `cached` or `delegated`, or leave the key away").emit())
}

fn anonymous(d: &mut Diagnostics, node: &Node) -> Reported {
    let draft = d.error(Code::NotSupported, "a volume without a source is not supported yet");
    draft.label(node.span, "").help("give it a name: `NAME:TARGET`").emit()
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

fn target(d: &mut Diagnostics, node: &Node) -> Result<Spanned<Rc<str>>, Reported> {
    let text = text(d, node)?;
    let clean = clean_target(&text.value);
    let clean = clean.map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |range| node.at(range)))?;
    Ok(Spanned { value: clean.into(), span: node.span })
}

/// The settings of a bind mount.
struct Bind {
    missing: MissingSource,
    propagation: Propagation,
}

impl Default for Bind {
    fn default() -> Self {
        Bind { missing: MissingSource::Left, propagation: Propagation::Rprivate }
    }
}

fn bind(d: &mut Diagnostics, node: &Node) -> Result<Bind, Reported> {
    let mut t = Table::new(d, node, "`bind` of a mount")?;
    let propagation = t.opt(d, "propagation", super::decode::value);
    let create = t.opt(d, "create_host_path", boolean).is_some_and(|create| create.value);
    t.finish(d, &["recursive", "selinux"])?;
    let missing = if create { MissingSource::Created } else { MissingSource::Left };
    Ok(Bind {
        missing,
        propagation: propagation.map_or(Propagation::Rprivate, |propagation| propagation.value),
    })
}

fn tmpfs(d: &mut Diagnostics, node: &Node) -> Result<Settings, Reported> {
    let mut t = Table::new(d, node, "`tmpfs` of a mount")?;
    let size = t.opt(d, "size", text_or_number::<Bytes>).map_or(0, |size| size.value.0);
    let mode = t.opt(d, "mode", mode).unwrap_or(0);
    t.finish(d, &[])?;
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

/// Whether it says `nocopy`.
fn of_volume(d: &mut Diagnostics, node: &Node) -> Result<bool, Reported> {
    let mut t = Table::new(d, node, "`volume` of a mount")?;
    let nocopy = t.opt(d, "nocopy", boolean).is_some_and(|nocopy| nocopy.value);
    t.opt(d, "labels", labels);
    t.finish(d, &["subpath"])?;
    Ok(nocopy)
}
