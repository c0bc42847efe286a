//! Bundles as their `config.json` describes them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Error;
use super::checksums::Sums;
use super::tree::Tree;
use crate::image::{Digest, MountPoint, Reference};
use crate::lower::annotations::{CREATE, IMAGE, NOCOPY};

/// The part of a `config.json` that the host has to do something for.
#[derive(Debug)]
pub(super) struct Bundle {
    pub name: String,
    pub root: String,
    pub image: Option<(Reference, Digest)>,
    pub volumes: Vec<Volume>,
    /// Where file systems in memory are mounted.
    pub mount_points: Vec<MountPoint>,
    /// Sources of bind mounts that are made where they are missing, as the spec has them.
    pub sources: Vec<String>,
}

/// A volume in a bundle.
#[derive(Debug)]
pub(super) struct Volume {
    /// The path in the tree.
    pub path: String,
    /// Where it is mounted, if it is to be filled with what the image has there.
    pub fill_from: Option<String>,
}

#[derive(Deserialize)]
struct Config {
    root: Root,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    mounts: Vec<Mount>,
}

#[derive(Deserialize)]
struct Mount {
    destination: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    options: Vec<String>,
}

impl Mount {
    fn mount_point(&self) -> MountPoint {
        let number = |key: &str, radix| {
            let value = self.options.iter().rev().find_map(|option| option.strip_prefix(key))?;
            u32::from_str_radix(value, radix).ok()
        };
        let mode = number("mode=", 8).map_or(0o1777, |mode| mode & 0o7777);
        let path = self.destination.clone();
        MountPoint { path, mode, uid: number("uid=", 10), gid: number("gid=", 10) }
    }

    fn is_bind(&self) -> bool {
        self.kind == "bind" || self.options.iter().any(|option| matches!(option.as_str(), "bind" | "rbind"))
    }
}

#[derive(Deserialize)]
struct Root {
    path: String,
}

/// Reads every listed `NAME/config.json`, sorted by name and held to its checksum once more, so that what is used is what was verified.
pub(super) fn read(tree: &Tree, sums: &Sums) -> Result<Vec<Bundle>, Error> {
    let mut bundles = Vec::new();
    for (path, digest) in sums.files() {
        let Some(name) = path.strip_suffix("/config.json").filter(|name| !name.contains('/')) else {
            continue;
        };
        let bytes =
            tree.read_verified(path, digest).map_err(|error| Error::io(tree.path().join(path), error))?;
        let refuse = |reason: String| Error::bundle(tree.path().join(path), reason);
        let config: Config = serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))?;
        bundles.push(Bundle::new(name, config).map_err(refuse)?);
    }
    bundles.sort_by(|one: &Bundle, other| one.name.cmp(&other.name));
    Ok(bundles)
}

impl Config {
    fn list(&self, annotation: &str) -> Result<Vec<String>, String> {
        let list = self.annotations.get(annotation).map_or("[]", String::as_str);
        serde_json::from_str(list).map_err(|error| format!("the annotation {annotation} is no list: {error}"))
    }

    /// A runtime gives a file system in memory the mode of the directory it is mounted on; where that is missing, the
    /// first run makes one that is root's, and from the second run on nobody else may write there.
    fn mount_points(&self) -> Vec<MountPoint> {
        let in_memory = self.mounts.iter().filter(|mount| mount.kind == "tmpfs");
        in_memory.filter(|mount| !self.is_hidden(mount)).map(Mount::mount_point).collect()
    }

    /// Whether the root is not seen there, because of another mount that is not from the image.
    fn is_hidden(&self, mount: &Mount) -> bool {
        self.mounts.iter().any(|other| {
            let below = mount.destination.strip_prefix(&other.destination);
            !other.is_bind() && below.is_some_and(|below| below.starts_with('/'))
        })
    }
}

impl Bundle {
    fn new(name: &str, config: Config) -> Result<Self, String> {
        let image = config.annotations.get(IMAGE).map(|text| parse_image(text)).transpose()?;
        if image.is_some() && config.root.path != "rootfs" {
            return Err(format!("the root is `{}`, but an image is unpacked to `rootfs`", config.root.path));
        }
        let (to_make, empty) = (config.list(CREATE)?, config.list(NOCOPY)?);
        let (mut volumes, mut sources) = (Vec::new(), Vec::new());
        for source in to_make {
            // What is not mounted is not needed.
            let mut mounts = config.mounts.iter().filter(|mount| mount.is_bind() && mount.source == source);
            let Some(path) = volume(name, &source) else {
                sources.extend(mounts.next().map(|_| source.clone()));
                continue;
            };
            volumes.extend(mounts.map(|mount| {
                let fill_from = (!empty.contains(&source)).then(|| mount.destination.clone());
                Volume { path: path.clone(), fill_from }
            }));
        }
        let mount_points = config.mount_points();
        Ok(Bundle { name: name.to_owned(), root: config.root.path, image, volumes, mount_points, sources })
    }

    /// A root that comes from a directory is not ours to make.
    pub fn check_root(&self, tree: &Tree) -> Result<(), Error> {
        let path = tree.path().join(&self.name).join(&self.root);
        if path.is_dir() {
            return Ok(());
        }
        Err(Error::bundle(path, format!("the root directory of {} does not exist", self.name)))
    }
}

fn parse_image(text: &str) -> Result<(Reference, Digest), String> {
    let parse = || {
        let (reference, digest) = text.rsplit_once('@')?;
        Some((reference.parse().ok()?, digest.parse().ok()?))
    };
    parse().ok_or_else(|| format!("`{text}` in the annotation {IMAGE} is not a name and a digest"))
}

/// The path in the tree of a volume that is mounted into a bundle; `None` for every other source.
fn volume(bundle: &str, source: &str) -> Option<String> {
    if source.starts_with('/') {
        return None;
    }
    let mut parts = vec![bundle];
    for part in source.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (parts.len() > 1 && parts.first() == Some(&"volumes")).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::source_name;
    use super::*;

    #[test]
    fn volumes_are_in_the_tree() {
        let table = [
            ("../volumes/data", Some("volumes/data")),
            ("./../volumes//data/", Some("volumes/data")),
            ("../volumes/a/b", Some("volumes/a/b")),
            ("../volumes", None),
            ("etc/hosts", None),
            ("../other/etc", None),
            ("/volumes/data", None),
            ("../../volumes/data", None),
            ("../volumes/../../x", None),
            ("../volumes/../web", None),
            ("", None),
        ];
        for (source, want) in table {
            assert_eq!(volume("web", source).as_deref(), want, "{source}");
        }
    }

    #[test]
    fn images_are_named_with_a_manifest() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let (reference, found) = parse_image(&format!("docker.io/library/nginx:1@{digest}")).unwrap();
        assert_eq!(
            (reference.to_string().as_str(), found.to_string()),
            ("docker.io/library/nginx:1", digest.clone())
        );
        let (reference, _) = parse_image(&format!("nginx@{digest}@{digest}")).unwrap();
        assert_eq!(source_name(&reference), format!("docker.io/library/nginx@{digest}"));
        for text in ["", "nginx", "nginx@sha256:0", &digest, &format!("@{digest}")] {
            assert!(parse_image(text).is_err(), "{text}");
        }
    }
}
