//! `mounts`: what a container sees of the host and of volumes.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Bundle, Draft, texts};
use crate::lower::annotations::{CREATE, NOCOPY};
use crate::lower::capabilities::Privilege;
use crate::lower::defaults::{DefaultMount, MOUNTS};
use crate::lower::mounts::{HOSTNAME, HOSTS};

/// Where `init: true` puts the program.
const INIT: &str = "/sbin/docker-init";

/// How mounts below a mount travel.
const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

pub(super) fn mounts(draft: &mut Draft, bundle: &Bundle, privilege: Privilege) {
    let paths = |key: &str| -> Vec<String> {
        let list = bundle.at("/annotations").and_then(|all| all.get(key)).and_then(Value::as_str);
        list.and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default()
    };
    let (created, empty) = (paths(CREATE), paths(NOCOPY));
    for (index, mount) in bundle.list("/mounts").iter().enumerate() {
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        let (destination, source) = (text("destination"), text("source"));
        let options: Vec<&str> =
            mount.get("options").and_then(Value::as_array).into_iter().flat_map(|all| texts(all)).collect();
        if is_default(draft, destination, text("type"), &options, privilege)
            || is_generated(destination, source)
        {
            continue;
        }
        let said = match text("type") {
            "bind" if destination == INIT && init(bundle).is_some() => {
                draft.extension.insert("init".into(), source.into());
                continue;
            }
            "bind" => Some(bind(draft, destination, source, &options, &created, &empty)),
            "tmpfs" => {
                draft.push("tmpfs", format!("{destination}:{}", options.join(",")));
                continue;
            }
            _ => None,
        };
        match said {
            Some(volume) => draft.push("volumes", volume),
            None => draft.cannot_say(bundle, &format!("/mounts/{index}")),
        }
    }
}

/// A mount that every container has. One of another size says `shm_size`.
fn is_default(
    draft: &mut Draft,
    destination: &str,
    kind: &str,
    options: &[&str],
    privilege: Privilege,
) -> bool {
    let same = |mount: &&DefaultMount| mount.destination == destination && mount.kind == kind;
    let Some(default) = MOUNTS.iter().find(same) else { return false };
    let ordinary = default.options;
    let expected = match privilege {
        Privilege::Privileged => default.privileged_options.unwrap_or(ordinary),
        Privilege::Ordinary => ordinary,
    };
    let size = options.iter().find_map(|option| option.strip_prefix("size="));
    let other = |options: &[&str]| -> Vec<String> {
        options.iter().filter(|option| !option.starts_with("size=")).map(ToString::to_string).collect()
    };
    if destination == "/dev/shm" && other(options) == other(expected) {
        if !options.iter().eq(expected.iter()) {
            draft.set("shm_size", size.unwrap_or_default());
        }
        return true;
    }
    options.iter().eq(expected.iter())
}

/// A file that the build generates.
fn is_generated(destination: &str, source: &str) -> bool {
    let host = destination == source && [HOSTS, "/etc/resolv.conf"].contains(&destination);
    let own = destination.strip_prefix('/') == Some(source);
    host || (own && [HOSTS, HOSTNAME, "/etc/resolv.conf"].contains(&destination))
}

/// The program that `init: true` mounts.
pub(super) fn init(bundle: &Bundle) -> Option<&Value> {
    bundle.list("/mounts").iter().find(|mount| mount.get("destination").and_then(Value::as_str) == Some(INIT))
}

fn bind(
    draft: &mut Draft,
    destination: &str,
    source: &str,
    options: &[&str],
    created: &[String],
    empty: &[String],
) -> Value {
    let mut volume = Map::new();
    volume.insert("target".into(), destination.into());
    if options.contains(&"ro") {
        volume.insert("read_only".into(), true.into());
    }
    let propagation = options.iter().find(|option| PROPAGATIONS.contains(option));
    let named =
        source.strip_prefix("../volumes/").filter(|name| !name.contains('/') && propagation.is_none());
    if let Some(name) = named {
        volume.insert("type".into(), "volume".into());
        volume.insert("source".into(), name.into());
        if empty.iter().any(|path| path == source) {
            volume.insert("volume".into(), json!({ "nocopy": true }));
        }
        let external = !created.iter().any(|path| path == source);
        let definition =
            if external { json!({ "external": true, "name": name }) } else { json!({ "name": name }) };
        draft.volumes.insert(name.to_owned(), definition);
    } else {
        volume.insert("type".into(), "bind".into());
        volume.insert("source".into(), in_project(source).into());
        let mut bind = Map::new();
        bind.insert("create_host_path".into(), created.iter().any(|path| path == source).into());
        if let Some(propagation) = propagation {
            bind.insert("propagation".into(), (*propagation).into());
        }
        volume.insert("bind".into(), Value::Object(bind));
    }
    Value::Object(volume)
}

/// A path from the bundle as one from the directory of the project, which holds that of the bundles.
pub(super) fn in_project(path: &str) -> String {
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
        _ => Path::new("bundles").join(path),
    };
    format!("./{}", way.display())
}
