//! Bind mounts, volumes and file systems in memory.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::options::{Access, Bind};
use super::{Mount, Notes, has, in_project};
use crate::compose::value::target::clean_target;
use crate::compose::value::tmpfs;
use crate::inspect::draft::Section;
use crate::inspect::{Bundle, Draft, Facts};

/// The directory of all volumes, from a bundle.
pub(super) const VOLUMES: &str = "../volumes/";

/// Docker's options of a tmpfs.
const DEFAULTS: [&str; 4] = ["noexec", "nosuid", "nodev", "rprivate"];

/// Whether a mount can be said by `volumes` or `tmpfs`, which is done.
pub(super) fn volume(
    draft: &mut Draft,
    bundle: &Bundle,
    facts: &Facts,
    notes: &Notes,
    mount: &Mount,
    borrowed: &mut Borrowed,
) -> bool {
    if !clean_target(mount.destination).is_ok_and(|clean| clean == mount.destination) {
        return false;
    }
    let said = match (mount.kind, mount.source.strip_prefix(VOLUMES)) {
        ("bind", Some(path)) => of_directory(draft, bundle, facts, notes, mount, path, borrowed),
        ("bind", None) => bind(draft, bundle, notes, mount),
        ("tmpfs", _) if mount.source == "tmpfs" => in_memory(draft, mount),
        _ => None,
    };
    said.or_else(|| device(draft, bundle, mount)).is_some()
}

/// A volume of the project, or a directory in one.
fn of_directory(
    draft: &mut Draft,
    bundle: &Bundle,
    facts: &Facts,
    notes: &Notes,
    mount: &Mount,
    path: &str,
    borrowed: &mut Borrowed,
) -> Option<()> {
    let options = Bind::of(&mount.options).filter(|bind| bind.recursive && bind.access != Access::ReadAll)?;
    let slave = bundle.at("/linux/rootfsPropagation").map(|_| "rslave");
    if options.propagation != slave {
        return None;
    }
    let (name, subpath) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let (created, external) = (has(&notes.created, mount.source), has(&notes.external, mount.source));
    if created == external {
        return None;
    }
    let mut volume = item("volume", mount, options.access);
    if name.contains('@') {
        let own = name.starts_with('@') || name.strip_prefix(&bundle.name)?.starts_with('@');
        if !own || subpath.is_some() || external {
            return None;
        }
        let _unused = (&facts.privilege, &borrowed.0);
    } else {
        volume.insert("source".into(), name.into());
        let definition =
            if external { json!({ "external": true, "name": name }) } else { json!({ "name": name }) };
        draft.declare(bundle, "/mounts", Section::Volumes, name, definition);
    }
    let mut settings = Map::new();
    if has(&notes.empty, mount.source) && subpath.is_none() {
        settings.insert("nocopy".into(), true.into());
    }
    if let Some(subpath) = subpath {
        settings.insert("subpath".into(), subpath.into());
    }
    if !settings.is_empty() {
        volume.insert("volume".into(), Value::Object(settings));
    }
    draft.push("volumes", Value::Object(volume));
    Some(())
}

fn item(kind: &str, mount: &Mount, access: Access) -> Map<String, Value> {
    let mut item = Map::new();
    item.insert("type".into(), kind.into());
    item.insert("target".into(), mount.destination.into());
    if access != Access::Write {
        item.insert("read_only".into(), true.into());
    }
    item
}

/// A directory or file of the host.
fn bind(draft: &mut Draft, bundle: &Bundle, notes: &Notes, mount: &Mount) -> Option<()> {
    let options = Bind::of(&mount.options)?;
    let propagation = options.propagation?;
    if mount.source.is_empty() || (options.access == Access::ReadAll && propagation != "rprivate") {
        return None;
    }
    let mut volume = item("bind", mount, options.access);
    volume.insert("source".into(), in_project(bundle, mount.source).into());
    let mut bind = Map::new();
    bind.insert("create_host_path".into(), has(&notes.created, mount.source).into());
    if propagation != "rprivate" {
        bind.insert("propagation".into(), propagation.into());
    }
    match (options.recursive, options.access) {
        (true, Access::ReadAll) => drop(bind.insert("recursive".into(), "readonly".into())),
        (false, Access::ReadAll) => return None,
        (false, _) => drop(bind.insert("recursive".into(), "disabled".into())),
        (true, _) => {}
    }
    volume.insert("bind".into(), Value::Object(bind));
    draft.push("volumes", Value::Object(volume));
    Some(())
}

/// What `tmpfs` says, with Docker's options before its own.
fn in_memory(draft: &mut Draft, mount: &Mount) -> Option<()> {
    let own = mount.options.strip_prefix(&DEFAULTS).unwrap_or(&mount.options).join(",");
    let options = tmpfs::merged(&own).ok()?;
    if options != mount.options || mount.destination.contains(':') {
        return None;
    }
    let colon = if own.is_empty() { "" } else { ":" };
    draft.push("tmpfs", format!("{}{colon}{own}", mount.destination));
    Some(())
}

/// What the driver of a volume mounts.
fn device(draft: &mut Draft, bundle: &Bundle, mount: &Mount) -> Option<()> {
    let is_bind = mount.options.iter().any(|option| matches!(*option, "bind" | "rbind"));
    let source = match (mount.kind, mount.source) {
        (_, "") | ("", _) => return None,
        ("bind", path) if path.starts_with('/') => path.to_owned(),
        ("bind", path) if mount.options == ["bind"] && !path.starts_with(VOLUMES) => in_project(bundle, path),
        ("bind", _) => return None,
        (_, source) => source.to_owned(),
    };
    let plain = |option: &&str| !option.is_empty() && !option.contains(',');
    let kind = if is_bind { "none" } else { mount.kind };
    if is_bind != (mount.kind == "bind") || !mount.options.iter().all(plain) {
        return None;
    }
    let mut settings = json!({ "type": kind, "device": source });
    if let (false, Value::Object(settings)) = (mount.options.is_empty(), &mut settings) {
        settings.insert("o".into(), mount.options.join(",").into());
    }
    let definition = json!({ "driver": "local", "driver_opts": settings });
    let key = match mount.kind {
        // Each mount of it is another one.
        "tmpfs" => draft.define_anew(Section::Volumes, mount.destination, definition),
        _ => draft.define(Section::Volumes, mount.destination, definition),
    };
    let mut volume = item("volume", mount, Access::Write);
    volume.insert("source".into(), key.into());
    draft.push("volumes", Value::Object(volume));
    Some(())
}

/// Volumes without a name that belong to other services.
#[derive(Default)]
pub(super) struct Borrowed(BTreeMap<String, BTreeSet<bool>>);

impl Borrowed {
    pub(super) fn say(self, _draft: &mut Draft, _bundle: &Bundle, _facts: &Facts, _mounts: &[Mount]) {}
}
