//! Secrets and configs: where their content comes from, and where a service sees it.

use std::rc::Rc;

use super::decode::{Table, boolean, missing_key, pairs, text, value};
use super::mount::{check_host_path, target};
use super::value::file_mode::FileMode;
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{Span, Spanned};
use crate::yaml::Node;

/// Where the content of a secret or a config comes from.
#[derive(Clone, Debug)]
pub enum FileSource {
    /// A file of the host.
    File(Spanned<Rc<str>>),
    /// The Compose file, or for a config the environment of the build.
    Content(Rc<str>),
    /// A variable of whoever prepares the bundles: only secrets have it.
    Environment(Spanned<Rc<str>>),
}

/// What a definition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// One of `secrets`.
    Secret,
    /// One of `configs`.
    Config,
}

impl FileKind {
    /// The word for messages.
    pub fn word(self) -> &'static str {
        match self {
            FileKind::Secret => "secret",
            FileKind::Config => "config",
        }
    }

    /// Where a service sees what names no absolute path (Docker Compose: `pkg/compose/create.go`).
    fn directory(self) -> &'static str {
        match self {
            FileKind::Secret => "/run/secrets/",
            FileKind::Config => "/",
        }
    }
}

/// A secret at the top of the file.
pub(super) fn secret(d: &mut Diagnostics, node: &Node) -> Result<FileSource, Reported> {
    let mut t = Table::new(d, node, "a secret")?;
    let file = t.opt(d, "file", path);
    let variable = t.opt(d, "environment", variable);
    foreign(d, &mut t, FileKind::Secret);
    t.finish(d)?;
    let source = file.map(FileSource::File).or_else(|| variable.map(FileSource::Environment));
    // What has no content was reported.
    source.ok_or_else(|| missing_key(d, "a secret", "file", node.span))
}

/// A config at the top of the file.
pub(super) fn config(d: &mut Diagnostics, node: &Node) -> Result<FileSource, Reported> {
    let mut t = Table::new(d, node, "a config")?;
    let file = t.opt(d, "file", path);
    let variable = t.opt(d, "environment", text);
    let content = t.opt(d, "content", text);
    foreign(d, &mut t, FileKind::Config);
    t.finish(d)?;
    // The model has put the value of a variable there.
    match (file, content, variable) {
        (Some(file), ..) => Ok(FileSource::File(file)),
        (None, Some(content), _) => Ok(FileSource::Content(content.value)),
        (None, None, Some(variable)) => {
            let message = format!("`{}` is not set, and is to be the content of a config", variable.value);
            let draft = d.error(Code::UnsetVariable, message).label(variable.span, "");
            Err(draft.help("set it, for instance in `.env`").emit())
        }
        (None, None, None) => Err(missing_key(d, "a config", "content", node.span)),
    }
}

fn path(d: &mut Diagnostics, node: &Node) -> Result<Spanned<Rc<str>>, Reported> {
    let path = text(d, node)?;
    check_host_path(d, &path)?;
    Ok(path)
}

/// The name of a variable that a process can have.
fn variable(d: &mut Diagnostics, node: &Node) -> Result<Spanned<Rc<str>>, Reported> {
    let name = text(d, node)?;
    if name.value.contains(['=', '\0']) {
        let message = format!("no variable can be called `{}`", name.value.escape_debug());
        return Err(d.error(Code::InvalidValue, message).label(name.span, "").emit());
    }
    Ok(name)
}

/// What only Docker Swarm knows. Docker Compose refuses what is external, and ignores the rest.
fn foreign(d: &mut Diagnostics, t: &mut Table, kind: FileKind) {
    t.opt(d, "name", |_, _| Ok(()));
    t.opt(d, "external", |d, node| external(d, node, kind));
    t.opt(d, "labels", |d, node| labels(d, node, kind));
    for key in ["driver", "driver_opts", "template_driver"] {
        t.opt(d, key, |d, node| -> Result<(), Reported> {
            let message = format!("`{key}` of a {} is for Docker Swarm", kind.word());
            let draft = d.error(Code::NotSupported, message).label(node.span, "");
            Err(draft.help("remove it, and give the content itself").emit())
        });
    }
}

fn external(d: &mut Diagnostics, node: &Node, kind: FileKind) -> Result<(), Reported> {
    if !boolean(d, node)?.value {
        return Ok(());
    }
    let message =
        format!("an external {} is in a store of Docker Swarm, which a bundle does without", kind.word());
    let draft = d.error(Code::NotSupported, message).label(node.span, "");
    Err(draft.help("name a `file`, or a variable as `environment`").emit())
}

fn labels(d: &mut Diagnostics, node: &Node, kind: FileKind) -> Result<(), Reported> {
    if !pairs(d, node)?.is_empty() {
        let message = format!("labels of a {} have no place in a bundle", kind.word());
        d.warning(Code::NotSupported, message)
            .label(node.span, "nothing reads them")
            .help("remove them")
            .emit();
    }
    Ok(())
}

/// A secret or config of a service.
#[derive(Clone, Debug)]
pub struct FileMount {
    /// The key of its definition.
    pub source: Spanned<Rc<str>>,
    /// Where the service sees it: absolute and clean.
    pub target: Rc<str>,
    /// Whose it is.
    pub uid: Option<Spanned<u32>>,
    /// Whose group it is.
    pub gid: Option<Spanned<u32>>,
    /// Who may read and execute it.
    pub mode: Option<Spanned<FileMode>>,
    /// The whole of it.
    pub span: Span,
}

pub(super) fn service_secret(d: &mut Diagnostics, node: &Node) -> Result<FileMount, Reported> {
    file_mount(d, node, FileKind::Secret)
}

pub(super) fn service_config(d: &mut Diagnostics, node: &Node) -> Result<FileMount, Reported> {
    file_mount(d, node, FileKind::Config)
}

fn file_mount(d: &mut Diagnostics, node: &Node, kind: FileKind) -> Result<FileMount, Reported> {
    let mut t = Table::new(d, node, "a secret or config of a service")?;
    let source = t.required(d, "source", text);
    let written = t.opt(d, "target", text).filter(|target| !target.value.is_empty());
    let (uid, gid) = (t.opt(d, "uid", id), t.opt(d, "gid", id));
    let mode = t.opt(d, "mode", mode);
    t.finish(d)?;
    let source = source?;
    let written = written.unwrap_or_else(|| source.clone());
    let target = match &*written.value {
        path if path.starts_with('/') => node.get("target").map(|node| target(d, node)).transpose()?,
        _ => None,
    };
    let target = match target {
        Some(target) => target.value,
        None => target_below(d, kind, &written)?,
    };
    Ok(FileMount { source, target, uid, gid, mode, span: node.span })
}

/// A target that names no absolute path.
fn target_below(d: &mut Diagnostics, kind: FileKind, name: &Spanned<Rc<str>>) -> Result<Rc<str>, Reported> {
    let path = format!("{}{}", kind.directory(), name.value);
    let clean = super::value::target::clean_target(&path);
    clean.map(Rc::from).map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |_| name.span))
}

/// A user or group by number, as Docker Compose wants it.
fn id(d: &mut Diagnostics, node: &Node) -> Result<Spanned<u32>, Reported> {
    let id = text(d, node)?;
    if let Ok(value) = id.value.parse() {
        return Ok(Spanned { value, span: id.span });
    }
    let message = format!("the owner of a file is given by number, found `{}`", id.value);
    let draft = d.error(Code::InvalidValue, message).label(id.span, "");
    Err(draft.help("write a number in quotes: `uid: \"1000\"`").emit())
}

/// The bits of a mode that a file has.
fn mode(d: &mut Diagnostics, node: &Node) -> Result<Spanned<FileMode>, Reported> {
    let mode: Spanned<FileMode> = value(d, node)?;
    if mode.value <= FileMode(0o7777) {
        return Ok(mode);
    }
    let message = format!("`{}` is no mode of a file", mode.value);
    let draft = d.error(Code::InvalidValue, message).label(mode.span, "");
    Err(draft.help("write it in octal, such as `0440`").emit())
}

/// A service whose mounts another one gets too.
#[derive(Clone, Debug)]
pub struct VolumesFrom {
    /// The name of the service.
    pub service: Spanned<Rc<str>>,
    /// Where it says that they are read-only.
    pub read_only: Option<Span>,
}

/// `SERVICE[:ro|rw]`. Docker Compose drops what stands behind the colon.
pub(super) fn volumes_from(d: &mut Diagnostics, node: &Node) -> Result<VolumesFrom, Reported> {
    let text = text(d, node)?;
    if text.value.starts_with("container:") {
        let draft = d.error(Code::NotSupported, "the mounts of a container of Docker are not known here");
        return Err(draft.label(text.span, "").help("name a service of this project").emit());
    }
    let (service, option) = text.value.split_once(':').unwrap_or((&text.value, "rw"));
    let start = text.value.len().min(service.len() + 1);
    let read_only = match option {
        "rw" => None,
        "ro" => Some(text.at(start..text.value.len())),
        _ => {
            let message = format!("`{}` is no option of `volumes_from`", option.escape_debug());
            let draft = d.error(Code::InvalidValue, message).label(text.at(start..text.value.len()), "");
            return Err(draft.help("write `ro` or `rw`").emit());
        }
    };
    let service = Spanned { value: service.into(), span: text.at(0..service.len()) };
    Ok(VolumesFrom { service, read_only })
}
