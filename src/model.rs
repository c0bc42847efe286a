//! What is meant: a loaded project with its defaults, names and references filled in and checked.

pub mod paths;

use std::rc::Rc;

use crate::diag::{Diagnostics, Reported};
use crate::load::Loaded;
use crate::source::Sources;
use crate::yaml::Node;

/// A project that is complete: every name is there, every reference leads somewhere.
#[derive(Debug)]
pub struct Model {
    /// The name of the project.
    pub name: Rc<str>,
    /// The tree, along [`FILE`](crate::compose::schema::FILE), with its defaults.
    pub root: Node,
}

/// Which services are meant.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The profiles that are on; `*` is all of them.
    pub profiles: Vec<String>,
    /// The services that were named; all of them where none was.
    pub services: Vec<String>,
}

/// Completes a project. What is wrong in it is reported and broken in the tree.
pub fn complete(
    _d: &mut Diagnostics,
    _sources: &mut Sources,
    loaded: &Loaded,
    _selection: &Selection,
) -> Result<Model, Reported> {
    Ok(Model { name: Rc::clone(&loaded.name), root: loaded.root.clone() })
}
