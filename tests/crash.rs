//! `prepare` that is killed, meets itself, or has no room: nothing is taken for whole that is not, and nothing is lost.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests make their inputs, and wait")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a panic is how a test fails, and a skip is printed"
)]

#[path = "crafted/ground.rs"]
mod ground;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ground::{Ground, is_root};
use serde_json::Value;
use support::{Blob, Head, Store, Tar, gzip};

const FILES: usize = 2000;

const COMPOSE: &str = "
services:
  app:
    image: 'app:NUMBER'
    network_mode: none
    user: '0:0'
    command: [x]
    volumes: ['data:/data', 'kept:/kept']
volumes: {data: {}, kept: {}}
";

/// An image with as many files as it takes to be killed between two of them; no two images have the same ones.
fn layers(number: usize) -> Vec<Blob> {
    let layer = |part: usize| {
        let head = Head::new(b'5', &format!("dir{part}")).mode(0o700);
        (0..FILES / 2).fold(Tar::new().head(head), |tar, i| {
            let text = format!("{number} {part} {i} ").repeat(20);
            tar.file(&format!("dir{part}/{number}-{i}"), &text)
        })
    };
    let data = (0..100).fold(Tar::new().dir("data"), |tar, i| tar.file(&format!("data/{i}"), "of the image"));
    vec![gzip(&layer(0).end()), gzip(&layer(1).end()), gzip(&data.dir("kept").end())]
}

/// A project of which there are two versions.
struct Project {
    ground: Ground,
    store: Store,
    images: [Value; 2],
}

impl Project {
    fn new() -> Self {
        let mut store = Store::new();
        let images = [0, 1].map(|number| {
            let image = store.image("amd64", &layers(number));
            store.name(&format!("app:{number}"), image.clone());
            image
        });
        Project { ground: Ground::in_memory(), store, images }
    }

    fn build(&self, version: usize) {
        self.ground.build(&COMPOSE.replace("NUMBER", &version.to_string()), &self.store).succeeds();
    }

    fn digest(&self, version: usize) -> &str {
        self.images[version]["digest"].as_str().unwrap()
    }

    fn at(&self, path: &str) -> PathBuf {
        self.ground.at("project/bundles").join(path)
    }

    fn marker(&self) -> String {
        let text = fs::read_to_string(self.at("app/.rootfs.image")).unwrap_or_default();
        text.lines().next().unwrap_or_default().to_owned()
    }

    /// The version that the root is marked to be, which it must be then.
    fn is_marked(&self, trees: &[Tree; 2]) -> Option<usize> {
        let marker = self.marker();
        let version = (0..2).find(|version| self.digest(*version) == marker)?;
        self.is_whole(version, trees);
        Some(version)
    }

    fn is_whole(&self, version: usize, trees: &[Tree; 2]) {
        let mut tree = tree(&self.at("app/rootfs"));
        // What the container has written.
        tree.remove(Path::new("state"));
        assert_eq!(tree.len(), trees[version].len());
        assert!(tree == trees[version], "a root that is marked whole is not");
    }

    /// What is in the volumes is never lost, and a volume is filled as a whole or not there.
    fn are_volumes_whole(&self) {
        let kept = fs::read_to_string(self.at("volumes/kept/file"));
        assert_eq!(kept.unwrap_or_default(), "kept");
        let data = self.at("volumes/data");
        assert!(!data.exists() || fs::read_dir(data).unwrap().count() == 100);
    }

    fn leftovers(&self) -> Vec<String> {
        let names = |path: &str| fs::read_dir(self.at(path)).unwrap().map(|entry| entry.unwrap().file_name());
        let names = names("app").chain(names("volumes")).map(|name| name.into_string().unwrap());
        names.filter(|name| name.starts_with('.') && name != ".rootfs.image").collect()
    }

    fn images_option(&self) -> &str {
        self.store.path().to_str().unwrap()
    }

    fn command(&self) -> [&str; 3] {
        ["prepare", "--images", self.images_option()]
    }
}

type Tree = BTreeMap<PathBuf, (u32, i64, u64, Vec<u8>)>;

fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    for entry in walkdir::WalkDir::new(root).min_depth(1) {
        let entry = entry.unwrap();
        let metadata = entry.path().symlink_metadata().unwrap();
        let content = if metadata.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
        let path = entry.path().strip_prefix(root).unwrap().to_owned();
        // A root is used while it stands there, so the times of its directories are its own.
        let time = if metadata.is_file() { metadata.mtime() } else { 0 };
        found
            .insert(path, (metadata.mode(), time, metadata.nlink() * u64::from(metadata.is_file()), content));
    }
    found
}

/// Both versions as they are without trouble, the second one in place, and how long it takes.
fn undisturbed(project: &Project) -> ([Tree; 2], Duration) {
    let mut took = Duration::ZERO;
    let trees = [0, 1].map(|version| {
        project.build(version);
        let begin = Instant::now();
        project.ground.prepare(&project.store).succeeds();
        took = begin.elapsed();
        fs::write(project.at("volumes/kept/file"), "kept").unwrap();
        tree(&project.at("app/rootfs"))
    });
    assert!(trees[0].len() > FILES && trees[0] != trees[1]);
    (trees, took)
}

#[test]
fn killed_at_any_moment() {
    let project = Project::new();
    let (trees, took) = undisturbed(&project);
    let (mut killed, mut random) = (0, 1_u32);
    for round in 0..20_u32 {
        let version = usize::from(round % 2 == 1);
        project.build(version);
        fs::remove_dir_all(project.at("volumes/data")).unwrap();
        fs::write(project.at("app/rootfs/state"), "of a container").unwrap();
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut child = project.ground.spawn(&project.command());
        // One in each twentieth of the time, a little beyond its end.
        let moment = (f64::from(round) + f64::from(random >> 16) / 65536.0) / 19.0;
        sleep(took.mul_f64(moment));
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().code().is_none());

        let marked = project.is_marked(&trees);
        if marked == Some(1 - version) {
            let state = fs::read_to_string(project.at("app/rootfs/state"));
            assert_eq!(state.unwrap(), "of a container", "the old root is not what it was");
        }
        project.are_volumes_whole();
        let check = project.ground.run(&["check"]).succeeds();
        assert!(check.said.contains("up to date"), "{}", check.said);

        project.ground.prepare(&project.store).succeeds();
        assert_eq!(project.is_marked(&trees), Some(version));
        project.are_volumes_whole();
        assert!(project.at("volumes/data").exists());
        assert_eq!(project.leftovers(), [""; 0], "round {round}");
    }
    assert!(killed > 5, "only {killed} were killed before their end");
}

/// The second one waits for the first one, and finds its work done.
#[test]
fn two_at_a_time() {
    let project = Project::new();
    project.build(0);
    let mut children: Vec<_> = (0..3).map(|_| project.ground.spawn(&project.command())).collect();
    let codes: Vec<_> = children.iter_mut().map(|child| child.wait().unwrap().code()).collect();
    assert_eq!(codes, [Some(0); 3]);
    assert_eq!(project.marker(), project.digest(0));
    assert!(tree(&project.at("app/rootfs")).len() > FILES);
    assert_eq!(project.leftovers(), [""; 0]);
}

/// A file system of a size, as long as the value lives.
struct Small(PathBuf);

impl Small {
    fn mount(path: &Path, size: &str) -> Option<Small> {
        let options = format!("size={size},nr_inodes=100k,mode=755");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).output();
        let mounted = is_root() && mount.is_ok_and(|output| output.status.success());
        let required = std::env::var_os("BUNDLEGEN_REQUIRE_RUNTIMES").is_some_and(|value| value == "1");
        assert!(mounted || !required, "a small file system cannot be mounted");
        if !mounted {
            println!("skipped: a small file system cannot be mounted");
        }
        mounted.then(|| Small(path.to_owned()))
    }

    fn resize(&self, size: &str) {
        let options = format!("remount,{size}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk() {
    let project = Project::new();
    let Some(disk) = Small::mount(&project.ground.at("project"), "64m") else { return };
    let (trees, _) = undisturbed(&project);
    project.build(0);
    let used = || {
        let free = rustix::fs::statvfs(&disk.0).unwrap();
        (free.f_blocks - free.f_bfree) * free.f_frsize / 1024
    };
    fs::write(project.at("app/rootfs/state"), "of a container").unwrap();
    fs::remove_dir_all(project.at("volumes/data")).unwrap();
    let before = used();
    let inodes = rustix::fs::statvfs(&disk.0).unwrap();
    let inodes = inodes.f_files - inodes.f_ffree;
    // From no room at all to room for the root, but not for the volume; and room for content, but not for names.
    for more in [0, 16, 512, 3000, 6000, 8000, 8300] {
        refused(&project, &trees, &disk, &format!("size={}k", before + more));
    }
    disk.resize("size=64m");
    for more in [1, 1000, 2000] {
        refused(&project, &trees, &disk, &format!("nr_inodes={}", inodes + more));
    }
    disk.resize("size=64m,nr_inodes=100k");
    project.ground.prepare(&project.store).succeeds();
    assert_eq!(project.is_marked(&trees), Some(0));
    project.are_volumes_whole();
    assert!(project.at("volumes/data").exists());
    assert_eq!(project.leftovers(), [""; 0]);
    assert!(used() < before + 2000, "the old root is still there");
}

fn refused(project: &Project, trees: &[Tree; 2], disk: &Small, size: &str) {
    disk.resize(size);
    let run = project.ground.prepare(&project.store);
    assert_eq!(run.code, 3, "{size}: {}", run.said);
    assert!(run.said.contains("the disk is full"), "{size}: {}", run.said);
    match project.is_marked(trees) {
        Some(1) => {
            let state = fs::read_to_string(project.at("app/rootfs/state")).unwrap();
            assert_eq!(state, "of a container", "{size}");
        }
        // The root had room, and the volume had not.
        Some(_) => assert!(!project.at("volumes/data").exists(), "{size}"),
        None => assert_eq!(project.marker(), "replacing", "{size}"),
    }
    project.are_volumes_whole();
    disk.resize("size=64m,nr_inodes=100k");
    project.ground.run(&["check"]).succeeds();
}
