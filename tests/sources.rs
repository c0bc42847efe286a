//! Where `prepare` finds the images of bundles.
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

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bundlegen::image::{Error, Layout, Reference, Source, SourceName};
use bundlegen::prepare::{self, Images, Progress};
use bundles::Bundles;
use serde_json::{Value, json};
use support::{Store, Tar, gzip};
use trees::traces;

/// An image in a layout, and a bundle that needs it.
struct Case {
    layout: Store,
    manifest: Value,
    bundles: Bundles,
    state: tempfile::TempDir,
    /// The repositories that were asked.
    asked: RefCell<Vec<String>>,
}

impl Case {
    fn new(annotations: &Value) -> Self {
        let layout = Store::new();
        let tar = Tar::new().file("version", "1").dir("data").file("data/file", &"text".repeat(10_000));
        let manifest = layout.image("amd64", &[gzip(&tar.end())]);
        let case = Case {
            layout,
            manifest,
            bundles: Bundles::new(),
            state: tempfile::tempdir().unwrap(),
            asked: RefCell::default(),
        };
        case.bundle("web", annotations);
        case
    }

    fn bundle(&self, name: &str, annotations: &Value) {
        self.bundles.config(name, Some(&self.manifest), &[]);
        let path = format!("{name}/config.json");
        let text = fs::read_to_string(self.bundles.path(&path)).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        for (key, value) in annotations.as_object().unwrap() {
            config["annotations"][key] = value.clone();
        }
        self.bundles.write(&path, &config.to_string()).seal();
    }

    fn store(&self) -> PathBuf {
        self.state.path().join("store")
    }

    fn prepare(&self, named: &[(Reference, SourceName)], place: &Path) -> Result<Vec<Progress>, String> {
        let registry = |reference: &Reference| -> Result<Box<dyn Source>, Error> {
            self.asked.borrow_mut().push(reference.familiar());
            Ok(Box::new(Layout::open(self.layout.path())?.unwrap()))
        };
        let store = self.store();
        let images =
            Images { named, place, is_usual: false, store: Some(&store), registries: Some(&registry) };
        let mut seen = Vec::new();
        let done = prepare::prepare(self.bundles.dir.path(), &images, &|_| None, &mut |it| seen.push(it));
        done.map(|_| seen).map_err(|error| error.to_string())
    }

    /// Has the root made again.
    fn forget(&self) {
        for name in ["rootfs", ".rootfs.image"] {
            let path = self.bundles.path("web").join(name);
            let _gone = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }

    fn command(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bundlegen"));
        command.arg("prepare").arg(self.bundles.dir.path()).arg("--state").arg(self.state.path());
        command.args(args).output().unwrap()
    }
}

fn nowhere() -> &'static Path {
    Path::new("not-there")
}

#[test]
fn what_a_registry_has_comes_through_the_store() {
    let case = Case::new(&json!({}));
    let seen = case.prepare(&[], nowhere()).unwrap();
    assert_eq!(*case.asked.borrow(), ["app:1"]);
    let Some(Progress::Fetching { bytes, .. }) =
        seen.iter().find(|it| matches!(it, Progress::Fetching { .. }))
    else {
        panic!("{seen:?}")
    };
    let last = |it: &Progress| match it {
        Progress::Read { bytes } => Some(*bytes),
        _ => None,
    };
    assert_eq!(seen.iter().filter_map(last).next_back(), Some(*bytes));
    assert!(seen.iter().any(|it| matches!(it, Progress::Fetched(_))));
    assert_eq!(fs::read_to_string(case.bundles.path("web/rootfs/version")).unwrap(), "1");
    // A second run does nothing at all, and one without the root has no need of the network.
    let before = traces(case.state.path());
    case.prepare(&[], nowhere()).unwrap();
    assert_eq!(traces(case.state.path()), before);
    case.forget();
    case.prepare(&[], nowhere()).unwrap();
    assert_eq!(case.asked.borrow().len(), 1);
    // The tree is known to the store.
    let tree = fs::canonicalize(case.bundles.dir.path()).unwrap();
    let roots = fs::read_dir(case.store().join("roots")).unwrap();
    let texts: Vec<_> = roots.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    assert!(texts.iter().any(|text| text.contains(tree.to_str().unwrap())), "{texts:?}");
}

#[test]
fn a_store_with_documents_alone_is_completed() {
    let case = Case::new(&json!({}));
    let layout = Layout::open(case.layout.path()).unwrap().unwrap();
    let digest = case.manifest["digest"].as_str().unwrap().parse().unwrap();
    let image = bundlegen::image::by_manifest(&layout, &digest).unwrap().unwrap();
    let store = bundlegen::image::Store::open(&case.store()).unwrap();
    store.fetch_documents(&layout, &image, &|_| {}).unwrap();
    drop(store);
    case.prepare(&[], nowhere()).unwrap();
    assert_eq!(*case.asked.borrow(), ["app:1"]);
    assert!(case.bundles.path("web/rootfs/version").exists());
}

/// A fetch may be broken off after any of the blobs, and `store verify` removes a damaged one.
#[test]
fn a_store_that_lacks_a_blob_gets_it_again() {
    let case = Case::new(&json!({}));
    case.prepare(&[], nowhere()).unwrap();
    let blobs = case.store().join("blobs/sha256");
    let names: Vec<_> = fs::read_dir(&blobs).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 3);
    for (number, name) in names.iter().enumerate() {
        fs::remove_file(name).unwrap();
        case.forget();
        case.prepare(&[], nowhere()).unwrap();
        assert_eq!(case.asked.borrow().len(), number + 2);
        assert!(case.bundles.path("web/rootfs/version").exists() && name.exists());
    }
}

#[test]
fn the_first_place_counts() {
    let app: Reference = "app:1".parse().unwrap();
    let case = Case::new(&json!({"io.bundlegen.image-source": "oci:../layout"}));
    let name = |path: &Path| (app.clone(), format!("oci:{}", path.display()).parse().unwrap());
    // An image that is named and has another digest is passed over, and so is what is not there.
    let other = Store::new();
    other.image("amd64", &[gzip(&Tar::new().dir("other").end())]);
    let error_free = [name(other.path()), name(nowhere())];
    let unpacked = |seen: Vec<Progress>| seen.iter().any(|it| matches!(it, Progress::Unpacked { .. }));
    assert!(unpacked(case.prepare(&error_free, case.layout.path()).unwrap()));
    case.forget();
    // The source of the bundle, which begins at the bundle.
    let inside = case.bundles.path("layout");
    assert!(Command::new("cp").arg("-r").args([case.layout.path(), &inside]).status().unwrap().success());
    assert!(unpacked(case.prepare(&[], nowhere()).unwrap()));
    case.forget();
    fs::remove_dir_all(&inside).unwrap();
    assert!(unpacked(case.prepare(&[name(case.layout.path())], nowhere()).unwrap()));
    assert!(case.asked.borrow().is_empty() && !case.store().exists());
}

#[test]
fn no_registry_is_asked_where_it_is_not_meant() {
    for (policy, is_asked) in [("never", false), ("build", false), ("always", true), ("missing", true)] {
        let case = Case::new(&json!({"io.bundlegen.pull-policy": json!(policy).to_string()}));
        match case.prepare(&[], nowhere()) {
            Ok(_) => assert!(is_asked, "{policy}"),
            Err(error) => {
                assert!(!is_asked, "{policy}: {error}");
                let want = format!("no registry was asked, as web has `pull_policy: {policy}`");
                assert!(error.contains(&want) && error.contains("no images are at not-there"), "{error}");
            }
        }
        assert_eq!(!case.asked.borrow().is_empty(), is_asked, "{policy}");
    }
    // One that is named for the image may be asked for what is built, but not where none may, as in `lock`.
    for (policy, is_asked) in [("never", false), ("build", true)] {
        let policy = json!(policy).to_string();
        let source = "docker://registry.example/app:1";
        let case =
            Case::new(&json!({"io.bundlegen.pull-policy": policy, "io.bundlegen.image-source": source}));
        assert_eq!(case.prepare(&[], nowhere()).is_ok(), is_asked, "{policy}");
        assert_eq!(!case.asked.borrow().is_empty(), is_asked, "{policy}");
    }
    // Another bundle of the image may ask.
    let case = Case::new(&json!({"io.bundlegen.pull-policy": "\"never\""}));
    case.bundle("worker", &json!({}));
    case.prepare(&[], nowhere()).unwrap();
    assert!(case.bundles.path("web/rootfs/version").exists());
}

#[test]
fn a_usual_place_without_images_is_passed_over() {
    let case = Case::new(&json!({}));
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("logo.png"), "a picture").unwrap();
    let prepare = |is_usual| {
        let images = Images { is_usual, ..Images::at(place.path()) };
        prepare::prepare(case.bundles.dir.path(), &images, &|_| None, &mut |_| {}).unwrap_err().to_string()
    };
    assert!(prepare(true).contains("is nowhere:\n  no images are at "), "{}", prepare(true));
    assert!(prepare(false).contains("no OCI layout, as there is no"), "{}", prepare(false));
}

#[test]
fn a_registry_that_fails_is_named() {
    let case = Case::new(&json!({}));
    let refuse = |_: &Reference| -> Result<Box<dyn Source>, Error> {
        Err(Error::Layout { path: "registry.example".into(), reason: "no route".into() })
    };
    let store = case.store();
    let images = Images {
        named: &[],
        place: nowhere(),
        is_usual: false,
        store: Some(&store),
        registries: Some(&refuse),
    };
    let tree = case.bundles.dir.path();
    let error = prepare::prepare(tree, &images, &|_| None, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("  no images are at not-there\n  registry.example: no route\nsay"), "{error}");
    assert!(!case.bundles.path("web/rootfs").exists());
}

#[test]
fn a_source_that_is_none_is_refused() {
    let case = Case::new(&json!({"io.bundlegen.image-source": "ftp://x"}));
    let error = case.prepare(&[], case.layout.path()).unwrap_err();
    assert!(error.contains("io.bundlegen.image-source: `ftp:` is not"), "{error}");
}

#[test]
fn the_command_says_what_it_does() {
    let case = Case::new(&json!({}));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let output = case.command(&["--offline", "--images", "not-there"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("as this run is offline\nsay where it is with `--image app:1=SOURCE`"), "{said}");

    let layout = format!("app:1=oci:{}", case.layout.path().display());
    let output = case.command(&["--offline", "--image", &layout, "--quiet"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!((output.stdout, output.stderr), (Vec::new(), Vec::new()));
    case.forget();
    let output = case.command(&["--offline", "--image", &layout]);
    let said = text(&output.stdout);
    assert!(said.contains("web: unpacking app:1\nweb: 3 entries unpacked\n"), "{said}");
    assert!(output.stderr.is_empty() && !said.contains(['\r', '\u{1b}']), "{said:?}");
    let output = case.command(&["--image", "app:1"]);
    assert_eq!(output.status.code(), Some(2));
}
