//! What changes mean for the risk: the findings that came and those that went, each beside the change it is about.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::changes::ancestors;
use super::{Change, Risk, Section, Sign};
use crate::compose::value::rule::RuleName;
use crate::review::lint::{Finding, lint};
use crate::review::place::Place;
use crate::review::{Bundles, Made};

/// What tells a finding from others.
type Key = (String, RuleName, String);

fn key(finding: &Finding) -> Key {
    (finding.bundle.clone(), finding.rule, finding.about.clone())
}

/// The findings of both sides, by bundle.
#[derive(Debug, Default)]
pub(super) struct Risks {
    came: BTreeMap<String, Vec<Finding>>,
    went: BTreeMap<String, Vec<Finding>>,
    /// What only the Compose file shows, and only of the second side: whether it is new is not known.
    written: BTreeMap<String, Vec<Finding>>,
    /// Where passwords and their like stand, by bundle, before and after.
    secrets: [BTreeSet<(String, String)>; 2],
}

impl Risks {
    /// Both sides are held to the rules by their files alone, so that what only the Compose file tells is not taken for
    /// new. What is allowed is known from the file.
    pub(super) fn new(before: &Bundles, after: &Bundles, made: Option<Made>) -> Self {
        let (was, is) = (lint(before, None), lint(after, None));
        let with_file = made.map(|made| lint(after, Some(made))).unwrap_or_default();
        let allowed: BTreeMap<Key, Option<String>> =
            with_file.iter().map(|finding| (key(finding), finding.allowed.clone())).collect();
        let [before, after] = [&was, &is].map(|all| all.iter().map(key).collect::<BTreeSet<Key>>());
        let mut risks = Risks { secrets: [&was, &is].map(|all| secrets(all)), ..Risks::default() };
        for mut finding in is.into_iter().filter(|finding| !before.contains(&key(finding))) {
            finding.allowed = allowed.get(&key(&finding)).cloned().flatten();
            risks.came.entry(finding.bundle.clone()).or_default().push(finding);
        }
        for finding in was.into_iter().filter(|finding| !after.contains(&key(finding))) {
            risks.went.entry(finding.bundle.clone()).or_default().push(finding);
        }
        for finding in with_file.into_iter().filter(|finding| !after.contains(&key(finding))) {
            risks.written.entry(finding.bundle.clone()).or_default().push(finding);
        }
        risks
    }

    /// Hides what looks like a password: what is said here is read by more people than the bundles are.
    pub(super) fn mask(&self, bundle: &str, changes: &mut [Change]) {
        for change in changes {
            let found = self.secrets.iter().zip(&change.pointers);
            let is_secret = |secrets: &BTreeSet<(String, String)>, pointers: &[String]| {
                pointers.iter().any(|pointer| in_it(secrets, bundle, pointer))
            };
            if found.into_iter().any(|(secrets, pointers)| is_secret(secrets, pointers)) {
                for value in
                    [&mut change.before, &mut change.after].into_iter().filter(|value| !value.is_empty())
                {
                    MASKED.clone_into(value);
                }
                change.place = change.place.take().map(Place::without_text);
            }
        }
    }

    /// Puts the findings of a bundle beside the changes of its section.
    pub(super) fn attach(&mut self, bundle: &str, section: &mut Section) {
        let places = Places::new(&section.changes);
        let is_new = section.sign == Sign::Added;
        for finding in self.came.remove(bundle).unwrap_or_default() {
            let at = places.of(&finding.pointer, Side::After);
            let is_said =
                |at: &usize| section.changes.get(*at).is_some_and(|change| !is_new || !change.usual);
            let at = at.filter(is_said);
            put(section, at, Risk { finding, sign: Sign::Added });
        }
        for finding in self.written.remove(bundle).unwrap_or_default() {
            let at = places.of(&finding.pointer, Side::After);
            if is_new || at.is_some() {
                put(section, at, Risk { finding, sign: Sign::Added });
            }
        }
        // With a container that is gone go its risks.
        let went = self.went.remove(bundle).filter(|_| section.sign != Sign::Removed);
        for finding in went.unwrap_or_default() {
            let at = places.of(&finding.pointer, Side::Before);
            put(section, at, Risk { finding, sign: Sign::Removed });
        }
    }
}

/// What stands for a value that is not shown.
const MASKED: &str = "(not shown)";

/// Where a list of findings has found passwords.
fn secrets(findings: &[Finding]) -> BTreeSet<(String, String)> {
    let is_secret = |rule| matches!(rule, RuleName::CredentialInEnvironment | RuleName::CredentialInCommand);
    let found = findings.iter().filter(|finding| is_secret(finding.rule));
    found.map(|finding| (finding.bundle.clone(), finding.pointer.clone())).collect()
}

/// Whether a secret stands at a pointer, or below it.
fn in_it(secrets: &BTreeSet<(String, String)>, bundle: &str, pointer: &str) -> bool {
    let first = (bundle.to_owned(), pointer.to_owned());
    let below = format!("{pointer}/");
    let from = (bundle.to_owned(), below.clone());
    secrets.contains(&first)
        || secrets.range(from..).next().is_some_and(|(of, at)| of == bundle && at.starts_with(&below))
}

fn put(section: &mut Section, at: Option<usize>, risk: Risk) {
    match at.and_then(|at| section.changes.get_mut(at)) {
        Some(change) => change.risks.push(risk),
        None => section.risks.push(risk),
    }
}

/// Where changes are, on each side.
struct Places {
    before: BTreeMap<String, usize>,
    after: BTreeMap<String, usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

impl Places {
    fn new(changes: &[Change]) -> Self {
        let mut places = Places { before: BTreeMap::new(), after: BTreeMap::new() };
        for (index, change) in changes.iter().enumerate() {
            let [before, after] = &change.pointers;
            for (pointers, map) in [(before, &mut places.before), (after, &mut places.after)] {
                for pointer in pointers {
                    map.entry(pointer.clone()).or_insert(index);
                }
            }
        }
        places
    }

    /// The change that is about a pointer of one side. What is missing on it was there on the other, unless the pointer
    /// counts items of a list, which are others there.
    fn of(&self, pointer: &str, side: Side) -> Option<usize> {
        let (own, other) = match side {
            Side::Before => (&self.before, &self.after),
            Side::After => (&self.after, &self.before),
        };
        let counts = pointer.split('/').any(|part| part.parse::<usize>().is_ok());
        nearest(own, pointer).or_else(|| nearest(other, pointer).filter(|_| !counts))
    }
}

/// The change at a pointer, above it, or else below it.
fn nearest(places: &BTreeMap<String, usize>, pointer: &str) -> Option<usize> {
    let above = ancestors(pointer).find_map(|at| places.get(at));
    let below = format!("{pointer}/");
    let mut next = places.range::<str, _>((Bound::Included(below.as_str()), Bound::Unbounded));
    let in_it = || next.next().filter(|(at, _)| at.starts_with(&below)).map(|(_, index)| index);
    above.or_else(in_it).copied()
}
