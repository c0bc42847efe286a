//! `bundlegen` compiles a Compose file into OCI runtime bundles: directories with a `config.json` that `runc` and
//! `crun` execute as they are, with no daemon.
//!
//! Seven nouns, one arrow each:
//!
//! ```text
//! files ─▶ Node ─▶ Loaded ─▶ Model ─▶ compose::File ─▶ Project ─▶ Tree ─▶ Plan ─▶ disk
//!          yaml    load      model    compose          project    bundle  disk    disk
//!                              │                                  lower
//!                              └─▶ `config` prints this
//! ```
//!
//! * [`yaml::Node`] is text with places. [`load::Loaded`] is one tree of all files: merged, extended, included, short
//!   forms written out, every value checked along [`compose::schema`]. [`model::Model`] is that tree with its defaults,
//!   names and references filled in. These three follow Docker Compose, and refuse what it refuses.
//! * [`compose::File`] is the part of it that bundles know, typed; [`project::Project`] is what is meant: nothing is
//!   left to read; [`bundle::tree::Tree`] is what would be written; [`disk::Plan`] is what would change on disk.
//! * Only [`source`] reads inputs (and [`image`] the blobs of images), only [`disk`] writes output. Everything
//!   between is a pure function of the sources, the lock and the options.
//! * Every value carries its place until it is lowered. Output depends on values, never on places.
//! * A function that fails has already said why: [`diag::Reported`] is an empty token that only the sink makes.
//!
//! To see what an attribute may say, how it is written short and how it merges, open [`compose::schema`]: it is one row
//! of a table. To see what becomes of it, open [`lower`]: it takes a service apart, with the section of the runtime
//! spec that reads each attribute beside it.

pub mod bundle;
pub mod cli;
pub mod compose;
pub mod config;
pub mod diag;
pub mod disk;
pub mod hook;
pub mod image;
pub mod inspect;
pub mod load;
pub mod lock;
pub mod lower;
pub mod model;
mod nearest;
pub mod prepare;
mod printable;
pub mod project;
pub mod render;
pub mod review;
#[cfg(test)]
mod schemas;
mod shell;
pub mod source;
pub mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bundle::tree::Tree;
use compose::Variables;
use diag::{Code, Diagnostics, Doubts, Reported};
use load::{Environment, Loaded, Request};
use lock::Lock;
use lower::origin::Origins;
use model::Selection;
use project::{Building, Choices, Project, Search};
use review::{Made, Outlines};
use source::{ReadError, Sources};
use yaml::{References, Unset};

/// What a build is told.
#[derive(Clone, Debug)]
pub struct Input {
    /// What is loaded, and how.
    pub request: Request,
    /// Which services are meant.
    pub selection: Selection,
    /// The way from the output directory to the project directory.
    pub to_project: PathBuf,
    /// The OCI image layout or archive, if one is given.
    pub images: Option<PathBuf>,
    /// How images are looked for.
    pub search: Search,
    /// What was chosen over `x-bundlegen`.
    pub choices: Choices,
}

impl Input {
    /// A project with nothing said about it but where it is; the output goes to a directory in it.
    pub fn new(files: Vec<PathBuf>, directory: PathBuf, environment: Environment) -> Self {
        let request = Request {
            files,
            directory,
            directory_name: Some("project".into()),
            project_name: None,
            environment,
            variables: Variables::Replaced,
            unset: Unset::Refused,
        };
        Input {
            request,
            selection: Selection::default(),
            to_project: "..".into(),
            images: None,
            search: Search::default(),
            choices: Choices::default(),
        }
    }
}

/// What a build makes.
#[derive(Debug)]
pub struct Compiled {
    /// The bundles.
    pub tree: Tree,
    /// The text of the lock; `None` where no service has an image or an address.
    pub lock: Option<String>,
    /// The services in the order they start; empty where the order does not matter.
    pub order: Vec<Rc<str>>,
    /// Where every value of every `config.json` comes from, by bundle.
    pub origins: BTreeMap<Rc<str>, Origins>,
    /// What they were made of.
    pub project: Project,
    /// The variables that the files of the project refer to.
    pub references: References,
    /// What the places in these files are called.
    pub outlines: Outlines,
}

impl Compiled {
    /// What a reviewer can know of the bundles beside their files.
    pub fn made<'a>(&'a self, sources: &'a Sources) -> Made<'a> {
        Made {
            project: &self.project,
            origins: &self.origins,
            references: &self.references,
            outlines: &self.outlines,
            sources,
        }
    }
}

/// The lock of a project, before and after it was made anew.
#[derive(Debug)]
pub struct Locked {
    /// Its text; `None` where no service has an image or an address and there was no lock.
    pub text: Option<String>,
    /// What was locked before, for the same platform.
    pub before: Option<Lock>,
    /// What is locked now.
    pub after: Lock,
    /// The images that are as they were though they were to be looked for anew, and why.
    pub kept: BTreeMap<String, String>,
}

/// Compiles a Compose project. Reads, and writes nothing. There is a result only if there was no error.
pub fn compile(d: &mut Diagnostics, sources: &mut Sources, input: &Input) -> Result<Compiled, Reported> {
    let (project, before, references) = project(d, sources, input)?;
    let bundles = bundle::bundle(d, &project)?;
    let order = project.start_order();
    let lock = lock_text(d, before.as_ref(), &project.lock)?;
    Ok(Compiled {
        tree: bundles.tree,
        lock,
        order,
        origins: bundles.origins,
        project,
        references,
        outlines: Outlines::default(),
    })
}

/// Finds the images of a Compose project, as a build does. Reads, and writes nothing; there is a result only if there was
/// no error.
pub fn lock(d: &mut Diagnostics, sources: &mut Sources, input: &Input) -> Result<Locked, Reported> {
    let (project, before, _) = project(d, sources, input)?;
    d.failed()?;
    let text = lock_text(d, before.as_ref(), &project.lock)?;
    Ok(Locked { text, before, after: project.lock, kept: project.kept })
}

/// How the images of a project are built, for the services that say so.
pub fn recipes(d: &mut Diagnostics, sources: &mut Sources, input: &Input) -> Result<Building, Reported> {
    let loaded = loaded(d, sources, input)?;
    let (compose, name, _) = decoded(d, sources, input, &loaded)?;
    project::building(d, &compose, &options(input, name))
}

/// The project with its images, the lock that was there, and the variables that the files refer to.
fn project(
    d: &mut Diagnostics,
    sources: &mut Sources,
    input: &Input,
) -> Result<(Project, Option<Lock>, References), Reported> {
    let loaded = loaded(d, sources, input)?;
    let lock = read_lock(d, sources, &input.request.directory);
    let (compose, name, references) = decoded(d, sources, input, &loaded)?;
    let lock = lock?;
    let before = lock.as_ref().map(|(lock, _)| lock.clone());
    let project = project::resolve(d, sources, compose, lock, &options(input, name))?;
    Ok((project, before, references))
}

fn options(input: &Input, name: Rc<str>) -> project::Options {
    project::Options {
        name,
        directory: input.request.directory.clone(),
        to_project: input.to_project.clone(),
        images: input.images.clone(),
        search: input.search.clone(),
        choices: input.choices.clone(),
        environment: input.request.environment.clone(),
    }
}

/// What the files say.
fn loaded(d: &mut Diagnostics, sources: &mut Sources, input: &Input) -> Result<Loaded, Reported> {
    d.set_doubts(Doubts::Refused);
    load::load(d, sources, &input.request)
}

/// The same, typed, the name of the project, and the variables that the files refer to.
fn decoded(
    d: &mut Diagnostics,
    sources: &mut Sources,
    input: &Input,
    loaded: &Loaded,
) -> Result<(compose::File, Rc<str>, References), Reported> {
    let model = model::complete(d, sources, loaded, &input.selection)?;
    model.inherited.warn(d);
    let root = model::paths::from_project(&model.root, sources, &input.request.directory);
    Ok((compose::decode(d, &root, &model.name)?, model.name, model.references))
}

/// The lock beside the Compose file, if there is one.
fn read_lock(
    d: &mut Diagnostics,
    sources: &mut Sources,
    directory: &Path,
) -> Result<Option<(Lock, lock::Places)>, Reported> {
    let path = load::in_project(lock::FILE_NAME, directory);
    match sources.read_own(&path) {
        Ok(file) => Lock::located(d, sources, file).map(Some),
        Err(ReadError::NotFound) => Ok(None),
        Err(error) => Err(load::unreadable(d, &path, &error, None)),
    }
}

/// The text of a lock. One that was there and has nothing to say any more is written anew: what it said would be stale.
fn lock_text(d: &mut Diagnostics, before: Option<&Lock>, lock: &Lock) -> Result<Option<String>, Reported> {
    if before.is_none() && lock.images.is_empty() && lock.networks.is_empty() {
        return Ok(None);
    }
    let text = lock.to_text();
    text.map(Some)
        .map_err(|error| d.error(Code::Internal, format!("the lock cannot be written: {error}")).emit())
}
