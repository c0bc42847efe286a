//! What Compose attributes are: how they are written, checked and merged, and the types that bundles are made of.
//!
//! [`schema`] is a table of all attributes. [`expand`](mod@expand), [`merge`](mod@merge) and [`check`](mod@check) walk a
//! tree along it, for `load`. [`decode`](mod@decode) gives every value of a completed tree its type; what an image holds and who a
//! user is are questions for `project`. The chapter of the specification is
//! <https://github.com/compose-spec/compose-spec>.

pub mod blkio;
pub mod check;
pub mod decode;
pub mod dependency;
pub mod deploy;
pub mod devices;
pub mod dotenv;
pub mod expand;
mod extension;
mod files;
mod handed_on;
pub mod limits;
mod links;
pub mod merge;
mod mount;
pub mod namespace;
pub mod network;
pub mod no_place;
pub mod ports;
pub mod schema;
pub mod service;
pub mod value;
mod volume;
pub mod written;

use std::rc::Rc;

use crate::diag::{Code, Diagnostics, Reported};
use crate::source::Spanned;
use crate::yaml::{Entry, Node, Value};
use decode::{Expected, Table, text, wrong_type};

pub use extension::{Allowed, Extension, HOOK, Images, RESOLV_CONF, ServiceExtension};
pub use files::{FileKind, FileMount, FileSource, VolumesFrom};
pub use mount::{MissingSource, Mount, Source};
pub use network::Network;
pub use service::Service;
pub use volume::{Device, DeviceSource, Volume};

/// A Compose file.
#[derive(Debug)]
pub struct File {
    /// The name of the project.
    pub name: Option<Spanned<Rc<str>>>,
    /// The services in the order of the file.
    pub services: Vec<Named<Service>>,
    /// The networks in the order of the file.
    pub networks: Vec<Named<Network>>,
    /// The named volumes in the order of the file.
    pub volumes: Vec<Named<Volume>>,
    /// The secrets that services use. One with a mistake has no content.
    pub secrets: Vec<Named<Option<FileSource>>>,
    /// The configs that services use, in the same way.
    pub configs: Vec<Named<Option<FileSource>>>,
    /// Options of `bundlegen` that change the output.
    pub extension: Extension,
}

/// What became of the variables in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variables {
    /// They were replaced.
    Replaced,
    /// They still stand there, and a value that holds one cannot be read yet.
    Kept,
}

/// A definition under its name. Where something was wrong, the rest is kept: it may refer to something that does not
/// exist, and references to it raise no second error.
#[derive(Debug)]
pub struct Named<T> {
    /// The key of the definition.
    pub name: Spanned<Rc<str>>,
    /// The definition, without what was wrong in it.
    pub value: T,
    /// Whether all of it was right.
    pub whole: Result<(), Reported>,
}

/// Names that a service cannot have, because bundlegen or the host puts something there in an output directory.
pub const RESERVED: &[&str] = &["volumes", "networks", ".gitignore", "SHA256SUMS", ".bundlegen-new", ".git"];

/// Types every value of a completed project, whose name is `project`. Definitions with mistakes are left out,
/// everything wrong is reported.
pub fn decode(d: &mut Diagnostics, root: &Node, project: &str) -> Result<File, Reported> {
    let mut table = Table::new(d, root, "a Compose file")?;
    table.opt(d, "models", no_place::defined_models);
    let file = File {
        networks: table.list(d, "networks", |d, node| networks(d, node, project)),
        services: table.list(d, "services", services),
        volumes: table.list(d, "volumes", |d, node| volumes(d, node, project)),
        secrets: table.list(d, "secrets", |d, node| files(d, node, "`secrets`", files::secret)),
        configs: table.list(d, "configs", |d, node| files(d, node, "`configs`", files::config)),
        name: table.opt(d, "name", text),
        extension: table.opt(d, "x-bundlegen", extension::decode).unwrap_or_default(),
    };
    // What is known of the file is worth more than the token: later stages find more, and no tree is made of it.
    let _reported = table.finish(d);
    Ok(file)
}

fn services(d: &mut Diagnostics, node: &Node) -> Result<Vec<Named<Service>>, Reported> {
    let mut services = definitions(d, node, "`services`", service::decode)?;
    for service in &mut services {
        service.whole = check_not_reserved(d, &service.name).and(service.whole);
    }
    Ok(services)
}

/// The networks of a project.
fn networks(d: &mut Diagnostics, node: &Node, project: &str) -> Result<Vec<Named<Network>>, Reported> {
    let mut networks = definitions(d, node, "`networks`", network::decode)?;
    for Named { name: key, value, .. } in &mut networks {
        network::without_implied_name(value, &key.value, project);
    }
    Ok(networks)
}

/// The volumes of a project. A name that says no more than the key is none: the directory of a volume must not depend
/// on that of the project.
fn volumes(d: &mut Diagnostics, node: &Node, project: &str) -> Result<Vec<Named<Volume>>, Reported> {
    let volumes = definitions(d, node, "`volumes`", |d, node| match volume::decode(d, node) {
        Ok(volume) => (volume, Ok(())),
        Err(reported) => (Volume::default(), Err(reported)),
    });
    let mut volumes = volumes?;
    for Named { name: key, value, .. } in &mut volumes {
        let implied = format!("{project}_{}", key.value);
        value.name.take_if(|name| *name.value == *implied);
    }
    Ok(volumes)
}

/// Secrets or configs.
fn files(
    d: &mut Diagnostics,
    node: &Node,
    what: &'static str,
    decode: impl Fn(&mut Diagnostics, &Node) -> Result<FileSource, Reported>,
) -> Result<Vec<Named<Option<FileSource>>>, Reported> {
    definitions(d, node, what, |d, node| match decode(d, node) {
        Ok(source) => (Some(source), Ok(())),
        Err(reported) => (None, Err(reported)),
    })
}

fn definitions<T>(
    d: &mut Diagnostics,
    node: &Node,
    what: &'static str,
    decode: impl Fn(&mut Diagnostics, &Node) -> (T, Result<(), Reported>),
) -> Result<Vec<Named<T>>, Reported> {
    let Value::Map(entries) = &node.value else {
        return Err(wrong_type(d, node, Expected::Mapping(what)));
    };
    Ok(entries.iter().map(|entry| definition(d, entry, &decode)).collect())
}

fn definition<T>(
    d: &mut Diagnostics,
    entry: &Entry,
    decode: impl Fn(&mut Diagnostics, &Node) -> (T, Result<(), Reported>),
) -> Named<T> {
    let name = Spanned { value: Rc::clone(&entry.key), span: entry.key_span };
    let named = match entry.value.value {
        // The key may be what was wrong.
        Value::Broken(reported) => Err(reported),
        _ => check_name(d, &name),
    };
    let (value, whole) = decode(d, &entry.value);
    Named { name, value, whole: named.and(whole) }
}

fn check_not_reserved(d: &mut Diagnostics, name: &Spanned<Rc<str>>) -> Result<(), Reported> {
    if !RESERVED.contains(&&*name.value) {
        return Ok(());
    }
    let message = format!("a service cannot be called `{}`", name.value);
    let draft = d.error(Code::Name, message).label(name.span, "");
    Err(draft.help("that name in the output directory is taken").emit())
}

/// Room for a suffix in the 255 bytes of a file name.
const MAX_NAME: usize = 200;

/// The names of services and volumes are also names of directories.
fn check_name(d: &mut Diagnostics, name: &Spanned<Rc<str>>) -> Result<(), Reported> {
    let foreign = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    let text = &*name.value;
    let (wrong, place) = match text.char_indices().find(|(_, c)| foreign(*c)) {
        Some((at, c)) => {
            let message = format!("`{}` cannot stand in a name", c.escape_debug());
            (message, name.at(at..at + c.len_utf8()))
        }
        None if text.is_empty() => ("a name may not be empty".to_owned(), name.span),
        None if matches!(text, "." | "..") => {
            (format!("`{text}` names a directory, and is no name"), name.span)
        }
        None if text.len() > MAX_NAME => {
            let message = format!("a name may have {MAX_NAME} characters, and this has {}", text.len());
            (message, name.at(MAX_NAME..text.len()))
        }
        None => return Ok(()),
    };
    let draft = d.error(Code::Name, wrong).label(place, "");
    Err(draft.help("names have letters, digits, `.`, `_` and `-`: they are also those of directories").emit())
}
