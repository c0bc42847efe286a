//! A `config.json` from which the parts take what they know. What is left in the end is said as it stands.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Group;
use super::facts::{Fact, Facts};
use crate::lower::origin::escaped;

/// What nobody has taken yet.
pub(super) struct Rest {
    value: Value,
    /// Where something was taken away: that nothing is left there says nothing.
    opened: BTreeSet<String>,
}

impl Rest {
    pub(super) fn new(value: &Value) -> Self {
        Rest { value: value.clone(), opened: BTreeSet::new() }
    }

    /// Takes the value at a JSON pointer away.
    pub(super) fn take(&mut self, pointer: &str) -> Option<Value> {
        let (parent, key) = pointer.rsplit_once('/')?;
        let key = key.replace("~1", "/").replace("~0", "~");
        let taken = self.value.pointer_mut(parent)?.as_object_mut()?.remove(&key)?;
        let mut at = parent;
        self.opened.insert(at.to_owned());
        while let Some((above, _)) = at.rsplit_once('/') {
            self.opened.insert(above.to_owned());
            at = above;
        }
        Some(taken)
    }

    /// Puts back what turned out to be nothing that is known.
    pub(super) fn give_back(&mut self, pointer: &str, value: Value) {
        let Some((parent, key)) = pointer.rsplit_once('/') else { return };
        if let Some(map) = self.value.pointer_mut(parent).and_then(Value::as_object_mut) {
            map.insert(key.to_owned(), value);
        }
    }

    /// Takes the items of a list that is not empty.
    pub(super) fn list(&mut self, pointer: &str) -> Vec<Value> {
        let is_list =
            self.value.pointer(pointer).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        match is_list.then(|| self.take(pointer)).flatten() {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        }
    }

    /// Takes the items of a list, each with the pointer to it.
    pub(super) fn items(&mut self, pointer: &str) -> impl Iterator<Item = (String, Value)> {
        let at = pointer.to_owned();
        let items = self.list(pointer).into_iter().enumerate();
        items.map(move |(index, item)| (format!("{at}/{index}"), item))
    }

    /// Takes the entries of a mapping that is not empty, each with the pointer to it.
    pub(super) fn entries(&mut self, pointer: &str) -> Vec<(String, String, Value)> {
        let is_map =
            self.value.pointer(pointer).and_then(Value::as_object).is_some_and(|map| !map.is_empty());
        let entry = |(key, value): (String, Value)| (format!("{pointer}/{}", escaped(&key)), key, value);
        match is_map.then(|| self.take(pointer)).flatten() {
            Some(Value::Object(map)) => map.into_iter().map(entry).collect(),
            _ => Vec::new(),
        }
    }

    /// Says what is left.
    pub(super) fn finish(self, facts: &mut Facts) {
        leaves(&self.value, "", &mut |at, value| {
            let emptied =
                value.as_object().is_some_and(serde_json::Map::is_empty) && self.opened.contains(at);
            if !emptied {
                let name = if at.is_empty() { "/" } else { at };
                facts.add(Fact::new(Group::Other, "value", name, value.clone()).at(at));
            }
        });
    }
}

/// Visits every value that has nothing below it, with the pointer to it.
pub(super) fn leaves(value: &Value, at: &str, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                leaves(value, &format!("{at}/{}", escaped(key)), visit);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                leaves(value, &format!("{at}/{index}"), visit);
            }
        }
        _ => visit(at, value),
    }
}
