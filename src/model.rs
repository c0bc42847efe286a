//! What is meant: a loaded project with its defaults, names and references filled in and checked.
//!
//! The order of the work is that of compose-go's `loader`, as it decides which mistakes can be seen. Paths stay as they
//! are written, so that what is built of a project can be moved with it; [`paths::absolute`] is for `config`.

mod consistency;
mod cycle;
mod defaults;
mod dependencies;
mod edit;
mod environment;
mod exclusive;
mod inherited;
mod names;
pub mod paths;
mod profiles;
mod replicas;
mod selection;

use std::rc::Rc;

use crate::compose::Variables;
use crate::diag::{Diagnostics, Reported};
use crate::load::{Environment, Loaded};
use crate::source::{Sources, Span};
use crate::yaml::{Node, References, Value};
use edit::all;
use profiles::Services;

pub use inherited::Inherited;

/// A project that is complete: every name is there, every reference leads somewhere.
#[derive(Debug)]
pub struct Model {
    /// The name of the project.
    pub name: Rc<str>,
    /// The tree, along [`FILE`](crate::compose::schema::FILE), with its defaults.
    pub root: Node,
    /// What it has from the process, and from no file.
    pub inherited: Inherited,
    /// The variables that its files refer to.
    pub references: References,
}

/// Which services are meant.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The profiles that are on; `*` is all of them. Where none is given, `COMPOSE_PROFILES` says which.
    pub profiles: Vec<String>,
    /// The services that were named; all of them where none was.
    pub services: Vec<String>,
}

/// Completes a project. What is wrong in it is reported and broken in the tree; a reference that leads nowhere is
/// reported and stays.
pub fn complete(
    d: &mut Diagnostics,
    sources: &mut Sources,
    loaded: &Loaded,
    selection: &Selection,
) -> Result<Model, Reported> {
    let mut references = loaded.references.clone();
    let root = named(d, loaded, &loaded.environment, Variables::Replaced, &mut references)?;
    let services = Services::new(&root, selection, &loaded.environment);
    consistency::check(d, &root, &services);
    dependencies::check(d, &services);
    let root = replicas::fill(&services.without_disabled(&root));
    let root = edit::change(&root, "services.*", &mut |service| {
        let service = environment::read_files(d, sources, service, &loaded.environment, &mut references);
        environment::read_label_files(d, sources, &service, &loaded.environment, &mut references)
    });
    let asked = references.clone();
    references.extend(loaded.outer_references.clone());
    let inherited = Inherited::of(&asked, &references);
    // There is a warning of its own for it.
    for path in all(&root, "services.*.volumes.*.source") {
        if path.as_str().is_some_and(|path| path.starts_with('~')) {
            references.look_up(path.content(), "HOME", &loaded.environment);
        }
    }
    let root = selection::select(d, &root, &selection.services)?;
    consistency::check_container_names(d, &root);
    Ok(Model { name: Rc::clone(&loaded.name), root: selection::prune(&root), inherited, references })
}

/// Completes what can be known of a project while its variables still stand there: nothing is selected, no other file
/// read, and little checked.
pub fn outline(d: &mut Diagnostics, loaded: &Loaded) -> Result<Model, Reported> {
    let (environment, mut references) = (Environment::default(), References::default());
    let root = named(d, loaded, &environment, Variables::Kept, &mut references)?;
    Ok(Model { name: Rc::clone(&loaded.name), root, inherited: Inherited::default(), references })
}

/// The tree with its defaults, names and implied dependencies.
fn named(
    d: &mut Diagnostics,
    loaded: &Loaded,
    environment: &Environment,
    variables: Variables,
    references: &mut References,
) -> Result<Node, Reported> {
    if let Value::Broken(reported) = loaded.root.value {
        return Err(reported);
    }
    let root = defaults::fill(&loaded.root, variables);
    exclusive::check(d, &root);
    let root = environment::fill(&root, environment, references);
    let root = names::complete(&root, &loaded.name, Span::start_of(loaded.main));
    Ok(dependencies::imply(&root))
}

#[cfg(test)]
mod tests;
