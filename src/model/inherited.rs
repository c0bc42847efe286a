//! What the model has from the process that completed it, and from no file: whoever builds elsewhere has another output.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::diag::{Code, Diagnostics};
use crate::source::Span;
use crate::yaml::{Giver, Reference, References};

/// Variables of the process, each with the place that asked for it first.
#[derive(Debug, Default)]
pub struct Inherited {
    places: BTreeMap<Rc<str>, Span>,
}

impl Inherited {
    /// Those that the files of a project ask for, itself or by a variable that an env file makes of them. Not those that
    /// somebody said are meant.
    pub(super) fn of(asked: &References, all: &References) -> Self {
        let mut inherited = Inherited::default();
        asked.iter().for_each(|reference| inherited.add(reference));
        for reference in all.behind(asked.iter().map(|reference| reference.place)) {
            inherited.add(reference);
        }
        inherited
    }

    fn add(&mut self, Reference { place, name, giver }: &Reference) {
        // The name of the project is that which was found for it, whatever the process says.
        if *giver == (Giver::Process { meant: false }) && &**name != "COMPOSE_PROJECT_NAME" {
            self.places.entry(Rc::clone(name)).or_insert(*place);
        }
    }

    /// Warns of each.
    pub fn warn(&self, d: &mut Diagnostics) {
        for (name, place) in &self.places {
            let message = format!("`{name}` is taken from the environment of whoever builds");
            let draft = d.warning(Code::HostDependent, message).label(*place, "another output elsewhere");
            let help = format!("set it in `.env`; or say that it is meant: `--env {name}`");
            draft.help(help).emit();
        }
    }
}
