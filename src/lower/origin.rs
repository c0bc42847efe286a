//! Where the values of a `config.json` come from.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::source::Span;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is written in a source file.
    Written(Span),
    /// The lock says so: it was found or given out before, and is kept.
    Lock(Span),
    /// The image says so.
    Image {
        /// The normalised reference.
        reference: Rc<str>,
        /// The part of the image: a field of its configuration, or its tables of users.
        part: &'static str,
    },
    /// The command line says so; the option.
    Option(&'static str),
    /// Nobody said anything; the words say whose default it is and why.
    Default(&'static str),
}

/// The origins of one `config.json`, by JSON pointer. A pointer speaks for everything below it that has no pointer
/// of its own. They are never part of the output.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    first: BTreeMap<String, Origin>,
    further: BTreeMap<String, Vec<Origin>>,
}

impl Origins {
    /// Records the origin of a value and of what is below it.
    pub fn set(&mut self, pointer: impl Into<String>, origin: Origin) {
        self.first.insert(pointer.into(), origin);
    }

    /// Records what else had a say in a value, beside its origin.
    pub fn also(&mut self, pointer: impl Into<String>, origin: Origin) {
        self.further.entry(pointer.into()).or_default().push(origin);
    }

    /// What else had a say in a value.
    pub fn further(&self, pointer: &str) -> &[Origin] {
        self.further.get(pointer).map_or(&[], Vec::as_slice)
    }

    /// Takes back what was recorded of a value and of what is below it.
    pub fn forget(&mut self, pointer: &str) {
        self.first.retain(|at, _| !is_in(at, pointer));
        self.further.retain(|at, _| !is_in(at, pointer));
    }

    /// The places where the value at a pointer or something below it is written.
    pub fn written(&self, pointer: &str) -> impl Iterator<Item = Span> {
        self.first.iter().filter_map(move |(at, origin)| match origin {
            Origin::Written(span) if is_in(at, pointer) => Some(*span),
            _ => None,
        })
    }

    /// Every pointer that was recorded, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.first.iter().map(|(pointer, origin)| (pointer.as_str(), origin))
    }

    /// The origin of the value at a pointer: its own, or that of the nearest value around it.
    pub fn of(&self, pointer: &str) -> Option<&Origin> {
        let mut at = pointer;
        loop {
            if let Some(origin) = self.first.get(at) {
                return Some(origin);
            }
            at = at.get(..at.rfind('/')?)?;
        }
    }
}

fn is_in(at: &str, pointer: &str) -> bool {
    at.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A key as a part of a JSON pointer.
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
