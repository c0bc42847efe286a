//! From files to one tree: documents, variables, `extends`, `include`, merging.
//!
//! The order of the work is that of compose-go, as it can be observed. Nothing is looked at twice: a value keeps its
//! span, and with it the file it came from, and with that the directory that relative paths in it start from.

pub mod environment;
mod name;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::compose::Variables;
use crate::diag::{Diagnostics, Reported};
use crate::source::{FileId, Sources};
use crate::yaml::Node;

pub use environment::Environment;
pub use name::{WithName, project_name};

pub(crate) use environment::unreadable;

/// What is loaded, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The Compose files, the later over the earlier; `-` is the standard input.
    pub files: Vec<PathBuf>,
    /// The directory of the project, where relative paths start.
    pub directory: PathBuf,
    /// The name of that directory, which names a project that says nothing itself.
    pub directory_name: Option<String>,
    /// The name of the project, if one is given.
    pub project_name: Option<String>,
    /// The variables.
    pub environment: Environment,
    /// Whether variables are replaced.
    pub variables: Variables,
    /// What a variable is that is not set and has no default.
    pub unset: Unset,
}

/// What a variable is that is not set and has no default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// An error: an output that is checked in must not depend on what somebody forgot.
    Refused,
    /// An empty text, with a warning, as Compose has it.
    Empty,
}

/// A project as its files say it: one tree, short forms written out, every value checked.
#[derive(Debug)]
pub struct Loaded {
    /// The name of the project.
    pub name: Rc<str>,
    /// The tree, along [`FILE`](crate::compose::schema::FILE).
    pub root: Node,
    /// The first Compose file, whose directory is that of the project.
    pub main: FileId,
    /// The variables.
    pub environment: Environment,
}

/// Loads a project. What is wrong in it is reported and broken in the tree; without a tree there is an error.
pub fn load(_d: &mut Diagnostics, _sources: &mut Sources, _request: &Request) -> Result<Loaded, Reported> {
    todo!()
}

/// A path of the project: relative ones start from the project directory. The working directory is not spelled out,
/// as these paths are shown.
pub(crate) fn in_project(path: &str, directory: &Path) -> PathBuf {
    if directory == Path::new(".") { path.into() } else { directory.join(path) }
}
