//! The mounts that nobody asked for: Docker's, and those of generated files.

use std::collections::BTreeSet;

use super::Mount;
use crate::hook::argv::Arguments;
use crate::inspect::namespaces::{Sharing, pin};
use crate::inspect::{Bundle, Draft, Facts, etc, hooks};
use crate::lower::capabilities::Privilege;
use crate::lower::defaults::{DefaultMount, MOUNTS};
use crate::lower::mounts::{HOSTNAME, HOSTS, INIT, RESOLV_CONF};

/// Where shared memory is.
const SHM: &str = "/dev/shm";

/// The options of a generated file.
const READ_ONLY: [&str; 3] = ["rbind", "ro", "rprivate"];

/// Whether a mount is there anyway, or because of another attribute, which is said.
pub(super) fn ours(draft: &mut Draft, bundle: &Bundle, facts: &Facts, mount: &Mount) -> bool {
    default(draft, facts, mount)
        || shared_memory(facts, mount)
        || generated(draft, bundle, facts, mount)
        || init(draft, bundle, mount)
}

fn default(draft: &mut Draft, facts: &Facts, mount: &Mount) -> bool {
    let same = |known: &&DefaultMount| {
        (known.destination, known.kind, known.source) == (mount.destination, mount.kind, mount.source)
    };
    let Some(known) = MOUNTS.iter().find(same) else { return false };
    let privileged = known.privileged_options.unwrap_or(known.options);
    let (usual, other) = match facts.privilege {
        Privilege::Ordinary => (known.options, privileged),
        Privilege::Privileged => (privileged, known.options),
    };
    if mount.options == usual {
        return mount.destination != SHM || facts.ipc == Sharing::Own;
    }
    if known.kind == "cgroup" && mount.options == other {
        let writable = facts.privilege == Privilege::Ordinary;
        draft.push("security_opt", format!("writable-cgroups={writable}"));
        return true;
    }
    mount.destination == SHM && facts.ipc == Sharing::Own && size(draft, mount, usual)
}

/// One of another size.
fn size(draft: &mut Draft, mount: &Mount, usual: &[&str]) -> bool {
    let Some((last, rest)) = mount.options.split_last() else { return false };
    let usual = usual.iter().filter(|option| !option.starts_with("size="));
    let size = last.strip_prefix("size=").and_then(|size| size.parse::<u64>().ok()).filter(|size| *size > 0);
    match size {
        Some(size) if rest.iter().eq(usual) => {
            draft.set("shm_size", size);
            true
        }
        _ => false,
    }
}

/// That of the host or of another container goes with the queues.
fn shared_memory(facts: &Facts, mount: &Mount) -> bool {
    let whose = match facts.ipc {
        Sharing::Own => false,
        Sharing::Host => mount.source == SHM,
        Sharing::Of(owner) => {
            pin(mount.source).is_some_and(|(_, pinned, file)| (pinned, file) == (owner, "shm"))
        }
    };
    whose && mount.destination == SHM && mount.kind == "bind" && mount.options == ["rbind", "rprivate"]
}

fn generated(draft: &mut Draft, bundle: &Bundle, facts: &Facts, mount: &Mount) -> bool {
    let path = mount.destination;
    let own = path.trim_start_matches('/');
    if ![HOSTS, HOSTNAME, RESOLV_CONF].contains(&path) || mount.kind != "bind" || mount.options != READ_ONLY {
        return false;
    }
    if mount.source == own {
        etc::file(draft, bundle, facts, own);
        return true;
    }
    if path == RESOLV_CONF && mount.source.starts_with('/') && has_way_out(facts) {
        draft.extend(bundle, "/mounts", "resolv_conf", mount.source);
        return true;
    }
    match facts.network {
        Sharing::Host => mount.source == path && path != HOSTNAME,
        Sharing::Of(owner) => mount.source == format!("../{owner}/{own}"),
        Sharing::Own => false,
    }
}

/// Whether a container, or the one whose network it is in, has the host's name servers if it names none.
fn has_way_out(facts: &Facts) -> bool {
    let leads_out = |told: &Arguments| told.networks.iter().any(|network| network.default_route);
    match facts.network {
        Sharing::Host => false,
        Sharing::Own => facts.told.as_ref().is_some_and(leads_out),
        Sharing::Of(owner) => {
            facts.bundles.get(owner).is_none_or(|owner| hooks::told(owner).as_ref().is_some_and(leads_out))
        }
    }
}

fn init(draft: &mut Draft, bundle: &Bundle, mount: &Mount) -> bool {
    let is_init = mount.destination == INIT && super::init(bundle) == Some(mount.source);
    if !is_init || !draft.says("init") {
        return false;
    }
    draft.extend(bundle, "/mounts", "init", mount.source);
    true
}

/// Says what is missing of them. As in a build, a mount on `/dev` hides those below it.
pub(super) fn check(draft: &mut Draft, bundle: &Bundle, facts: &Facts, mounts: &[Mount]) {
    let places: BTreeSet<&str> = mounts.iter().map(|mount| mount.destination).collect();
    let is_ours =
        |mount: &Mount| mount.destination == "/dev" && mount.kind == "tmpfs" && mount.source == "tmpfs";
    let usual = |mount: &Mount| {
        MOUNTS.iter().any(|known| known.destination == "/dev" && mount.options == known.options)
    };
    let covered = mounts.iter().any(|mount| mount.destination == "/dev" && !(is_ours(mount) && usual(mount)));
    for known in MOUNTS {
        let path = known.destination;
        if places.contains(path) || (covered && path.starts_with("/dev/")) {
            continue;
        }
        if path == SHM && facts.ipc == Sharing::Own && !draft.says("ipc") {
            draft.set("ipc", "none");
        } else {
            draft.cannot_say(bundle, &format!("/mounts, without {path}"));
        }
    }
    let named = bundle.at("/hostname").is_some();
    let has_resolver =
        facts.network == Sharing::Host || (facts.network == Sharing::Own && has_way_out(facts));
    for (path, wanted) in [(HOSTS, true), (HOSTNAME, named), (RESOLV_CONF, has_resolver)] {
        if wanted && !places.contains(path) {
            draft.cannot_say(bundle, &format!("/mounts, without {path}"));
        }
    }
    for path in volumes_of_image(facts).filter(|path| !places.contains(path.as_str())) {
        draft.cannot_say(bundle, &format!("/mounts, without {}", path.escape_debug()));
    }
}

fn volumes_of_image(facts: &Facts) -> impl Iterator<Item = String> {
    let declared = facts.image.locked().into_iter().flat_map(|image| &image.configuration.volumes);
    declared.filter_map(|path| crate::compose::value::target::clean_target(path).ok())
}
