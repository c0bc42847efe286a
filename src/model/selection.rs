//! The services that were asked for, and what they need.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::edit::{all, change, only};
use crate::diag::{Code, Diagnostics, Reported};
use crate::nearest::nearest;
use crate::yaml::{Entry, Node};

/// The tree with the services that were named and all they depend on (compose-go: `WithSelectedServices` in
/// `types/project.go`). A name may be a pattern. Dependencies that are not there were not required, and go too.
pub(super) fn select(d: &mut Diagnostics, root: &Node, names: &[String]) -> Result<Node, Reported> {
    if names.is_empty() {
        return Ok(root.clone());
    }
    let entries = root.get("services").map_or(&[][..], Node::entries);
    let services: BTreeMap<&str, &Entry> = entries.iter().map(|entry| (&*entry.key, entry)).collect();
    let mut failed = None;
    let mut waiting: Vec<&str> = Vec::new();
    for name in names {
        let before = waiting.len();
        waiting.extend(services.keys().filter(|service| matches(name, service)));
        if waiting.len() == before {
            failed = Some(unknown(d, name, services.keys().copied()));
        }
    }
    if let Some(reported) = failed {
        return Err(reported);
    }
    let mut selected = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        let Some(service) = services.get(name) else { continue };
        if selected.insert(Rc::clone(&service.key)) {
            let needed = service.value.get("depends_on").map_or(&[][..], Node::entries);
            waiting.extend(needed.iter().map(|entry| &*entry.key));
        }
    }
    let wanted = |entry: &Entry| selected.contains(&entry.key);
    let root = &change(root, "services", &mut |services| only(services, wanted));
    let root = change(root, "services.*.depends_on", &mut |needed| only(needed, wanted));
    Ok(change(&root, "services.*", &mut |service| {
        only(service, |entry| &*entry.key != "depends_on" || !is_empty(&entry.value))
    }))
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.value, crate::yaml::Value::Map(entries) if entries.is_empty())
}

fn unknown<'s>(d: &mut Diagnostics, name: &str, services: impl Iterator<Item = &'s str>) -> Reported {
    let known = nearest(name, services);
    d.error(Code::UnknownService, format!("no service is called `{name}`")).did_you_mean(known).emit()
}

/// Whether a name is what a pattern says: `*` is any text, `?` any character, `[a-c]` one of these and `[^a-c]` none.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // The star that was met last, and what it stands for so far: only that one is ever tried again.
    let mut star: Option<(usize, usize)> = None;
    let (mut at, mut next) = (0, 0);
    loop {
        let one = match (pattern.get(at), name.get(next)) {
            (None, None) => return true,
            (Some('*'), _) => {
                star = Some((at, next));
                at += 1;
                continue;
            }
            (Some(_), Some(c)) => one(pattern.get(at..).unwrap_or_default(), *c),
            _ => None,
        };
        match (one, star) {
            (Some(length), _) => (at, next) = (at + length, next + 1),
            (None, Some((place, from))) if from < name.len() => {
                star = Some((place, from + 1));
                (at, next) = (place + 1, from + 1);
            }
            _ => return false,
        }
    }
}

/// The length of what a pattern begins with, where that is `c`.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == c).then_some(2),
        ['[', class @ ..] => {
            let (negated, class) = match class {
                ['^', class @ ..] => (1, class),
                class => (0, class),
            };
            let end = class.iter().position(|c| *c == ']')?;
            let class = class.get(..end)?;
            let in_class = class.contains(&c)
                || class
                    .windows(3)
                    .any(|range| matches!(range, [low, '-', high] if (low..=high).contains(&&c)));
            (in_class != (negated == 1)).then_some(2 + negated + end)
        }
        [literal, ..] => (*literal == c).then_some(1),
        [] => None,
    }
}

/// The tree without networks, volumes, secrets, configs and models that no service uses (compose-go:
/// `WithoutUnnecessaryResources` in `types/project.go`).
pub(super) fn prune(root: &Node) -> Node {
    let keys =
        |path: &str| names_of(all(root, path).into_iter().flat_map(Node::entries).map(|entry| &*entry.key));
    let texts = |path: &str| names_of(all(root, path).into_iter().filter_map(Node::as_str));
    let volumes = all(root, "services.*.volumes.*").into_iter().filter(|mount| is_volume(mount));
    let mut secrets = texts("services.*.secrets.*.source");
    secrets.extend(texts("services.*.build.secrets.*.source"));
    let used = [
        ("networks", keys("services.*.networks")),
        ("volumes", names_of(volumes.filter_map(|mount| mount.get("source")?.as_str()))),
        ("secrets", secrets),
        ("configs", texts("services.*.configs.*.source")),
        ("models", keys("services.*.models")),
    ];
    let root = used.iter().fold(root.clone(), |root, (section, used)| {
        change(&root, section, &mut |section| only(section, |entry| used.contains(&*entry.key)))
    });
    // A section with nothing in it says no more than none.
    only(&root, |entry| !(used.iter().any(|(section, _)| *section == &*entry.key) && is_empty(&entry.value)))
}

fn names_of<'n>(names: impl Iterator<Item = &'n str>) -> BTreeSet<String> {
    names.map(str::to_owned).collect()
}

/// Whether a mount is that of a volume.
pub(super) fn is_volume(mount: &Node) -> bool {
    mount.get("type").and_then(Node::as_str) == Some("volume")
}
