//! What changed between two sets of bundles, in the words of a reviewer.
//!
//! Every bundle is taken apart into facts: of which kind, by which name, with which value ([`facts`]). The facts of
//! both sides are matched by their names and never by their places in lists, so that a mount that moved down is no
//! change. Nothing gets lost on the way: what no part below knows is a fact as well, under its JSON pointer, and what is
//! but written in another way is said to be.
//!
//! What follows from something else, such as the arguments of hooks from the networks, is said once.

mod annotations;
mod changes;
mod confinement;
mod devices;
mod facts;
mod files;
mod fold;
mod hooks;
mod image;
mod json;
mod markdown;
mod mounts;
mod networks;
mod origins;
mod process;
mod resources;
mod rest;
mod risk;
mod seccomp;
mod setting;
mod text;
mod words;

use std::collections::BTreeSet;

use super::lint::Finding;
use super::place::Place;
use super::{Bundles, Made};
use crate::inspect::Bundle;
use changes::{changes, unsaid};
use facts::Facts;
use rest::Rest;
use risk::Risks;
use setting::Setting;

pub use json::json;
pub use markdown::markdown;
pub use text::text;

/// What a change is about. The order is that of a review: what matters most comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What the container may do, and what it shares with the host.
    Privileges,
    /// The root and the mounts.
    FileSystem,
    /// Networks, addresses, names and ports.
    Network,
    /// What runs, as whom, and how it is looked after.
    Process,
    /// Limits.
    Resources,
    /// The image and what follows from it.
    Image,
    /// All that has no other place.
    Other,
}

impl Group {
    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Group::Privileges => "privileges",
            Group::FileSystem => "file system",
            Group::Network => "network",
            Group::Process => "process",
            Group::Resources => "resources",
            Group::Image => "image",
            Group::Other => "other",
        }
    }
}

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has another value.
    Changed,
}

impl Sign {
    /// One character.
    pub fn as_char(self) -> char {
        match self {
            Sign::Added => '+',
            Sign::Removed => '-',
            Sign::Changed => '~',
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Sign::Added => "added",
            Sign::Removed => "removed",
            Sign::Changed => "changed",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is about.
    pub group: Group,
    /// What became of it.
    pub sign: Sign,
    /// What kind of thing it is, in words.
    pub kind: &'static str,
    /// Which one; empty where there can be but one.
    pub name: String,
    /// The value before; empty where the name says all.
    pub before: String,
    /// The value after, likewise.
    pub after: String,
    /// Where the value was and is: JSON pointers into `config.json`, before and after.
    pub pointers: [Vec<String>; 2],
    /// Where the value after comes from, if that is known.
    pub place: Option<Place>,
    /// What it means for the risk.
    pub risks: Vec<Risk>,
    /// Whether it is what nearly every container has.
    pub usual: bool,
}

/// What a change means for the risk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    /// What `lint` says.
    pub finding: Finding,
    /// Whether that is new or gone.
    pub sign: Sign,
}

/// What a section is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A bundle, by the name of its directory.
    Bundle(String),
    /// A network of the project, by its key.
    Network(String),
}

/// What changed in one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The subject.
    pub subject: Subject,
    /// Whether it is new, gone or changed.
    pub sign: Sign,
    /// What changed, in the order of a review.
    pub changes: Vec<Change>,
    /// Findings that came or went with no change that shows why.
    pub risks: Vec<Risk>,
}

/// All that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// By subject: bundles, then networks.
    pub sections: Vec<Section>,
}

impl Diff {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// All that it means for the risk.
    pub fn risks(&self) -> impl Iterator<Item = &Risk> {
        self.sections.iter().flat_map(Section::all_risks)
    }
}

impl Section {
    /// All that it means for the risk.
    pub fn all_risks(&self) -> impl Iterator<Item = &Risk> {
        self.changes.iter().flat_map(|change| &change.risks).chain(&self.risks)
    }
}

/// Compares two sets of bundles. `made` is what those after the change were made of.
pub fn diff(before: &Bundles, after: &Bundles, made: Option<Made>) -> Diff {
    let settings = [Setting::new(before), Setting::new(after)];
    let mut risks = Risks::new(before, after, made);
    let names: BTreeSet<&String> = before.bundles.keys().chain(after.bundles.keys()).collect();
    let mut sections = Vec::new();
    for name in names {
        let bundles = [before.bundles.get(name), after.bundles.get(name)];
        let mut section = of_bundle(name, bundles, &settings);
        origins::origins(&mut section.changes, name, made);
        risks.mask(name, &mut section.changes);
        risks.attach(name, &mut section);
        sections.push(section);
    }
    let [was, is] = settings.each_ref().map(Setting::networks);
    for key in was.union(&is) {
        sections.push(of_network(key, &settings, [was.contains(key), is.contains(key)], made));
    }
    sections.retain(|section| {
        section.sign != Sign::Changed || !section.changes.is_empty() || !section.risks.is_empty()
    });
    Diff { sections }
}

fn of_bundle(name: &str, bundles: [Option<&Bundle>; 2], settings: &[Setting; 2]) -> Section {
    let [before, after] = bundles;
    let [was, is] = [(before, &settings[0]), (after, &settings[1])]
        .map(|(bundle, setting)| bundle.map(|bundle| facts_of(bundle, setting)).unwrap_or_default());
    let mut changes = changes(&was, &is);
    if let Some((before, after)) = before.zip(after) {
        let unsaid = unsaid((before, &was), (after, &is), &changes);
        changes.said.extend(unsaid);
    }
    let sign = match (before, after) {
        (None, _) => Sign::Added,
        (_, None) => Sign::Removed,
        _ => Sign::Changed,
    };
    Section { subject: Subject::Bundle(name.to_owned()), sign, changes: changes.said, risks: Vec::new() }
}

fn of_network(key: &str, settings: &[Setting; 2], [was, is]: [bool; 2], made: Option<Made>) -> Section {
    let [before, after] = settings.each_ref().map(|setting| setting.facts(key));
    let mut changes = changes(&before, &after).said;
    origins::of_network(&mut changes, key, made);
    let sign = match (was, is) {
        (false, _) => Sign::Added,
        (_, false) => Sign::Removed,
        _ => Sign::Changed,
    };
    Section { subject: Subject::Network(key.to_owned()), sign, changes, risks: Vec::new() }
}

/// Takes a bundle apart.
fn facts_of(bundle: &Bundle, setting: &Setting) -> Facts {
    let (mut facts, mut rest) = (Facts::default(), Rest::new(&bundle.config));
    hooks::hooks(&mut facts, &mut rest, bundle, setting);
    mounts::mounts(&mut facts, &mut rest);
    image::image(&mut facts, &mut rest);
    annotations::annotations(&mut facts, &mut rest);
    process::process(&mut facts, &mut rest);
    confinement::confinement(&mut facts, &mut rest);
    seccomp::seccomp(&mut facts, &mut rest);
    devices::devices(&mut facts, &mut rest);
    resources::resources(&mut facts, &mut rest);
    rest.finish(&mut facts);
    files::files(&mut facts, bundle, setting);
    facts
}
