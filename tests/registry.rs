//! Images in registries: fake ones, which do all that goes wrong, and Debian's.
#![allow(clippy::disallowed_methods, reason = "tests make their inputs")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]
#![allow(
    clippy::format_push_string,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "speed does not matter here, a skip is printed, and a clock shows that nothing hangs"
)]

#[path = "support/fake_registry.rs"]
mod fake;
#[path = "support/real_registry.rs"]
mod real;
mod support;

mod registry {
    pub mod access;
    pub mod faults;
    pub mod mirrors;
    pub mod with_debian;
}

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bundlegen::image::{
    self, Descriptor, Digest, Error, Image, Patience, Platform, Reference, Registries, Settings, Source,
};
use fake::{Fake, Fault, Images, Reply, Seen};
use serde_json::json;
use support::{Blob, INDEX, Store, Tar, gzip, plain};

/// Settings with little patience.
fn settings() -> Settings {
    let patience = Patience {
        connect: Duration::from_secs(5),
        idle: Duration::from_secs(1),
        attempts: 3,
        pause: Duration::from_millis(2),
        longest: Duration::from_secs(2),
    };
    Settings { patience, ..Settings::default() }
}

/// The same with a file of credentials.
fn with_credentials(dir: &Path, file: &str) -> Settings {
    let path = dir.join("auth.json");
    fs::write(&path, file).unwrap();
    Settings { credentials: vec![path], ..settings() }
}

fn platform() -> Platform {
    Platform::new("amd64", None)
}

fn reference(name: &str) -> Reference {
    name.parse().unwrap()
}

fn find(settings: Settings, name: &str) -> Result<Option<Image>, Error> {
    let reference = reference(name);
    image::find(&Registries::new(settings).repository(&reference), &reference, &platform())
}

/// The error of a search.
fn refused(settings: Settings, name: &str) -> String {
    find(settings, name).expect_err("it should be refused").to_string()
}

/// All of a blob, from a byte on.
fn read(source: &dyn Source, blob: &Descriptor, from: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let content = source.blob(blob, from).map_err(|error| error.to_string())?;
    content.expect("it is there").read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// A layout with an image `1` of two layers, and a list of images `many`.
fn store() -> Store {
    let mut store = Store::new();
    let noise: String = (0..200_000_u32).map(|n| char::from(b'a' + (n.wrapping_mul(n) % 23) as u8)).collect();
    let layers: [Blob; 2] =
        [gzip(&Tar::new().file("a", "a").end()), plain(Tar::new().file("noise", &noise).end())];
    let image = store.image("amd64", &layers);
    store.name("1", image.clone());
    let with = |descriptor: &serde_json::Value, architecture: &str| {
        let mut entry = descriptor.clone();
        entry["platform"] = json!({"architecture": architecture, "os": "linux"});
        entry
    };
    let arm = store.image("arm64", &[]);
    let manifests = [with(&arm, "arm64"), with(&image, "amd64")];
    let index = store.json(INDEX, &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}));
    store.name("many", index);
    store
}

/// A registry with the images of a store, where some answers are other ones.
fn spoilt(store: &Store, spoil: impl Fn(&Seen, Reply) -> Reply + Send + Sync + 'static) -> Fake {
    let images = Images::of(store.path());
    Fake::new(move |seen| spoil(seen, images.answer(seen)))
}

#[test]
fn images_are_found_and_read() {
    let store = store();
    let fake = Fake::of(store.path());
    let reference = reference(&fake.name("team/app:many"));
    let repository = Registries::new(settings()).repository(&reference);
    let found = image::find(&repository, &reference, &platform()).unwrap().unwrap();
    assert_eq!(found.layers.len(), 2);
    assert!(found.index.is_some() && found.name.is_none());
    for layer in &found.layers {
        let bytes = read(&repository, layer, 0).unwrap();
        assert_eq!(Digest::sha256(&bytes), layer.digest);
        assert_eq!(read(&repository, layer, 100).unwrap(), bytes[100..]);
        assert_eq!(read(&repository, layer, layer.size).unwrap(), [0; 0]);
    }
    let again = image::by_manifest(&repository, &found.manifest.digest).unwrap().unwrap();
    assert_eq!(again.layers, found.layers);
    let manifests = fake.log().iter().filter(|line| line.contains("/manifests/")).count();
    assert_eq!(manifests, 2, "each document is fetched once: {:?}", fake.log());
    let config = format!("GET /v2/team/app/blobs/{}", found.config.digest);
    assert_eq!(fake.log().iter().filter(|line| **line == config).count(), 1, "{:?}", fake.log());
    let seen = fake.seen();
    let accept = seen[0].header("accept");
    assert!(accept.contains("oci.image.index.v1+json") && accept.contains("distribution.manifest.v2+json"));
    assert!(seen.iter().all(|seen| seen.header("authorization").is_empty()));
    assert_eq!(repository.to_string(), format!("the repository {}", fake.name("team/app")));

    let by_digest = format!("{}@{}", fake.name("other/name"), found.manifest.digest);
    assert_eq!(find(settings(), &by_digest).unwrap().unwrap().manifest.digest, found.manifest.digest);
    let arm = image::find(&repository, &reference, &Platform::new("arm64", None)).unwrap().unwrap();
    assert!(arm.layers.is_empty());
}

#[test]
fn what_is_not_there_is_no_error() {
    let store = store();
    let fake = Fake::of(store.path());
    assert!(find(settings(), &fake.name("team/app:none")).unwrap().is_none());
    let digest = Digest::sha256(b"other");
    assert!(find(settings(), &format!("{}@{digest}", fake.name("team/app"))).unwrap().is_none());
    let reference = reference(&fake.name("team/app:1"));
    let repository = Registries::new(settings()).repository(&reference);
    assert!(image::by_manifest(&repository, &digest).unwrap().is_none());
    let blob = Descriptor { media_type: String::new(), digest, size: 10 };
    assert!(repository.blob(&blob, 0).unwrap().is_none());
    let elsewhere = self::reference(&fake.name("team/other:1"));
    assert!(repository.entries(&elsewhere).unwrap().is_empty());
}

#[test]
fn a_store_is_filled() {
    let store = store();
    let broken = spoilt(&store, |seen, reply| match (seen.is_blob(), seen.before) {
        (true, 0) if reply.body.len() > 100_000 => reply.fault(Fault::Cut(70_000)),
        _ => reply,
    });
    let dir = tempfile::tempdir().unwrap();
    let kept = image::Store::open(&dir.path().join("store")).unwrap();
    let reference = reference(&broken.name("team/app:many"));
    let repository = Registries::new(settings()).repository(&reference);
    let found = image::find(&repository, &reference, &platform()).unwrap().unwrap();
    let fetched = kept.fetch(&repository, &found, &|_| {}).unwrap();
    assert_eq!((fetched.blobs, fetched.present), (5, 0));
    assert!(kept.has(&found).unwrap());
    let asked = broken.log().len();
    assert_eq!(kept.fetch(&repository, &found, &|_| {}).unwrap().present, 5);
    assert_eq!(broken.log().len(), asked);
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    assert_eq!(image::unpack(&kept, &found, &root).unwrap().entries, 2);
    assert_eq!(fs::read_to_string(root.join("a")).unwrap(), "a");
}

#[test]
fn threads_share_a_client() {
    let store = store();
    let fake = Fake::of(store.path());
    let reference = reference(&fake.name("team/app:1"));
    let registries = Registries::new(settings());
    let repository = Arc::new(registries.repository(&reference));
    let found = image::find(&*repository, &reference, &platform()).unwrap().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            for layer in &found.layers {
                let repository = Arc::clone(&repository);
                scope.spawn(move || {
                    assert_eq!(Digest::sha256(&read(&*repository, layer, 0).unwrap()), layer.digest);
                });
            }
        }
    });
}
