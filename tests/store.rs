//! The store of images: fetching, pruning, verifying.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests make their inputs, and wait")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a panic is how a test fails, and what it skips is said"
)]

#[path = "store/command.rs"]
mod command;
#[path = "store/disk.rs"]
mod disk;
#[path = "store/fetch.rs"]
mod fetch;
#[path = "store/prune.rs"]
mod prune;
#[path = "store/scripted.rs"]
mod scripted;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use bundlegen::image::{self, Digest, Image, Kept, Layout, Source, Store};
use support::{Tar, plain};
use tempfile::TempDir;

/// An image in a layout, and a place for a store.
struct Host {
    layout: support::Store,
    image: Image,
    dir: TempDir,
}

impl Host {
    /// With two layers, of which the second has some size.
    fn new() -> Host {
        Host::with(&["one", &"two".repeat(100_000)])
    }

    fn with(layers: &[&str]) -> Host {
        let mut layout = support::Store::new();
        let layer = |text: &&str| plain(Tar::new().file("file", text).end());
        let manifest = layout.image("amd64", &layers.iter().map(layer).collect::<Vec<_>>());
        layout.name("app:1", manifest);
        let image = find(&layout, "app:1");
        Host { layout, image, dir: tempfile::tempdir().unwrap() }
    }

    fn source(&self) -> Layout {
        Layout::open(self.layout.path()).unwrap().unwrap()
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("state/store")
    }

    fn store(&self) -> Store {
        Store::open(&self.path()).unwrap()
    }

    fn fetch(&self) -> Store {
        let store = self.store();
        store.fetch(&self.source(), &self.image, &|_| {}).unwrap();
        store
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.path().join("blobs").join(digest.algorithm()).join(digest.hex())
    }

    fn partial(&self, digest: &Digest) -> PathBuf {
        self.path().join("partial").join(format!("sha256-{}", digest.hex()))
    }

    /// The second layer.
    fn layer(&self) -> Digest {
        self.image.layers[1].digest.clone()
    }

    fn bytes(&self, digest: &Digest) -> Vec<u8> {
        fs::read(self.layout.path().join("blobs/sha256").join(digest.hex())).unwrap()
    }
}

fn find(layout: &support::Store, name: &str) -> Image {
    let layout = Layout::open(layout.path()).unwrap().unwrap();
    image::find(&layout, &name.parse().unwrap(), &"linux/amd64".parse().unwrap()).unwrap().unwrap()
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn kept(store: &Store) -> Vec<Kept> {
    store.images().unwrap().into_iter().map(Result::unwrap).collect()
}

/// All of what a source has under a digest.
fn read(source: &dyn Source, descriptor: &image::Descriptor) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut source.blob(descriptor, 0).unwrap()?, &mut bytes).unwrap();
    Some(bytes)
}
