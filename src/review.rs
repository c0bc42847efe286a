//! What a reviewer asks of bundles: what changed, whether it is risky, and where it comes from.
//!
//! Everything here looks at [`Bundles`]: what the files of an output directory say, wherever they are read from. So a
//! finding is one about what will run, and nothing in the many ways of writing a Compose file can hide it. Where the
//! bundles were just compiled, [`Made`] knows what they were made of, and where each value is written.
//!
//! Nothing here reads or writes; `cli` does.

pub mod bundles;
pub mod diff;
pub mod lint;
pub mod place;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::lower::origin::{Origin, Origins};
use crate::project::{Project, Service};
use crate::source::Sources;

pub use bundles::Bundles;

/// What bundles were made of, where they were just compiled.
#[derive(Clone, Copy, Debug)]
pub struct Made<'a> {
    /// The project.
    pub project: &'a Project,
    /// Where the values of every `config.json` come from, by bundle.
    pub origins: &'a BTreeMap<Rc<str>, Origins>,
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
}
