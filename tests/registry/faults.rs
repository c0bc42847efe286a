//! What goes wrong on the way, and servers that mean ill.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bundlegen::image::{Descriptor, Digest, Image, Proxy, Registries, Repository, Settings, Source as _};

use crate::fake::{Fake, Fault, Reply};
use crate::support::{CONFIG, INDEX, MANIFEST, Store};
use crate::{Images, find, image, platform, read, reference, refused, settings, spoilt, store};

/// What a document says, with its kind.
fn document(media_type: &str, text: &str) -> Reply {
    Reply::new(200, text).with("Content-Type", media_type)
}

/// The error when every document is this one.
fn says(reply: Reply) -> String {
    let fake = Fake::new(move |seen| if seen.target == "/v2/" { Reply::new(200, "") } else { reply.clone() });
    refused(settings(), &fake.name("x:1")).replace(&fake.address.to_string(), "HOST")
}

/// The image `1` of a registry.
fn opened(fake: &Fake) -> (Repository, Image) {
    let reference = reference(&fake.name("x:1"));
    let repository = Registries::new(settings()).repository(&reference);
    let found = image::find(&repository, &reference, &platform()).unwrap().unwrap();
    (repository, found)
}

/// What becomes of a layer when the requests for it are answered so.
fn layer(
    store: &Store,
    spoil: impl Fn(&crate::Seen, Reply) -> Reply + Send + Sync + 'static,
) -> Result<usize, String> {
    let images = Images::of(store.path());
    let layer = {
        let honest = Fake::of(store.path());
        opened(&honest).1.layers[1].clone()
    };
    let wanted = format!("/blobs/{}", layer.digest);
    let fake = Fake::new(move |seen| {
        let reply = images.answer(seen);
        if seen.target.ends_with(&wanted) { spoil(seen, reply) } else { reply }
    });
    let (repository, _) = opened(&fake);
    let started = Instant::now();
    let bytes = read(&repository, &layer, 0);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    let bytes = bytes.map_err(|error| error.replace(&fake.address.to_string(), "HOST"))?;
    assert_eq!(Digest::sha256(&bytes), layer.digest);
    Ok(fake.seen().iter().filter(|seen| seen.is_blob()).count() - 1)
}

#[test]
fn a_connection_that_breaks_is_made_again() {
    let store = store();
    let cut = |seen: &crate::Seen, reply: Reply| match seen.before {
        0 => reply.fault(Fault::Cut(1000)),
        1 => reply.fault(Fault::Gone),
        _ => reply,
    };
    assert_eq!(layer(&store, cut), Ok(3));
    // A server that does not know ranges sends all of it again.
    let images = Images::of(store.path());
    let whole = move |seen: &crate::Seen, _| {
        let mut seen = seen.clone();
        seen.headers.remove("range");
        let reply = images.answer(&seen);
        if seen.before == 0 { reply.fault(Fault::Cut(1000)) } else { reply }
    };
    assert_eq!(layer(&store, whole), Ok(2));
    // One that stalls is left.
    let stall = |seen: &crate::Seen, reply: Reply| match seen.before {
        0 => reply.fault(Fault::Stall(5000)),
        _ => reply,
    };
    assert_eq!(layer(&store, stall), Ok(2));
    // Without a length, the end of the connection may not be taken for the end of the content.
    let unframed = |seen: &crate::Seen, reply: Reply| match seen.before {
        0 => reply.with("Transfer-Encoding", "identity").with("Connection", "close").fault(Fault::Cut(10)),
        _ => reply,
    };
    assert_eq!(layer(&store, unframed), Ok(2));
}

#[test]
fn a_connection_that_breaks_again_and_again_is_given_up() {
    let store = store();
    let cut = layer(&store, |_, reply| reply.fault(Fault::Cut(10))).unwrap_err();
    assert!(cut.contains("HOST/x/blobs/sha256:") && cut.contains("(tried 3 times)"), "{cut}");
    let stall = layer(&store, |_, reply| reply.fault(Fault::Stall(10))).unwrap_err();
    assert!(stall.contains("nothing came within 1s"), "{stall}");
    let drip = layer(&store, |_, reply| reply.fault(Fault::Drip)).unwrap_err();
    assert!(drip.contains("bytes came within 1s"), "{drip}");
    let gone = |seen: &crate::Seen, reply: Reply| match seen.before {
        0 => reply.fault(Fault::Cut(1000)),
        _ => Reply::new(404, ""),
    };
    let gone = layer(&store, gone).unwrap_err();
    assert!(gone.contains("it is gone"), "{gone}");
}

#[test]
fn wrong_ranges_and_lengths_are_refused() {
    let store = store();
    let later = |seen: &crate::Seen, reply: Reply| match seen.before {
        0 => reply.fault(Fault::Cut(1000)),
        _ => reply.with("Content-Range", "bytes 2000-3000/3001"),
    };
    let error = layer(&store, later).unwrap_err();
    assert!(
        error.contains("the bytes from 1000 on were asked for, and it has those from 2000 on"),
        "{error}"
    );
    let unsaid = |seen: &crate::Seen, reply: Reply| match seen.before {
        0 => reply.fault(Fault::Cut(1000)),
        _ => reply.with("Content-Range", "words"),
    };
    let error = layer(&store, unsaid).unwrap_err();
    assert!(error.contains("part of the content, but `words` does not say which"), "{error}");
    let short = |seen: &crate::Seen, reply: Reply| match seen.before {
        0 => reply.fault(Fault::Cut(1000)),
        _ => Reply::new(416, reply.body),
    };
    let error = layer(&store, short).unwrap_err();
    assert!(error.contains("status 416"), "{error}");
    let longer = |_: &crate::Seen, reply: Reply| Reply::new(200, [&reply.body[..], b"more"].concat());
    let error = layer(&store, longer).unwrap_err();
    assert!(error.contains("bytes, and the manifest says"), "{error}");
    let endless = layer(&store, |_, reply| reply.fault(Fault::Endless)).unwrap_err();
    assert!(endless.contains("has more than its"), "{endless}");
    let encoded = layer(&store, |_, reply| reply.with("Content-Encoding", "gzip")).unwrap_err();
    assert!(encoded.contains("encoded as `gzip`"), "{encoded}");
}

#[test]
fn a_busy_registry_is_waited_for() {
    let store = store();
    let busy = spoilt(&store, |seen, reply| match seen.before {
        0 if seen.target != "/v2/" => Reply::new(429, "").with("Retry-After", "1"),
        1 => Reply::new(503, ""),
        _ => reply,
    });
    let started = Instant::now();
    assert!(find(settings(), &busy.name("x:1")).unwrap().is_some());
    assert!(started.elapsed() >= Duration::from_secs(1));

    let limit = r#"{"errors": [{"code": "TOOMANYREQUESTS", "message": "slow\ndown\u001b[31m"}]}"#;
    let busy = says(Reply::new(429, limit).with("Retry-After", "3600"));
    let want = "http://HOST/v2/x/manifests/1: too many requests: TOOMANYREQUESTS: slow\\ndown\\u{1b}[31m; \
                try again in 3600 seconds, or log in for a higher limit";
    assert_eq!(busy, want);
    let busy = says(Reply::new(429, "").with("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"));
    assert!(busy.contains("try again later"), "{busy}");
    let broken = says(Reply::new(500, "<html>"));
    assert_eq!(broken, "http://HOST/v2/x/manifests/1: status 500 (tried 3 times)");
    let odd = says(Reply::new(418, r#"{"message": "a teapot"}"#));
    assert_eq!(odd, "http://HOST/v2/x/manifests/1: status 418: a teapot");
    let gone = says(Reply::new(200, "").fault(Fault::Gone));
    assert!(gone.contains("(tried 3 times)"), "{gone}");
}

#[test]
fn nobody_there_is_said() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = refused(settings(), &format!("{address}/x:1"));
    assert!(error.contains("no connection: ") && error.contains("refused"), "{error}");
    let error = refused(settings(), "registry.invalid/x:1");
    assert!(error.contains("https://registry.invalid/v2/x/manifests/1: "), "{error}");
}

#[test]
fn documents_have_limits() {
    let huge = document(MANIFEST, "{}").with("Content-Length", "100000000").fault(Fault::Cut(2));
    assert!(says(huge).contains("100000000 bytes, and the limit for a document is 4194304"));
    let endless = says(document(MANIFEST, "").fault(Fault::Endless));
    assert!(endless.contains("more than 4194304 bytes"), "{endless}");
    let stall = says(document(MANIFEST, "{ }").fault(Fault::Stall(1)));
    assert!(stall.contains("nothing came within 1s (tried 3 times)"), "{stall}");
    let drip = says(document(MANIFEST, &" ".repeat(1000)).fault(Fault::Drip));
    assert!(drip.contains("bytes came within 1s (tried 3 times)"), "{drip}");
    let headers = says(document(MANIFEST, "{}").with("X", &"x".repeat(100_000)));
    assert!(headers.contains("header"), "{headers}");
}

#[test]
fn what_is_no_document_is_refused() {
    for schema in ["v1+json", "v1+prettyjws"] {
        let media_type = format!("application/vnd.docker.distribution.manifest.{schema}");
        let error = says(document(&media_type, "{}"));
        assert!(error.contains("only as manifest schema 1"), "{error}");
    }
    let v1 = says(document("application/json", r#"{"schemaVersion": 1, "fsLayers": []}"#));
    assert!(v1.contains("manifest schema 1 is not supported"), "{v1}");
    let page = says(document("text/html; charset=utf-8", "<html>"));
    assert!(page.contains("is this a registry?"), "{page}");
    let both = format!(r#"{{"schemaVersion": 2, "mediaType": "{MANIFEST}", "manifests": [], "layers": []}}"#);
    assert!(says(document(MANIFEST, &both)).contains("both an index and a manifest"));
    let index = r#"{"schemaVersion": 2, "manifests": []}"#;
    assert!(says(document(MANIFEST, index)).contains("not a `application/vnd.oci.image.manifest"));
    let own = format!(r#"{{"schemaVersion": 2, "mediaType": "{INDEX}", "manifests": []}}"#);
    assert!(
        says(document("application/vnd.docker.distribution.manifest.list.v2+json", &own))
            .contains("listed as")
    );
    assert!(says(document(CONFIG, index)).contains("not a `application/vnd.oci.image.config"));
    assert!(says(document(MANIFEST, "not json")).contains("not a manifest"));
    assert!(says(document(MANIFEST, "")).contains("not a manifest"));
}

#[test]
fn digests_are_held_to() {
    let digest = Digest::sha256(b"other");
    let wrong = says(document(MANIFEST, "{}").with("Docker-Content-Digest", &digest.to_string()));
    assert!(wrong.contains(&format!("and not {digest}")), "{wrong}");
    let odd = says(document(MANIFEST, "{}").with("Docker-Content-Digest", "md5:00"));
    assert!(odd.contains("the header `Docker-Content-Digest`: unknown digest algorithm `md5`"), "{odd}");

    let fake = Fake::new(|_| document(MANIFEST, r#"{"schemaVersion": 2}"#));
    let error = refused(settings(), &format!("{}@{digest}", fake.name("x")));
    assert!(error.contains(&format!("and not {digest}")), "{error}");
    let reference = reference(&fake.name("x:1"));
    let repository = Registries::new(settings()).repository(&reference);
    assert!(repository.manifest(&digest).unwrap_err().to_string().contains("and not"));
}

#[test]
fn redirects_have_limits() {
    let to = |location: &str| says(Reply::redirect(location));
    assert!(to("/v2/x/manifests/1").contains("more than 10 redirects"));
    assert!(to("http://example.com/").contains("a redirect to http://example.com/, which is not over https"));
    assert!(to("ftp://example.com/").contains("a redirect to neither https nor http"));
    assert!(to("https://user:secret@example.com/").contains("a redirect to a user or a password in it"));
    assert!(says(Reply::new(302, "")).contains("a redirect to nowhere"));
}

#[test]
fn a_maze_of_indexes_has_an_end() {
    let fake = Fake::new(|seen| {
        // Every index has three others in it, and none is like another.
        let one = |n: usize| {
            let text = inner(&format!("{}/{n}", seen.target), &[]);
            format!(r#"{{"digest": "{}", "size": {}}}"#, Digest::sha256(text.as_bytes()), text.len())
        };
        document(INDEX, &inner(&seen.target, &[one(1), one(2), one(3)]))
    });
    // Their content is not what their digest says, so the first is the last.
    let error = refused(settings(), &fake.name("x:1"));
    assert!(error.contains("and not sha256:"), "{error}");

    let mut store = Store::new();
    let leaves: Vec<_> = (0..1200)
        .map(|n| {
            store.json(
                INDEX,
                &serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "n": n}),
            )
        })
        .collect();
    let index =
        store.json(INDEX, &serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": leaves}));
    store.name("1", index);
    let fake = Fake::of(store.path());
    let error = refused(settings(), &fake.name("x:1"));
    assert!(error.contains("more than 1000 documents, and still no image"), "{error}");
}

fn inner(salt: &str, entries: &[String]) -> String {
    format!(r#"{{"schemaVersion": 2, "manifests": [{}], "salt": "{salt}"}}"#, entries.join(","))
}

#[test]
fn the_content_of_a_blob_that_is_empty_is_empty() {
    let fake = Fake::new(|_| Reply::new(200, ""));
    let reference = reference(&fake.name("x:1"));
    let repository = Registries::new(settings()).repository(&reference);
    let blob = Descriptor { media_type: String::new(), digest: Digest::sha256(b""), size: 0 };
    assert_eq!(read(&repository, &blob, 0), Ok(Vec::new()));
}

#[test]
fn a_proxy_is_asked_for_what_is_elsewhere() {
    let fake = Fake::new(|_| Reply::new(502, ""));
    let url = format!("http://ali:open%20sesame@{}", fake.address);
    let proxy = |except: &str| Some(Proxy { url: url.clone(), except: except.to_owned() });
    let certificates = Some(authority());
    let with = |except| Settings { proxy: proxy(except), certificates: certificates.clone(), ..settings() };
    let error = refused(with(""), "registry.invalid/x:1");
    assert!(
        error.contains("https://registry.invalid/v2/x/manifests/1: ") && !error.contains("sesame"),
        "{error}"
    );
    let seen = fake.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].target.as_str()), ("CONNECT", "registry.invalid:443"));
    assert!(seen[0].header("proxy-authorization").to_lowercase().starts_with("basic "));
    let before = seen.len();
    refused(with("invalid"), "registry.invalid/x:1");
    assert_eq!(fake.seen().len(), before);
    let store = store();
    assert!(find(with(""), &Fake::of(store.path()).name("x:1")).unwrap().is_some());
    for bad in ["socks5://127.0.0.1:1", "::", "http://u:SECRET@"] {
        let settings = Settings { proxy: Some(Proxy { url: bad.into(), except: String::new() }), ..with("") };
        let error = refused(settings, "registry.invalid/x:1");
        assert!(error.contains("HTTPS_PROXY") && !error.contains("SECRET"), "{error}");
    }
}

/// Some certificate, for hosts that have none.
fn authority() -> PathBuf {
    let system = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
    assert!(system.exists(), "this test wants the package ca-certificates");
    system
}
