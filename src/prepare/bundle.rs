//! Bundles as their `config.json` describes them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Error;
use super::checksums::Sums;
use super::owner::{Mapping, Range};
use super::tree::Tree;
use crate::image::{Digest, MountPoint, Reference, SourceName};
use crate::lower::annotations::{self, CREATE, EXTERNAL, IMAGE, IMAGE_SOURCE, NOCOPY, PRIVATE};
use crate::lower::root::ROOTFS;

/// The part of a `config.json` that the host has to do something for.
#[derive(Debug)]
pub(super) struct Bundle {
    pub name: String,
    pub root: Root,
    pub is_read_only: bool,
    pub image: Option<(Reference, Digest)>,
    /// Where the image is, relative to the bundle, if the Compose file says so.
    pub source: Option<SourceName>,
    pub pull_policy: PullPolicy,
    pub volumes: Vec<Volume>,
    /// Where file systems in memory are mounted.
    pub mount_points: Vec<MountPoint>,
    /// Sources of bind mounts that are made where they are missing, as the spec has them.
    pub sources: Vec<String>,
    /// Sources of volumes that are not made here, and must be there.
    pub external: Vec<String>,
    /// Sources of other bind mounts.
    pub others: Vec<String>,
    /// What is placed in the bundle.
    pub private: Vec<Private>,
    /// Who the users of its container are.
    pub mapping: Mapping,
    /// What calls it around its life: the programs, and what they are told.
    pub hooks: Vec<Hook>,
}

/// A program that the runtime calls.
#[derive(Debug, Deserialize)]
pub(super) struct Hook {
    pub path: String,
    #[serde(default)]
    pub args: Vec<String>,
}

/// Whether a registry may be asked for the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PullPolicy {
    Any,
    /// Not, by the word that says so.
    Never(&'static str),
}

impl PullPolicy {
    /// The attribute as it was handed on: a text in JSON.
    fn new(annotation: Option<&String>) -> Self {
        let policy = annotation.and_then(|text| serde_json::from_str::<String>(text).ok());
        let never = ["never", "build"].into_iter().find(|never| policy.as_deref() == Some(never));
        never.map_or(PullPolicy::Any, PullPolicy::Never)
    }
}

/// Where the root of a bundle is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// In the bundle, made from its image.
    Own,
    /// In the bundle with this name, which has the same image: neither container can write there.
    Of(String),
    /// A directory that is not ours to make, relative to the bundle.
    Directory(String),
}

impl Root {
    fn new(root: &OciRoot, has_image: bool) -> Result<Self, String> {
        let path = root.path.as_str();
        if !has_image {
            return Ok(Root::Directory(path.to_owned()));
        }
        let of = path.strip_prefix("../").and_then(|path| path.strip_suffix("/rootfs"));
        match of.filter(|name| root.readonly && !matches!(*name, "" | "." | "..") && !name.contains('/')) {
            Some(name) => Ok(Root::Of(name.to_owned())),
            None if path == ROOTFS => Ok(Root::Own),
            None => Err(format!("the root is `{path}`, but an image is unpacked to `{ROOTFS}`")),
        }
    }
}

/// A file that is placed in a bundle.
#[derive(Debug)]
pub(super) struct Private {
    /// Its name in the directory of such files.
    pub name: String,
    pub content: PrivateContent,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

/// Where the content of such a file comes from.
#[derive(Debug)]
pub(super) enum PrivateContent {
    /// A variable.
    Environment(String),
    /// A file of the bundle.
    File(String),
}

impl Private {
    fn new(listed: annotations::Private) -> Result<Self, String> {
        let name = listed.path.strip_prefix("private/").unwrap_or_default();
        if matches!(name, "" | "." | ".." | ".partial") || name.contains(['/', '\0']) {
            return Err(format!("`{}` in the annotation {PRIVATE} is no private file", listed.path));
        }
        let content = match (listed.environment, listed.file) {
            (Some(name), None) => PrivateContent::Environment(name),
            (None, Some(path)) => PrivateContent::File(path),
            _ => return Err(format!("`{}` in the annotation {PRIVATE} has no one content", listed.path)),
        };
        let mode = u32::from_str_radix(&listed.mode, 8).ok().filter(|mode| *mode <= 0o7777);
        let mode = mode.ok_or_else(|| format!("`{}` in the annotation {PRIVATE} is no mode", listed.mode))?;
        Ok(Private { name: name.to_owned(), content, mode, uid: listed.uid, gid: listed.gid })
    }
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
    root: OciRoot,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    mounts: Vec<Mount>,
    #[serde(default)]
    linux: Linux,
    #[serde(default)]
    hooks: BTreeMap<String, Vec<Hook>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Linux {
    uid_mappings: Vec<Range>,
    gid_mappings: Vec<Range>,
}

impl Linux {
    fn mapping(self) -> Mapping {
        let Linux { uid_mappings: mut users, gid_mappings: mut groups } = self;
        users.sort();
        groups.sort();
        Mapping { users, groups }
    }
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
struct OciRoot {
    path: String,
    #[serde(default)]
    readonly: bool,
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
    check_shared(tree, &bundles)?;
    Ok(bundles)
}

/// A root that is shared is one of the same image, for the same users, that no container writes to.
fn check_shared(tree: &Tree, bundles: &[Bundle]) -> Result<(), Error> {
    let known: BTreeMap<&str, &Bundle> = bundles.iter().map(|bundle| (&*bundle.name, bundle)).collect();
    for bundle in bundles {
        let Root::Of(other) = &bundle.root else { continue };
        if !known.get(other.as_str()).is_some_and(|other| other.can_lend_to(bundle)) {
            let reason =
                format!("the root is that of {other}, which has none of this image that nobody writes to");
            return Err(Error::bundle(tree.path().join(&bundle.name).join("config.json"), reason));
        }
    }
    Ok(())
}

impl Config {
    fn list<T: DeserializeOwned>(&self, annotation: &str) -> Result<Vec<T>, String> {
        let list = self.annotations.get(annotation).map_or("[]", String::as_str);
        serde_json::from_str(list).map_err(|error| format!("the annotation {annotation} is no list: {error}"))
    }

    /// The sources of bind mounts that somebody else makes.
    fn others(&self, made: &[String], external: &[String]) -> Vec<String> {
        let known = |source: &String| {
            made.contains(source) || external.contains(source) || source.starts_with("private/")
        };
        let sources = self.mounts.iter().filter(|mount| mount.is_bind()).map(|mount| mount.source.clone());
        sources
            .filter(|source| !source.is_empty() && !known(source))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// A runtime gives a file system in memory the mode of the directory it is mounted on; where that is missing, the
    /// first run makes one that is root's, and from the second run on nobody else may write there. In a root that others
    /// may share, two runtimes that start at once would make the same directories, and crun fails where it is second.
    fn mount_points(&self, is_volume: impl Fn(&str) -> bool) -> Vec<MountPoint> {
        let is_directory = |mount: &Mount| !mount.is_bind() || is_volume(&mount.source);
        let seen = self.mounts.iter().filter(|mount| !self.is_hidden(mount));
        seen.filter_map(|mount| match &*mount.kind {
            "tmpfs" => Some(mount.mount_point()),
            _ if self.root.readonly && is_directory(mount) => {
                Some(MountPoint { path: mount.destination.clone(), mode: 0o755, uid: None, gid: None })
            }
            _ => None,
        })
        .collect()
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
        let root = Root::new(&config.root, image.is_some())?;
        let pull_policy = PullPolicy::new(config.annotations.get("io.bundlegen.pull-policy"));
        let source = config.annotations.get(IMAGE_SOURCE).map(|text| parse_source(text)).transpose()?;
        let (to_make, empty): (Vec<String>, Vec<String>) = (config.list(CREATE)?, config.list(NOCOPY)?);
        let mut external: Vec<String> = config.list(EXTERNAL)?;
        let private: Result<Vec<_>, _> = config.list(PRIVATE)?.into_iter().map(Private::new).collect();
        let others = config.others(&to_make, &external);
        external.retain(|source| config.mounts.iter().any(|mount| mount.source == *source));
        let made: BTreeSet<&str> =
            to_make.iter().filter(|source| volume(name, source).is_some()).map(String::as_str).collect();
        let mount_points = config.mount_points(|source| made.contains(source));
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
        let (name, private) = (name.to_owned(), private?);
        let mapping = config.linux.mapping();
        let is_read_only = config.root.readonly;
        let hooks = config.hooks.into_values().flatten().collect();
        Ok(Bundle {
            name,
            root,
            is_read_only,
            image,
            source,
            pull_policy,
            volumes,
            mount_points,
            sources,
            external,
            others,
            private,
            mapping,
            hooks,
        })
    }

    /// The path of the root.
    pub fn root(&self, tree: &Tree) -> PathBuf {
        match &self.root {
            Root::Own => tree.path().join(&self.name).join(ROOTFS),
            Root::Of(other) => tree.path().join(other).join(ROOTFS),
            Root::Directory(path) => tree.path().join(&self.name).join(path),
        }
    }

    /// A root that comes from a directory is not ours to make.
    pub fn check_root(&self, tree: &Tree) -> Result<(), Error> {
        let path = self.root(tree);
        if path.is_dir() {
            return Ok(());
        }
        Err(Error::bundle(path, format!("the root directory of {} does not exist", self.name)))
    }

    /// Whether another bundle may use the root of this one.
    fn can_lend_to(&self, other: &Bundle) -> bool {
        let manifest = |bundle: &Bundle| bundle.image.as_ref().map(|(_, digest)| digest.clone());
        self.root == Root::Own
            && self.is_read_only
            && manifest(self) == manifest(other)
            && self.mapping == other.mapping
    }
}

fn parse_source(text: &str) -> Result<SourceName, String> {
    text.parse::<SourceName>()
        .map_err(|invalid| format!("the annotation {IMAGE_SOURCE}: {}", invalid.message))
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
        for text in ["", "nginx", "nginx@sha256:0", &digest, &format!("@{digest}")] {
            assert!(parse_image(text).is_err(), "{text}");
        }
    }
}
