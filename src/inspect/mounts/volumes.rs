//! Bind mounts, volumes and file systems in memory.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::options::{Access, Bind};
use super::{Mount, Notes, has, in_project};
use crate::compose::value::target::clean_target;
use crate::compose::value::tmpfs;
use crate::inspect::draft::Section;
use crate::inspect::{Bundle, Draft, Facts};
use crate::lower::defaults::MOUNTS;
use crate::lower::mounts::{HOSTNAME, HOSTS, INIT, RESOLV_CONF};

/// The directory of all volumes, from a bundle.
pub(super) const VOLUMES: &str = "../volumes/";

/// Docker's options of a tmpfs.
const DEFAULTS: [&str; 4] = ["noexec", "nosuid", "nodev", "rprivate"];

/// Whether a mount can be said by `volumes` or `tmpfs`, which is done.
pub(super) fn volume<'a>(
    draft: &mut Draft,
    bundle: &Bundle,
    facts: &Facts<'a>,
    notes: &Notes,
    mount: &Mount<'a>,
    borrowed: &mut Borrowed<'a>,
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
fn of_directory<'a>(
    draft: &mut Draft,
    bundle: &Bundle,
    facts: &Facts<'a>,
    notes: &Notes,
    mount: &Mount<'a>,
    path: &str,
    borrowed: &mut Borrowed<'a>,
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
        let is_own = name.starts_with('@')
            || name.strip_prefix(&bundle.name).is_some_and(|rest| rest.starts_with('@'));
        let whole = subpath.is_none() && created;
        if !is_own && whole && has(&notes.empty, mount.source) {
            return borrowed.borrow(draft, facts, mount, name);
        }
        if !is_own || !whole {
            return None;
        }
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
pub(super) struct Borrowed<'a> {
    /// By lender, whether they are read-only here alone.
    modes: BTreeMap<String, BTreeSet<bool>>,
    /// What each bundle has that may lend: by place and source, whether it is read-only there.
    lenders: BTreeMap<String, BTreeMap<(&'a str, &'a str), bool>>,
}

impl<'a> Borrowed<'a> {
    /// Looks for a service that has the same mount: one that is waited for anyway, else the one it is called after.
    fn borrow(&mut self, draft: &Draft, facts: &Facts<'a>, mount: &Mount<'a>, volume: &str) -> Option<()> {
        let (owner, _) = volume.split_once('@')?;
        let is_read_only = mount.options.contains(&"ro");
        let mut found = None;
        for name in draft.waits_for().chain([owner]) {
            match self.lent(facts, name, mount) {
                Some(read_only) if read_only == is_read_only => {
                    found = Some((name, read_only));
                    break;
                }
                Some(false) => found = found.or(Some((name, false))),
                _ => {}
            }
        }
        let (lender, read_only) = found?;
        self.modes.entry(lender.to_owned()).or_default().insert(is_read_only && !read_only);
        Some(())
    }

    fn lent(&mut self, facts: &Facts<'a>, name: &str, mount: &Mount<'a>) -> Option<bool> {
        let bundle = *facts.bundles.get(name)?;
        let lender = self.lenders.entry(name.to_owned()).or_insert_with(|| {
            let mounts = bundle.list("/mounts").iter().map(Mount::of);
            mounts.map(|mount| ((mount.destination, mount.source), mount.options.contains(&"ro"))).collect()
        });
        lender.get(&(mount.destination, mount.source)).copied()
    }

    /// All that a lender has comes along.
    pub(super) fn say(self, draft: &mut Draft, bundle: &Bundle, facts: &Facts, mounts: &[Mount]) {
        let places: BTreeSet<&str> = mounts.iter().map(|mount| mount.destination).collect();
        for (name, read_only) in self.modes {
            let lent = facts.bundles.get(name.as_str()).map_or(&[][..], |lender| lender.list("/mounts"));
            let lent = lent.iter().map(Mount::of).filter(is_lent);
            for mount in lent.filter(|mount| !places.contains(mount.destination)) {
                draft.cannot_say(bundle, &format!("/mounts, without {}", mount.destination.escape_debug()));
            }
            if read_only.len() > 1 {
                draft.cannot_say(bundle, "/mounts");
            }
            let mode = if read_only.contains(&true) { ":ro" } else { "" };
            draft.push("volumes_from", format!("{name}{mode}"));
        }
    }
}

/// Whether `volumes_from` has it: what the runtime and the build put there stays where it is.
fn is_lent(mount: &Mount) -> bool {
    let is_default = MOUNTS.iter().any(|known| known.destination == mount.destination);
    let of_build = [HOSTS, HOSTNAME, RESOLV_CONF, INIT].contains(&mount.destination);
    let of_bundle = mount.kind == "bind" && !mount.source.starts_with(['/', '.']);
    !is_default && !of_build && !of_bundle && mount.kind != "tmpfs"
}
