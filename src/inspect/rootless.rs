//! Bundles that a user without rights runs: what they would be for root, and whose they are.
//!
//! It is the way of [`lower::rootless`](crate::lower) backwards: the sections read all bundles as those of root.

use serde_json::{Value, json};

use super::devices::default_rules;
use super::{Bundle, Draft, confinement, texts};
use crate::lower::defaults::{DefaultMount, MOUNTS};

/// A range of users or groups: the first in the container and on the host, and how many.
type Range = (u64, u64, u64);

/// The same bundle for root, if it has a user namespace. Who runs it, and with which users, is said.
pub(super) fn for_root(draft: &mut Draft, bundle: &Bundle) -> Option<Bundle> {
    let (users, groups) = (ranges(bundle, "/linux/uidMappings")?, ranges(bundle, "/linux/gidMappings")?);
    say(draft, bundle, &users, &groups);
    let mut config = bundle.config.clone();
    let linux = config.get_mut("linux")?.as_object_mut()?;
    linux.remove("uidMappings");
    linux.remove("gidMappings");
    let mut root = Bundle { name: bundle.name.clone(), config, files: bundle.files.clone() };
    rights(&mut root);
    // What the host's network changes is seen before there is another one.
    mounts(&mut root, &groups);
    super::proot::unwrap(draft, &mut root);
    let range = "/linux/sysctl/net.ipv4.ping_group_range";
    if let (Some(value), Some(first), Some(last)) =
        (root.config.pointer_mut(range), groups.first(), groups.last())
        && *value == json!(format!("{} {}", first.0, last.0 + last.2 - 1))
    {
        *value = json!("0 2147483647");
    }
    if let Some(Value::String(path)) = root.config.pointer_mut("/linux/cgroupsPath")
        && let Some(rest) = path.strip_prefix("user.slice:")
    {
        *path = format!("system.slice:{rest}");
    }
    Some(root)
}

/// The ranges, if there are any and they are what a build writes.
fn ranges(bundle: &Bundle, at: &str) -> Option<Vec<Range>> {
    let range = |range: &Value| {
        let number = |key: &str| range.get(key)?.as_u64().filter(|number| u32::try_from(*number).is_ok());
        let known = ["containerID", "hostID", "size"];
        let whole = range.as_object()?.keys().all(|key| known.contains(&key.as_str()));
        let size = number("size").filter(|size| *size > 0)?;
        whole.then_some((number("containerID")?, number("hostID")?, size))
    };
    let ranges: Vec<Range> = bundle.list(at).iter().map(range).collect::<Option<_>>()?;
    (!ranges.is_empty()).then_some(ranges)
}

fn say(draft: &mut Draft, bundle: &Bundle, users: &[Range], groups: &[Range]) {
    let id = |at: &str| bundle.at(at).and_then(Value::as_u64).unwrap_or_default();
    let one = |ranges: &[Range], id| matches!(ranges, [(first, _, 1)] if *first == id);
    let alone = one(users, id("/process/user/uid")) && one(groups, id("/process/user/gid"));
    // Of several, the one that is mapped alone is who runs it.
    let host = |ranges: &[Range]| {
        let single = ranges.iter().find(|(_, host, size)| *size == 1 && *host > 0);
        single.or(ranges.iter().find(|(_, host, _)| *host > 0)).map(|(_, host, _)| *host)
    };
    let (Some(uid), Some(gid)) = (host(users), host(groups)) else {
        return draft.cannot_say(bundle, "/linux/uidMappings");
    };
    draft.extend(bundle, "/linux/uidMappings", "rootless", format!("{uid}:{gid}"));
    if !alone {
        let said = |whose, ranges: &[Range]| -> Vec<String> {
            ranges
                .iter()
                .map(|(container, host, size)| format!("{whose}:{container}:{host}:{size}"))
                .collect()
        };
        let map = [said("u", users), said("g", groups)].concat();
        draft.extend(bundle, "/linux/uidMappings", "userns_map", map);
    }
    // runc starts nothing without root, and gives nobody further groups.
    let has_root = [users, groups].iter().all(|ranges| ranges.iter().any(|(first, ..)| *first == 0));
    if !has_root || !bundle.list("/process/user/additionalGids").is_empty() {
        draft.extend(bundle, "/linux/uidMappings", "targets", vec!["crun-1.8"]);
    }
}

/// The namespaces and the rules for devices that root would have.
fn rights(root: &mut Bundle) {
    set(&mut root.config, "/linux", "resources", None);
    set(&mut root.config, "/linux/resources", "devices", Some(json!([{ "access": "rwm", "allow": true }])));
    let privileged = confinement::privilege(root) == crate::lower::capabilities::Privilege::Privileged;
    if !privileged {
        set(&mut root.config, "/linux/resources", "devices", Some(default_rules().into()));
    }
    if let Some(Value::Array(namespaces)) = root.config.pointer_mut("/linux/namespaces") {
        namespaces.retain(|namespace| match namespace.get("type").and_then(Value::as_str) {
            Some("user") => namespace.get("path").is_some(),
            Some("cgroup") => !privileged,
            _ => true,
        });
    }
    if privileged && let Some(Value::Array(mounts)) = root.config.pointer_mut("/mounts") {
        for mount in mounts.iter_mut().filter(|mount| mount.get("type") == Some(&json!("cgroup"))) {
            if let Some(Value::Array(options)) = mount.get_mut("options") {
                options.retain(|option| option != "ro");
            }
        }
    }
}

/// Sets a value of a mapping that is there; a mapping where none is given and there is nothing.
fn set(config: &mut Value, at: &str, key: &str, value: Option<Value>) {
    if let Some(Value::Object(map)) = config.pointer_mut(at) {
        match value {
            Some(value) => drop(map.insert(key.to_owned(), value)),
            None => drop(map.entry(key).or_insert_with(|| json!({}))),
        }
    }
}

/// What the host has mounted in place of what root alone can mount, and who the terminals belong to.
fn mounts(root: &mut Bundle, groups: &[Range]) {
    let privileged = confinement::privilege(root) == crate::lower::capabilities::Privilege::Privileged;
    let has_group = |gid: u64| groups.iter().any(|(first, _, size)| (*first..first + size).contains(&gid));
    let of = |path: &str| MOUNTS.iter().find(|known| known.destination == path);
    let own = |root: &Bundle, kind| super::namespaces::has_own(root, kind);
    let (network, pid, ipc) = (own(root, "network"), own(root, "pid"), own(root, "ipc"));
    let Some(Value::Array(mounts)) = root.config.pointer_mut("/mounts") else { return };
    for mount in mounts.iter_mut() {
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        let options: Vec<&str> =
            mount.get("options").and_then(Value::as_array).map_or(vec![], |all| texts(all).collect());
        let of_host = text("type") == "bind" && text("source") == text("destination");
        let default = match text("destination") {
            "/sys" if !network && of_host && options == ["rbind", "ro", "nosuid", "noexec", "nodev"] => {
                of("/sys")
            }
            "/proc" if !pid && of_host && options == ["rbind", "nosuid", "noexec", "nodev"] => of("/proc"),
            "/dev/pts" if !has_group(5) => of("/dev/pts")
                .filter(|known| options.iter().eq(known.options.iter().filter(|option| **option != "gid=5"))),
            _ => None,
        };
        if let Some(default) = default {
            *mount = written(default, privileged);
        }
    }
    if !ipc && let Some(mqueue) = of("/dev/mqueue") {
        mounts.push(written(mqueue, privileged));
    }
}

fn written(mount: &DefaultMount, privileged: bool) -> Value {
    let options = mount.privileged_options.filter(|_| privileged).unwrap_or(mount.options);
    json!({ "destination": mount.destination, "type": mount.kind, "source": mount.source, "options": options })
}
