//! The model as `docker compose config` prints it.
//!
//! `Printed` is the tree that is written: known attributes in the order of the schema, the user's names sorted,
//! and what says no more than its absence left out. [`json`] and [`yaml`] write it.

mod docker;
mod json;
mod part;
mod printed;
mod yaml;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::compose::Variables;
use crate::model::Model;
use printed::Printed;

pub use part::{networks, of_service, restart_policy};

/// What a tree is printed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// What Compose reads.
    Yaml,
    /// What programs read.
    Json,
}

/// The model as text.
///
/// Where variables were kept, so is everything else: nothing is known to be empty, and no `$` is doubled, as each
/// still stands for something.
pub fn print(model: &Model, format: Format, variables: Variables) -> String {
    let tree = tree(model, format, variables);
    match format {
        Format::Yaml => yaml::write(&tree),
        Format::Json => json::write(&tree),
    }
}

fn tree(model: &Model, format: Format, variables: Variables) -> Printed {
    let mut tree = Printed::of(model, format, variables);
    if variables == Variables::Replaced {
        docker::shape(&mut tree, format);
        tree.double_dollars();
    }
    tree
}

/// Each service as JSON, by name: what a hash is taken of.
pub fn services(model: &Model) -> BTreeMap<Rc<str>, String> {
    let mut tree = tree(model, Format::Json, Variables::Replaced);
    match tree.get_mut("services").map(std::mem::take) {
        Some(Printed::Map(services)) => {
            services.into_iter().map(|(name, service)| (name, json::write(&service))).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// The model as JSON.
pub fn json(model: &Model, variables: Variables) -> String {
    print(model, Format::Json, variables)
}

/// The model as YAML.
pub fn yaml(model: &Model, variables: Variables) -> String {
    print(model, Format::Yaml, variables)
}

/// Any tree as YAML that Compose reads: no `$` of a text stands for a variable.
pub fn yaml_of(tree: &serde_json::Value) -> String {
    yaml::write(&Printed::of_json(tree))
}

#[cfg(test)]
mod tests;
