//! What a source answers, by how it is written.

use bundlegen::image::{Layout, Reference};

use super::*;

#[test]
fn an_archive_is_as_good_as_the_layout_in_it() {
    let (store, app, other) = two_images();
    let layout = Layout::open(store.path()).unwrap().unwrap();
    let bytes = packed(&store).end();
    let zstd = support::zstd(&bytes).bytes;
    for bytes in [bytes.clone(), gzipped(&bytes), zstd] {
        let file = File::new(&bytes);
        for name in ["x.tar", "./x.tar", "oci-archive:x.tar"] {
            let source = file.open(name).unwrap();
            assert_eq!(found(&*source, "app:latest"), digest(&app));
            assert_eq!(found(&*source, "team/other:1.2"), digest(&other));
            assert_eq!(source.names(), ["app", "team/other:1.2"]);
            assert_eq!(unpacked(&*source, "app"), unpacked(&layout, "app"));
            assert!(source.to_string().starts_with("the OCI archive /"), "{source}");
        }
    }
}

#[test]
fn nothing_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["x", "./x/y.tar", "oci:x", "oci-archive:x.tar:name", "docker-archive:x.tar"] {
        assert!(open(dir.path(), name).unwrap().is_none(), "{name}");
    }
    assert!(image::open_path(&dir.path().join("x")).unwrap().is_none());
    let error = open(dir.path(), "./").map(drop).unwrap_err();
    assert!(error.contains("oci-layout"), "{error}");
    let file = File::new(&Tar::new().file("etc/passwd", "").end());
    assert!(file.error("x.tar").contains("no images: neither an archive of an OCI layout"));
    assert!(file.error("oci-archive:x.tar").contains("oci-layout: missing"));
    assert!(file.error("docker-archive:x.tar").contains("manifest.json: missing"));
    assert!(file.error("oci:x.tar").contains("Not a directory"));
    assert!(open(file.dir.path(), "oci-archive:.").map(drop).unwrap_err().contains("not a regular file"));
}

#[test]
fn the_only_image_goes_by_every_name() {
    let mut store = Store::new();
    let app = store.image("amd64", &[layer("app")]);
    let arm = store.image("arm64", &[layer("arm")]);
    store.name("app", app.clone());
    let one = File::new(&packed(&store).end());
    // One name for several platforms is one image.
    store.name("app", arm);
    let two = File::new(&packed(&store).end());
    for file in [one, two] {
        let source = file.open("x.tar").unwrap();
        for name in ["app", "redis:7", "ghcr.io/a/b:c"] {
            assert_eq!(found(&*source, name), digest(&app));
        }
        assert_eq!(found(&*source, &format!("redis@{}", digest(&app))), digest(&app));
        let wrong = format!("redis:7@sha256:{}", "0".repeat(64));
        let error = find(&*source, &wrong).unwrap_err();
        assert!(error.contains(&digest(&app)) && error.contains(&format!("{wrong} asks for")), "{error}");
        // Who wants names to count, opens the path.
        let by_name = image::open_path(&file.path()).unwrap().unwrap();
        assert!(find(&*by_name, "redis:7").unwrap().is_none());
        assert_eq!(found(&*by_name, "app"), digest(&app));
    }
}

#[test]
fn one_of_several_images_is_chosen() {
    let (mut store, app, other) = two_images();
    store.name("not a reference \u{1b}[2J", other.clone());
    let file = File::new(&packed(&store).end());
    let source = |choice: &str| file.open(&format!("oci-archive:x.tar{choice}")).unwrap();
    let table = [
        (":app", &app),
        (":docker.io/library/app:latest", &app),
        (":team/other:1.2", &other),
        (":@0", &app),
        (":@2", &other),
    ];
    for (choice, want) in table {
        assert_eq!(found(&*source(choice), "redis:7"), digest(want), "{choice}");
        assert_eq!(found(&*source(choice), &format!("redis@{}", digest(want))), digest(want), "{choice}");
    }
    let error = find(&*source(":app"), &format!("redis@{}", digest(&other))).unwrap_err();
    assert!(error.contains(&format!("has {} and not {}", digest(&app), digest(&other))), "{error}");
    let error = find(&*source(":missing"), "redis").unwrap_err();
    assert!(
        error.ends_with("has no image `missing`, only app, team/other:1.2, not a reference \\u{1b}[2J"),
        "{error}"
    );
    assert!(find(&*source(":@3"), "redis").unwrap_err().ends_with("has no image `@3`: there are 3"));
    let error = find(&*file.open("x.tar").unwrap(), "redis").unwrap_err();
    assert!(error.contains("has no image docker.io/library/redis:latest, only app, "), "{error}");
    assert!(error.ends_with("`oci-archive:x.tar:NAME`, or by its place, `oci-archive:x.tar:@0`"), "{error}");
    let wrong = format!("app@sha256:{}", "0".repeat(64));
    let error = find(&*source(""), &wrong).unwrap_err();
    assert!(error.contains("has nothing with the digest sha256:000"), "{error}");
    assert_eq!(found(&*source(""), &format!("redis@{}", digest(&other))), digest(&other));
    let empty = File::new(&packed(&Store::new()).end());
    assert!(empty.error("x.tar").ends_with("has no image"));
}

#[test]
fn a_pin_may_be_in_the_index_that_was_chosen() {
    let (mut store, app, other) = two_images();
    let mut listed = app.clone();
    listed["platform"] = json!({"architecture": "amd64", "os": "linux"});
    let gone = json!({"mediaType": support::MANIFEST, "digest": format!("sha256:{}", "1".repeat(64)), "size": 7,
        "platform": {"architecture": "arm64", "os": "linux"}});
    let index = store.json(
        support::INDEX,
        &json!({"schemaVersion": 2, "manifests": [gone, listed, index_of(&store, &[])]}),
    );
    store.name("multi", index.clone());
    let source = open(store.path(), "oci:.:multi").unwrap().unwrap();
    for want in [&index, &app] {
        let image = find(&*source, &format!("multi@{}", digest(want))).unwrap().unwrap();
        assert_eq!(image.manifest.digest.to_string(), digest(&app));
    }
    assert!(find(&*source, &format!("multi@{}", digest(&other))).is_err());
}

fn index_of(store: &Store, manifests: &[Value]) -> Value {
    store.json(support::INDEX, &json!({"schemaVersion": 2, "manifests": manifests}))
}

#[test]
fn containerd_names_images_in_full() {
    let mut store = Store::new();
    let mut entries = Vec::new();
    for name in ["app", "web"] {
        let mut entry = store.image("amd64", &[layer(name)]);
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": "1.2",
            "io.containerd.image.name": format!("docker.io/library/{name}:1.2")});
        entries.push(entry);
    }
    store.name("x", json!({}));
    let index = json!({"schemaVersion": 2, "manifests": entries}).to_string();
    fs::write(store.path().join("index.json"), index).unwrap();
    let source = open(store.path(), ".").unwrap().unwrap();
    assert_eq!(found(&*source, "app:1.2"), digest(&entries[0]));
    assert_eq!(found(&*source, "web:1.2"), digest(&entries[1]));
    assert_eq!(source.names(), ["docker.io/library/app:1.2", "docker.io/library/web:1.2"]);
    let by_tag = open(store.path(), "oci:.:1.2").unwrap().unwrap();
    assert!(find(&*by_tag, "app").unwrap_err().contains("names several images"));
}

#[test]
fn a_registry_is_asked_for_what_was_chosen() {
    let (store, app, other) = two_images();
    let path = store.path().to_owned();
    let open = |name: &str| {
        let registries = |reference: &Reference| {
            assert_eq!(reference.to_string(), "localhost:5000/team/app:1");
            Ok(Box::new(Registry(Layout::open(&path).unwrap().unwrap())) as Box<dyn Source>)
        };
        name.parse::<SourceName>().unwrap().open(Path::new("/"), &registries).unwrap().unwrap()
    };
    let source = open("docker://localhost:5000/team/app:1");
    assert_eq!(found(&*source, "redis:7"), digest(&app));
    assert_eq!(found(&*source, &format!("redis@{}", digest(&app))), digest(&app));
    assert!(find(&*source, &format!("redis@{}", digest(&other))).is_err());
    let name: SourceName = "docker://redis".parse().unwrap();
    assert_eq!(name.registry().unwrap().to_string(), "docker.io/library/redis:latest");
}

/// A registry that knows one name.
struct Registry(Layout);

impl std::fmt::Display for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the registry")
    }
}

impl Source for Registry {
    fn entries(&self, reference: &Reference) -> Result<Vec<image::Entry>, image::Error> {
        assert_eq!(reference.to_string(), "localhost:5000/team/app:1");
        self.0.entries(&"app".parse().unwrap())
    }

    fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, image::Error> {
        self.0.manifest(digest)
    }

    fn blob(&self, blob: &image::Descriptor, from: u64) -> Result<Option<image::Content>, image::Error> {
        self.0.blob(blob, from)
    }
}
