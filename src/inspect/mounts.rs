//! `mounts`: what a container sees of the host and of volumes.

mod files;
mod options;
mod ours;
mod volumes;

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::{Bundle, Draft, Facts, annotations, texts};
use crate::lower::annotations::{CREATE, EXTERNAL, NOCOPY};
use crate::lower::mounts::INIT;

/// A mount as it stands in the list.
struct Mount<'a> {
    destination: &'a str,
    kind: &'a str,
    source: &'a str,
    options: Vec<&'a str>,
}

impl<'a> Mount<'a> {
    fn of(mount: &'a Value) -> Self {
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        let options = mount.get("options").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        Mount {
            destination: text("destination"),
            kind: text("type"),
            source: text("source"),
            options: texts(options).collect(),
        }
    }
}

/// What `prepare` is told about the sources.
struct Notes {
    created: Vec<String>,
    empty: Vec<String>,
    external: Vec<String>,
}

impl Notes {
    fn of(bundle: &Bundle) -> Self {
        let paths = |key| {
            let mut paths = bundle.annotation(key).and_then(annotations::list).unwrap_or_default();
            paths.sort();
            paths
        };
        Notes { created: paths(CREATE), empty: paths(NOCOPY), external: paths(EXTERNAL) }
    }
}

/// Whether a sorted list has a path.
fn has(list: &[String], path: &str) -> bool {
    list.binary_search_by(|known| known.as_str().cmp(path)).is_ok()
}

pub(super) fn mounts<'a>(draft: &mut Draft, bundle: &'a Bundle, facts: &Facts<'a>) {
    let notes = Notes::of(bundle);
    let mounts: Vec<Mount> = bundle.list("/mounts").iter().map(Mount::of).collect();
    let private = files::private(draft, bundle, &mounts);
    let mut borrowed = volumes::Borrowed::default();
    for (index, mount) in mounts.iter().enumerate() {
        let said = ours::ours(draft, bundle, facts, mount)
            || files::file(draft, bundle, &private, mount)
            || volumes::volume(draft, bundle, facts, &notes, mount, &mut borrowed);
        if !said {
            draft.cannot_say(bundle, &format!("/mounts/{index}"));
        }
    }
    ours::check(draft, bundle, facts, &mounts);
    borrowed.say(draft, bundle, facts, &mounts);
    propagation(draft, bundle, &mounts);
}

/// The root is as shared as the mounts in it have to be.
fn propagation(draft: &mut Draft, bundle: &Bundle, mounts: &[Mount]) {
    let has = |wanted: [&str; 2]| {
        let is_wanted = |mount: &Mount| {
            let bind = options::Bind::of(&mount.options);
            mount.kind == "bind"
                && bind.and_then(|bind| bind.propagation).is_some_and(|p| wanted.contains(&p))
        };
        mounts.iter().any(|mount| is_wanted(mount) && !mount.source.starts_with(volumes::VOLUMES))
    };
    let expected =
        if has(["shared", "rshared"]) { Some("shared") } else { has(["slave", "rslave"]).then_some("slave") };
    if bundle.text("/linux/rootfsPropagation") != expected {
        draft.cannot_say(bundle, "/linux/rootfsPropagation");
    }
}

/// The source of the program that `init: true` mounts.
pub(super) fn init(bundle: &Bundle) -> Option<&str> {
    let mut mounts = bundle.list("/mounts").iter().map(Mount::of);
    let is_init = |mount: &Mount| mount.destination == INIT && mount.kind == "bind";
    mounts.find(|mount| is_init(mount) && mount.options == ["bind", "ro"]).map(|mount| mount.source)
}

/// A path from the bundle as one from the directory of the project, which holds that of the bundles.
pub(super) fn in_project(bundle: &Bundle, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let mut parts = Path::new(path).components();
    let mut rest = parts.clone();
    let mut ups = 0;
    while ups < 2 && parts.next() == Some(Component::ParentDir) {
        rest = parts.clone();
        ups += 1;
    }
    let way: PathBuf = match ups {
        2 => rest.as_path().to_owned(),
        1 => Path::new("bundles").join(rest.as_path()),
        _ => Path::new("bundles").join(&bundle.name).join(path),
    };
    format!("./{}", way.display())
}
