//! Who asks: credentials go where they belong, and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use bundlegen::image::{Registries, Settings};
use serde_json::json;

use crate::fake::{Fake, Images, Reply, Seen};
use crate::{find, image, platform, read, reference, refused, settings, spoilt, store, with_credentials};

/// `ali:open sesame` and `eve:guess`.
const ALI: &str = "YWxpOm9wZW4gc2VzYW1l";
const EVE: &str = "ZXZlOmd1ZXNz";

fn refusal(challenge: &str) -> Reply {
    let said = r#"{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}"#;
    Reply::new(401, said).with("WWW-Authenticate", challenge)
}

/// A registry whose tokens come from another server.
fn with_tokens(images: Images, tokens: &Fake) -> Fake {
    let challenge = format!(
        r#"Bearer realm="{}",service="of, the test",scope="repository:x:pull""#,
        tokens.url("/token")
    );
    Fake::new(move |seen| match seen.header("authorization") {
        "Bearer t0" | "Bearer t1" => images.answer(seen),
        _ => refusal(&challenge),
    })
}

fn auth_file(host: &Fake, auth: &str) -> String {
    json!({"auths": {host.address.to_string(): {"auth": auth}}}).to_string()
}

#[test]
fn tokens_are_fetched_and_kept() {
    let store = store();
    let tokens = Fake::new(|seen| Reply::new(200, format!(r#"{{"token": "t{}"}}"#, seen.before)));
    let fake = with_tokens(Images::of(store.path()), &tokens);
    let reference = reference(&fake.name("x:many"));
    let repository = Registries::new(settings()).repository(&reference);
    let found = image::find(&repository, &reference, &platform()).unwrap().unwrap();
    assert!(read(&repository, &found.layers[0], 0).is_ok());
    assert_eq!(tokens.log(), ["GET /token?scope=repository%3Ax%3Apull&service=of%2C%20the%20test"]);
    assert_eq!(tokens.seen()[0].header("authorization"), "");
    assert_eq!(fake.seen().iter().filter(|seen| seen.header("authorization").is_empty()).count(), 1);
}

#[test]
fn a_token_that_has_run_out_is_fetched_again() {
    let store = store();
    let tokens = Fake::new(|seen| Reply::new(200, format!(r#"{{"access_token": "t{}"}}"#, seen.before)));
    let challenge = format!(r#"Bearer realm="{}""#, tokens.url("/token"));
    let images = Images::of(store.path());
    let fake = Fake::new(move |seen: &Seen| match (seen.header("authorization"), seen.is_blob()) {
        ("Bearer t0", false) | ("Bearer t1", true) => images.answer(seen),
        _ => refusal(&challenge),
    });
    assert!(find(settings(), &fake.name("x:1")).unwrap().is_some());
    // The scope is that of a pull where the registry does not say it.
    assert_eq!(tokens.log(), ["GET /token?scope=repository%3Ax%3Apull"; 2]);
}

#[test]
fn a_password_is_shown_to_the_server_of_tokens() {
    let (store, dir) = (store(), tempfile::tempdir().unwrap());
    let tokens = Fake::new(|seen| {
        let known = seen.header("authorization") == format!("Basic {ALI}");
        if known {
            Reply::new(200, r#"{"token": "t1"}"#)
        } else {
            Reply::new(401, r#"{"details": "who are you"}"#)
        }
    });
    let fake = with_tokens(Images::of(store.path()), &tokens);
    let settings = with_credentials(dir.path(), &auth_file(&fake, ALI));
    assert!(find(settings, &fake.name("x:1")).unwrap().is_some());
    assert!(tokens.log()[0].ends_with("&account=ali"), "{:?}", tokens.log());
    assert!(fake.seen().iter().all(|seen| !seen.header("authorization").starts_with("Basic")));

    let settings = with_credentials(dir.path(), &auth_file(&fake, EVE));
    let error = refused(settings, &fake.name("x:1"));
    let (host, file) = (fake.address, dir.path().join("auth.json"));
    let want = format!(
        "{host}/x: {host} denies access: who are you; tried the user `eve` of {}; \
         check the name of the image, or log in with `docker login {host}`",
        file.display()
    );
    assert_eq!(error, want);
}

#[test]
fn an_identity_token_is_posted() {
    let (store, dir) = (store(), tempfile::tempdir().unwrap());
    let tokens = Fake::new(|_| Reply::new(200, r#"{"access_token": "t1"}"#));
    let fake = with_tokens(Images::of(store.path()), &tokens);
    let file =
        json!({"auths": {fake.address.to_string(): {"auth": ALI, "identitytoken": "a+b"}}}).to_string();
    assert!(find(with_credentials(dir.path(), &file), &fake.name("x:1")).unwrap().is_some());
    let seen = &tokens.seen()[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/token"));
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    let want = "scope=repository%3Ax%3Apull&service=of%2C%20the%20test&grant_type=refresh_token\
                &client_id=bundlegen&refresh_token=a%2Bb";
    assert_eq!(seen.body, want);
}

#[test]
fn basic_wants_a_user() {
    let (store, dir) = (store(), tempfile::tempdir().unwrap());
    let fake = spoilt(&store, |seen, reply| {
        let known = seen.header("authorization") == format!("Basic {ALI}");
        if known || seen.target == "/v2/" { reply } else { refusal("Basic realm=\"test\"") }
    });
    let settings_of = |auth| with_credentials(dir.path(), &auth_file(&fake, auth));
    assert!(find(settings_of(ALI), &fake.name("x:1")).unwrap().is_some());
    let error = refused(settings_of(EVE), &fake.name("x:1"));
    assert!(error.contains("UNAUTHORIZED: authentication required; tried the user `eve` of "), "{error}");
    assert!(!error.contains("guess") && !error.contains(EVE), "{error}");
    let error = refused(settings(), &fake.name("x:1"));
    assert!(error.contains("tried without credentials, as there is no file to look for them"), "{error}");
    // What is for another registry is not shown.
    let other = json!({"auths": {"127.0.0.1:1": {"auth": ALI}, "127.0.0.1": {"auth": ALI}}}).to_string();
    let before = fake.seen().len();
    let error = refused(with_credentials(dir.path(), &other), &fake.name("x:1"));
    assert!(error.contains(&format!("as there are none for {} in ", fake.address)), "{error}");
    assert!(fake.seen()[before..].iter().all(|seen| seen.header("authorization").is_empty()));
}

#[test]
fn a_registry_may_forbid() {
    let fake = Fake::new(|_| Reply::new(403, r#"{"errors": [{"code": "DENIED"}]}"#));
    let error = refused(settings(), &fake.name("x:1"));
    assert!(error.contains("denies access: DENIED; tried without credentials; check the name"), "{error}");
}

#[test]
fn challenges_that_nobody_can_meet() {
    let error = |challenge: String| {
        let fake = Fake::new(
            move |seen| if seen.target == "/v2/" { Reply::new(200, "") } else { refusal(&challenge) },
        );
        refused(settings(), &fake.name("x:1"))
    };
    let unknown = error("Negotiate, Digest realm=\"x\"".to_owned());
    assert!(unknown.contains("the registry wants `negotiate`, `digest`"), "{unknown}");
    assert!(error(String::new()).contains("does not say what it wants to see"));
    assert!(error("Bearer service=x".to_owned()).contains("not said from where"));
    let plain = error(r#"Bearer realm="http://example.com/token""#.to_owned());
    assert!(
        plain.contains("the server of tokens is http://example.com/token, which is not over https"),
        "{plain}"
    );
    assert!(error(r#"Bearer realm="/token""#.to_owned()).contains("not an absolute address"));
    assert!(error(format!("Bearer {}", "a=\"b\",".repeat(5000))).contains("not said from where"));
    assert!(error(format!("Bearer {}", "a=\"b\",".repeat(50_000))).contains("header"));
}

#[test]
fn servers_of_tokens_may_be_odd() {
    let store = store();
    let error = |reply: Reply| {
        let tokens = Fake::new(move |_| reply.clone());
        let fake = with_tokens(Images::of(store.path()), &tokens);
        refused(settings(), &fake.name("x:1"))
    };
    assert!(error(Reply::new(200, "{}")).contains("an answer without a token"));
    assert!(error(Reply::new(200, "words")).contains("an answer without a token"));
    assert!(error(Reply::new(200, r#"{"token": "a\r\nX: y"}"#)).contains("characters that no token has"));
    assert!(error(Reply::new(500, "")).contains("status 500 (tried 3 times)"));
    assert!(error(Reply::new(200, r#"{"token": "wrong"}"#)).contains("denies access: UNAUTHORIZED"));
}

#[test]
fn a_redirect_takes_no_secret_along() {
    let (store, dir) = (store(), tempfile::tempdir().unwrap());
    let images = Images::of(store.path());
    let cdn = Fake::new(move |seen| images.answer(seen));
    let elsewhere = cdn.address;
    let fake = spoilt(&store, move |seen, reply| {
        if seen.target != "/v2/" && seen.header("authorization") != format!("Basic {ALI}") {
            return refusal("Basic realm=\"test\"");
        }
        if seen.is_blob() {
            Reply::redirect(&format!("http://{elsewhere}{}?signature=secret", seen.target))
        } else {
            reply
        }
    });
    let settings = with_credentials(dir.path(), &auth_file(&fake, ALI));
    let reference = reference(&fake.name("x:1"));
    let repository = Registries::new(settings.clone()).repository(&reference);
    let found = image::find(&repository, &reference, &platform()).unwrap().unwrap();
    let bytes = read(&repository, &found.layers[1], 0).unwrap();
    assert_eq!(read(&repository, &found.layers[1], 7).unwrap(), bytes[7..]);
    let seen = cdn.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|seen| seen.header("authorization").is_empty()));
    assert_eq!(seen[2].header("range"), "bytes=7-");

    // Who is led to is not logged in to, and what the query says is in no message.
    let cdn = Fake::new(|_| refusal("Basic realm=\"give me\""));
    let elsewhere = cdn.address;
    let fake = spoilt(&store, move |seen, reply| {
        if seen.is_blob() {
            Reply::redirect(&format!("http://{elsewhere}/x?signature=secret"))
        } else {
            reply
        }
    });
    let error = refused(settings, &fake.name("x:1"));
    assert!(
        error.contains(&format!("http://{elsewhere}/x: status 401")) && !error.contains("secret"),
        "{error}"
    );

    // A way back does not bring it back.
    let first = std::sync::Arc::new(std::sync::OnceLock::new());
    let back = std::sync::Arc::clone(&first);
    let detour = Fake::new(move |_| Reply::redirect(&format!("http://{}/back", back.get().unwrap())));
    let elsewhere = detour.address;
    let fake =
        spoilt(&store, move |seen, reply| match (seen.header("authorization"), seen.target.as_str()) {
            (_, "/v2/" | "/back") => reply,
            ("", _) => refusal("Basic realm=\"test\""),
            _ => Reply::redirect(&format!("http://{elsewhere}/")),
        });
    first.set(fake.address).unwrap();
    let settings = with_credentials(dir.path(), &auth_file(&fake, ALI));
    assert!(find(settings, &fake.name("x:1")).unwrap().is_none());
    let last = fake.seen().last().unwrap().clone();
    assert_eq!((last.target.as_str(), last.header("authorization")), ("/back", ""));
}

/// The test runs itself again, as the programs are looked for in `PATH`.
#[test]
fn programs_are_asked_for_credentials() {
    let Some(dir) = std::env::var_os("BUNDLEGEN_TEST_PROGRAMS").map(std::path::PathBuf::from) else {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(format!("docker-credential-{name}"));
            fs::write(&path, format!("#!/bin/sh\nread key\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        };
        write("good", r#"printf '{"ServerURL": "%s", "Username": "ali", "Secret": "open sesame"}' "$key""#);
        write("none", "echo 'credentials not found in native keychain'; exit 1");
        write("bad", r#"echo "no key for $1 $key"; exit 1"#);
        write("odd", "echo SECRET");
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["access::programs_are_asked_for_credentials", "--nocapture"]);
        let output = again.env("PATH", path).env("BUNDLEGEN_TEST_PROGRAMS", dir.path()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    };
    let store = store();
    let fake = spoilt(&store, |seen, reply| {
        let known = seen.header("authorization") == format!("Basic {ALI}");
        if known || seen.target == "/v2/" { reply } else { refusal("Basic realm=\"test\"") }
    });
    let host = fake.address.to_string();
    let outcome = |file: serde_json::Value| {
        let settings: Settings = with_credentials(&dir, &file.to_string());
        find(settings, &fake.name("x:1")).map(|image| image.is_some()).map_err(|error| error.to_string())
    };
    assert_eq!(outcome(json!({"credsStore": "good"})), Ok(true));
    assert_eq!(outcome(json!({"credsStore": "bad", "credHelpers": {host.clone(): "good"}})), Ok(true));
    assert_eq!(outcome(json!({"credsStore": "none", "auths": {host.clone(): {"auth": ALI}}})), Ok(true));
    assert_eq!(outcome(json!({"credsStore": "good", "auths": {host.clone(): {}}})), Ok(true));
    let none = outcome(json!({"credsStore": "none"})).unwrap_err();
    assert!(none.contains("without credentials"), "{none}");
    let bad = outcome(json!({"credsStore": "bad"})).unwrap_err();
    assert_eq!(bad, format!("`docker-credential-bad get` for {host}: no key for get {host}"));
    let odd = outcome(json!({"credHelpers": {host: "odd"}})).unwrap_err();
    assert!(odd.contains("does not print `Username` and `Secret`") && !odd.contains("SECRET"), "{odd}");
}
