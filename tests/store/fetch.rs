//! Fetching: all of it, in parts, from liars, by several at once.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use bundlegen::image::{self, Error, Fetched, Source as _, Step, Store};

use super::scripted::{Act, Scripted};
use super::{Host, kept, names, read};

#[test]
fn an_image_is_fetched_once() {
    let host = Host::new();
    let store = host.store();
    assert!(!store.has(&host.image).unwrap());
    let size = |blobs: &[&image::Descriptor]| blobs.iter().map(|blob| blob.size).sum::<u64>();
    let documents = store.fetch_documents(&host.source(), &host.image, &|_| {}).unwrap();
    let bytes = size(&[&host.image.manifest, &host.image.config]);
    assert_eq!(documents, Fetched { blobs: 2, bytes, present: 0 });
    assert_eq!(kept(&store)[0].missing_layers, 2);
    let layers = store.fetch(&host.source(), &host.image, &|_| {}).unwrap();
    let bytes = size(&host.image.layers.iter().collect::<Vec<_>>());
    assert_eq!(layers, Fetched { blobs: 2, bytes, present: 2 });
    assert!(store.has(&host.image).unwrap());

    let by_digest = image::by_manifest(&store, &host.image.manifest.digest).unwrap().unwrap();
    assert_eq!(by_digest.layers, host.image.layers);
    for layer in &host.image.layers {
        assert_eq!(read(&store, layer).unwrap(), host.bytes(&layer.digest));
        assert_eq!(fs::metadata(host.blob(&layer.digest)).unwrap().mode() & 0o7777, 0o444);
    }
    for directory in ["", "blobs", "blobs/sha256", "partial", "images", "roots"] {
        assert_eq!(fs::metadata(host.path().join(directory)).unwrap().mode() & 0o7777, 0o700);
    }
    let kept = kept(&store);
    assert_eq!(kept[0].names.iter().collect::<Vec<_>>(), ["docker.io/library/app:1"]);
    assert_eq!((kept.len(), &*kept[0].platform, kept[0].missing_layers), (1, "linux/amd64", 0));

    // Nothing is written a second time.
    let times = || {
        let all = walkdir::WalkDir::new(host.path()).sort_by_file_name().into_iter();
        all.map(|entry| entry.unwrap().metadata().unwrap()).map(|d| (d.ino(), d.mtime_nsec())).collect()
    };
    let before: Vec<_> = times();
    drop(store);
    let again = host.store().fetch(&host.source(), &host.image, &|fetching| {
        assert_eq!(fetching.step, Step::Present);
    });
    assert_eq!(again.unwrap(), Fetched { present: 4, ..Fetched::default() });
    assert_eq!(before, times());
}

#[test]
fn a_name_is_no_identity_in_a_store() {
    let host = Host::new();
    let store = host.fetch();
    assert!(store.entries(&"app:1".parse().unwrap()).unwrap().is_empty());
    let pinned = format!("app:1@{}", host.image.manifest.digest).parse().unwrap();
    assert_eq!(store.entries(&pinned).unwrap().len(), 1);
    let platform = "linux/amd64".parse().unwrap();
    assert_eq!(image::find(&store, &pinned, &platform).unwrap().unwrap().layers, host.image.layers);
    let absent = format!("app@sha256:{}", "0".repeat(64)).parse().unwrap();
    assert!(store.entries(&absent).unwrap().is_empty());
}

#[test]
fn an_image_may_be_fetched_under_several_names() {
    let host = Host::new();
    let store = host.fetch();
    let mut image = host.image.clone();
    for name in ["registry.test/other:2", "what is no name"] {
        image.name = Some(name.into());
        store.fetch(&host.source(), &image, &|_| {}).unwrap();
    }
    let names: Vec<_> = kept(&store)[0].names.iter().cloned().collect();
    assert_eq!(names, ["docker.io/library/app:1", "registry.test/other:2"]);
}

#[test]
fn what_is_broken_off_is_gone_on_with() {
    let host = Host::new();
    // The second attempt of this run brings nothing, so there is no third one.
    let source = Scripted::new(host.source(), host.layer(), &[Act::Break(1000), Act::Break(0)]);
    let error = host.store().fetch(&source, &host.image, &|_| {}).unwrap_err();
    assert!(matches!(error, Error::Interrupted { come: 1000, .. }), "{error:?}");
    assert!(error.to_string().contains("1000 of "), "{error}");
    assert_eq!(source.asked(), [0, 1000]);
    assert_eq!(fs::metadata(host.partial(&host.layer())).unwrap().len(), 1000);
    assert!(!host.blob(&host.layer()).exists());

    let steps = Mutex::new(Vec::new());
    let source = Scripted::new(host.source(), host.layer(), &[Act::End(500), Act::Break(7), Act::Give]);
    let fetched = host.store().fetch(&source, &host.image, &|fetching| {
        if fetching.blob.digest == host.layer() {
            steps.lock().unwrap().push(fetching.step);
        }
    });
    assert_eq!(fetched.unwrap().bytes, host.image.layers[1].size - 1000);
    assert_eq!(source.asked(), [1000, 1500, 1507]);
    let steps = steps.into_inner().unwrap();
    assert_eq!(steps[..2], [Step::From(1000), Step::At(1500)]);
    assert_eq!(steps[steps.len() - 2..], [Step::At(host.image.layers[1].size), Step::Done]);
    assert_eq!(fs::read(host.blob(&host.layer())).unwrap(), host.bytes(&host.layer()));
    assert!(names(&host.path().join("partial")).is_empty());
}

#[test]
fn a_source_that_keeps_failing_is_left() {
    let host = Host::new();
    let source = Scripted::new(host.source(), host.layer(), &[Act::Break(1)]);
    host.store().fetch(&source, &host.image, &|_| {}).unwrap_err();
    assert_eq!(source.asked(), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn what_was_kept_and_is_wrong_is_fetched_again() {
    let host = Host::new();
    let size = usize::try_from(host.image.layers[1].size).unwrap();
    for wrong in [100, size, size + 1] {
        drop(host.store());
        fs::write(host.partial(&host.layer()), vec![b'x'; wrong]).unwrap();
        let source = Scripted::new(host.source(), host.layer(), &[Act::Give]);
        let again = Mutex::new(0);
        let fetched = host.store().fetch(&source, &host.image, &|fetching| {
            *again.lock().unwrap() += u32::from(fetching.step == Step::Again);
        });
        fetched.unwrap();
        assert_eq!(*again.lock().unwrap(), u32::from(wrong <= size), "{wrong}");
        assert_eq!(source.asked().last(), Some(&0));
        assert_eq!(fs::read(host.blob(&host.layer())).unwrap(), host.bytes(&host.layer()));
        fs::remove_file(host.blob(&host.layer())).unwrap();
    }
    // What is whole and right needs no source.
    fs::write(host.partial(&host.layer()), host.bytes(&host.layer())).unwrap();
    let source = Scripted::new(host.source(), host.layer(), &[Act::Lack]);
    host.store().fetch(&source, &host.image, &|_| {}).unwrap();
}

#[test]
fn lies_leave_nothing_behind() {
    let host = Host::new();
    let honest = host.bytes(&host.layer());
    let mut flipped = honest.clone();
    flipped[12_345] ^= 1;
    let longer = [honest.clone(), b"x".to_vec()].concat();
    for (act, what) in [
        (Act::Say(flipped), "the content is sha256:"),
        (Act::Say(longer), "more than the "),
        (Act::Endless, "the content is sha256:"),
        (Act::Say(Vec::new()), "ends after 0 of "),
        (Act::Lack, "not in a test"),
    ] {
        let source = Scripted::new(host.source(), host.layer(), &[act]);
        let error = host.store().fetch(&source, &host.image, &|_| {}).unwrap_err().to_string();
        assert!(error.contains(what) && error.contains(&host.layer().to_string()), "{error}");
        assert!(!host.blob(&host.layer()).exists());
        let left = fs::metadata(host.partial(&host.layer())).map_or(0, |data| data.len());
        assert_eq!(left, 0, "{error}");
        assert!(!host.store().has(&host.image).unwrap());
    }
    // What is too short may have been broken off.
    let short = honest[..honest.len() - 1].to_vec();
    let source = Scripted::new(host.source(), host.layer(), &[Act::Say(short), Act::Say(Vec::new())]);
    let error = host.store().fetch(&source, &host.image, &|_| {}).unwrap_err();
    assert!(matches!(error, Error::Interrupted { .. }), "{error}");
    assert!(store_is_whole(&host));
}

/// Whether every blob has the content that its name says.
fn store_is_whole(host: &Host) -> bool {
    host.store().verify(&|_, _| ()).unwrap().damaged.is_empty()
}

#[test]
fn documents_are_held_to_their_digests() {
    let host = Host::new();
    let manifest = &host.image.manifest.digest;
    fs::write(host.layout.path().join("blobs/sha256").join(manifest.hex()), "{}").unwrap();
    let error = host.store().fetch_documents(&host.source(), &host.image, &|_| {}).unwrap_err();
    assert!(error.to_string().contains("ends after 2 of "), "{error}");
    assert!(!host.blob(manifest).exists());
}

#[test]
fn a_blob_of_another_size_is_fetched_again() {
    let host = Host::new();
    host.fetch();
    fs::set_permissions(host.blob(&host.layer()), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(host.blob(&host.layer()), "cut short").unwrap();
    assert_eq!(kept(&host.store())[0].missing_layers, 1);
    host.fetch();
    assert_eq!(fs::read(host.blob(&host.layer())).unwrap(), host.bytes(&host.layer()));
}

#[test]
fn a_layer_that_an_image_has_twice_comes_once() {
    let host = Host::with(&["same", "same"]);
    let fetched = host.store().fetch(&host.source(), &host.image, &|_| {}).unwrap();
    assert_eq!(fetched.blobs, 3);
}

#[test]
fn two_who_fetch_the_same_wait_for_each_other() {
    let host = Host::new();
    let source = Scripted::new(host.source(), host.layer(), &[Act::Dawdle]);
    let waited = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let fetched = host.store().fetch(&source, &host.image, &|fetching| {
                    *waited.lock().unwrap() += u32::from(fetching.step == Step::Waiting);
                });
                fetched.unwrap();
            });
        }
    });
    assert_eq!(source.asked(), [0]);
    assert!(*waited.lock().unwrap() > 0);
    assert!(store_is_whole(&host) && host.store().has(&host.image).unwrap());
    assert!(names(&host.path().join("partial")).is_empty());
}

const CHILD: &str = "BUNDLEGEN_TEST_STORE";

/// Run by the next test: fetches the second half of a layer never.
#[test]
#[ignore = "another test runs it in a process of its own"]
fn child() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let host = Host::new();
    let size = host.image.layers[1].size;
    let source = Scripted::new(host.source(), host.layer(), &[Act::Break(size / 2), Act::Dawdle]);
    let store = Store::open(path.as_ref()).unwrap();
    let done = store.fetch(&source, &host.image, &|fetching| {
        if fetching.step == Step::At(size / 2) {
            println!("half");
            thread::sleep(Duration::from_secs(60));
        }
    });
    done.unwrap();
}

#[test]
fn a_process_that_is_killed_leaves_what_has_come() {
    let host = Host::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "fetch::child", "--ignored", "--nocapture"])
        .env(CHILD, host.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut output = child.stdout.take().unwrap();
    while !said.contains("half") {
        let mut byte = [0];
        output.read_exact(&mut byte).unwrap();
        said.push(char::from(byte[0]));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!host.blob(&host.layer()).exists());
    let half = fs::metadata(host.partial(&host.layer())).unwrap().len();
    assert!(half >= host.image.layers[1].size / 2);
    let source = Scripted::new(host.source(), host.layer(), &[Act::Give]);
    host.store().fetch(&source, &host.image, &|_| {}).unwrap();
    assert_eq!(source.asked(), [half]);
    assert!(store_is_whole(&host));
}
