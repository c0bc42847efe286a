//! What a reviewer asks of bundles: what changed, whether it is risky, and where it comes from.
//!
//! Everything here looks at [`Bundles`]: what the files of an output directory say, wherever they are read from. So a
//! finding is one about what will run, and nothing in the many ways of writing a Compose file can hide it. Where the
//! bundles were just compiled, [`Made`] knows what they were made of, and where each value is written.
//!
//! Nothing here reads or writes; `cli` does.

pub mod bundles;
pub mod diff;
pub mod explain;
pub mod graph;
pub mod lint;
pub mod outline;
pub mod place;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::lower::origin::{Origin, Origins};
use crate::project::{Project, Service};
use crate::source::{Sources, Span};
use crate::yaml::{Giver, Reference, References};

pub use bundles::Bundles;
pub use outline::Outlines;

/// What bundles were made of, where they were just compiled.
#[derive(Clone, Copy, Debug)]
pub struct Made<'a> {
    /// The project.
    pub project: &'a Project,
    /// Where the values of every `config.json` come from, by bundle.
    pub origins: &'a BTreeMap<Rc<str>, Origins>,
    /// The variables that the files of the project refer to.
    pub references: &'a References,
    /// What the places in these files are called.
    pub outlines: &'a Outlines,
    /// The texts that were read.
    pub sources: &'a Sources,
}

impl<'a> Made<'a> {
    /// The service that a bundle was made of; none where it is a bundle of bundlegen's own.
    pub fn service(&self, bundle: &str) -> Option<&'a Service> {
        self.project.services.iter().find(|service| &*service.bundle == bundle)
    }

    /// Where the values of a bundle come from.
    pub fn origins(&self, bundle: &str) -> Option<&'a Origins> {
        self.origins.get(bundle)
    }

    /// Where a value of a bundle comes from.
    pub fn origin(&self, bundle: &str, pointer: &str) -> Option<&'a Origin> {
        self.origins(bundle)?.of(pointer)
    }

    /// The references to variables in what a value is written as, and those behind them.
    pub fn references(&self, bundle: &str, pointer: &str) -> Vec<&'a Reference> {
        self.references.behind(self.written(bundle, pointer))
    }

    /// The variables that a value has from whoever builds, and nobody said are meant (`--env NAME`): somebody else makes
    /// another bundle.
    pub fn from_shell(&self, bundle: &str, pointer: &str) -> BTreeSet<&'a str> {
        let references = self.references(bundle, pointer).into_iter();
        let foreign = references.filter(|reference| reference.giver == Giver::Process { meant: false });
        foreign.map(|reference| &*reference.name).collect()
    }

    /// The env files that a value is written in, or a variable in it: their names, as they were given.
    pub fn from_env_file(&self, bundle: &str, pointer: &str) -> BTreeSet<&'a str> {
        let given =
            self.references(bundle, pointer).into_iter().filter_map(|reference| match reference.giver {
                Giver::File(place) => Some(place),
                _ => None,
            });
        let files = self.written(bundle, pointer).into_iter().chain(given).map(|place| place.file);
        let env_files = files.filter(|file| self.references.is_env_file(*file));
        env_files.map(|file| self.sources.name(file)).collect()
    }

    fn written(&self, bundle: &str, pointer: &str) -> Option<Span> {
        match self.origin(bundle, pointer)? {
            Origin::Written(span) => Some(*span),
            _ => None,
        }
    }
}
