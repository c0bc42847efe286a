//! Changes that say the same of several names, in one line; and bundles that changed alike, under one heading.

use super::image::{IMAGE, OF_IMAGE};
use super::networks::{NAMED, PLAIN};
use super::process::VERSION;
use super::seccomp::CALL;
use super::{Change, Diff, Group, Risk, Section, Sign, Subject, words};
use crate::review::place::Place;

/// What is said in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub group: Group,
    pub sign: Sign,
    /// What it is, with the names.
    pub what: String,
    /// The value, or both with an arrow.
    pub value: String,
    pub place: Option<Place>,
    pub risks: Vec<Risk>,
}

/// How many names one line has at most.
const NAMES: usize = 6;

/// So many changes that say the same are one line.
const FOLDED: usize = 3;

/// Kinds of which there are so many, or of which so many always change together, that two are one line already.
const ALWAYS: [&str; 3] = [CALL, "name", "alias"];

/// What several of a kind are called, where it is not an `s` more.
const PLURALS: &[(&str, &str)] = &[
    ("capability", "capabilities"),
    ("gateway of", "gateways of"),
    ("of the image", "of the image"),
    ("starts after", "starts after"),
    ("handed on", "handed on"),
    ("written", "written"),
    ("healthcheck", "healthcheck"),
    ("logging", "logging"),
    ("shares with others its", "shares with others its"),
    ("setting of", "settings of"),
    ("list of", "list of"),
];

/// The lines of a section. What is new or gone as a whole is said by what matters of it.
pub(super) fn lines(section: &Section) -> Vec<Line> {
    let whole = section.sign != Sign::Changed;
    let new_image = section.changes.iter().any(|change| change.kind == IMAGE);
    let only_minor = section.changes.iter().all(|change| is_minor(change, new_image));
    let minor = |change: &Change| !only_minor && is_minor(change, new_image);
    let mut changes: Vec<&Change> =
        section.changes.iter().filter(|change| matters(section, change, &minor)).collect();
    let by_sign = |change: &&Change| ALWAYS.contains(&change.kind).then_some(change.sign);
    changes.sort_by_cached_key(|change| (change.group, change.kind != IMAGE, change.kind, by_sign(change)));
    let mut lines = Vec::new();
    let mut rest = changes.as_slice();
    while let Some(first) = rest.first() {
        let alike = rest.iter().take_while(|change| are_alike(first, change, whole)).count();
        let (run, after) = rest.split_at(alike);
        let folds =
            alike >= FOLDED || alike > 1 && (ALWAYS.contains(&first.kind) || first.group == Group::Image);
        if folds {
            lines.push(folded(run));
        } else {
            lines.extend(run.iter().map(|change| single(change)));
        }
        rest = after;
    }
    lines
}

/// Whether a change has to be said. What any container has is not said of one that is new or gone, nor how one ran that is
/// gone; and what follows from the rest is said only where there is nothing else.
fn matters(section: &Section, change: &Change, is_minor: &dyn Fn(&Change) -> bool) -> bool {
    match section.sign {
        Sign::Changed => !is_minor(change),
        Sign::Added => !change.usual,
        Sign::Removed => !change.usual && change.group != Group::Process,
    }
}

/// What follows from other changes, or only from how they are written.
fn is_minor(change: &Change, new_image: bool) -> bool {
    let follows = match change.kind {
        VERSION | NAMED | PLAIN => true,
        OF_IMAGE => new_image,
        _ => false,
    };
    follows && change.usual && change.risks.is_empty()
}

/// Whether two changes say the same of two names. The values of variables of a new container are many, and read where
/// they are written.
fn are_alike(a: &Change, b: &Change, whole: bool) -> bool {
    let same_value = (&a.before, &a.after) == (&b.before, &b.after)
        || a.kind == CALL
        || a.group == Group::Image
        || whole && a.kind == "variable";
    (a.group, a.sign, a.kind) == (b.group, b.sign, b.kind) && same_value
}

fn single(change: &Change) -> Line {
    Line {
        group: change.group,
        sign: change.sign,
        what: format!("{} {}", change.kind, change.name).trim_end().to_owned(),
        value: value(change),
        place: change.place.clone(),
        risks: change.risks.clone(),
    }
}

fn folded(run: &[&Change]) -> Line {
    let names: Vec<&str> = run.iter().take(NAMES).map(|change| change.name.as_str()).collect();
    let more = if run.len() > NAMES { format!(", … ({})", run.len()) } else { String::new() };
    let first = run.first();
    let kind = first.map_or("", |change| change.kind);
    let plural = PLURALS
        .iter()
        .find(|(one, _)| *one == kind)
        .map_or_else(|| format!("{kind}s"), |(_, all)| (*all).to_owned());
    let same = |get: &dyn Fn(&Change) -> String| {
        let value = first.map(|change| get(change)).unwrap_or_default();
        if run.iter().all(|change| get(change) == value) { value } else { String::new() }
    };
    let place = first.and_then(|change| change.place.clone());
    Line {
        group: first.map_or(Group::Other, |change| change.group),
        sign: first.map_or(Sign::Changed, |change| change.sign),
        what: format!("{plural} {}{more}", names.join(", ")),
        value: same(&value),
        place: place.filter(|place| run.iter().all(|change| change.place.as_ref() == Some(place))),
        risks: run.iter().flat_map(|change| change.risks.iter().cloned()).collect(),
    }
}

fn value(change: &Change) -> String {
    let set = |text: &str| if text.is_empty() { "yes".to_owned() } else { text.to_owned() };
    match change.sign {
        Sign::Added => words::short(&change.after),
        Sign::Removed => words::short(&change.before),
        Sign::Changed if change.before.is_empty() && change.after.is_empty() => String::new(),
        Sign::Changed if change.kind == super::files::FILE && change.before.is_empty() => {
            change.after.clone()
        }
        Sign::Changed => {
            let (before, after) = words::pair(&change.before, &change.after);
            format!("{} → {}", set(&before), set(&after))
        }
    }
}

/// What is said under one heading.
#[derive(Debug)]
pub(super) struct Block<'d> {
    /// The subjects that changed alike.
    pub names: Vec<&'d str>,
    pub section: &'d Section,
    pub lines: Vec<Line>,
}

impl Block<'_> {
    /// The heading: names, and what became of them as a whole.
    pub(super) fn heading(&self) -> String {
        let names = self.names.join(", ");
        let names = match self.section.subject {
            Subject::Bundle(_) => names,
            Subject::Network(_) => format!("network {names}"),
        };
        match self.section.sign {
            Sign::Added => format!("{names} (new)"),
            Sign::Removed => format!("{names} (gone)"),
            Sign::Changed => names,
        }
    }
}

/// The sections, those together that say the same of bundles, such as of the containers of one service.
pub(super) fn blocks(diff: &Diff) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut known: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for section in &diff.sections {
        let lines = lines(section);
        let (Subject::Bundle(name) | Subject::Network(name)) = &section.subject;
        let said = format!(
            "{:?}",
            (std::mem::discriminant(&section.subject), section.sign, said(&lines), risks(&section.risks))
        );
        if let Some(block) = known.get(&said).and_then(|index| blocks.get_mut(*index)) {
            block.names.push(name);
        } else {
            known.insert(said, blocks.len());
            blocks.push(Block { names: vec![name], section, lines });
        }
    }
    blocks
}

fn said(lines: &[Line]) -> String {
    let line = |line: &Line| {
        format!("{:?}", (line.group, line.sign, &line.what, &line.value, &line.place, risks(&line.risks)))
    };
    lines.iter().map(line).collect()
}

/// What is said of risks, but for whose they are.
fn risks(risks: &[Risk]) -> String {
    let said = risks.iter().map(|risk| (risk.finding.rule, &risk.finding.allowed, risk.sign));
    format!("{:?}", said.collect::<Vec<_>>())
}
