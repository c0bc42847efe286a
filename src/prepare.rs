//! The host half of a tree of bundles: what cannot be in git is made on the host that runs them.
//!
//! First the tree is held to its checksums, and nothing is made if it is not what was checked in. Then every bundle
//! gets its root directory from the image that its `config.json` names by digest, and the volumes are made. Doing it
//! again does nothing. No link in the tree is followed.
#![allow(clippy::disallowed_methods, reason = "the sources of bind mounts are made here")]

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::bundle::sums::NAME as SUMS;
use crate::image::{self, Digest, Layout, Reference, Report};
use crate::lower::annotations::{CREATE, IMAGE};
use checksums::Sums;
use rootfs::Rootfs;
use tree::Tree;

mod checksums;
mod rootfs;
mod tree;

/// What is being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All files are what the checksums say.
    Verified {
        /// How many there are.
        files: usize,
    },
    /// A root directory is being made.
    Unpacking {
        /// The bundle.
        bundle: String,
        /// The name of the image.
        image: Reference,
    },
    /// A root directory was made.
    Unpacked {
        /// The bundle.
        bundle: String,
        /// What was unpacked, and what was not.
        report: Report,
    },
    /// A root directory holds the right image already.
    Present {
        /// The bundle.
        bundle: String,
    },
    /// A directory for a volume or a bind mount was made.
    Volume {
        /// The path, in the tree for a volume.
        path: String,
    },
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many files were verified.
    pub files: usize,
    /// The bundles that got a root directory, and what was unpacked.
    pub unpacked: Vec<(String, Report)>,
    /// The bundles whose root directory was right.
    pub present: Vec<String>,
    /// The volumes that were made, as paths in the tree, and the sources of bind mounts.
    pub volumes: Vec<String>,
}

/// Why a tree cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another process is preparing the tree.
    #[error("{}: another process is preparing these bundles", path.display())]
    Busy {
        /// The tree.
        path: PathBuf,
    },
    /// Files are not what the checksums say.
    #[error("{}: the bundles are not what was built: {}", path.display(), problems.join("; "))]
    Changed {
        /// The list of checksums.
        path: PathBuf,
        /// Each file with what is wrong with it.
        problems: Vec<String>,
    },
    /// A file or directory of a bundle is not as it should be.
    #[error("{}: {reason}", path.display())]
    Bundle {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The layout does not have an image.
    #[error(
        "{reference} with manifest {digest} is not in {}; fetch it with `skopeo copy docker://{} oci:{}:{reference}`",
        images.display(), source_name(reference), images.display()
    )]
    Missing {
        /// The name of the image.
        reference: Box<Reference>,
        /// The manifest that the bundle was built for.
        digest: Digest,
        /// The layout.
        images: PathBuf,
    },
    /// An image cannot be read or unpacked.
    #[error("{bundle}: {error}")]
    Image {
        /// The bundle.
        bundle: String,
        /// What is wrong.
        error: image::Error,
    },
}

impl Error {
    fn io(path: impl Into<PathBuf>, error: impl Into<io::Error>) -> Self {
        Error::Io { path: path.into(), error: error.into() }
    }

    fn bundle(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Error::Bundle { path: path.into(), reason: reason.into() }
    }
}

/// skopeo takes a tag or a digest, but not both.
fn source_name(reference: &Reference) -> String {
    let (domain, path) = (reference.domain(), reference.path());
    match (reference.digest(), reference.tag()) {
        (Some(digest), _) => format!("{domain}/{path}@{digest}"),
        (None, tag) => format!("{domain}/{path}:{}", tag.unwrap_or("latest")),
    }
}

/// Prepares the tree at `bundles` with images from the OCI layout at `images`.
pub fn prepare(bundles: &Path, images: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Summary, Error> {
    let tree = Tree::open(bundles)?;
    let sums = Sums::read(&tree)?;
    let files = sums.verify(&tree)?;
    progress(Progress::Verified { files });
    let bundles = read_bundles(&tree, &sums)?;
    let mut summary = Summary { files, ..Summary::default() };
    let mut images = Images { path: images, layout: None };
    for bundle in &bundles {
        match &bundle.image {
            Some((reference, digest)) => {
                let work = Rootfs { tree: &tree, bundle, reference, digest };
                work.prepare(&mut images, progress, &mut summary)?;
            }
            None => bundle.check_root(&tree)?,
        }
    }
    for path in bundles.iter().flat_map(|bundle| &bundle.volumes) {
        if tree.make_directory(path)? {
            progress(Progress::Volume { path: path.clone() });
            summary.volumes.push(path.clone());
        }
    }
    for bundle in &bundles {
        bundle.make_sources(&tree, &mut |path| {
            progress(Progress::Volume { path: path.clone() });
            summary.volumes.push(path);
        })?;
    }
    Ok(summary)
}

/// The part of a `config.json` that the host has to do something for.
#[derive(Debug)]
struct Bundle {
    name: String,
    root: String,
    image: Option<(Reference, Digest)>,
    /// Paths in the tree.
    volumes: Vec<String>,
    /// Sources outside the tree, as the spec has them.
    sources: Vec<String>,
}

#[derive(Deserialize)]
struct Config {
    root: Root,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Root {
    path: String,
}

/// Reads every listed `NAME/config.json`, held to its checksum once more, so that what is used is what was verified.
fn read_bundles(tree: &Tree, sums: &Sums) -> Result<Vec<Bundle>, Error> {
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
    Ok(bundles)
}

impl Bundle {
    fn new(name: &str, config: Config) -> Result<Self, String> {
        let image = config.annotations.get(IMAGE).map(|text| parse_image(text)).transpose()?;
        if image.is_some() && config.root.path != "rootfs" {
            return Err(format!("the root is `{}`, but an image is unpacked to `rootfs`", config.root.path));
        }
        let list = config.annotations.get(CREATE).map_or("[]", String::as_str);
        let list: Vec<String> = serde_json::from_str(list)
            .map_err(|error| format!("the annotation {CREATE} is no list: {error}"))?;
        let (inside, sources): (Vec<_>, Vec<_>) =
            list.into_iter().partition(|source| volume(name, source).is_some());
        let volumes = inside.iter().filter_map(|source| volume(name, source)).collect();
        Ok(Bundle { name: name.to_owned(), root: config.root.path, image, volumes, sources })
    }

    /// The sources of bind mounts that are not there, as Docker makes them for the short form. They are the host's:
    /// links on the way are its own.
    fn make_sources(&self, tree: &Tree, made: &mut dyn FnMut(String)) -> Result<(), Error> {
        for source in &self.sources {
            let path = tree.path().join(&self.name).join(source);
            if std::fs::symlink_metadata(&path).is_ok() {
                continue;
            }
            std::fs::create_dir_all(&path).map_err(|error| Error::io(&path, error))?;
            made(path.display().to_string());
        }
        Ok(())
    }

    /// A root that comes from a directory is not ours to make.
    fn check_root(&self, tree: &Tree) -> Result<(), Error> {
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

/// Where images come from; opened when the first one is needed.
struct Images<'a> {
    path: &'a Path,
    layout: Option<Layout>,
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
        let (reference, _) = parse_image(&format!("nginx@{digest}@{digest}")).unwrap();
        assert_eq!(source_name(&reference), format!("docker.io/library/nginx@{digest}"));
        for text in ["", "nginx", "nginx@sha256:0", &digest, &format!("@{digest}")] {
            assert!(parse_image(text).is_err(), "{text}");
        }
    }
}
