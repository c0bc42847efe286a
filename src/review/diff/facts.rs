//! What is known of one bundle: facts, each with its name.
//!
//! All facts and orders together say what the files of a bundle say, so that no difference gets lost. A value that
//! follows from others is spelt as that: it changes only where it stops to follow.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Group;

/// One fact.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fact {
    /// What it is about.
    pub group: Group,
    /// What kind of thing it is, in words.
    pub kind: &'static str,
    /// Which one; empty where there can be but one.
    pub name: String,
    /// The value as it is shown; empty where the name says all.
    pub shown: String,
    /// The value as it is compared.
    pub exact: Value,
    /// Where it stands in `config.json`: the place that says most comes first.
    pub pointers: Vec<String>,
    /// Whether nearly every container has it.
    pub usual: bool,
    /// The kind and name of what it is a part of: where that is new or gone, so are its parts.
    pub part_of: Option<(&'static str, String)>,
}

impl Fact {
    /// A fact with its value, shown as it is.
    pub(super) fn new(group: Group, kind: &'static str, name: impl Into<String>, exact: Value) -> Self {
        let shown = super::words::plain(&exact);
        let name = name.into();
        Fact { group, kind, name, shown, exact, pointers: Vec::new(), usual: false, part_of: None }
    }

    pub(super) fn shown(mut self, shown: impl Into<String>) -> Self {
        self.shown = shown.into();
        self
    }

    pub(super) fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointers.push(pointer.into());
        self
    }

    /// Marks what nearly every container has.
    pub(super) fn usual(mut self, usual: bool) -> Self {
        self.usual = usual;
        self
    }

    pub(super) fn part_of(mut self, kind: &'static str, name: impl Into<String>) -> Self {
        self.part_of = Some((kind, name.into()));
        self
    }
}

/// What tells a fact from others: its kind, its name, and which of those with the same name it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub group: Group,
    pub kind: &'static str,
    pub name: String,
    pub nth: usize,
}

/// All facts of one bundle.
#[derive(Debug, Default)]
pub(super) struct Facts {
    all: BTreeMap<Key, Fact>,
    /// How many there are of a kind and name.
    count: BTreeMap<(Group, &'static str, String), usize>,
    /// The order of what is in lists whose order means something, by the pointer to the list.
    orders: BTreeMap<&'static str, Vec<Key>>,
    /// The places of which the facts say all there is to say.
    said: Vec<String>,
}

impl Facts {
    /// Adds a fact, and returns what it is known by.
    pub(super) fn add(&mut self, fact: Fact) -> Key {
        let count = self.count.entry((fact.group, fact.kind, fact.name.clone())).or_default();
        let key = Key { group: fact.group, kind: fact.kind, name: fact.name.clone(), nth: *count };
        *count += 1;
        self.all.insert(key.clone(), fact);
        key
    }

    /// Records the order of a list.
    pub(super) fn order(&mut self, list: &'static str, keys: Vec<Key>) {
        self.orders.insert(list, keys);
    }

    /// Records that the facts say all that is said at a pointer and below it.
    pub(super) fn says(&mut self, pointer: impl Into<String>) {
        self.said.push(pointer.into());
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Fact)> {
        self.all.iter()
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Fact> {
        self.all.get(key)
    }

    pub(super) fn orders(&self) -> &BTreeMap<&'static str, Vec<Key>> {
        &self.orders
    }

    /// Whether the facts say all that is said at a pointer.
    pub(super) fn has_said(&self, pointer: &str) -> bool {
        self.said.iter().any(|said| is_at_or_below(pointer, said))
    }
}

/// Whether a pointer leads to what another one leads to, or below it.
pub(super) fn is_at_or_below(pointer: &str, top: &str) -> bool {
    pointer.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
