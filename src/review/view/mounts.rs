//! The mounts of a bundle. See the mounts chapter of the runtime spec.

use serde_json::Value;

use super::host_path::of_host;
use super::namespaces::shares_host;
use crate::inspect::{Bundle, texts};

/// A mount.
#[derive(Clone, Copy, Debug)]
pub struct Mount<'a> {
    /// Its place in the list.
    pub index: usize,
    /// Where it is seen in the container.
    pub destination: &'a str,
    /// What is mounted, as `config.json` spells it.
    pub source: &'a str,
    /// The type of file system; empty where none is said.
    pub kind: &'a str,
    options: &'a [Value],
}

/// The mounts of a bundle, in their order.
pub fn mounts(bundle: &Bundle) -> impl Iterator<Item = Mount<'_>> {
    bundle.list("/mounts").iter().enumerate().map(|(index, mount)| {
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        let options = mount.get("options").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        Mount { index, destination: text("destination"), source: text("source"), kind: text("type"), options }
    })
}

/// The files and directories of the host that a bundle mounts, with their paths on it: not those of the project, and
/// neither `/proc` nor `/sys` in their own place, which show what the host's namespaces make them show.
pub fn of_the_host(bundle: &Bundle) -> impl Iterator<Item = (Mount<'_>, String)> {
    let in_place = |path: &str, mount: &Mount| match path {
        "/proc" => mount.destination == path && shares_host(bundle, "pid"),
        "/sys" => mount.destination == path && shares_host(bundle, "network"),
        _ => false,
    };
    mounts(bundle).filter_map(move |mount| {
        let path = mount.is_bind().then(|| of_host(mount.source))??;
        (!in_place(&path, &mount)).then_some((mount, path))
    })
}

impl Mount<'_> {
    /// The options.
    pub fn options(&self) -> impl Iterator<Item = &str> {
        texts(self.options)
    }

    /// Whether it shows what is somewhere else: runtimes go by the options, whatever the type is.
    pub fn is_bind(&self) -> bool {
        self.kind == "bind" || self.options().any(|option| matches!(option, "bind" | "rbind"))
    }

    /// Whether the container can write to it. The last word counts.
    pub fn is_writable(&self) -> bool {
        let said = self.options().filter(|option| matches!(*option, "ro" | "rro" | "rw")).last();
        matches!(said, None | Some("rw"))
    }

    /// Whether programs can be started from it.
    pub fn is_executable(&self) -> bool {
        let said = self.options().filter(|option| matches!(*option, "noexec" | "exec")).last();
        said != Some("noexec")
    }

    /// The JSON pointer to it.
    pub fn pointer(&self) -> String {
        format!("/mounts/{}", self.index)
    }
}
