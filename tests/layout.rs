//! Finding images in layouts.
#![allow(clippy::disallowed_methods, reason = "tests make their inputs")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod support;

use std::fs;

use bundlegen::image::{self, Digest, Layout, Platform, Reference};
use serde_json::{Value, json};
use support::{CONFIG, INDEX, MANIFEST, Store, Tar, gzip, plain};

fn find(store: &Store, name: &str, platform: &str) -> Result<Option<String>, String> {
    let layout = Layout::open(store.path()).map_err(|e| e.to_string())?.expect("the layout exists");
    let reference: Reference = name.parse().unwrap();
    let platform: Platform = platform.parse().unwrap();
    match image::find(&layout, &reference, &platform) {
        Ok(image) => Ok(image.map(|image| image.manifest.digest.to_string())),
        Err(error) => Err(error.to_string()),
    }
}

fn digest(descriptor: &Value) -> String {
    descriptor["digest"].as_str().unwrap().to_owned()
}

fn layer(text: &str) -> support::Blob {
    plain(Tar::new().file("file", text).end())
}

#[test]
fn names_are_compared_in_normal_form() {
    let mut store = Store::new();
    let nginx = store.image("amd64", &[layer("nginx")]);
    let web = store.image("amd64", &[layer("web")]);
    store.name("docker.io/library/nginx:1.27", nginx.clone());
    store.name("web", web.clone());
    store.name("not a reference", store.image("amd64", &[]));
    let found = |name: &str| find(&store, name, "linux/amd64").unwrap();
    assert_eq!(found("nginx:1.27"), Some(digest(&nginx)));
    assert_eq!(found("index.docker.io/nginx:1.27"), Some(digest(&nginx)));
    assert_eq!(found("nginx"), None);
    assert_eq!(found("web:latest"), Some(digest(&web)));
    assert_eq!(found("ghcr.io/library/web"), None);
    assert_eq!(found(&format!("anything@{}", digest(&web))), Some(digest(&web)));
    assert_eq!(found(&format!("web:1@sha256:{}", "0".repeat(64))), None);
}

#[test]
fn a_platform_is_chosen() {
    let mut store = Store::new();
    let mut manifests = Vec::new();
    for (architecture, variant) in [("amd64", ""), ("arm", "v6"), ("arm", "v7"), ("arm64", "v8")] {
        let mut manifest = store.image(architecture, &[layer(&format!("{architecture}{variant}"))]);
        manifest["platform"] = json!({"architecture": architecture, "os": "linux", "variant": variant});
        manifests.push(manifest);
    }
    let index = store.json(INDEX, &json!({"schemaVersion": 2, "manifests": manifests}));
    let outer = store.json(INDEX, &json!({"schemaVersion": 2, "manifests": [index]}));
    store.name("multi", outer.clone());
    let table = [
        ("linux/amd64", 0),
        ("linux/arm/v6", 1),
        ("linux/arm/v7", 2),
        ("linux/arm", 2),
        ("linux/arm64/v8", 3),
    ];
    for (platform, i) in table {
        assert_eq!(find(&store, "multi", platform), Ok(Some(digest(&manifests[i]))), "{platform}");
        let by_index = format!("multi@{}", digest(&index));
        assert_eq!(find(&store, &by_index, platform), Ok(Some(digest(&manifests[i]))), "{platform}");
    }
    let layout = Layout::open(store.path()).unwrap().unwrap();
    let image = image::find(&layout, &"multi".parse().unwrap(), &"linux/amd64".parse().unwrap())
        .unwrap()
        .expect("the image");
    assert_eq!(image.index.unwrap().digest.to_string(), digest(&outer));
    assert_eq!(image.name.as_deref(), Some("multi"));
    let error = find(&store, "multi", "linux/s390x").unwrap_err();
    assert_eq!(
        error,
        "docker.io/library/multi:latest has no image for linux/s390x, only for linux/amd64, linux/arm/v6, \
         linux/arm/v7, linux/arm64"
    );
}

#[test]
fn several_images_of_one_name_are_told_apart_by_platform_only() {
    let mut store = Store::new();
    let (a, b, c) = (
        store.image("amd64", &[layer("a")]),
        store.image("arm64", &[layer("b")]),
        store.image("amd64", &[layer("c")]),
    );
    store.name("app", a.clone());
    store.name("app:latest", b.clone());
    assert_eq!(find(&store, "app", "linux/amd64"), Ok(Some(digest(&a))));
    assert_eq!(find(&store, "app", "linux/arm64"), Ok(Some(digest(&b))));
    store.name("docker.io/library/app", a.clone());
    assert_eq!(find(&store, "app", "linux/amd64"), Ok(Some(digest(&a))), "twice the same image");
    store.name("app", c.clone());
    let error = find(&store, "app", "linux/amd64").unwrap_err();
    assert!(error.contains(&digest(&a)) && error.contains(&digest(&c)), "{error}");
}

#[test]
fn an_image_is_opened_by_its_manifest() {
    let store = Store::new();
    let manifest = store.image("arm64", &[gzip(&Tar::new().end())]);
    let layout = Layout::open(store.path()).unwrap().unwrap();
    let image = image::by_manifest(&layout, &digest(&manifest).parse().unwrap()).unwrap().unwrap();
    assert_eq!(image.manifest.digest.to_string(), digest(&manifest));
    assert_eq!(image.configuration.cmd, ["sh"]);
    assert_eq!(image::by_manifest(&layout, &Digest::sha256(b"nothing")).unwrap(), None);
    assert!(Layout::open(&store.path().join("nothing")).unwrap().is_none());
    assert!(Layout::open(&store.path().join("blobs")).is_err());
}

/// Every document that is not what it says, with a part of what is said about it.
#[test]
fn documents_that_contradict_themselves_are_refused() {
    let base = Store::new();
    let config = base.json(CONFIG, &Store::configuration("amd64", &[]));
    let manifest = |extra: Value| {
        let mut document = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []});
        for (key, value) in extra.as_object().unwrap() {
            document[key] = value.clone();
        }
        document
    };
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let table = [
        (MANIFEST, manifest(json!({"manifests": []})), "both an index and a manifest"),
        (INDEX, json!({"schemaVersion": 2, "manifests": [], "layers": []}), "both an index and a manifest"),
        (INDEX, manifest(json!({"mediaType": INDEX})), "not a `application/vnd.oci.image.index"),
        (INDEX, manifest(json!({})), "listed as `application/vnd.oci.image.index"),
        (MANIFEST, json!({"schemaVersion": 2, "manifests": []}), "not a `application/vnd.oci.image.manifest"),
        (docker, manifest(json!({})), "its media type is"),
        (MANIFEST, manifest(json!({"mediaType": docker})), "its media type is"),
        ("text/plain", manifest(json!({"mediaType": "text/plain"})), "not a `text/plain`"),
        (MANIFEST, manifest(json!({"schemaVersion": 1})), "schema 1 is not supported"),
        (MANIFEST, manifest(json!({"fsLayers": []})), "is not supported"),
        (MANIFEST, json!({"schemaVersion": 2}), "neither"),
        (MANIFEST, json!([]), "not a manifest"),
        (MANIFEST, manifest(json!({"layers": [config]})), "1 layers, but 0 diff_ids"),
        (
            MANIFEST,
            manifest(json!({"layers": [{"digest": "sha256:../../../etc/passwd", "size": 1}]})),
            "sha256 digest",
        ),
        (MANIFEST, manifest(json!({"layers": [{"digest": digest(&config), "size": -1}]})), "-1"),
        (MANIFEST, manifest(json!({"config": {"mediaType": CONFIG, "digest": "md5:00", "size": 1}})), "md5"),
        (
            MANIFEST,
            manifest(json!({"config": base.json("application/vnd.oci.empty.v1+json", &json!({}))})),
            "not a container",
        ),
    ];
    for (media_type, document, want) in table {
        let mut store = Store::new();
        store.json(CONFIG, &Store::configuration("amd64", &[]));
        store.name("x", store.json(media_type, &document));
        let error = find(&store, "x", "linux/amd64").expect_err(want);
        assert!(error.contains(want), "{error}\n{want}");
    }
}

#[test]
fn documents_are_verified() {
    let mut store = Store::new();
    let manifest = store.image("amd64", &[]);
    let path = store.path().join("blobs/sha256").join(&digest(&manifest)[7..]);
    let mut larger = manifest.clone();
    larger["size"] = json!(5 * 1024 * 1024);
    let mut longer = manifest.clone();
    longer["size"] = json!(manifest["size"].as_u64().unwrap() + 1);
    let mut shorter = manifest.clone();
    shorter["size"] = json!(manifest["size"].as_u64().unwrap() - 1);
    store.name("larger", larger);
    store.name("longer", longer);
    store.name("shorter", shorter);
    store.name("changed", manifest);
    assert!(find(&store, "larger", "linux/amd64").unwrap_err().contains("the limit for a document"));
    assert!(find(&store, "longer", "linux/amd64").unwrap_err().contains("ends after"));
    assert!(find(&store, "shorter", "linux/amd64").unwrap_err().contains("more than"));
    assert!(find(&store, "changed", "linux/amd64").unwrap().is_some());
    let changed = fs::read_to_string(&path).unwrap().replace("layers", "Layers");
    fs::write(&path, changed).unwrap();
    assert!(find(&store, "changed", "linux/amd64").unwrap_err().contains("the content is sha256:"));
    fs::remove_file(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
    assert!(find(&store, "changed", "linux/amd64").unwrap_err().contains("not a regular file"));
}

#[test]
fn an_image_is_for_linux_and_for_its_platform() {
    let mut store = Store::new();
    let mut windows = Store::configuration("amd64", &[]);
    windows["os"] = json!("windows");
    let config = store.json(CONFIG, &windows);
    store.name("windows", store.json(MANIFEST, &json!({"schemaVersion": 2, "config": config, "layers": []})));
    assert!(find(&store, "windows", "linux/amd64").unwrap_err().contains("for `windows`"));
    let mut listed = store.image("arm64", &[]);
    listed["platform"] = json!({"architecture": "amd64", "os": "linux"});
    store.name("lies", listed);
    assert!(
        find(&store, "lies", "linux/amd64")
            .unwrap_err()
            .contains("for linux/arm64, but listed for linux/amd64")
    );
    store.name("arm", store.image("arm64", &[]));
    assert!(find(&store, "arm", "linux/amd64").unwrap_err().contains("only for linux/arm64"));
}
