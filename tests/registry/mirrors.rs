//! Who is asked before a registry, and what becomes of it when that is of no use.

use std::io::Read as _;

use bundlegen::image::{Digest, Registries, Settings, Source as _};
use serde_json::json;

use crate::fake::{Fake, Fault, Images, Reply, Seen};
use crate::{find, image, platform, read, reference, refused, settings, spoilt, store, with_credentials};

fn with_mirrors(mut settings: Settings, of: &Fake, mirrors: &[&str]) -> Settings {
    for mirror in mirrors {
        settings.add_mirror(&of.address.to_string(), mirror.parse().unwrap());
    }
    settings
}

#[test]
fn a_mirror_is_asked_first() {
    let store = store();
    let (fake, mirror) = (Fake::of(store.path()), Fake::of(store.path()));
    let settings = with_mirrors(settings(), &fake, &[&mirror.url("/proxy/hub/")]);
    assert!(find(settings, &fake.name("team/app:1")).unwrap().is_some());
    assert_eq!(fake.log(), [""; 0]);
    assert_eq!(mirror.log()[0], "GET /v2/proxy/hub/team/app/manifests/1");
}

#[test]
fn a_mirror_that_fails_is_passed_over() {
    let store = store();
    let fake = Fake::of(store.path());
    let down = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let wrong = spoilt(&store, |seen, mut reply| {
        if seen.target != "/v2/" {
            reply.body[0] = b' ';
        }
        reply
    });
    let denies = Fake::new(|_| Reply::new(403, ""));
    let empty = Fake::new(|_| Reply::new(404, ""));
    let mirrors = [format!("http://{down}"), wrong.url(""), denies.url(""), empty.url("")];
    let mirrors: Vec<&str> = mirrors.iter().map(String::as_str).collect();
    let registries = Registries::new(with_mirrors(settings(), &fake, &mirrors));
    let reference = reference(&fake.name("x:1"));
    let repository = registries.repository(&reference);
    let found = image::find(&repository, &reference, &platform()).unwrap().unwrap();
    assert_eq!(Digest::sha256(&read(&repository, &found.config, 0).unwrap()), found.config.digest);
    let remarks = registries.take_remarks();
    let of = |what: &str| remarks.iter().filter(|remark| remark.contains(what)).count();
    assert_eq!(of(&format!("the mirror {down} is passed over: ")), 1, "it is asked once: {remarks:?}");
    assert!(of(&wrong.address.to_string()) >= 2 && of("denies access") >= 1, "{remarks:?}");
    assert_eq!(registries.take_remarks(), [""; 0]);

    let nowhere = Fake::new(|seen| Reply::new(if seen.target == "/v2/" { 200 } else { 418 }, ""));
    let error =
        refused(with_mirrors(settings(), &nowhere, &[&format!("http://{down}")]), &nowhere.name("x:1"));
    assert!(error.contains("status 418; before that, its mirrors failed: http://"), "{error}");
}

#[test]
fn a_blob_goes_on_at_the_registry() {
    let store = store();
    let fake = Fake::of(store.path());
    let mirror = spoilt(&store, |seen, reply| match (seen.is_blob(), seen.from()) {
        (true, 0) if reply.body.len() > 10_000 => reply.fault(Fault::Cut(10_000)),
        (true, from) if from > 0 => reply.fault(Fault::Gone),
        _ => reply,
    });
    let registries = Registries::new(with_mirrors(settings(), &fake, &[&mirror.url("")]));
    let reference = reference(&fake.name("x:1"));
    let repository = registries.repository(&reference);
    let found = image::find(&repository, &reference, &platform()).unwrap().unwrap();
    let layer = &found.layers[1];
    assert_eq!(Digest::sha256(&read(&repository, layer, 0).unwrap()), layer.digest);
    assert_eq!(fake.log(), [format!("GET /v2/x/blobs/{}", layer.digest)]);
    assert!(registries.take_remarks()[0].contains("is passed over"));
}

#[test]
fn a_small_blob_of_a_mirror_is_proven() {
    let store = store();
    let fake = Fake::of(store.path());
    let mirror = spoilt(&store, |seen, mut reply| {
        if seen.is_blob() {
            reply.body[3] ^= 1;
        }
        reply
    });
    let registries = Registries::new(with_mirrors(settings(), &fake, &[&mirror.url("")]));
    let reference = reference(&fake.name("x:1"));
    assert!(image::find(&registries.repository(&reference), &reference, &platform()).unwrap().is_some());
    assert!(registries.take_remarks()[0].contains("the content is sha256:"));
}

#[test]
fn a_mirror_sees_no_credentials_but_its_own() {
    let (store, dir) = (store(), tempfile::tempdir().unwrap());
    let wants = |auth: &'static str, images: Images| {
        Fake::new(move |seen: &Seen| {
            if seen.header("authorization") == format!("Basic {auth}") {
                images.answer(seen)
            } else {
                Reply::new(401, "").with("WWW-Authenticate", "Basic realm=x")
            }
        })
    };
    let (fake, mirror) = (wants("YTox", Images::of(store.path())), wants("Yjoy", Images::of(store.path())));
    let file = json!({"auths": {fake.address.to_string(): {"auth": "YTox"}}}).to_string();
    let settings = with_mirrors(with_credentials(dir.path(), &file), &fake, &[&mirror.url("/p")]);
    assert!(find(settings, &fake.name("x:1")).unwrap().is_some());
    assert!(mirror.seen().iter().all(|seen| seen.header("authorization").is_empty()));

    let before = fake.log().len();
    let mirror_key = format!("{}/p", mirror.address);
    let file = json!({"auths": {mirror_key: {"auth": "Yjoy"}}}).to_string();
    let settings = with_mirrors(with_credentials(dir.path(), &file), &fake, &[&mirror.url("/p")]);
    let reference = reference(&fake.name("x:1"));
    let repository = Registries::new(settings).repository(&reference);
    let entries = repository.entries(&reference).unwrap();
    assert_eq!((entries.len(), fake.log().len()), (1, before));
    let mut content = repository.blob(&entries[0].descriptor(), 0).unwrap().unwrap();
    assert!(content.read_to_end(&mut Vec::new()).is_ok());
}
