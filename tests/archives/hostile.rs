//! Archives that lie.

use std::time::{Duration, Instant};

use bundlegen::image::DockerArchive;
use rustix::fs::{CWD, Mode};

use super::docker::Docker;
use super::*;

/// An OCI archive with the image `app`.
fn oci() -> Tar {
    let mut store = Store::new();
    store.name("app", store.image("amd64", &[layer("app")]));
    packed(&store)
}

/// Says that what follows is the end of a larger file.
const HOLES: [(&str, &[u8]); 3] =
    [("GNU.sparse.size", b"20"), ("GNU.sparse.numblocks", b"1"), ("GNU.sparse.map", b"10,10")];

#[test]
fn what_two_readers_would_read_differently_is_refused() {
    let size = |size: &[u8]| oci().pax(&[("size", size)]).raw(Head::new(b'0', "x").size(3), b"abc").end();
    let huge = oci().raw(Head::new(b'0', "huge").size(1 << 40), b"").end();
    let table = [
        (size(b"600"), "two sizes, 3 and 600"),
        (oci().pax(&HOLES).file("x", "0123456789").end(), "`x` has holes"),
        (oci().file("index.json", "{}").end(), "`index.json` is there twice"),
        (oci().symlink("blobs//sha256/../../x", "y").end(), "`blobs//sha256/../../x` is outside"),
        (oci().file("../../etc/passwd", "").end(), "`../../etc/passwd` is outside of the archive"),
        (oci().file("/etc/passwd", "").end(), "`/etc/passwd` is outside of the archive"),
        (huge, "it ends within `huge`"),
        (oci().file("x", "\u{1b}[2J").0[..][..oci().0.len() + 512].to_vec(), "it ends within `x`"),
        (oci().0[..700].to_vec(), "truncated"),
        (b"no archive at all".repeat(100), "header"),
        (b"short".to_vec(), "truncated"),
        (gzipped(&oci().end())[..200].to_vec(), "x.tar: "),
        ([gzipped(&oci().end()), b"trailing".to_vec()].concat(), "x.tar: "),
        (b"\xfd7zXZ\0".to_vec(), "decompress it with `xz --decompress`"),
        (b"BZh91AY".to_vec(), "decompress it with `bzip2 --decompress`"),
        (Vec::new(), "no images: neither"),
    ];
    for (bytes, want) in table {
        let error = File::new(&bytes).error("x.tar");
        assert!(error.contains(want), "{error}\n{want}");
        assert!(!error.contains('\u{1b}'), "{error}");
    }
}

#[test]
fn archives_are_files() {
    let file = File::new(b"");
    fs::remove_file(file.path()).unwrap();
    rustix::fs::mkfifoat(CWD, file.path(), Mode::RUSR).unwrap();
    for name in ["x.tar", "oci-archive:x.tar", "docker-archive:x.tar"] {
        assert!(file.error(name).contains("not a regular file"));
    }
}

#[test]
fn more_files_than_images_have_are_refused() {
    let mut tar = Tar::new();
    for number in 0..=32_768 {
        tar = tar.head(Head::new(b'0', &number.to_string()));
    }
    assert!(File::new(&tar.end()).error("x.tar").contains("more than 32768 files"));
    let mut tar = Tar::new();
    let directory = format!("{}/", "x".repeat(200));
    for number in 0..4600 {
        let name = format!("{number}/{}", directory.repeat(19));
        tar = tar.extension(b'L', name.as_bytes()).head(Head::new(b'2', "x"));
    }
    assert!(File::new(&tar.end()).error("x.tar").contains("or names of more than"));
}

#[test]
fn blobs_of_an_archive_are_verified() {
    let mut store = Store::new();
    let manifest = store.image("amd64", &[layer("app")]);
    store.name("app", manifest.clone());
    let blobs = store.path().join("blobs/sha256");
    let of = |media_type: &str| {
        let document: Value = serde_json::from_slice(&fs::read(blobs.join(hex(&manifest))).unwrap()).unwrap();
        if media_type == "config" { hex(&document["config"]) } else { hex(&document["layers"][0]) }
    };
    for (name, want) in [(hex(&manifest), "blob sha256:"), (of("config"), "blob sha256:")] {
        let kept = fs::read(blobs.join(&name)).unwrap();
        fs::write(blobs.join(&name), String::from_utf8_lossy(&kept).replace("amd64", "arm64") + " ").unwrap();
        let error = File::new(&packed(&store).end()).error("x.tar");
        assert!(error.starts_with(want) && error.contains(&name), "{error}");
        fs::remove_file(blobs.join(&name)).unwrap();
        let error = File::new(&packed(&store).end()).error("x.tar");
        assert!(error.contains("not in the OCI archive"), "{error}");
        // A link out of the archive is a name that it does not have.
        let tar = packed(&store).symlink(&format!("blobs/sha256/{name}"), "/etc/passwd");
        let error = File::new(&tar.end()).error("x.tar");
        assert!(error.contains("not in the OCI archive"), "{error}");
        let tar = packed(&store).head(Head::new(b'6', &format!("blobs/sha256/{name}")));
        let error = File::new(&tar.end()).error("x.tar");
        assert!(error.contains("not a regular file"), "{error}");
        fs::write(blobs.join(&name), kept).unwrap();
    }
    let path = blobs.join(of("layer"));
    let changed = fs::read(&path).unwrap();
    let changed = [&changed[..2000], b"x", &changed[2001..]].concat();
    fs::write(path, changed).unwrap();
    let file = File::new(&packed(&store).end());
    let error = unpack(&*file.open("x.tar").unwrap());
    assert!(error.contains("the blob is not what its digest says"), "{error}");
}

fn unpack(source: &dyn Source) -> String {
    let dir = tempfile::tempdir().unwrap();
    let image = find(source, "app").unwrap().unwrap();
    image::unpack(source, &image, dir.path()).unwrap_err().to_string()
}

#[test]
fn what_docker_lists_is_in_the_archive_and_what_it_says() {
    let config = Store::configuration("amd64", &[layer("app")]).to_string();
    let name = format!("{}.json", Digest::sha256(config.as_bytes()).hex());
    let with = |config_name: &str, layer: &str| {
        Docker::new().bytes(&name, config.as_bytes()).list(&["app"], config_name, &[layer])
    };
    let other = format!("blobs/sha256/{}", "0".repeat(64));
    let mut link = with(&name, "a");
    link.tar = link.tar.symlink("a", "b").symlink("b", "c").file("c", "");
    let mut outside = with(&name, "a");
    outside.tar = outside.tar.symlink("a", "../../../etc/passwd");
    let mut device = with(&name, "a");
    device.tar = device.tar.head(Head::new(b'3', "a").device(1, 5));
    let mut directory = with(&name, "a");
    directory.tar = directory.tar.dir("a");
    let table = [
        (with("../../etc/passwd", "a"), "etc/passwd: not in the archive, but in its `manifest.json`"),
        (with("/etc/passwd", "a"), "etc/passwd: not in the archive"),
        (with(&name, "/etc/passwd"), "etc/passwd: not in the archive"),
        (with(&name, "\u{1b}[2J"), "u{1b}[2J: not in the archive"),
        (link, "a: not a regular file"),
        (outside, "a: not in the archive"),
        (device, "a: not a regular file"),
        (directory, "a: not in the archive"),
        (with(&other, "a").bytes(&other, config.as_bytes()), "and not sha256:0000"),
        (with("c", "a").bytes("c", b"{}"), "c: not an image configuration"),
        (with("c", "a").bytes("c", &vec![b' '; 5 << 20]), "c: 5242880 bytes, and the limit is"),
        (
            Docker::new().bytes(&name, config.as_bytes()).list(&["app"], &name, &["a", "b"]),
            "1 diff_ids, but 2 layers",
        ),
        (
            Docker::new().bytes(&name, config.as_bytes()).list(&["app"], &name, &[]),
            "1 diff_ids, but 0 layers",
        ),
    ];
    for (docker, want) in table {
        let error = File::new(&docker.end()).error("x.tar");
        assert!(error.contains(want) && !error.contains('\u{1b}'), "{error}\n{want}");
    }
    let file = File::new(&with(&name, "a").bytes("a", &[0; 1024]).end());
    let error = unpack(&*file.open("x.tar").unwrap());
    assert!(error.contains("the blob is not what its digest says"), "{error}");
}

#[test]
fn the_list_of_docker_is_small_and_well_formed() {
    let table = [
        ("{}".to_owned(), "manifest.json: "),
        ("null".into(), "manifest.json: "),
        (r#"[{"Config":"a","Config":"b"}]"#.into(), "duplicate field"),
        (r#"[{"RepoTags":[]}]"#.into(), "missing field `Config`"),
        ("[".repeat(100_000), "manifest.json: "),
        (format!("[{}]", " ".repeat(1 << 20)), "manifest.json: 1048578 bytes, and the limit is 1048576"),
        ("[]".into(), "has no image"),
        ("\"\\nline\"".into(), "manifest.json: "),
    ];
    for (list, want) in table {
        let error = File::new(&Tar::new().file("manifest.json", &list).end()).error("x.tar");
        assert!(error.contains(want) && !error.contains('\n'), "{error}\n{want}");
    }
    let index = r#"{"schemaVersion":2,"manifests":[{"digest":"a\nb:c","size":1}]}"#;
    let tar = Tar::new().file("index.json", index).file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    let error = File::new(&tar.end()).error("x.tar");
    assert!(error.contains("unknown digest algorithm `a\\nb`"), "{error}");
    let mut docker = Docker::new().bytes("c", &vec![b' '; 3 << 20]);
    for _ in 0..6 {
        docker = docker.list(&["app"], "c", &[]);
    }
    let error = File::new(&docker.end()).error("x.tar");
    assert!(error.contains("the configurations of its images have more than"), "{error}");
}

#[test]
fn thousands_of_images_take_little_time() {
    let mut docker = Docker::new();
    let mut blob = gzip(b"");
    blob.bytes.resize(8 << 20, 0);
    docker = docker.image(&["first"], &[layer("app")]);
    docker.tar = docker.tar.raw(Head::new(b'0', "large").size(blob.bytes.len() as u64), &blob.bytes);
    let config = Store::configuration("amd64", &[blob]).to_string();
    docker = docker.bytes("c", config.as_bytes());
    for number in 0..9000 {
        docker = docker.list(&[&format!("image:{number}")], "c", &["large"]);
    }
    let file = File::new(&docker.end());
    let begun = Instant::now();
    let archive = DockerArchive::open(&file.path()).unwrap().unwrap();
    assert!(image::by_manifest(&archive, &Digest::sha256(b"missing")).unwrap().is_none());
    assert!(find(&archive, "image:8999").unwrap().is_some());
    assert!(find(&archive, "missing").unwrap().is_none());
    let error = find(&*file.open("x.tar").unwrap(), "missing").unwrap_err();
    assert!(error.contains("image:8 and 8991 more; choose one"), "{error}");
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn indexes_that_list_each_other_end() {
    let mut store = Store::new();
    let mut inner = store.image("arm64", &[]);
    for _ in 0..4 {
        inner = store.json(support::INDEX, &json!({"schemaVersion": 2, "manifests": vec![inner; 2000]}));
    }
    store.name("app", inner.clone());
    let file = File::new(&packed(&store).end());
    let begun = Instant::now();
    assert!(file.error("x.tar").contains("only for linux/arm64"));
    let pinned = format!("app@sha256:{}", "0".repeat(64));
    assert!(find(&*file.open("oci-archive:x.tar:app").unwrap(), &pinned).is_err());
    assert!(begun.elapsed() < Duration::from_secs(20));
    let deeper = store.json(support::INDEX, &json!({"schemaVersion": 2, "manifests": [inner]}));
    store.name("deep", deeper);
    let file = File::new(&packed(&store).end());
    let error = find(&*file.open("x.tar").unwrap(), "deep").unwrap_err();
    assert!(error.contains("more than 4 indexes inside each other"), "{error}");
}

#[test]
fn documents_have_a_limit_in_all() {
    let mut store = Store::new();
    let mut config = Store::configuration("arm64", &[]);
    config["author"] = "x".repeat(3 << 20).into();
    let config = store.json(support::CONFIG, &config);
    let manifest = |number: usize| {
        let annotations = json!({"number": number.to_string()});
        let document =
            json!({"schemaVersion": 2, "config": config, "layers": [], "annotations": annotations});
        store.json(support::MANIFEST, &document)
    };
    let manifests: Vec<_> = (0..30).map(manifest).collect();
    let index = store.json(support::INDEX, &json!({"schemaVersion": 2, "manifests": manifests}));
    store.name("app", index);
    let error = File::new(&packed(&store).end()).error("x.tar");
    assert!(error.contains("more than 67108864 bytes of documents"), "{error}");
}
