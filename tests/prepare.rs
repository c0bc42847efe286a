//! Preparing a tree of bundles on a host.
#![allow(clippy::disallowed_methods, reason = "tests make their inputs")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]
#![allow(clippy::format_push_string, reason = "speed does not matter here")]

#[path = "support/bundles.rs"]
mod bundles;
mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use bundlegen::bundle::sums::HEADER;
use bundlegen::image::Digest;
use bundlegen::prepare::{self, Images, Progress};
use bundles::Bundles;
use serde_json::{Value, json};
use support::{Head, Store, Tar, gzip};

fn image(store: &Store, text: &str) -> Value {
    let layer = Tar::new()
        .dir("etc")
        .file("etc/version", text)
        .head(Head::new(b'5', "sealed").mode(0o500))
        .file("sealed/file", "");
    store.image("amd64", &[gzip(&layer.end())])
}

#[test]
fn a_tree_is_prepared_once() {
    let store = Store::new();
    let one = image(&store, "one");
    let bundles = Bundles::new();
    bundles.config("web", Some(&one), &["../volumes/data"]).config("db", Some(&one), &[]);
    bundles.write("web/etc/hosts", "127.0.0.1 localhost\n").seal();
    let (summary, seen) = bundles.prepare(store.path()).unwrap();
    assert_eq!(summary.files, 3);
    assert_eq!(summary.unpacked.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["web", "db"]);
    assert_eq!(summary.volumes, ["volumes/data"]);
    assert_eq!(seen.len(), 7, "{seen:?}");
    assert_eq!(seen[0], Progress::Verified { files: 3 });
    assert_eq!(fs::metadata(bundles.path("volumes/data")).unwrap().mode() & 0o7777, 0o755);
    assert_eq!(fs::read_to_string(bundles.path("web/rootfs/etc/version")).unwrap(), "one");
    assert_eq!(bundles.names("web"), [".rootfs.image", "config.json", "etc", "rootfs"]);
    let marker = fs::read_to_string(bundles.path("web/.rootfs.image")).unwrap();
    assert_eq!(marker.trim(), one["digest"].as_str().unwrap());

    fs::write(bundles.path("web/rootfs/state"), "kept").unwrap();
    let (summary, _) = bundles.prepare(&store.path().join("not-even-there")).unwrap();
    assert_eq!((summary.present.len(), summary.unpacked.len(), summary.volumes.len()), (2, 0, 0));
    assert!(bundles.path("web/rootfs/state").exists());
}

#[test]
fn another_image_replaces_the_root() {
    let store = Store::new();
    let bundles = Bundles::new();
    bundles.config("web", Some(&image(&store, "one")), &[]).seal().prepare(store.path()).unwrap();
    bundles.config("web", Some(&image(&store, "two")), &[]).seal();
    // What a crash has left is cleaned up, and links in it are not followed.
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("canary"), "").unwrap();
    fs::create_dir_all(bundles.path("web/.rootfs.partial/sealed")).unwrap();
    symlink(outside.path(), bundles.path("web/.rootfs.partial/sealed/link")).unwrap();
    fs::set_permissions(bundles.path("web/.rootfs.partial/sealed"), fs::Permissions::from_mode(0o000))
        .unwrap();
    symlink(outside.path(), bundles.path("web/.rootfs.old")).unwrap();
    symlink(outside.path().join("canary"), bundles.path("web/.rootfs.image.partial")).unwrap();
    let (summary, _) = bundles.prepare(store.path()).unwrap();
    assert_eq!(summary.unpacked.len(), 1);
    assert_eq!(fs::read_to_string(bundles.path("web/rootfs/etc/version")).unwrap(), "two");
    assert_eq!(bundles.names("web"), [".rootfs.image", "config.json", "rootfs"]);
    assert_eq!(fs::read_to_string(outside.path().join("canary")).unwrap(), "");
    // A root that was being replaced is replaced again.
    fs::write(bundles.path("web/.rootfs.image"), "replacing\n").unwrap();
    fs::rename(bundles.path("web/rootfs"), bundles.path("web/.rootfs.old")).unwrap();
    assert_eq!(bundles.prepare(store.path()).unwrap().0.unpacked.len(), 1);
    assert_eq!(bundles.names("web"), [".rootfs.image", "config.json", "rootfs"]);
}

#[test]
fn a_failure_leaves_the_old_root() {
    let store = Store::new();
    let bundles = Bundles::new();
    bundles.config("web", Some(&image(&store, "one")), &[]).seal().prepare(store.path()).unwrap();
    let evil = store.image("amd64", &[gzip(&Tar::new().file("new", "").file("../evil", "").end())]);
    bundles.config("web", Some(&evil), &[]).seal();
    let error = bundles.prepare(store.path()).unwrap_err();
    assert!(error.starts_with("web: layer sha256:") && error.contains("`../evil`"), "{error}");
    assert_eq!(fs::read_to_string(bundles.path("web/rootfs/etc/version")).unwrap(), "one");
    let missing = json!({"digest": Digest::sha256(b"missing").to_string()});
    bundles.config("web", Some(&missing), &[]).seal();
    let error = bundles.prepare(Path::new("images")).unwrap_err();
    let want = " is nowhere:\n  no images are at images\n  no registry was asked, as this run is offline\nsay where it is with \
                `--image app:1=SOURCE` or `--images DIR`";
    assert!(error.contains("app:1 with manifest sha256:") && error.ends_with(want), "{error}");
    assert!(bundles.path("web/rootfs/etc/version").exists());
}

#[test]
fn the_trees_of_the_kernel_are_no_links_in_an_image() {
    for name in ["dev", "proc", "sys"] {
        let store = Store::new();
        let bundles = Bundles::new();
        let linked = store.image("amd64", &[gzip(&Tar::new().dir("real").symlink(name, "real").end())]);
        bundles.config("web", Some(&linked), &[]).seal();
        let error = bundles.prepare(store.path()).unwrap_err();
        assert!(error.contains(&format!("/{name} is a symbolic link in the image")), "{error}");
        assert!(!bundles.path("web/rootfs").exists());
    }
}

#[test]
fn what_was_changed_is_refused_as_a_whole() {
    let store = Store::new();
    let bundles = Bundles::new();
    bundles.config("web", Some(&image(&store, "one")), &["../volumes/x"]).write("a", "a").write("b", "b");
    bundles.write("c/d", "d").write("e", "e").seal();
    bundles.write("a", "changed");
    fs::remove_file(bundles.path("b")).unwrap();
    fs::rename(bundles.path("c"), bundles.path("real")).unwrap();
    symlink("real", bundles.path("c")).unwrap();
    fs::remove_file(bundles.path("e")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, bundles.path("e"), rustix::fs::Mode::RUSR).unwrap();
    let error = bundles.prepare(store.path()).unwrap_err();
    for want in
        ["a: the content is sha256:", "b: No such file", "c/d: a symbolic link", "e: not a regular file"]
    {
        assert!(error.contains(want), "{error}\n{want}");
    }
    assert!(!bundles.path("web/rootfs").exists() && !bundles.path("volumes").exists());
    bundles.write("SHA256SUMS", "0  x\n");
    assert!(bundles.prepare(store.path()).unwrap_err().contains("does not say that bundlegen wrote it"));
    bundles.write("SHA256SUMS", &format!("{HEADER}\n0  x\n"));
    assert!(bundles.prepare(store.path()).unwrap_err().contains("not every line"));
    fs::remove_file(bundles.path("SHA256SUMS")).unwrap();
    assert!(bundles.prepare(store.path()).unwrap_err().contains("no build was completed"));
}

#[test]
fn links_and_foreign_roots_are_refused() {
    let store = Store::new();
    let one = image(&store, "one");
    let outside = tempfile::tempdir().unwrap();
    let canary = outside.path().join("canary");
    fs::write(&canary, "").unwrap();
    let bundles = Bundles::new();
    bundles.config("web", Some(&one), &["../volumes/data"]).seal();
    symlink(outside.path(), bundles.path("web/rootfs")).unwrap();
    assert!(bundles.prepare(store.path()).unwrap_err().contains("web/rootfs: a symbolic link"));
    fs::remove_file(bundles.path("web/rootfs")).unwrap();

    bundles.write("web/rootfs/own", "mine");
    assert!(bundles.prepare(store.path()).unwrap_err().contains("not made by `prepare`"));
    fs::remove_file(bundles.path("web/rootfs/own")).unwrap();
    symlink(outside.path(), bundles.path("volumes")).unwrap();
    assert!(bundles.prepare(store.path()).unwrap_err().contains("volumes: a symbolic link"));
    fs::remove_file(bundles.path("volumes")).unwrap();
    fs::create_dir(bundles.path("volumes")).unwrap();
    symlink(outside.path(), bundles.path("volumes/data")).unwrap();
    assert_eq!(bundles.prepare(store.path()).unwrap().0.volumes.len(), 0, "a volume may be a link");

    fs::rename(bundles.path("web"), outside.path().join("web")).unwrap();
    symlink(outside.path().join("web"), bundles.path("web")).unwrap();
    assert!(bundles.prepare(store.path()).unwrap_err().contains("a symbolic link"));
    assert!(canary.exists());
}

#[test]
fn bind_sources_are_made_where_the_file_asks_for_it() {
    let bundles = Bundles::new();
    let project = bundles.path("tree");
    let inner = Bundles::inside(bundles.dir.path());
    fs::write(bundles.path("here"), "kept").unwrap();
    let absolute = project.join("absolute/deep").display().to_string();
    inner.config("web", None, &["../../here", "../../site/html", &absolute]);
    fs::create_dir(inner.path("web/rootfs")).unwrap();
    inner.seal();
    let (summary, _) = inner.prepare(Path::new("images")).unwrap();
    assert_eq!(summary.volumes.len(), 2);
    assert_eq!(fs::read_to_string(bundles.path("here")).unwrap(), "kept");
    assert!(bundles.path("site/html").is_dir() && project.join("absolute/deep").is_dir());
    assert_eq!(inner.prepare(Path::new("images")).unwrap().0.volumes.len(), 0);
}

#[test]
fn a_root_that_is_a_directory_only_has_to_exist() {
    let bundles = Bundles::new();
    bundles.write("web/config.json", r#"{"root": {"path": "../../my-root"}}"#).seal();
    let error = bundles.prepare(Path::new("images")).unwrap_err();
    assert!(error.contains("the root directory of web does not exist"), "{error}");
    bundles.write("web/config.json", r#"{"root": {"path": "../my-root"}}"#).write("my-root/x", "").seal();
    bundles.prepare(Path::new("images")).unwrap();
    bundles.write("web/config.json", r#"{"root": {}}"#).seal();
    assert!(bundles.prepare(Path::new("images")).unwrap_err().contains("web/config.json: missing field"));
}

/// A layer with a directory of somebody else's, and links that lead out.
fn owned_image(store: &Store) -> Value {
    let head = |kind, path, mode| Head::new(kind, path).mode(mode);
    let layer = Tar::new()
        .head(head(b'5', "data", 0o2750).owner(1000, 1001))
        .head(head(b'5', "data/sub", 0o700).owner(33, 33))
        .file("data/sub/file", "content")
        .symlink("data/link", "/etc/passwd")
        .head(head(b'6', "data/fifo", 0o600))
        .symlink("inner", "/data/sub")
        .symlink("outer", "../../../../../../..");
    store.image("amd64", &[gzip(&layer.end())])
}

fn mounting(bundles: &Bundles, bundle: &str, manifest: &Value, destination: &str, nocopy: bool) {
    let image = format!("docker.io/library/app:1@{}", manifest["digest"].as_str().unwrap());
    let source = "../volumes/data";
    let mut annotations = json!({
        "io.bundlegen.image": image,
        "io.bundlegen.create-host-path": json!([source]).to_string(),
    });
    if nocopy {
        annotations["io.bundlegen.volume-nocopy"] = json!([source]).to_string().into();
    }
    let mount =
        json!({"destination": destination, "type": "bind", "source": source, "options": ["rbind", "ro"]});
    let config = json!({"root": {"path": "rootfs"}, "mounts": [mount], "annotations": annotations});
    bundles.write(&format!("{bundle}/config.json"), &config.to_string());
}

#[test]
fn a_new_volume_gets_what_the_image_has() {
    let store = Store::new();
    let image = owned_image(&store);
    let bundles = Bundles::new();
    mounting(&bundles, "a", &image, "/data", true);
    mounting(&bundles, "b", &image, "/not-there", false);
    mounting(&bundles, "c", &image, "/data", false);
    mounting(&bundles, "d", &image, "/inner", false);
    // What an interrupted run has left.
    bundles.seal().write("volumes/.data.partial/half", "");
    let (_, seen) = bundles.prepare(store.path()).unwrap();
    let Some(Progress::Volume { path, filled: Some(filled) }) = seen.last() else { panic!("{seen:?}") };
    assert_eq!((path.as_str(), filled.bundle.as_str(), filled.left_out), ("volumes/data", "c", 0));
    assert_eq!(bundles.names("volumes"), ["data"]);
    assert_eq!(bundles.names("volumes/data"), ["fifo", "link", "sub"]);
    assert_eq!(fs::read_to_string(bundles.path("volumes/data/sub/file")).unwrap(), "content");
    assert_eq!(fs::read_link(bundles.path("volumes/data/link")).unwrap(), Path::new("/etc/passwd"));
    for (path, mode) in [("", 0o2750), ("/sub", 0o700), ("/sub/file", 0o644)] {
        let at = |directory: &str| fs::metadata(bundles.path(&format!("{directory}{path}"))).unwrap();
        let (from, to) = (at("c/rootfs/data"), at("volumes/data"));
        assert_eq!(to.mode() & 0o7777, mode, "{path}");
        assert_eq!((to.uid(), to.gid(), to.mtime()), (from.uid(), from.gid(), from.mtime()), "{path}");
    }
    if rustix::process::geteuid().is_root() {
        let data = fs::metadata(bundles.path("volumes/data")).unwrap();
        assert_eq!((data.uid(), data.gid()), (1000, 1001));
    }
    // What is there is not touched.
    fs::remove_dir_all(bundles.path("volumes/data/sub")).unwrap();
    assert_eq!(bundles.prepare(store.path()).unwrap().0.volumes.len(), 0);
    assert_eq!(bundles.names("volumes/data"), ["fifo", "link"]);
}

#[test]
fn links_to_what_a_volume_gets_stay_in_the_root() {
    let store = Store::new();
    let image = owned_image(&store);
    for (destination, nocopy, want) in [
        ("/inner", false, &["file"][..]),
        ("/data/sub/file", false, &[]),
        ("/outer/data", false, &["fifo", "link", "sub"]),
        ("/data/../../data/sub", false, &["file"]),
        ("/data", true, &[]),
    ] {
        let bundles = Bundles::new();
        mounting(&bundles, "web", &image, destination, nocopy);
        bundles.seal().prepare(store.path()).unwrap();
        assert_eq!(bundles.names("volumes/data"), want, "{destination}");
        let mode = fs::metadata(bundles.path("volumes/data")).unwrap().mode() & 0o777;
        assert!(!want.is_empty() || mode == 0o755, "{destination}: {mode:o}");
    }
}

#[test]
fn only_what_is_mounted_is_made() {
    let outside = tempfile::tempdir().unwrap();
    let evil = outside.path().join("evil/deep").display().to_string();
    let bundles = Bundles::new();
    let sources = json!([&evil, "../../evil", "../volumes/evil", "inside/evil"]).to_string();
    let mounts = json!([
        {"destination": "/a", "type": "tmpfs", "source": &evil},
        {"destination": "/b", "type": "bind", "source": format!("{evil}/")},
    ]);
    let annotations = json!({"io.bundlegen.create-host-path": sources});
    let config = json!({"root": {"path": "rootfs"}, "mounts": mounts, "annotations": annotations});
    bundles.write("web/config.json", &config.to_string()).seal();
    fs::create_dir(bundles.path("web/rootfs")).unwrap();
    assert_eq!(bundles.prepare(Path::new("images")).unwrap().0.volumes, Vec::<String>::new());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(bundles.names(""), ["SHA256SUMS", "web"]);
}

#[test]
fn links_in_the_tree_do_not_lead_sources_out() {
    let outside = tempfile::tempdir().unwrap();
    let bundles = Bundles::new();
    symlink(outside.path(), bundles.path("link")).unwrap();
    let name = bundles.dir.path().file_name().unwrap().to_str().unwrap().to_owned();
    let absolute = bundles.path("link/evil").display().to_string();
    for source in ["../link/evil", &format!("../../{name}/link/evil"), &absolute, "../x/../link/evil/deep"] {
        bundles.config("web", None, &[source]);
        fs::create_dir_all(bundles.path("web/rootfs")).unwrap();
        bundles.seal();
        let error = bundles.prepare(Path::new("images")).unwrap_err();
        assert!(error.contains("a symbolic link"), "{source}: {error}");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "{source}");
    }
    bundles.config("web", None, &["inside/new"]).seal().prepare(Path::new("images")).unwrap();
    assert!(bundles.path("web/inside/new").is_dir());
}

#[test]
fn mount_points_in_memory_are_made() {
    let store = Store::new();
    let layer =
        Tar::new().head(Head::new(b'5', "there").mode(0o700)).symlink("away", "../../../../../made/deep");
    let image = store.image("amd64", &[gzip(&layer.end())]);
    let bundles = Bundles::new();
    let mount = |at: &str, options: &[&str]| json!({"destination": at, "type": "tmpfs", "options": options});
    let mounts = json!([
        mount("/there", &[]),
        mount("/run/cache", &["nosuid"]),
        mount("/own", &["mode=0750", "uid=7", "gid=8"]),
        mount("/away", &[]),
        mount("/there/hidden", &[]),
    ]);
    let name = format!("docker.io/library/app:1@{}", image["digest"].as_str().unwrap());
    let config =
        json!({"root": {"path": "rootfs"}, "mounts": mounts, "annotations": {"io.bundlegen.image": name}});
    bundles.write("web/config.json", &config.to_string()).seal().prepare(store.path()).unwrap();
    let at = |path: &str| fs::metadata(bundles.path(&format!("web/rootfs/{path}"))).unwrap();
    for (path, mode) in [
        ("there", 0o700),
        ("run", 0o755),
        ("run/cache", 0o1777),
        ("own", 0o750),
        ("made", 0o755),
        ("made/deep", 0o1777),
    ] {
        assert_eq!(at(path).mode() & 0o7777, mode, "{path}");
    }
    assert!(!rustix::process::geteuid().is_root() || (at("own").uid(), at("own").gid()) == (7, 8));
    assert!(bundles.names("web/rootfs/there").is_empty());
    // A runtime or a new mount may need one later.
    fs::remove_dir(bundles.path("web/rootfs/own")).unwrap();
    bundles.prepare(store.path()).unwrap();
    assert_eq!(at("own").mode() & 0o7777, 0o750);
}

#[test]
fn roots_of_services_that_are_gone_are_named() {
    let store = Store::new();
    let one = image(&store, "one");
    let bundles = Bundles::new();
    bundles.config("old", Some(&one), &[]).config("web", Some(&one), &[]).seal();
    bundles.prepare(store.path()).unwrap();
    fs::remove_file(bundles.path("old/config.json")).unwrap();
    bundles.write("own/rootfs/file", "").seal();
    // As `seal` lists what is not a root.
    let sums = fs::read_to_string(bundles.path("SHA256SUMS")).unwrap();
    assert!(!sums.contains("old/"), "{sums}");
    let (_, seen) = bundles.prepare(store.path()).unwrap();
    let gone = |path: &str| Progress::Abandoned { path: path.into() };
    assert_eq!(seen[seen.len() - 2..], [gone("old/rootfs"), gone("old/.rootfs.image")]);
    assert!(bundles.path("old/rootfs/etc/version").exists());
}

#[test]
fn root_unpacks_again_what_has_no_owners() {
    let store = Store::new();
    let one = image(&store, "one");
    let bundles = Bundles::new();
    bundles.config("web", Some(&one), &[]).seal().prepare(store.path()).unwrap();
    let digest = one["digest"].as_str().unwrap();
    bundles.write("web/.rootfs.image", &format!("{digest}\nwithout owners\n"));
    let is_root = rustix::process::geteuid().is_root();
    assert_eq!(bundles.prepare(store.path()).unwrap().0.unpacked.len(), usize::from(is_root));
    assert_eq!(bundles.prepare(store.path()).unwrap().0.present.len(), 1);
}

#[test]
fn a_damaged_blob_is_named_as_such() {
    let store = Store::new();
    let blob = gzip(&Tar::new().file("f", &"text".repeat(1000)).end());
    let image = store.image("amd64", std::slice::from_ref(&blob));
    let bundles = Bundles::new();
    bundles.config("web", Some(&image), &[]).seal();
    let path = store.path().join("blobs/sha256").join(Digest::sha256(&blob.bytes).hex());
    let mut flipped = blob.bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    for damaged in [&[][..], &blob.bytes[..middle], &flipped, &[0; 4096]] {
        fs::write(&path, damaged).unwrap();
        let error = bundles.prepare(store.path()).unwrap_err();
        assert!(error.contains("the blob is not what its digest says: "), "{error}");
        assert!(error.ends_with("fetch the image again"), "{error}");
    }
}

/// A bundle with private files, and what they are.
fn with_private(files: &Value) -> Bundles {
    let bundles = Bundles::new();
    let config = json!({
        "ociVersion": "1.0.2", "root": {"path": "."}, "mounts": [],
        "annotations": {"io.bundlegen.private-files": files.to_string()},
    });
    bundles.write("web/config.json", &config.to_string()).write("web/configs/app", "a config").seal();
    bundles
}

fn prepare_with(bundles: &Bundles, secret: Option<&str>) -> Result<Vec<Progress>, String> {
    let mut seen = Vec::new();
    let variables = |name: &str| (name == "TOKEN").then_some(secret?.into());
    let result =
        prepare::prepare(bundles.dir.path(), &Images::at(bundles.dir.path()), &variables, &mut |it| {
            seen.push(it);
        });
    result.map(|_| seen).map_err(|error| error.to_string())
}

#[test]
fn private_files_are_placed() {
    let file = |path: &str, mode: &str| json!({"path": path, "mode": mode, "uid": 0, "gid": 0});
    let (mut secret, mut config) = (file("private/token", "0400"), file("private/app", "0640"));
    secret["environment"] = "TOKEN".into();
    config["file"] = "configs/app".into();
    let bundles = with_private(&json!([secret, config]));
    let error = prepare_with(&bundles, None).unwrap_err();
    assert!(error.contains("TOKEN for web"), "{error}");

    let placed = |seen: Vec<Progress>| {
        let path = |progress: Progress| match progress {
            Progress::Placed { path, .. } => Some(path),
            _ => None,
        };
        seen.into_iter().filter_map(path).collect::<Vec<_>>()
    };
    fs::write(bundles.path("web/private/stale"), "").unwrap();
    assert_eq!(placed(prepare_with(&bundles, Some("one")).unwrap()), ["web/private/token"]);
    assert_eq!(bundles.names("web/private"), ["app", "token"]);
    for (path, mode, text) in [("token", 0o400, "one"), ("app", 0o640, "a config")] {
        let path = bundles.path(&format!("web/private/{path}"));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(fs::metadata(bundles.path("web/private")).unwrap().mode() & 0o7777, 0o700);
    // What is right stays, and so does what an earlier run has placed.
    assert_eq!(placed(prepare_with(&bundles, Some("one")).unwrap()), [""; 0]);
    assert_eq!(placed(prepare_with(&bundles, None).unwrap()), [""; 0]);
    assert_eq!(placed(prepare_with(&bundles, Some("other")).unwrap()), ["web/private/token"]);
    assert_eq!(fs::read_to_string(bundles.path("web/private/token")).unwrap(), "other");
}

#[test]
fn a_private_file_stays_in_its_directory() {
    for (path, what) in [
        ("private/../config.json", "another file"),
        ("../other/private/x", "another bundle"),
        ("private/.", "the directory"),
        ("config.json", "no private file"),
    ] {
        let file = json!([{"path": path, "environment": "TOKEN", "mode": "0400", "uid": 0, "gid": 0}]);
        let error = prepare_with(&with_private(&file), Some("x")).unwrap_err();
        assert!(error.contains("is no private file"), "{what}: {error}");
    }
    let file = json!([{"path": "private/x", "file": "../../x", "mode": "0400", "uid": 0, "gid": 0}]);
    let error = prepare_with(&with_private(&file), None).unwrap_err();
    assert!(error.contains("not in the list"), "{error}");

    let file = json!([{"path": "private/x", "environment": "TOKEN", "mode": "0400", "uid": 0, "gid": 0}]);
    let bundles = with_private(&file);
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), bundles.path("web/private")).unwrap();
    let error = prepare_with(&bundles, Some("x")).unwrap_err();
    assert!(error.contains("symbolic link"), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn an_external_volume_must_be_there() {
    let bundles = Bundles::new();
    let mount = |destination: &str, source: &str| json!({"destination": destination, "type": "bind", "source": source});
    let config = json!({
        "ociVersion": "1.0.2", "root": {"path": "."},
        "mounts": [mount("/a", "../volumes/ours"), mount("/b", "/not/there")],
        "annotations": {"io.bundlegen.external-volumes": "[\"../volumes/ours\",\"../volumes/not-mounted\"]"},
    });
    bundles.write("web/config.json", &config.to_string()).seal();
    let error = bundles.prepare(bundles.dir.path()).unwrap_err();
    assert!(error.contains("/volumes/ours; make"), "{error}");
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir_all(bundles.path("volumes")).unwrap();
    symlink(elsewhere.path(), bundles.path("volumes/ours")).unwrap();
    let (_, seen) = bundles.prepare(bundles.dir.path()).unwrap();
    let absent = Progress::Absent { bundle: "web".into(), path: "/not/there".into() };
    assert_eq!(seen.last(), Some(&absent));
}

#[test]
fn a_directory_in_a_volume_is_no_link() {
    let bundles = Bundles::new();
    bundles.config("web", None, &["../volumes/data/a/b", "../volumes/data"]);
    let config = fs::read_to_string(bundles.path("web/config.json")).unwrap();
    bundles.write("web/config.json", &config.replace("\"rootfs\"", "\".\"")).seal();
    let (summary, _) = bundles.prepare(bundles.dir.path()).unwrap();
    assert_eq!(summary.volumes, ["volumes/data", "volumes/data/a/b"]);
    fs::remove_dir(bundles.path("volumes/data/a/b")).unwrap();
    symlink("/etc", bundles.path("volumes/data/a/b")).unwrap();
    let error = bundles.prepare(bundles.dir.path()).unwrap_err();
    assert!(error.contains("symbolic link"), "{error}");
}
