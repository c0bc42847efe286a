//! `bundlegen` compiles a Compose file into OCI runtime bundles: directories with a `config.json` that `runc` and
//! `crun` execute as they are, with no daemon.
//!
//! Five nouns, one arrow each:
//!
//! ```text
//! files ─▶ Node ─▶ compose::File ─▶ Project ─▶ Tree ─▶ Plan ─▶ disk
//!          yaml    compose          project    bundle  disk    disk
//!                                              lower
//! ```
//!
//! * [`yaml::Node`] is text with places; [`compose::File`] is what was written, typed; [`project::Project`] is what
//!   is meant: nothing is left to read; [`bundle::tree::Tree`] is what would be written; [`disk::Plan`] is what
//!   would change on disk.
//! * Only [`source`] reads inputs (and [`image`] the blobs of images), only [`disk`] writes output. Everything
//!   between is a pure function of the sources, the lock and the options.
//! * Every value carries its place until it is lowered. Output depends on values, never on places.
//! * A function that fails has already said why: [`diag::Reported`] is an empty token that only the sink makes.
//!
//! To see what becomes of an attribute, open [`lower`]: it takes a service apart, with the section of the runtime
//! spec that reads each attribute beside it.

pub mod bundle;
pub mod cli;
pub mod compose;
pub mod diag;
pub mod disk;
pub mod image;
pub mod lock;
pub mod lower;
mod nearest;
pub mod prepare;
mod printable;
pub mod project;
pub mod render;
#[cfg(test)]
mod schemas;
pub mod source;
pub mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bundle::tree::Tree;
use diag::{Code, Diagnostics, Reported};
use image::Platform;
use lock::Lock;
use lower::origin::Origins;
use project::Environment;
use source::{FileId, ReadError, Sources, Span};
use yaml::{Interpolation, Node, Unset, Uses};

/// What a build is told.
#[derive(Clone, Debug)]
pub struct Input {
    /// The Compose file.
    pub file: PathBuf,
    /// The directory that relative paths in it start from.
    pub directory: PathBuf,
    /// The directories whose `.env` is read, the later over the earlier: that of the project, and the working directory
    /// where the file was found above it.
    pub env_directories: Vec<PathBuf>,
    /// How the file was chosen.
    pub chosen: Chosen,
    /// The name of the project directory, which names a project that says nothing itself.
    pub directory_name: Option<String>,
    /// The way from the output directory to the project directory.
    pub to_project: PathBuf,
    /// The name of the project, if one is given.
    pub project_name: Option<String>,
    /// The OCI image layout, if one is given.
    pub images: Option<PathBuf>,
    /// The platform, if one is given.
    pub platform: Option<Platform>,
    /// The variables of the process.
    pub environment: BTreeMap<String, String>,
}

/// How a Compose file was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// Somebody named it.
    Named,
    /// It was looked for. Then `COMPOSE_FILE` in `.env` would have named another one.
    Found,
}

/// What a build makes.
#[derive(Debug)]
pub struct Compiled {
    /// The bundles.
    pub tree: Tree,
    /// The text of the lock; `None` where no service has an image.
    pub lock: Option<String>,
    /// The services in the order they start; empty where the order does not matter.
    pub order: Vec<Rc<str>>,
    /// Where every value of every `config.json` comes from, by service.
    pub origins: BTreeMap<Rc<str>, Origins>,
}

/// Compiles one Compose file. Reads, and writes nothing. There is a result only if there was no error.
pub fn compile(d: &mut Diagnostics, sources: &mut Sources, input: &Input) -> Result<Compiled, Reported> {
    let file = read(d, sources, &input.file)?;
    let environment = Environment::load(d, sources, input.environment.clone(), &input.env_directories)?;
    if input.chosen == Chosen::Found && environment.dotenv.contains_key("COMPOSE_FILE") {
        let draft = d.error(Code::NotSupported, "`COMPOSE_FILE` in `.env` is not supported yet");
        return Err(draft.help("name the Compose file on the command line").emit());
    }
    let lock = read_lock(d, sources, &input.directory);
    let locked = matches!(lock, Ok(Some(_)));
    let compose = decode(d, sources, file, input, &environment)?;
    let options = project::Options {
        directory: input.directory.clone(),
        to_project: input.to_project.clone(),
        images: input.images.clone(),
        platform: input.platform.clone(),
        environment,
    };
    let project = project::resolve(d, sources, compose, lock?, &options)?;
    let bundles = bundle::bundle(d, &project)?;
    let order = project.start_order();
    // A lock that is there and has nothing to say any more is written anew: what it said would be stale.
    let lock =
        if locked || !project.lock.images.is_empty() { Some(lock_text(d, &project.lock)?) } else { None };
    Ok(Compiled { tree: bundles.tree, lock, order, origins: bundles.origins })
}

fn decode(
    d: &mut Diagnostics,
    sources: &Sources,
    file: FileId,
    input: &Input,
    environment: &Environment,
) -> Result<compose::File, Reported> {
    let mut documents = yaml::documents(d, file, &sources.text(file))?.into_iter();
    // Nothing was merged before, so that the tags which act on that have nothing to do.
    let node = documents.next().map_or_else(|| Node::null(Span::start_of(file)), |node| node.without_tags());
    if let Some(second) = documents.next() {
        let message = "several documents in one file are not supported yet";
        d.error(Code::NotSupported, message).label(second.span, "the second one").emit();
    }
    let name = project::project_name(
        d,
        input.project_name.as_deref(),
        environment,
        &node,
        input.directory_name.as_deref(),
    );
    // What is wrong with the name was reported, and hides nothing else.
    let name = name.unwrap_or_default();
    let variables = &project::WithName { environment, name: &name };
    let how = Interpolation { variables, unset: Unset::Refused };
    let node = yaml::interpolate(d, &node, how, &mut Uses::default());
    compose::decode(d, &node)
}

fn read(d: &mut Diagnostics, sources: &mut Sources, path: &Path) -> Result<FileId, Reported> {
    sources.read(path).map_err(|error| project::unreadable(d, path, &error, None))
}

/// The lock beside the Compose file, if there is one.
fn read_lock(d: &mut Diagnostics, sources: &mut Sources, directory: &Path) -> Result<Option<Lock>, Reported> {
    let path = project::in_project(lock::FILE_NAME, directory);
    match sources.read_own(&path) {
        Ok(file) => Lock::parse(d, sources, file).map(Some),
        Err(ReadError::NotFound) => Ok(None),
        Err(error) => Err(project::unreadable(d, &path, &error, None)),
    }
}

fn lock_text(d: &mut Diagnostics, lock: &Lock) -> Result<String, Reported> {
    lock.to_text()
        .map_err(|error| d.error(Code::Internal, format!("the lock cannot be written: {error}")).emit())
}
