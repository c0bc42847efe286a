//! Images in archives: found, proven and unpacked like those in a layout, and nothing else is.
#![allow(clippy::disallowed_methods, reason = "tests make their inputs")]
#![allow(clippy::disallowed_types, reason = "what must not take long is timed")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[path = "archives/docker.rs"]
mod docker;
#[path = "archives/hostile.rs"]
mod hostile;
#[path = "archives/sources.rs"]
mod sources;
mod support;
#[path = "archives/tools.rs"]
mod tools;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bundlegen::image::{self, Digest, Image, Source, SourceName};
use serde_json::{Value, json};
use support::{Blob, Head, Store, Tar, gzip, plain};
use tempfile::TempDir;

/// A directory with one file, which is an archive.
struct File {
    dir: TempDir,
}

impl File {
    fn new(bytes: &[u8]) -> Self {
        let file = File { dir: tempfile::tempdir().unwrap() };
        fs::write(file.path(), bytes).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("x.tar")
    }

    /// Opens `x.tar` by a source name; without a transport it shows itself what it is.
    fn open(&self, name: &str) -> Result<Box<dyn Source>, String> {
        open(self.dir.path(), name).map(|source| source.expect("the archive exists"))
    }

    fn error(&self, name: &str) -> String {
        match self.open(name) {
            Ok(source) => find(&*source, "app").expect_err("it should be refused"),
            Err(error) => error,
        }
    }
}

fn open(dir: &Path, name: &str) -> Result<Option<Box<dyn Source>>, String> {
    let name: SourceName = name.parse().unwrap();
    name.open(dir, &|_| panic!("nothing is in a registry here")).map_err(|error| error.to_string())
}

fn find(source: &dyn Source, name: &str) -> Result<Option<Image>, String> {
    let platform = "linux/amd64".parse().unwrap();
    image::find(source, &name.parse().unwrap(), &platform).map_err(|error| error.to_string())
}

fn found(source: &dyn Source, name: &str) -> String {
    let image = find(source, name).unwrap_or_else(|error| panic!("{name}: {error}"));
    image.unwrap_or_else(|| panic!("{name} is not in {source}")).manifest.digest.to_string()
}

fn digest(descriptor: &Value) -> String {
    descriptor["digest"].as_str().unwrap().to_owned()
}

fn hex(descriptor: &Value) -> String {
    digest(descriptor)[7..].to_owned()
}

/// What unpacking an image gives: each path with all that matters about it.
fn unpacked(source: &dyn Source, name: &str) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let image = find(source, name).unwrap().expect("the image");
    let again = image::by_manifest(source, &image.manifest.digest).unwrap().expect("by its manifest");
    assert_eq!((&image.config, &image.layers), (&again.config, &again.layers));
    image::unpack(source, &image, dir.path()).unwrap_or_else(|error| panic!("{source}: {error}"));
    tree(dir.path())
}

fn tree(root: &Path) -> BTreeMap<String, String> {
    let mut tree = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = entry.unwrap();
        let data = entry.metadata().unwrap();
        let content = if data.is_file() {
            Digest::sha256(&fs::read(entry.path()).unwrap()).to_string()
        } else if data.is_symlink() {
            fs::read_link(entry.path()).unwrap().display().to_string()
        } else {
            String::new()
        };
        let path = entry.path().strip_prefix(root).unwrap().display().to_string();
        let (mode, uid, gid) = (data.mode(), data.uid(), data.gid());
        let time = if path.is_empty() { 0 } else { data.mtime() };
        tree.insert(path, format!("{mode:o} {uid} {gid} {time} {content}"));
    }
    tree
}

fn layer(text: &str) -> Blob {
    plain(Tar::new().dir("etc").file("etc/name", text).symlink("etc/link", "name").end())
}

/// The archive of a layout, as `tar -C DIR -cf FILE .` would make it.
fn packed(store: &Store) -> Tar {
    let mut tar = Tar::new();
    for entry in walkdir::WalkDir::new(store.path()).sort_by_file_name() {
        let entry = entry.unwrap();
        let path = format!("./{}", entry.path().strip_prefix(store.path()).unwrap().display());
        if entry.file_type().is_dir() {
            tar = tar.dir(&path);
        } else {
            let bytes = fs::read(entry.path()).unwrap();
            tar = tar.raw(Head::new(b'0', &path).size(bytes.len() as u64), &bytes);
        }
    }
    tar
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    gzip(bytes).bytes
}

/// A store with the images `app` and `other`, of which the first has two layers, and the manifests of both.
fn two_images() -> (Store, Value, Value) {
    let mut store = Store::new();
    let upper = Tar::new().file("etc/name", "app").file("upper", "").end();
    let app = store.image("amd64", &[layer("lower"), gzip(&upper)]);
    let other = store.image("amd64", &[layer("other")]);
    store.name("app", app.clone());
    store.name("team/other:1.2", other.clone());
    (store, app, other)
}
