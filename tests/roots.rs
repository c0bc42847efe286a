//! The work that roots share, and what interrupted or repeated runs make of them.
#![allow(clippy::disallowed_methods, reason = "tests make their inputs")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a panic is how a test fails"
)]
#![allow(clippy::format_push_string, reason = "speed does not matter here")]

#[path = "support/bundles.rs"]
mod bundles;
mod support;
#[path = "support/trees.rs"]
mod trees;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use bundlegen::image;
use bundlegen::prepare::{self, Images, Progress};
use bundles::Bundles;
use rustix::fs::{CWD, FileType, Mode};
use serde_json::{Value, json};
use support::{Head, Store, Tar, gzip};
use trees::{describe_tree, traces};

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Everything that an image can have.
fn full_image(store: &Store) -> Value {
    let own = |kind, path: &str| {
        let head = Head::new(kind, path);
        if is_root() { head.owner(1000, 50) } else { head }
    };
    let capability: &[u8] = &[1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut tar = Tar::new()
        .dir("./")
        .dir("bin")
        .head(own(b'0', "bin/su").mode(0o6755))
        .hard_link("bin/sudo", "bin/su")
        .file("etc/file", &"text".repeat(100_000))
        .raw(own(b'0', "etc/shadow").mode(0).size(6), b"secret")
        .head(own(b'5', "etc/closed").mode(0))
        .head(own(b'5', "tmp").mode(0o1777))
        .head(own(b'5', "mail").mode(0o2570))
        .file("mail/box", "")
        .head(own(b'2', "bin/link").target("/etc/passwd"))
        .hard_link("bin/same-link", "bin/link")
        .head(own(b'6', "pipe").mode(0o620))
        .hard_link("etc/pipe", "pipe")
        .hard_link("etc/su", "bin/sudo")
        .file(".bundlegen-links", "a name like any other")
        .pax(&[("SCHILY.xattr.user.x", b"y"), ("mtime", b"1700000000.123456789")])
        .file("etc/xattr", "");
    if is_root() {
        tar = tar
            .head(Head::new(b'3', "etc/null").device(1, 3).mode(0o666))
            .pax(&[("SCHILY.xattr.security.capability", capability)])
            .raw(own(b'0', "bin/ping").mode(0o755).size(4), b"ping");
    }
    store.image("amd64", &[gzip(&tar.end())])
}

#[test]
fn bundles_of_one_image_get_the_same_root() {
    let store = Store::new();
    let (image, other) = (full_image(&store), store.image("amd64", &[gzip(&Tar::new().dir("x").end())]));
    let bundles = Bundles::new();
    for name in ["a", "b", "c"] {
        bundles.config(name, Some(&image), &[]);
    }
    bundles.config("b-other", Some(&other), &[]).seal();
    let (summary, seen) = bundles.prepare(store.path()).unwrap();
    let of = |to: &str| Progress::Copying { bundle: to.into(), from: "a".into() };
    let copied = seen.iter().filter(|progress| matches!(progress, Progress::Copying { .. }));
    assert_eq!(copied.collect::<Vec<_>>(), [&of("b"), &of("c")]);
    let unpacked: Vec<_> = summary.unpacked.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(unpacked, ["b", "c", "a", "b-other"]);
    let want = describe_tree(&bundles.path("a/rootfs"));
    assert!(want.len() > 15, "{} entries", want.len());
    for name in ["b", "c"] {
        let found = describe_tree(&bundles.path(&format!("{name}/rootfs")));
        for (path, want) in &want {
            assert_eq!(found.get(path), Some(want), "{name}: {}", path.display());
        }
        assert_eq!(found.len(), want.len());
        let first = fs::metadata(bundles.path("a/rootfs/bin/su")).unwrap();
        assert_ne!(fs::metadata(bundles.path(&format!("{name}/rootfs/bin/su"))).unwrap().ino(), first.ino());
    }
}

#[test]
fn a_root_that_was_used_is_not_copied() {
    let store = Store::new();
    let image = full_image(&store);
    let bundles = Bundles::new();
    bundles.config("a", Some(&image), &[]).seal().prepare(store.path()).unwrap();
    fs::write(bundles.path("a/rootfs/etc/file"), "changed").unwrap();
    bundles.config("b", Some(&image), &[]).seal();
    let (_, seen) = bundles.prepare(store.path()).unwrap();
    assert!(!seen.iter().any(|progress| matches!(progress, Progress::Copying { .. })));
    assert_eq!(fs::metadata(bundles.path("b/rootfs/etc/file")).unwrap().len(), 400_000);
    assert_eq!(fs::read_to_string(bundles.path("a/rootfs/etc/file")).unwrap(), "changed");
}

#[test]
fn holes_and_strange_names_are_copied() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::create_dir(&from).unwrap();
    fs::create_dir(&to).unwrap();
    let sparse = fs::File::create(from.join("sparse")).unwrap();
    for at in [1 << 20, 5 << 20] {
        std::os::unix::fs::FileExt::write_all_at(&sparse, b"data", at).unwrap();
    }
    sparse.set_len(64 << 20).unwrap();
    drop(fs::File::create(from.join("hole")).unwrap().set_len(1 << 20));
    fs::write(from.join("-rf *\n\"'$(x)"), "name").unwrap();
    fs::hard_link(from.join("sparse"), from.join("again")).unwrap();
    rustix::fs::mknodat(CWD, from.join("socket"), FileType::Socket, Mode::RUSR, 0).unwrap();
    let deep = "d/".repeat(100);
    fs::create_dir_all(from.join(&deep)).unwrap();
    symlink("/", from.join(&deep).join("up")).unwrap();
    let copied = image::copy_root(&from, &to).unwrap();
    assert_eq!((copied.entries, copied.left_out), (106, 0));
    assert!(describe_tree(&from) == describe_tree(&to), "diff -r {} {}", from.display(), to.display());
    let blocks = |path: &Path| fs::metadata(path.join("sparse")).unwrap().blocks();
    assert!(blocks(&to) <= blocks(&from).max(256), "{} and {}", blocks(&to), blocks(&from));
    assert!(image::copy_root(&from, &to).is_err(), "not into what is there");
}

#[test]
fn hostile_depths_end() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::create_dir(&from).unwrap();
    fs::create_dir(&to).unwrap();
    let mut fd = fs::File::open(&from).unwrap();
    for _ in 0..600 {
        rustix::fs::mkdirat(&fd, "d", Mode::RWXU).unwrap();
        let flags = rustix::fs::OFlags::RDONLY;
        fd = rustix::fs::openat(&fd, "d", flags, Mode::empty()).unwrap().into();
    }
    let error = image::copy_root(&from, &to).unwrap_err().to_string();
    assert!(error.contains("256 directories"), "{error}");
}

fn shared_config(bundles: &Bundles, name: &str, manifest: &Value, root: &Value) {
    let image = format!("docker.io/library/app:1@{}", manifest["digest"].as_str().unwrap());
    let config = json!({"root": root, "annotations": {"io.bundlegen.image": image}});
    bundles.write(&format!("{name}/config.json"), &config.to_string());
}

#[test]
fn a_shared_root_is_made_once() {
    let store = Store::new();
    let image = full_image(&store);
    let bundles = Bundles::new();
    bundles.config("web-2", Some(&image), &[]).seal().prepare(store.path()).unwrap();
    shared_config(&bundles, "web", &image, &json!({"path": "rootfs", "readonly": true}));
    shared_config(&bundles, "web-2", &image, &json!({"path": "../web/rootfs", "readonly": true}));
    bundles.seal();
    let (summary, seen) = bundles.prepare(store.path()).unwrap();
    assert_eq!(summary.unpacked.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["web"]);
    let gone = |path: &str| Progress::Abandoned { path: path.into() };
    assert!(seen.contains(&gone("web-2/rootfs")), "{seen:?}");
}

#[test]
fn only_a_root_that_nobody_writes_to_is_shared() {
    let store = Store::new();
    let (one, two) = (full_image(&store), store.image("amd64", &[gzip(&Tar::new().dir("x").end())]));
    let read_only = |path: &str| json!({"path": path, "readonly": true});
    let none = "none of this image that nobody writes to";
    for (what, first, second, want) in [
        ("written to", json!({"path": "rootfs"}), (&one, read_only("../a/rootfs")), none),
        ("another image", read_only("rootfs"), (&two, read_only("../a/rootfs")), none),
        ("nobody", read_only("rootfs"), (&one, read_only("../c/rootfs")), none),
        ("itself", read_only("rootfs"), (&one, read_only("../b/rootfs")), none),
        (
            "writes itself",
            read_only("rootfs"),
            (&one, json!({"path": "../a/rootfs"})),
            "is unpacked to `rootfs`",
        ),
        ("outside", read_only("rootfs"), (&one, read_only("../../a/rootfs")), "is unpacked to `rootfs`"),
        ("the tree", read_only("rootfs"), (&one, read_only("../../rootfs")), "is unpacked to `rootfs`"),
    ] {
        let bundles = Bundles::new();
        shared_config(&bundles, "a", &one, &first);
        shared_config(&bundles, "b", second.0, &second.1);
        let error = bundles.seal().prepare(store.path()).unwrap_err();
        assert!(error.contains(want), "{what}: {error}");
        assert!(!bundles.path("a/rootfs").exists(), "{what}");
    }
}

#[test]
fn a_second_run_waits_and_finds_all_done() {
    let store = Store::new();
    let image = full_image(&store);
    let bundles = Bundles::new();
    bundles.config("a", Some(&image), &[]).seal();
    let lock = fs::File::open(bundles.dir.path()).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (tell, path, images) = (tell.clone(), bundles.dir.path(), store.path());
            scope.spawn(move || {
                let mut seen = |progress| tell.send(progress).unwrap();
                prepare::prepare(path, &Images::at(images), &|_| None, &mut seen).unwrap();
            });
        }
        for _ in 0..2 {
            let path = bundles.dir.path().to_owned();
            assert_eq!(told.recv_timeout(Duration::from_secs(60)).unwrap(), Progress::Waiting { path });
        }
        drop(lock);
    });
    let count =
        |wanted: fn(&Progress) -> bool, seen: &[Progress]| seen.iter().filter(|it| wanted(it)).count();
    drop(tell);
    let seen: Vec<_> = told.iter().collect();
    assert_eq!(count(|it| matches!(it, Progress::Unpacked { .. }), &seen), 1, "{seen:?}");
    assert_eq!(count(|it| matches!(it, Progress::Present { .. }), &seen), 1, "{seen:?}");
}

#[test]
fn a_second_run_writes_nothing() {
    let store = Store::new();
    let image = full_image(&store);
    let bundles = Bundles::new();
    let name = format!("docker.io/library/app:1@{}", image["digest"].as_str().unwrap());
    let private = json!([{"path": "private/x", "environment": "TOKEN", "mode": "0400", "uid": 0, "gid": 0}]);
    let config = json!({
        "root": {"path": "rootfs"},
        "mounts": [
            {"destination": "/cache", "type": "tmpfs", "options": ["mode=0700"]},
            {"destination": "/etc", "type": "bind", "source": "../volumes/data"},
            {"destination": "/own", "type": "bind", "source": "../volumes/data/own/deep"},
            {"destination": "/new", "type": "bind", "source": "../../made/here"},
        ],
        "annotations": {
            "io.bundlegen.image": name,
            "io.bundlegen.create-host-path":
                "[\"../volumes/data\",\"../volumes/data/own/deep\",\"../../made/here\"]",
            "io.bundlegen.private-files": private.to_string(),
        },
    });
    let inner = Bundles::inside(bundles.dir.path());
    inner
        .write("web/config.json", &config.to_string())
        .write("web-2/config.json", &config.to_string())
        .seal();
    let variables = |name: &str| (name == "TOKEN").then(|| "secret".into());
    let run =
        || prepare::prepare(inner.dir.path(), &Images::at(store.path()), &variables, &mut |_| {}).unwrap();
    assert_eq!(run().unpacked.len(), 2);
    assert_eq!(inner.names("volumes"), ["data"]);
    let before = traces(bundles.dir.path());
    assert_eq!(run().present.len(), 2);
    assert_eq!(traces(bundles.dir.path()), before);
}

/// The old root is there until the new one is.
#[test]
fn a_new_image_is_exchanged_for_the_old_one() {
    let store = Store::new();
    let bundles = Bundles::new();
    let image = |text: &str| store.image("amd64", &[gzip(&Tar::new().file("version", text).end())]);
    for version in ["1", "2"] {
        bundles.config("a", Some(&image(version)), &[]).config("b", Some(&image(version)), &[]).seal();
        bundles.prepare(store.path()).unwrap();
        for name in ["a", "b"] {
            assert_eq!(fs::read_to_string(bundles.path(&format!("{name}/rootfs/version"))).unwrap(), version);
            assert_eq!(bundles.names(name), [".rootfs.image", "config.json", "rootfs"]);
        }
    }
    // Where it was killed between the two, it is made again.
    fs::write(bundles.path("a/.rootfs.image"), "replacing\n").unwrap();
    fs::create_dir(bundles.path("a/.rootfs.partial")).unwrap();
    fs::write(bundles.path("a/.rootfs.image.partial"), "half").unwrap();
    fs::set_permissions(bundles.path("a/.rootfs.partial"), fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(bundles.prepare(store.path()).unwrap().0.unpacked.len(), 1);
    assert_eq!(bundles.names("a"), [".rootfs.image", "config.json", "rootfs"]);
}
