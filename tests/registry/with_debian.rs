//! The same with Debian's registry, which skopeo fills.

use std::fs;

use bundlegen::image::{Digest, Registries, Settings};
use serde_json::json;

use crate::real::{PASSWORD, Registry, USER, Wants};
use crate::{find, image, platform, read, reference, refused, settings, store, with_credentials};

fn from(store: &crate::Store) -> String {
    format!("oci:{}:1", store.path().display())
}

/// Finds an image, and reads all of it.
fn pulled(settings: Settings, name: &str) {
    let reference = reference(name);
    let repository = Registries::new(settings).repository(&reference);
    let found = image::find(&repository, &reference, &platform()).unwrap().expect("it is there");
    assert_eq!(found.layers.len(), 2);
    for layer in &found.layers {
        let bytes = read(&repository, layer, 0).unwrap();
        assert_eq!(Digest::sha256(&bytes), layer.digest);
        assert_eq!(read(&repository, layer, 1000.min(layer.size)).unwrap(), bytes[1000.min(bytes.len())..]);
    }
}

#[test]
fn images_of_all_formats() {
    let Some(registry) = Registry::start(Wants::default()) else { return };
    let store = store();
    registry.push(&from(&store), "team/oci:1", &["--format", "oci"]);
    registry.push(&from(&store), "docker:1", &["--format", "v2s2"]);
    pulled(settings(), &registry.name("team/oci:1"));
    pulled(settings(), &registry.name("docker:1"));
    let found = find(settings(), &registry.name("docker:1")).unwrap().unwrap();
    assert_eq!(found.manifest.media_type, "application/vnd.docker.distribution.manifest.v2+json");
    pulled(settings(), &format!("{}@{}", registry.name("docker"), found.manifest.digest));
    assert!(find(settings(), &registry.name("docker:2")).unwrap().is_none());
    assert!(find(settings(), &registry.name("none:1")).unwrap().is_none());
    let many = format!("oci:{}:many", store.path().display());
    registry.push(&many, "many:1", &["--all"]);
    pulled(settings(), &registry.name("many:1"));
    let localhost = registry.name("many:1").replace("127.0.0.1", "localhost");
    pulled(settings(), &localhost);
}

#[test]
fn a_registry_with_users() {
    let Some(registry) = Registry::start(Wants { login: true, ..Wants::default() }) else { return };
    let store = store();
    registry.push(&from(&store), "app:1", &[]);
    let error = refused(settings(), &registry.name("app:1"));
    assert!(error.contains("denies access: UNAUTHORIZED: authentication required"), "{error}");
    let host = format!("127.0.0.1:{}", registry.port);
    let dir = tempfile::tempdir().unwrap();
    let file =
        |password: &str| json!({"auths": {&host: {"username": USER, "password": password}}}).to_string();
    pulled(with_credentials(dir.path(), &file(PASSWORD)), &registry.name("app:1"));
    let error = refused(with_credentials(dir.path(), &file("guess")), &registry.name("app:1"));
    assert!(error.contains(&format!("tried the user `{USER}` of")), "{error}");
}

#[test]
fn a_registry_with_tls() {
    let Some(registry) = Registry::start(Wants { tls: true, login: true }) else { return };
    let store = store();
    registry.push(&from(&store), "app:1", &[]);
    let host = format!("127.0.0.1:{}", registry.port);
    let dir = tempfile::tempdir().unwrap();
    let file = json!({"auths": {&host: {"username": USER, "password": PASSWORD}}}).to_string();
    let settings = with_credentials(dir.path(), &file);
    let name = registry.name("app:1");

    let named = Settings { certificates: Some(registry.authority()), ..settings.clone() };
    pulled(named, &name);
    let beside = dir.path().join("certs.d").join(&host);
    fs::create_dir_all(&beside).unwrap();
    fs::copy(registry.authority(), beside.join("ca.crt")).unwrap();
    fs::write(beside.join("client.key"), "not read").unwrap();
    let directories = vec![dir.path().join("none"), dir.path().join("certs.d")];
    let known = Settings { host_certificates: directories.clone(), ..settings.clone() };
    pulled(known.clone(), &name);
    let error = refused(settings.clone(), &name);
    assert!(error.contains("UnknownIssuer; put the certificate of who signed it into"), "{error}");
    // What is trusted for one host is not trusted for another one.
    let error = refused(known, &name.replace("127.0.0.1", "localhost"));
    assert!(error.contains("UnknownIssuer"), "{error}");

    fs::write(beside.join("ca.crt"), "no certificate").unwrap();
    let error = refused(Settings { host_certificates: directories, ..settings.clone() }, &name);
    assert!(error.contains("ca.crt: no certificate in it"), "{error}");
    let missing = Settings { certificates: Some(dir.path().join("none.pem")), ..settings };
    let error = refused(missing, &name);
    assert!(error.contains("none.pem: no such file"), "{error}");
}
