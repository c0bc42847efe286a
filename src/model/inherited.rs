//! What the model has from the process that completed it, and from no file: whoever builds elsewhere has another output.

use std::collections::BTreeMap;

use super::edit::all;
use crate::diag::{Code, Diagnostics};
use crate::load::{Environment, Loaded};
use crate::source::Span;

/// Variables of the process, each with the place that asked for it first.
#[derive(Debug, Default)]
pub struct Inherited {
    places: BTreeMap<String, Span>,
}

impl Inherited {
    /// Those that the files of a project ask for: in their values, and as variables without a value.
    pub(super) fn of(loaded: &Loaded) -> Self {
        let mut inherited = Inherited::default();
        for (name, place) in &loaded.uses.found {
            inherited.add(&loaded.environment, name, *place);
        }
        for pairs in all(&loaded.root, "services.*.environment") {
            for entry in pairs.entries().iter().filter(|entry| entry.value.is_null()) {
                inherited.add(&loaded.environment, &entry.key, entry.key_span);
            }
        }
        for name in all(&loaded.root, "configs.*.environment") {
            inherited.add(&loaded.environment, name.as_str().unwrap_or_default(), name.content());
        }
        inherited
    }

    /// Notes a variable, unless a file sets it alike or somebody said that it is meant.
    pub(super) fn add(&mut self, environment: &Environment, name: &str, place: Span) {
        let Environment { process, dotenv, expected, .. } = environment;
        let foreign = process.get(name).is_some_and(|value| dotenv.get(name) != Some(value));
        // The name of the project is that which was found for it, whatever the process says.
        if foreign && !expected.contains(name) && name != "COMPOSE_PROJECT_NAME" {
            self.places.entry(name.to_owned()).or_insert(place);
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
