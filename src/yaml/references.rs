//! Which variables the texts of a project refer to, and who gave each its value: noted where a reference is replaced,
//! so that nobody has to guess afterwards. It changes nothing of what is made.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::template::Lookup;
use crate::source::{FileId, Span};

/// Who gave a variable its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Giver {
    /// The process that builds.
    Process {
        /// Whether somebody said that it is meant to have a say.
        meant: bool,
    },
    /// The place where an env file or the service itself sets it.
    File(Span),
    /// The project: it is its name.
    Project,
    /// Nobody: it is not set, and the reference says what stands for it.
    Nobody,
}

/// A reference to a variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The whole reference, such as `${NAME:-default}`; the whole text that it is in where its place in that is not known.
    pub place: Span,
    /// The name of the variable.
    pub name: Rc<str>,
    /// Who gave it its value.
    pub giver: Giver,
}

/// All references, and what the variables were.
#[derive(Clone, Debug, Default)]
pub struct References {
    all: BTreeSet<Reference>,
    /// The values by name and giver. A file that is read twice with other variables around it has the first one.
    values: BTreeMap<Rc<str>, BTreeMap<Giver, Option<Rc<str>>>>,
    env_files: BTreeSet<FileId>,
}

impl References {
    /// Notes a reference to a variable that is looked up.
    pub fn look_up(&mut self, place: Span, name: &str, variables: &dyn Lookup) {
        let giver = variables.giver(name);
        let value = variables.get(name).or_else(|| variables.before(name));
        self.add(place, name, giver, value.as_deref());
    }

    /// Notes a reference.
    pub fn add(&mut self, place: Span, name: &str, giver: Giver, value: Option<&str>) {
        let name: Rc<str> =
            self.values.get_key_value(name).map_or_else(|| name.into(), |(name, _)| Rc::clone(name));
        let values = self.values.entry(Rc::clone(&name)).or_default();
        values.entry(giver).or_insert_with(|| value.map(Rc::from));
        self.all.insert(Reference { place, name, giver });
    }

    /// Notes that a file is one of variables.
    pub fn add_env_file(&mut self, file: FileId) {
        self.env_files.insert(file);
    }

    /// Adds others.
    pub fn extend(&mut self, other: References) {
        self.all.extend(other.all);
        for (name, values) in other.values {
            let known = self.values.entry(name).or_default();
            for (giver, value) in values {
                known.entry(giver).or_insert(value);
            }
        }
        self.env_files.extend(other.env_files);
    }

    /// All of them, in the order of the files and their places.
    pub fn iter(&self) -> impl Iterator<Item = &Reference> {
        self.all.iter()
    }

    /// Whether a file is one of variables.
    pub fn is_env_file(&self, file: FileId) -> bool {
        self.env_files.contains(&file)
    }

    /// What the variable of a reference is; nothing where it is not set.
    pub fn value(&self, reference: &Reference) -> Option<&str> {
        self.values.get(&reference.name)?.get(&reference.giver)?.as_deref()
    }

    /// The references within a place, in order.
    pub fn within(&self, place: Span) -> impl Iterator<Item = &Reference> {
        let first = |start| Reference {
            place: Span { file: place.file, start, end: 0 },
            name: Rc::from(""),
            giver: Giver::Process { meant: false },
        };
        let range = first(place.start)..first(place.end.max(place.start));
        self.all.range(range).filter(move |reference| reference.place.end <= place.end)
    }

    /// The references within places, and those within what gave these their values, and so on; each once.
    pub fn behind(&self, places: impl IntoIterator<Item = Span>) -> Vec<&Reference> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open: Vec<Span> = places.into_iter().collect();
        open.reverse();
        while let Some(place) = open.pop() {
            if !seen.insert(place) {
                continue;
            }
            for reference in self.within(place) {
                found.push(reference);
                if let Giver::File(place) = reference.giver {
                    open.push(place);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    #[test]
    fn references_lead_to_what_is_behind_them() {
        let mut sources = Sources::default();
        let compose = sources.add("compose.yaml".into(), "image: app:${TAG}-${TAG}\nuser: ${ME}\n".into());
        let env = sources.add(".env".into(), "TAG=1-${ME}\nOTHER=${YOU}\n".into());
        let span = |file, start, end| Span::new(file, start, end);
        let (tag, me) = (Giver::File(span(env, 4, 11)), Giver::Process { meant: false });
        let mut references = References::default();
        references.add(span(compose, 11, 17), "TAG", tag, Some("1-me"));
        references.add(span(compose, 18, 24), "TAG", tag, Some("1-me"));
        references.add(span(compose, 31, 36), "ME", me, Some("me"));
        references.add(span(env, 6, 11), "ME", me, Some("me"));
        references.add(span(env, 18, 24), "YOU", Giver::Nobody, None);

        let image = span(compose, 7, 24);
        let names = |found: Vec<&Reference>| found.iter().map(|one| one.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(references.within(image).collect()), ["TAG", "TAG"]);
        assert_eq!(names(references.behind([image])), ["TAG", "TAG", "ME"]);
        assert_eq!(names(references.within(span(compose, 12, 24)).collect()), ["TAG"]);
        let first = references.within(image).next().unwrap();
        assert_eq!(references.value(first), Some("1-me"));
    }
}
