//! From the facts of both sides to the changes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use serde_json::Value;

use super::facts::{Fact, Facts, Key};
use super::files::{self, FILE};
use super::{Change, Group, Sign};
use crate::inspect::Bundle;
use crate::lower::origin::escaped;

/// What changed, and where.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// What is said.
    pub said: Vec<Change>,
    /// Every place that it is about, also of what is but a part of something that came or went.
    covered: BTreeSet<String>,
}

/// What is another one: by name, and in the order of lists that have one.
pub(super) fn changes(before: &Facts, after: &Facts) -> Changes {
    let mut all: BTreeMap<&Key, Change> = BTreeMap::new();
    for (key, fact) in before.iter() {
        match after.get(key) {
            None => drop(all.insert(key, one(Some(fact), None))),
            Some(now) if now.exact != fact.exact => drop(all.insert(key, one(Some(fact), Some(now)))),
            Some(_) => {}
        }
    }
    for (key, fact) in after.iter().filter(|(key, _)| before.get(key).is_none()) {
        all.insert(key, one(None, Some(fact)));
    }
    let mut found = Changes::default();
    found.covered.extend(all.values().flat_map(|change| change.pointers.iter().flatten().cloned()));
    let whole: BTreeSet<(&str, &str, Sign)> =
        all.values().map(|change| (change.kind, change.name.as_str(), change.sign)).collect();
    let is_part = |key: &Key, change: &Change| {
        let Some(fact) = before.get(key).or(after.get(key)) else { return false };
        let Some((kind, name)) = &fact.part_of else { return false };
        let signs =
            if fact.usual { &[Sign::Added, Sign::Removed, Sign::Changed][..] } else { &[change.sign][..] };
        change.sign != Sign::Changed
            && signs.iter().any(|sign| whole.contains(&(*kind, name.as_str(), *sign)))
    };
    let parts: BTreeSet<Key> =
        all.iter().filter(|(key, change)| is_part(key, change)).map(|(key, _)| (*key).clone()).collect();
    found.said.extend(all.into_iter().filter(|(key, _)| !parts.contains(*key)).map(|(_, change)| change));
    found.said.extend(orders(before, after));
    found
}

impl Changes {
    /// Whether a change is about what is at a pointer, about something in it, or something that it is in.
    fn cover(&self, at: &str) -> bool {
        let below = format!("{at}/");
        let mut next = self.covered.range::<str, _>((Bound::Included(below.as_str()), Bound::Unbounded));
        next.next().is_some_and(|pointer| pointer.starts_with(&below))
            || ancestors(at).any(|above| self.covered.contains(above))
    }
}

/// A pointer, and those to what it is in, but for the whole.
pub(super) fn ancestors(pointer: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(pointer), move |at| at.rsplit_once('/').map(|(parent, _)| parent))
        .take_while(|at| !at.is_empty())
}

fn one(before: Option<&Fact>, after: Option<&Fact>) -> Change {
    let sign = match (before, after) {
        (Some(_), Some(_)) => Sign::Changed,
        (Some(_), None) => Sign::Removed,
        (None, _) => Sign::Added,
    };
    let group = after.or(before).map_or(Group::Other, |fact| fact.group);
    let kind = after.or(before).map_or("value", |fact| fact.kind);
    let name = after.or(before).map(|fact| fact.name.clone()).unwrap_or_default();
    let mut shown = [before, after].map(|fact| fact.map(|fact| fact.shown.clone()).unwrap_or_default());
    if let Some((before, after)) = before.zip(after) {
        let lines =
            Some(kind).filter(|kind| *kind == FILE).and_then(|_| files::lines(&before.exact, &after.exact));
        if let Some(lines) = lines {
            shown = [String::new(), lines];
        } else if before.shown == after.shown {
            // What looks alike and is not is shown as it stands.
            shown = [&before.exact, &after.exact].map(Value::to_string);
        }
    }
    let [shown_before, shown_after] = shown;
    let pointers = [before, after].map(|fact| fact.map(|fact| fact.pointers.clone()).unwrap_or_default());
    let usual = after.or(before).is_some_and(|fact| fact.usual);
    Change {
        group,
        sign,
        kind,
        name,
        before: shown_before,
        after: shown_after,
        pointers,
        place: None,
        risks: Vec::new(),
        usual,
    }
}

/// Lists in which what stayed is in another order.
fn orders(before: &Facts, after: &Facts) -> Vec<Change> {
    let mut changes = Vec::new();
    for (list, was) in before.orders() {
        let Some(is) = after.orders().get(list) else { continue };
        let common: BTreeSet<&Key> =
            was.iter().collect::<BTreeSet<_>>().intersection(&is.iter().collect()).copied().collect();
        let stayed =
            |keys: &'_ [Key]| keys.iter().filter(|key| common.contains(key)).cloned().collect::<Vec<_>>();
        let (was, is) = (stayed(was), stayed(is));
        if was != is {
            let group = is.first().map_or(Group::Other, |key| key.group);
            let names =
                |keys: &[Key]| keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ");
            let (before, after) = (names(&was), names(&is));
            changes.push(respelt(group, "order of", (*list).to_owned(), before, after, list));
        }
    }
    changes
}

fn respelt(
    group: Group,
    kind: &'static str,
    name: String,
    before: String,
    after: String,
    at: &str,
) -> Change {
    let pointers = [vec![at.to_owned()], vec![at.to_owned()]];
    Change {
        group,
        sign: Sign::Changed,
        kind,
        name,
        before,
        after,
        pointers,
        place: None,
        risks: Vec::new(),
        usual: false,
    }
}

/// What differs in a bundle without a fact that says so: it is but written in another way.
pub(super) fn unsaid(before: (&Bundle, &Facts), after: (&Bundle, &Facts), changes: &Changes) -> Vec<Change> {
    let mut places = Vec::new();
    differences(&before.0.config, &after.0.config, "", &mut places);
    places.retain(|at| !(changes.cover(at) || before.1.has_said(at) && after.1.has_said(at)));
    let files =
        files::respelt(before.0, after.0).filter(|(_, at)| !at.as_ref().is_some_and(|at| changes.cover(at)));
    let files: Vec<String> = files.map(|(path, _)| path.to_owned()).collect();
    let spelling = |at: &String| {
        let name = if at.is_empty() { "/".to_owned() } else { at.clone() };
        respelt(Group::Other, files::SPELLING, name, String::new(), String::new(), at)
    };
    places.iter().chain(&files).map(spelling).collect()
}

/// The highest places at which two values differ; a list is one place.
fn differences(before: &Value, after: &Value, at: &str, places: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let at = format!("{at}/{}", escaped(key));
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => differences(a, b, &at, places),
                    _ => places.push(at),
                }
            }
        }
        (a, b) if a != b => places.push(at.to_owned()),
        _ => {}
    }
}
