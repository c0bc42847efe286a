//! Directories that cannot be stores, full disks, and those that nothing can be written to.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use bundlegen::image::{Content, Descriptor, Digest, Entry, Error, Keep, Layout, Reference, Source, Store};

use super::Host;

fn refused(path: &Path) -> String {
    match Store::open(path) {
        Err(Error::Store { path, reason }) => format!("{}: {reason}", path.display()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_store_belongs_to_its_user_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    drop(Store::open(&path).unwrap());
    for mode in [0o770, 0o702] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(refused(&path).contains("others can write"), "{mode:o}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    drop(Store::open(&path).unwrap());
    if rustix::process::geteuid().is_root() {
        chown(&path, Some(1000), None).unwrap();
        assert!(refused(&path).contains("belongs to user 1000, and this is user 0"));
    } else {
        println!("skipped: only root gives a store away");
    }
}

#[test]
fn only_what_is_a_store_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("layout");
    fs::create_dir_all(path.join("blobs/sha256")).unwrap();
    assert!(refused(&path).contains("no store, and not empty"), "an OCI layout is not pruned");
    fs::remove_dir_all(path.join("blobs")).unwrap();
    assert!(Store::open_existing(&dir.path().join("none"), &|| {}).unwrap().is_none());
    drop(Store::open_existing(&path, &|| {}).unwrap().unwrap());
    fs::write(path.join("bundlegen-store"), "2\n").unwrap();
    assert!(refused(&path).contains("another version"));
    fs::write(path.join("bundlegen-store"), "1\n").unwrap();
    fs::remove_dir(path.join("roots")).unwrap();
    symlink("images", path.join("roots")).unwrap();
    assert!(refused(&path).contains("not a directory"));
    // A link to a store on another disk is the user's own.
    fs::remove_file(path.join("roots")).unwrap();
    symlink("layout", dir.path().join("link")).unwrap();
    drop(Store::open(&dir.path().join("link")).unwrap());
}

#[test]
fn two_who_make_a_store_both_have_it() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let path = dir.path().join(format!("{round}/store"));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| drop(Store::open(&path).unwrap()));
            }
        });
    }
}

/// A file system in memory, for as long as it lives.
struct Mounted {
    path: PathBuf,
}

impl Mounted {
    /// Nothing where this user cannot mount one.
    fn new(path: &Path, size: &str) -> Option<Mounted> {
        fs::create_dir_all(path).unwrap();
        let mounted = rustix::process::geteuid().is_root()
            && mount(&["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "tmpfs"], path);
        if !mounted {
            println!("skipped: no file system can be mounted here");
        }
        mounted.then(|| Mounted { path: path.to_owned() })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        Command::new("umount").arg(&self.path).status().unwrap();
    }
}

fn mount(args: &[&str], path: &Path) -> bool {
    Command::new("mount").args(args).arg(path).status().is_ok_and(|status| status.success())
}

#[test]
fn too_little_room_is_seen_before_anything_comes() {
    let host = Host::with(&["one", &"large".repeat(400_000)]);
    let Some(_disk) = Mounted::new(&host.path(), "1m") else { return };
    let error = host.store().fetch(&host.source(), &host.image, &|_| {}).unwrap_err();
    assert!(matches!(error, Error::Room { .. }), "{error}");
    assert!(super::names(&host.path().join("partial")).is_empty());
    // A size that cannot be is no more room than there is, either.
    let mut image = host.image.clone();
    image.layers = vec![
        Descriptor { size: u64::MAX, ..image.layers[0].clone() },
        Descriptor { size: u64::MAX, ..image.layers[1].clone() },
    ];
    let error = host.store().fetch(&host.source(), &image, &|_| {}).unwrap_err();
    assert!(matches!(error, Error::Room { needed: u64::MAX, .. }), "{error}");
}

/// Fills the disk of the store while a layer is read.
struct Filling<'a> {
    layout: Layout,
    host: &'a Host,
}

impl std::fmt::Display for Filling<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a test")
    }
}

impl Source for Filling<'_> {
    fn entries(&self, reference: &Reference) -> Result<Vec<Entry>, Error> {
        self.layout.entries(reference)
    }

    fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        self.layout.manifest(digest)
    }

    fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<Option<Content>, Error> {
        if descriptor.digest == self.host.layer() {
            let full = fs::write(self.host.path().join("filler"), vec![0; 700_000]);
            full.unwrap();
        }
        self.layout.blob(descriptor, from)
    }
}

#[test]
fn a_disk_that_fills_up_is_an_error_with_a_remedy() {
    let host = Host::with(&["one", &"large".repeat(120_000)]);
    let Some(_disk) = Mounted::new(&host.path(), "1m") else { return };
    let source = Filling { layout: host.source(), host: &host };
    let error = host.store().fetch(&source, &host.image, &|_| {}).unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert!(error.to_string().contains("make room"), "{error}");
    assert!(!host.blob(&host.layer()).exists());
    assert!(fs::metadata(host.partial(&host.layer())).unwrap().len() > 0);
    fs::remove_file(host.path().join("filler")).unwrap();
    host.fetch();
    assert!(host.store().verify(&|_, _| ()).unwrap().damaged.is_empty());
}

#[test]
fn a_store_that_cannot_be_written_to_is_read() {
    let host = Host::new();
    let Some(_disk) = Mounted::new(&host.path(), "4m") else { return };
    host.fetch();
    assert!(mount(&["-o", "remount,ro"], &host.path()));
    let mut store = host.fetch();
    assert!(store.has(&host.image).unwrap() && store.verify(&|_, _| ()).unwrap().damaged.is_empty());
    let error = store.prune(Keep::Nothing, &|| {}).unwrap_err();
    let read_only = |error: &io::Error| error.kind() == io::ErrorKind::ReadOnlyFilesystem;
    assert!(matches!(&error, Error::Io { error, .. } if read_only(error)), "{error}");
    let fresh = Host::with(&["else"]);
    store.fetch(&fresh.source(), &fresh.image, &|_| {}).unwrap_err();
}
