//! How far a build looks for images, and what it is told about where they are.

use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;

use crate::image::{Error, Image, Reference, Source, SourceName};

/// How far a build looks for an image that the lock does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// No further than the lock.
    Lock(Unused),
    /// To what the project and the command line name on this machine.
    #[default]
    Local,
    /// To registries too.
    Network,
}

/// What becomes of what the lock knows and nobody needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unused {
    /// It is an error: the lock is to be right as it is.
    Refused,
    /// Nothing.
    Ignored,
}

/// What becomes of what no place has that is looked in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Absent {
    /// It is an error: a bundle cannot be made.
    #[default]
    Refused,
    /// It is told, and the rest of the project is looked at without it. No bundle of that may be written.
    Told,
}

/// Which images are looked for although the lock has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Anew {
    /// None.
    #[default]
    None,
    /// Those of these services.
    Of(BTreeSet<String>),
    /// All.
    All,
}

impl Anew {
    /// Whether the image of one of the services is.
    pub(super) fn has(&self, services: &BTreeSet<Rc<str>>) -> bool {
        match self {
            Anew::None => false,
            Anew::Of(names) => services.iter().any(|service| names.contains(&**service)),
            Anew::All => true,
        }
    }
}

/// What a build is told about the search for images.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// How far it goes.
    pub reach: Reach,
    /// Where single images come from. Paths start at the working directory.
    pub named: Vec<(Reference, SourceName)>,
    /// What is looked for although the lock has it.
    pub anew: Anew,
    /// What becomes of an image that is not there, and of what only an image could tell.
    pub absent: Absent,
    /// What is not in the project.
    pub elsewhere: Option<Rc<dyn Elsewhere>>,
}

/// Places for images that no project has to itself.
pub trait Elsewhere: fmt::Debug {
    /// What a registry has under a name.
    fn repository(&self, reference: &Reference) -> Result<Box<dyn Source>, Error>;

    /// What was fetched before; `None` if nothing ever was.
    fn store(&self) -> Result<Option<Box<dyn Source>>, Error>;

    /// Fetches an image, and says where all of it is then.
    fn fetch(
        &self,
        source: &dyn Source,
        reference: &Reference,
        image: &Image,
    ) -> Result<Box<dyn Source>, Error>;
}
