//! The bundle that has the network of a project which a user without rights runs: its container does nothing but hold the
//! namespaces that the others join, and its hooks start and end the program that carries their traffic.
//!
//! It has no image. Its root is a few links, and what they lead to is the host's own `/usr`, which is mounted in it.

use serde_json::{Value, json};

use super::json;
use super::tree::Entry;
use crate::hook::argv::user_network::{BUNDLE, RESOLVER, UserNetwork, run};
use crate::hook::argv::{ENVIRONMENT, TIMEOUT, Verb};
use crate::lower::networks::ports;
use crate::lower::origin::{Origin, Origins};
use crate::lower::userns::userns;
use crate::project::{Project, Published, Rootless, Service};

/// Where the root is, relative to the bundle.
const ROOT: &str = "root";

/// Where distributions had programs and libraries before all of them were in `/usr`.
const LINKS: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// What runs in it. The first process of a PID namespace is ended by no signal that it does not ask for.
pub const PROCESS: [&str; 3] = ["/usr/bin/sh", "-c", "trap 'exit 0' TERM INT; sleep infinity & wait"];

/// Whose default all of it is.
const FROM: &str = "the network of the containers that a user without rights runs";

/// The bundle, and where its values come from.
pub struct UserNetworkBundle {
    /// The files, by their paths in the output directory.
    pub files: Vec<(String, Entry)>,
    /// Where the values of its `config.json` come from.
    pub origins: Origins,
}

/// The bundle; none where root runs the project, or where no container is in a network.
pub fn bundle(project: &Project) -> Option<UserNetworkBundle> {
    let rootless = project.settings.rootless.as_ref()?;
    let mut members = project.services.iter().filter(|service| project.settings.has_user_network(service));
    let member = members.next()?;
    let config = config(project, rootless, member)?;
    let mut files = vec![(format!("{BUNDLE}/config.json"), Entry::file(json::canonical(&config)))];
    files.extend(LINKS.map(|name| (format!("{BUNDLE}/{ROOT}/{name}"), Entry::Link(format!("usr/{name}")))));
    Some(UserNetworkBundle { files, origins: origins(project, rootless) })
}

fn config(project: &Project, rootless: &Rootless, member: &Service) -> Option<Value> {
    let mapping = userns(member, &project.settings)?.mapping;
    let (uid, gid) = (mapping.users.first()?.container, mapping.groups.first()?.container);
    let mapped = |ranges: &[crate::compose::value::idmap::IdRange]| -> Value {
        let range = |range: &crate::compose::value::idmap::IdRange| json!({"containerID": range.container, "hostID": range.host, "size": range.size});
        ranges.iter().map(range).collect()
    };
    let namespaces = ["cgroup", "ipc", "mount", "network", "pid", "user", "uts"];
    Some(json!({
        "ociVersion": "1.0.2",
        "root": {"path": ROOT},
        "hostname": BUNDLE,
        "process": {
            "args": PROCESS,
            "cwd": "/",
            "env": ["PATH=/usr/bin"],
            "noNewPrivileges": true,
            "user": {"uid": uid, "gid": gid},
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
            {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro", "nosuid", "nodev"]},
        ],
        "hooks": hooks(project, rootless),
        "linux": {
            "namespaces": namespaces.map(|kind| json!({"type": kind})),
            "uidMappings": mapped(&mapping.users),
            "gidMappings": mapped(&mapping.groups),
        },
    }))
}

fn hooks(project: &Project, rootless: &Rootless) -> Value {
    let told = UserNetwork {
        run: run(rootless.user.uid),
        project: project.settings.project.to_string(),
        resolver: RESOLVER,
        ports: published(project).map(|port| ports(port, None)).collect(),
    };
    let hook = |verb| {
        json!([{
            "path": &*project.settings.hook.path,
            "args": told.to_args(verb),
            "env": [ENVIRONMENT],
            "timeout": TIMEOUT,
        }])
    };
    json!({"poststart": hook(Verb::Started), "poststop": hook(Verb::Detach)})
}

/// The ports of all containers: the network is one.
fn published(project: &Project) -> impl Iterator<Item = &Published> {
    project
        .services
        .iter()
        .filter(|service| project.settings.has_user_network(service))
        .flat_map(|service| &service.ports)
}

fn origins(project: &Project, rootless: &Rootless) -> Origins {
    let mut origins = Origins::default();
    origins.set("", Origin::Default(FROM));
    let who = rootless.written.map_or(Origin::Option("--rootless"), Origin::Written);
    origins.set("/linux/uidMappings", who.clone());
    origins.set("/linux/gidMappings", who);
    for section in ["poststart", "poststop"] {
        // After the program, the two words, the verb, and three arguments.
        for (index, port) in (7..).zip(published(project)) {
            origins.set(format!("/hooks/{section}/0/args/{index}"), Origin::Written(port.written));
        }
    }
    origins
}
