//! `bundlegen store`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::Host;

/// The exit code, and what was said.
fn run(host: &Host, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_bundlegen"))
        .arg("store")
        .args(args)
        .env("BUNDLEGEN_STATE", host.dir.path().join("state"))
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn images_are_listed_verified_and_removed() {
    let host = Host::new();
    let (code, out, _) = run(&host, &["verify"]);
    assert_eq!((code, &*out), (0, "there is no store\n"));
    assert!(!host.path().exists());
    host.store().fetch_documents(&host.source(), &host.image, &|_| {}).unwrap();
    let short = &host.image.manifest.digest.to_string()[..19];
    let (code, out, _) = run(&host, &["list"]);
    let want =
        format!("docker.io/library/app:1  linux/amd64  303 kB, of which 2 layers are missing  {short}");
    assert_eq!((code, out.lines().nth(1)), (0, Some(&*want)), "{out}");
    host.fetch();
    let (_, out, _) = run(&host, &["list"]);
    let want = format!(
        "NAME                     PLATFORM     SIZE    MANIFEST\n\
         docker.io/library/app:1  linux/amd64  303 kB  {short}\n"
    );
    assert_eq!(out, want);
    let (_, out, _) = run(&host, &["list", "--format", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(listed[0]["manifest"]["digest"], host.image.manifest.digest.to_string());
    assert_eq!(listed[0]["layers"].as_array().unwrap().len(), 2);
    assert_eq!(listed[0]["missing_layers"], 0);

    let (code, out, err) = run(&host, &["verify"]);
    assert_eq!((code, &*out, &*err), (0, "4 blobs, 304 kB, are what their digests say\n", ""));
    let path = host.blob(&host.layer());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, vec![0; 10]).unwrap();
    let (code, _, err) = run(&host, &["verify"]);
    assert!(code == 1 && err.contains("; removed, so that it is fetched again\n"), "{err}");

    let (_, out, _) = run(&host, &["prune", "--dry-run"]);
    assert!(
        out.starts_with("docker.io/library/app:1: would be removed\n3 blobs would be removed, "),
        "{out}"
    );
    assert!(host.blob(&host.image.config.digest).exists());
    let (code, out, _) = run(&host, &["prune"]);
    assert!(
        code == 0 && out.contains("app:1: removed\n3 blobs removed, ") && out.ends_with("; 0 kept\n"),
        "{out}"
    );
}

#[test]
fn a_store_of_others_is_refused() {
    let host = Host::new();
    drop(host.store());
    fs::set_permissions(host.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (code, _, err) = run(&host, &["list"]);
    assert!(code == 1 && err.contains("others can write to the store, mode 0777"), "{err}");
}

#[test]
fn a_record_that_is_damaged_hides_no_other() {
    let host = Host::new();
    host.fetch();
    fs::write(host.path().join("images/else.json"), "{}").unwrap();
    let (code, out, err) = run(&host, &["list"]);
    assert!(code == 1 && out.contains("app:1") && err.contains("else.json: missing field"), "{out}{err}");
    let text = fs::read_to_string(host.path().join("images").join(record(&host))).unwrap();
    let text = text.replace("linux/amd64", &"linux/a\\u001b[2J\\n".repeat(100));
    fs::write(host.path().join("images").join(record(&host)), text).unwrap();
    let (_, out, _) = run(&host, &["list"]);
    assert!(out.lines().count() == 2 && out.len() < 300 && !out.contains('\u{1b}'), "{out}");
}

fn record(host: &Host) -> String {
    format!("{}.json", host.image.manifest.digest.hex())
}

#[test]
fn the_last_state_directory_counts() {
    let host = Host::new();
    host.fetch();
    let state = host.dir.path().join("state");
    let (_, out, _) = run(&host, &["list", "--state", "/nowhere", "--state", state.to_str().unwrap()]);
    assert!(out.contains("app:1"), "{out}");
    let (_, out, _) = run(&host, &["list", "--state", "/nowhere"]);
    assert_eq!(out.lines().count(), 1);
}
