//! A mount below one into which another container writes: that one can lead it elsewhere.

use std::collections::BTreeMap;

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::compose::value::target::clean;
use crate::review::Bundles;
use crate::review::view::host_path::from_bundles;
use crate::review::view::mounts::{Mount, mounts};

pub(super) const RULE: Rule = Rule {
    name: RuleName::NestedSharedVolume,
    severity: Severity::Medium,
    title: "another container can lead a mount elsewhere",
    help: "mount it outside of the other mount, or mount that one read-only in the other service",
    elsewhere: Elsewhere::NOWHERE,
    check,
};

/// A runtime makes the mounts one by one and follows the links it finds in what is mounted already. Who writes there at
/// that moment can put a link in the way (CVE-2021-30465, CVE-2024-45310).
fn check(subject: &Subject, found: &mut Found) {
    let mut own: BTreeMap<String, Mount> = BTreeMap::new();
    for mount in mounts(subject.bundle) {
        own.insert(clean(mount.destination), mount);
    }
    for (destination, mount) in &own {
        let outer = above(destination).find_map(|outer| Some((outer, writer(subject, own.get(outer)?)?)));
        if let Some((outer, writer)) = outer {
            let message = format!(
                "`{destination}` is mounted in `{outer}`, where `{writer}` can put a link in its place"
            );
            found.add(mount.pointer(), mount.destination, message);
        }
    }
}

/// No path of Linux is longer.
const MAX: usize = 4096;

/// The directories that a clean path lies in, the nearest first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    let path = if path.len() > MAX { "" } else { path };
    let all = std::iter::successors(Some(path), |path| path.get(..path.rfind('/')?));
    all.skip(1).filter(|path| !path.is_empty())
}

/// Another bundle that writes to what is mounted, or to what that lies in.
fn writer<'a>(subject: &Subject<'a>, mount: &Mount) -> Option<&'a str> {
    let own = subject.bundle.name.as_str();
    let source = mount.is_bind().then(|| from_bundles(own, mount.source))??;
    let writers = subject.writers.get_or_init(|| Writers::of(subject.all));
    std::iter::once(source.as_str()).chain(above(&source)).find_map(|source| writers.other(source, own))
}

/// For each source two bundles that write to it, where there are two.
#[derive(Debug)]
pub struct Writers<'a>(BTreeMap<String, [Option<&'a str>; 2]>);

impl<'a> Writers<'a> {
    fn of(all: &'a Bundles) -> Self {
        let mut writers: BTreeMap<String, [Option<&str>; 2]> = BTreeMap::new();
        for bundle in all.bundles.values() {
            let name = bundle.name.as_str();
            for mount in mounts(bundle).filter(|mount| mount.is_bind() && mount.is_writable()) {
                let Some(source) = from_bundles(name, mount.source) else { continue };
                let [first, second] = writers.entry(source).or_default();
                match first {
                    None => *first = Some(name),
                    Some(first) if *first != name => drop(second.get_or_insert(name)),
                    Some(_) => {}
                }
            }
        }
        Writers(writers)
    }

    fn other(&self, source: &str, own: &str) -> Option<&'a str> {
        self.0.get(source)?.iter().flatten().find(|name| **name != own).copied()
    }
}
