//! What is kept, what is removed, and what is damaged.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use bundlegen::image::{Image, Keep, Store};

use super::support::{Tar, plain};
use super::{Host, find, kept, names};

/// A second image in the same store, which shares its first layer with the other one.
fn second(host: &mut Host) -> Image {
    let layer = |text: &str| plain(Tar::new().file("file", text).end());
    let manifest = host.layout.image("amd64", &[layer("one"), layer("three")]);
    host.layout.name("other:1", manifest);
    let image = find(&host.layout, "other:1");
    host.store().fetch(&host.source(), &image, &|_| {}).unwrap();
    image
}

fn prune(store: &mut Store, keep: Keep) -> bundlegen::image::Pruned {
    store.prune(keep, &|| panic!("nobody else is there")).unwrap()
}

#[test]
fn locks_and_trees_keep_their_images() {
    let mut host = Host::new();
    host.fetch();
    let other = second(&mut host);
    let lock = host.dir.path().join("bundlegen.lock");
    let tree = host.dir.path().join("bundles");
    fs::write(&lock, format!("manifest: {{digest: {}}}\n", host.image.manifest.digest)).unwrap();
    fs::create_dir_all(tree.join("web")).unwrap();
    fs::write(tree.join("web/config.json"), format!(r#"{{"a":"other:1@{}"}}"#, other.manifest.digest))
        .unwrap();
    let mut store = host.store();
    store.keep(&lock).unwrap();
    store.keep(&tree).unwrap();
    store.keep(&tree).unwrap();
    assert_eq!(names(&host.path().join("roots")).len(), 2);
    let pruned = prune(&mut store, Keep::Used);
    assert_eq!((pruned.blobs, pruned.kept), (0, 7));
    assert!(store.has(&host.image).unwrap() && store.has(&other).unwrap());

    // The record is for people; the manifest says what is needed.
    for name in names(&host.path().join("images")) {
        fs::write(host.path().join("images").join(name), "not json").unwrap();
    }
    fs::remove_dir_all(&tree).unwrap();
    let planned = store.prunable(Keep::Used).unwrap();
    assert!(store.has(&other).unwrap(), "nothing is removed yet");
    let pruned = prune(&mut store, Keep::Used);
    assert_eq!((planned.blobs, planned.bytes), (pruned.blobs, pruned.bytes));
    assert_eq!((pruned.blobs, pruned.kept), (3, 4));
    assert_eq!(pruned.forgotten.len(), 1);
    assert_eq!(names(&host.path().join("roots")).len(), 1);
    assert!(store.has(&host.image).unwrap() && !store.has(&other).unwrap());

    fs::remove_file(&lock).unwrap();
    assert_eq!(prune(&mut store, Keep::Used).blobs, 4);
    assert!(names(&host.path().join("blobs/sha256")).is_empty());
    assert!(names(&host.path().join("roots")).is_empty());
}

#[test]
fn all_means_all() {
    let host = Host::new();
    host.fetch();
    let lock = host.dir.path().join("bundlegen.lock");
    fs::write(&lock, host.image.manifest.digest.to_string()).unwrap();
    let mut store = host.store();
    store.keep(&lock).unwrap();
    let pruned = prune(&mut store, Keep::Nothing);
    assert_eq!((pruned.images, pruned.blobs), (vec!["docker.io/library/app:1".to_owned()], 4));
    assert!(kept(&store).is_empty());
    assert_eq!(names(&host.path().join("roots")).len(), 1, "the lock is still there");
}

#[test]
fn broken_downloads_stay_while_somebody_needs_them() {
    let host = Host::new();
    let lock = host.dir.path().join("bundlegen.lock");
    fs::write(&lock, host.layer().to_string()).unwrap();
    let mut store = host.store();
    store.keep(&lock).unwrap();
    fs::write(host.partial(&host.layer()), "some").unwrap();
    fs::write(host.partial(&host.image.config.digest), "more").unwrap();
    fs::write(host.path().join("partial/else"), "").unwrap();
    let pruned = prune(&mut store, Keep::Used);
    assert_eq!((pruned.partials, pruned.bytes), (2, 4));
    assert!(host.partial(&host.layer()).exists());
}

#[test]
fn nothing_is_removed_while_it_is_not_known_what_is_needed() {
    let host = Host::new();
    let mut store = host.fetch();
    let lock = host.dir.path().join("bundlegen.lock");
    fs::write(&lock, "x".repeat((16 << 20) + 1)).unwrap();
    store.keep(&lock).unwrap();
    let error = store.prune(Keep::Used, &|| {}).unwrap_err().to_string();
    assert!(error.contains("larger than") && error.contains("nothing is removed"), "{error}");
    assert!(store.has(&host.image).unwrap());
}

#[test]
fn pruning_waits_for_those_who_fetch() {
    let host = Host::new();
    let user = host.store();
    let (told, waits) = mpsc::channel();
    let gone = AtomicBool::new(false);
    thread::scope(|scope| {
        let pruning = scope.spawn(|| {
            let mut store = host.store();
            let pruned = store.prune(Keep::Used, &|| told.send(()).unwrap()).unwrap();
            assert!(gone.load(Ordering::Relaxed), "it had to wait");
            pruned.blobs
        });
        waits.recv().unwrap();
        user.fetch(&host.source(), &host.image, &|_| {}).unwrap();
        assert!(user.has(&host.image).unwrap());
        let lock = host.dir.path().join("bundlegen.lock");
        fs::write(&lock, host.image.manifest.digest.to_string()).unwrap();
        user.keep(&lock).unwrap();
        gone.store(true, Ordering::Relaxed);
        drop(user);
        assert_eq!(pruning.join().unwrap(), 0);
    });
    assert!(host.store().has(&host.image).unwrap());
}

#[test]
fn a_flipped_bit_is_found() {
    let host = Host::new();
    let store = host.fetch();
    assert_eq!(store.verify(&|_, _| ()).unwrap().blobs, 4);
    let path = host.blob(&host.layer());
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 4;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, bytes).unwrap();
    fs::write(host.path().join("blobs/sha256/else"), "").unwrap();
    let found = store.verify(&|_, _| ()).unwrap();
    assert_eq!((found.blobs, found.damaged.len()), (3, 2));
    let damaged = found.damaged.iter().find(|damaged| damaged.path == path).unwrap();
    assert!(damaged.removed && damaged.reason.contains("the content is"), "{damaged:?}");
    assert!(!path.exists() && host.path().join("blobs/sha256/else").exists());
    assert!(names(&host.path().join("partial")).is_empty());
    host.fetch();
    assert!(path.exists());
}
