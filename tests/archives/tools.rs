//! Archives as other tools make them. A tool that is missing is said aloud, and its part is left out.

use std::io::Write as _;
use std::process::Command;

use super::*;

/// A layout with an image and the directory for what is made of it.
fn layout() -> Store {
    let mut store = Store::new();
    let upper = Tar::new().file("etc/name", "app").dir("upper").file("lower/.wh.file", "").end();
    let lower = Tar::new().dir("lower").file("lower/file", "").file("lower/kept", "kept").end();
    store.name("team/app:1.2", store.image("amd64", &[layer("lower"), gzip(&lower), gzip(&upper)]));
    store
}

/// Speaks past the test harness, which keeps what passing tests print to itself.
fn say(text: &str) {
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
}

/// Runs a tool in a directory; whether there is one.
fn run(dir: &Path, program: &str, args: &[&str]) -> bool {
    let output = match Command::new(program).args(args).current_dir(dir).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            say(&format!("skipped: there is no {program}"));
            return false;
        }
        output => output.unwrap(),
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {errors}", args.join(" "));
    true
}

/// Holds an archive to the layout that it was made from.
fn compare(store: &Store, source: &str, name: &str) -> String {
    let layout = open(store.path(), ".").unwrap().unwrap();
    let source = open(store.path(), source).unwrap().expect("the archive exists");
    assert_eq!(unpacked(&*source, name), unpacked(&*layout, "team/app:1.2"), "{source}");
    let config = |source: &dyn Source, name| find(source, name).unwrap().unwrap().configuration;
    assert_eq!(config(&*source, name), config(&*layout, "team/app:1.2"), "{source}");
    found(&*source, name)
}

#[test]
fn skopeo() {
    let store = layout();
    let copy = |to: &str| {
        let args = ["copy", "--quiet", "--insecure-policy", "oci:.:team/app:1.2", to];
        run(store.path(), "skopeo", &args)
    };
    if !copy("docker-archive:docker.tar:team/app:1.2") || !copy("oci-archive:oci.tar:team/app:1.2") {
        return;
    }
    let tags = ["--additional-tag", "docker.io/team/more:1"];
    let from = ["copy", "--quiet", "--insecure-policy", "oci:.:team/app:1.2"];
    run(store.path(), "skopeo", &[&from[..], &tags, &["docker-archive:tags.tar:team/app:1.2"]].concat());
    let digest = compare(&store, "docker.tar", "team/app:1.2");
    assert_eq!(compare(&store, "docker-archive:tags.tar", "team/more:1"), digest);
    assert_eq!(compare(&store, "docker-archive:docker.tar:team/app:1.2", "redis"), digest);
    assert_eq!(compare(&store, "docker-archive:docker.tar:@0", &format!("redis@{digest}")), digest);
    let manifest = compare(&store, ".", "team/app:1.2");
    for source in ["oci.tar", "oci-archive:oci.tar:team/app:1.2", "oci:.:team/app:1.2"] {
        compare(&store, source, "team/app:1.2");
    }
    assert_eq!(compare(&store, "oci:.:@0", &format!("redis@{manifest}")), manifest);
    if run(store.path(), "gzip", &["docker.tar"]) {
        assert_eq!(compare(&store, "docker.tar.gz", "redis"), digest);
    }
    if run(store.path(), "zstd", &["-q", "oci.tar"]) {
        compare(&store, "oci.tar.zst", "redis");
    }
}

#[test]
fn buildah() {
    let store = layout();
    let (root, runs) = (store.path().join("storage"), store.path().join("run"));
    let place = ["--root", root.to_str().unwrap(), "--runroot", runs.to_str().unwrap()];
    let buildah = |args: &[&str]| {
        let vfs = ["--storage-driver", "vfs"];
        run(store.path(), "buildah", &[&place[..], &vfs, args].concat())
    };
    // The tool makes a name of the path.
    std::os::unix::fs::symlink(".", store.path().join("images")).unwrap();
    // Storage of another user's takes user namespaces, which not every host gives.
    if !rustix::process::geteuid().is_root() || !buildah(&["pull", "--quiet", "oci:images:team/app:1.2"]) {
        return;
    }
    let image = find(&*open(store.path(), ".").unwrap().unwrap(), "team/app:1.2").unwrap().unwrap();
    let id = image.config.digest.hex();
    buildah(&["push", "--quiet", id, "docker-archive:docker.tar:team/app:1.2"]);
    buildah(&["push", "--quiet", id, "oci-archive:oci.tar:team/app:1.2"]);
    for source in [
        "docker.tar",
        "oci.tar",
        "docker-archive:docker.tar:team/app:1.2",
        "oci-archive:oci.tar:team/app:1.2",
    ] {
        compare(&store, source, "team/app:1.2");
    }
}
