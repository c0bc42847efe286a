//! Layers, honest and evil, applied to a directory.
//!
//! As root everything is checked; as another user the parts about owners and devices are left out.
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
    reason = "speed does not matter here, and a skip is printed"
)]

mod support;
#[path = "support/trees.rs"]
mod trees;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use bundlegen::image::{self, Layout, Limits, Report};
use support::{Blob, Head, Store, Tar, gzip, pax_record, plain, zstd};
use tempfile::TempDir;
use trees::describe;

/// A root in a directory of its own, beside which a canary lies.
struct Unpacked {
    dir: TempDir,
    result: Result<Report, String>,
}

impl Unpacked {
    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    fn exists(&self, path: &str) -> bool {
        fs::symlink_metadata(self.root().join(path)).is_ok()
    }

    fn mode(&self, path: &str) -> u32 {
        fs::symlink_metadata(self.root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}")).mode()
    }

    fn error(&self) -> &str {
        self.result.as_ref().expect_err("it should be refused")
    }

    fn ok(self) -> Self {
        self.result.as_ref().unwrap_or_else(|e| panic!("{e}"));
        self
    }
}

fn unpack_blobs(blobs: &[Blob], limits: Limits) -> Unpacked {
    let store = Store::new();
    let manifest = store.image("amd64", blobs);
    let layout = Layout::open(store.path()).unwrap().unwrap();
    let digest = manifest["digest"].as_str().unwrap().parse().unwrap();
    let image = image::by_manifest(&layout, &digest).unwrap().unwrap();
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("outside")).unwrap();
    fs::write(dir.path().join("outside/canary"), "alive").unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    let result = image::unpack_within(&layout, &image, &root, limits).map_err(|error| error.to_string());
    let outside: Vec<_> = fs::read_dir(dir.path().join("outside")).unwrap().collect();
    assert_eq!(outside.len(), 1, "something was made outside");
    let metadata = fs::metadata(dir.path().join("outside")).unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o755 & !umask(), "the mode outside was changed");
    assert_eq!(fs::read_to_string(dir.path().join("outside/canary")).unwrap(), "alive");
    Unpacked { dir, result }
}

fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("Umask:")).unwrap();
    u32::from_str_radix(line.trim_start_matches("Umask:").trim(), 8).unwrap()
}

fn unpack(layers: Vec<Tar>) -> Unpacked {
    let blobs: Vec<_> = layers.into_iter().map(|layer| gzip(&layer.end())).collect();
    unpack_blobs(&blobs, Limits::default())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn files_directories_and_links() {
    let long = "d/".repeat(60) + "file";
    let layers = vec![
        Tar::new()
            .dir("./")
            .dir("usr")
            .head(Head::new(b'5', "usr/bin").mode(0o2775))
            .symlink("bin", "usr/bin")
            .symlink("abs", "/usr/bin")
            .head(Head::new(b'0', "bin/sh").mode(0o4755))
            .file("abs/ls", "ls")
            .hard_link("usr/bin/dir", "bin/ls")
            .hard_link("bin2", "bin")
            .head(Head::new(b'5', "tmp").mode(0o1777))
            .head(Head::new(b'5', "sealed").mode(0o555))
            .file("sealed/file", "inside")
            .file("implied/by/file", "x")
            .symlink("later", "./new/../new/place")
            .file("later/file", "through")
            .head(Head::new(b'6', "fifo").mode(0o666))
            .file("over", "old")
            .file("over", "new")
            .file("/absolute", "inside"),
        Tar::new()
            .extension(b'L', format!("{long}\0").as_bytes())
            .file("short", "gnu")
            .pax(&[("path", b"p/\xc3\xa4"), ("mtime", b"-1.25")])
            .file("short", "pax"),
    ];
    let root = unpack(layers).ok();
    assert_eq!(root.mode("usr/bin") & 0o7777, 0o2775);
    assert_eq!(root.mode("usr/bin/sh") & 0o7777, 0o4755);
    assert_eq!(root.mode("tmp") & 0o7777, 0o1777);
    assert_eq!(root.mode("sealed") & 0o7777, 0o555);
    assert_eq!(root.mode("implied/by") & 0o7777, 0o755);
    assert_eq!(root.mode("fifo"), 0o010_666);
    assert_eq!(root.read("usr/bin/ls"), "ls");
    let metadata = |path: &str| fs::symlink_metadata(root.root().join(path)).unwrap();
    assert_eq!(metadata("usr/bin/dir").ino(), metadata("usr/bin/ls").ino());
    assert!(metadata("bin2").is_symlink(), "a hard link to a symlink is that symlink");
    assert_eq!(root.read("new/place/file"), "through");
    assert_eq!(root.read("over"), "new");
    assert_eq!(root.read("absolute"), "inside");
    assert_eq!(root.read(&long), "gnu");
    assert_eq!(root.read("p/ä"), "pax");
    assert_eq!((metadata("p/ä").mtime(), metadata("p/ä").mtime_nsec()), (-2, 750_000_000));
    for path in ["usr", "usr/bin", "bin", "sealed", "tmp", "fifo", "over", ""] {
        assert_eq!(metadata(path).mtime(), 1_000_000_000, "{path}");
    }
    assert!(!root.exists("short"));
}

#[test]
fn a_layer_changes_what_is_below() {
    let lower = Tar::new()
        .dir("d")
        .file("d/old", "old")
        .dir("keep")
        .file("keep/file", "kept")
        .file("f", "file")
        .symlink("l", "d")
        .dir("t")
        .file("t/x", "x")
        .file("gone", "")
        .file("e/f", "");
    let upper = Tar::new()
        .head(Head::new(b'5', "keep").mode(0o700))
        .file("d", "now a file")
        .dir("f")
        .file("f/inside", "now a directory")
        .dir("l")
        .file("l/own", "not in d")
        .symlink("t", "keep")
        .file(".wh.gone", "")
        .file(".wh.never", "")
        .file("e/.wh.f", "")
        .file("none/.wh.x", "");
    let root = unpack(vec![lower, upper]).ok();
    assert_eq!(root.read("d"), "now a file");
    assert_eq!(root.read("f/inside"), "now a directory");
    assert_eq!(root.mode("l") & 0o170_000, 0o040_000, "a directory replaces a link");
    assert_eq!(root.read("l/own"), "not in d");
    assert_eq!(root.read("t/file"), "kept");
    assert_eq!(root.mode("keep") & 0o777, 0o700);
    assert!(!root.exists("gone") && !root.exists("e/f") && root.exists("e") && !root.exists("none"));
}

#[test]
fn whiteouts_spare_their_own_layer() {
    let lower = || {
        Tar::new()
            .dir("a")
            .dir("a/b")
            .file("a/b/old", "")
            .file("a/old", "")
            .file("a/both", "old")
            .symlink("link", "a")
            .file("x", "lower")
    };
    let check = |upper: Tar, what: &str| {
        let root = unpack(vec![lower(), upper]).ok();
        assert!(!root.exists("a/old") && !root.exists("a/b/old"), "{what}");
        assert_eq!(root.read("a/b/new"), "new", "{what}");
        assert_eq!(root.read("a/both"), "new", "{what}");
    };
    let opaque = |tar: Tar| tar.file("a/.wh..wh..opq", "");
    let news = |tar: Tar| tar.file("a/b/new", "new").file("a/both", "new");
    check(news(opaque(Tar::new().dir("a"))), "opaque first");
    check(opaque(news(Tar::new().dir("a"))), "opaque last");
    check(opaque(Tar::new().file("link/b/new", "new").file("link/both", "new")), "made through a link");
    check(news(Tar::new().file(".wh.a", "")), "whiteout first");
    check(news(Tar::new().dir("a")).file(".wh.a", ""), "whiteout last");
    check(news(Tar::new()).file("link/.wh..wh..opq", ""), "opaque through a link");

    // A new name for an old file does not save the old name.
    let root = unpack(vec![lower(), Tar::new().hard_link("y", "x").file(".wh.x", "")]).ok();
    assert_eq!(root.read("y"), "lower");
    assert!(!root.exists("x"));
    // What one layer writes is below the next.
    let root = unpack(vec![lower(), Tar::new().file("a/mid", ""), opaque(Tar::new().file("a/top", ""))]).ok();
    assert!(root.exists("a/top") && !root.exists("a/mid") && !root.exists("a/b"));
    let root = unpack(vec![lower(), Tar::new().file(".wh..wh..opq", "").file("only", "")]).ok();
    assert_eq!(fs::read_dir(root.root()).unwrap().count(), 1);
}

/// CVE-2014-9356 and its kin: nothing is ever made or read outside, whatever leads there.
#[test]
fn nothing_leads_outside() {
    let refused = [
        ("..", Tar::new().file("../evil", "")),
        ("..", Tar::new().file("a/../../evil", "")),
        ("..", Tar::new().file("../outside/evil", "")),
        ("..", Tar::new().dir("../outside")),
        ("..", Tar::new().file("../outside/.wh.canary", "")),
        ("..", Tar::new().file("../outside/.wh..wh..opq", "")),
        ("..", Tar::new().pax(&[("path", b"../outside/evil")]).file("x", "")),
        ("hard link", Tar::new().hard_link("h", "../outside/canary")),
        ("hard link", Tar::new().symlink("l", "../outside").hard_link("h", "l/canary")),
        ("hard link", Tar::new().hard_link("h", "/outside/canary")),
        ("hard link", Tar::new().dir("d").hard_link("h", "d")),
        ("itself", Tar::new().file("f", "x").hard_link("f", "./f")),
        ("root is no directory", Tar::new().symlink(".", "/tmp")),
        ("root is no directory", Tar::new().symlink("/.", "../outside")),
        ("root is no directory", Tar::new().symlink("./", "../outside")),
        ("root is no directory", Tar::new().file("/", "")),
        ("root is no directory", Tar::new().file("", "")),
        ("`f/x`", Tar::new().file("f", "").file("f/x", "")),
        ("`l/x`", Tar::new().symlink("l", "l").file("l/x", "")),
        ("NUL", Tar::new().pax(&[("path", b"a\0b")]).file("x", "")),
    ];
    for (want, layer) in refused {
        let root = unpack(vec![layer]);
        assert!(root.error().contains(want), "{}\n{want}", root.error());
    }
    let outside = "../../outside";
    let inside = [
        vec![Tar::new().symlink("l", outside).file("l/evil", "")],
        vec![Tar::new().symlink("l", outside).dir("l").file("l/evil", "")],
        vec![Tar::new().symlink("l", outside).file("l", "no link now")],
        vec![Tar::new().symlink("l", "../outside/canary"), Tar::new().file("l", "new")],
        vec![Tar::new().symlink("l", outside).head(Head::new(b'5', "l").mode(0o777))],
        vec![Tar::new().symlink("l", outside), Tar::new().head(Head::new(b'5', "l").mode(0o777))],
        vec![Tar::new().symlink("l", outside), Tar::new().file("l/.wh.canary", "")],
        vec![Tar::new().symlink("l", outside), Tar::new().file("l/.wh..wh..opq", "")],
        vec![Tar::new().symlink("l", outside), Tar::new().file(".wh.l", "")],
        vec![
            Tar::new()
                .dir("d")
                .symlink("d/up", "../..")
                .symlink("d/out", "up/outside")
                .file("d/out/evil", ""),
        ],
        vec![Tar::new().symlink("l", outside).hard_link("h", "l").file("h", "new")],
        vec![Tar::new().symlink("l", outside).hard_link("h", "l").file("h/evil", "new")],
    ];
    for layers in inside {
        unpack(layers).ok();
    }
}

#[test]
fn odd_whiteouts_are_refused() {
    for path in [".wh.", ".wh..", "a/.wh...", ".wh..wh.foo", ".wh..wh..wh..opq", ".wh.d/file"] {
        let root = unpack(vec![Tar::new().dir("a"), Tar::new().file(path, "")]);
        assert!(root.error().contains("whiteout"), "{path}: {}", root.error());
    }
}

/// The class of CVE-2025-62518: an archive is what every reader agrees on, or it is refused.
#[test]
fn archives_with_two_meanings_are_refused() {
    let hidden = Tar::new().file("hidden", "evil").0;
    let mut bad_sum = Head::new(b'0', "x");
    bad_sum.0.as_mut_bytes()[0] = b'y';
    let mut corrupt = Tar::new().file("x", "");
    corrupt.0[0] = b'z';
    let pax = |text: &[u8]| Tar::new().extension(b'x', text).file("x", "");
    let two = |kind: u8| Tar::new().extension(kind, b"8 ab=cd\n").extension(kind, b"8 ab=cd\n").file("x", "");
    let table = [
        ("two sizes", Tar::new().pax(&[("size", b"0")]).raw(Head::new(b'0', "x").size(1024), &hidden)),
        ("two sizes", Tar::new().pax(&[("size", b"7")]).file("x", "12345678")),
        ("malformed", pax(b"11 path=x\n")),
        ("malformed", pax(b"8 path=x\n")),
        ("malformed", pax(b"10 path=xy")),
        ("malformed", pax(b"99999999999999999999 path=x\n")),
        ("malformed", pax(b"path=x\n")),
        ("malformed", pax(b"6 size\n")),
        ("malformed number", pax(&pax_record("size", b"-1"))),
        ("malformed number", pax(&pax_record("size", b"0x10"))),
        ("malformed time", pax(&pax_record("mtime", b"now"))),
        ("unknown version", pax(&pax_record("GNU.sparse.major", b"1"))),
        ("not GNU's", Tar::new().head(Head::new(b'S', "x"))),
        ("unknown type", Tar::new().head(Head::new(b'Z', "x"))),
        ("two extended headers", two(b'x')),
        ("two extended headers", two(b'L')),
        ("two extended headers", two(b'K')),
        ("two long names", Tar::new().extension(b'L', b"a").pax(&[("path", b"b")]).file("x", "")),
        ("without its entry", Tar::new().pax(&[("path", b"b")])),
        ("has content", Tar::new().raw(Head::new(b'5', "x").size(512), &hidden[..512])),
        ("has content", Tar::new().raw(Head::new(b'2', "x").target("y").size(512), &hidden[..512])),
        ("checksum", corrupt),
        ("after the end", Tar([vec![0; 512], hidden.clone()].concat())),
        ("out of range", Tar::new().pax(&[("uid", b"4294967295")]).file("x", "")),
        ("out of range", Tar::new().head(Head::new(b'0', "x").owner(1 << 40, 0))),
        ("limit is", Tar::new().raw(Head::new(b'x', "x").size(2 << 20), &vec![b'1'; 2 << 20])),
        ("limit is", Tar::new().raw(Head::new(b'L', "x").size(2 << 20), &vec![b'1'; 2 << 20])),
        ("too long", Tar::new().extension(b'L', "d/".repeat(3000).as_bytes()).file("x", "")),
    ];
    for (want, layer) in table {
        let root = unpack(vec![layer]);
        assert!(root.error().contains(want), "{}\n{want}", root.error());
        assert!(!root.exists("hidden"), "{want}");
    }
    // The extended header is right where the other one has no size, as for files of more than 8 GiB.
    let head = Head::new(b'0', "big");
    let content = [vec![b'x'; 700], vec![0; 324]].concat();
    let root = unpack(vec![Tar::new().pax(&[("size", b"700")]).raw(head, &content).file("next", "n")]).ok();
    assert_eq!((root.read("big").len(), root.read("next").as_str()), (700, "n"));
    // Line feeds may be part of a value.
    let root =
        unpack(vec![Tar::new().pax(&[("comment", b"a\n5 x=\n"), ("path", b"a\nb")]).file("x", "ok")]).ok();
    assert_eq!(root.read("a\nb"), "ok");
    // What is said about all entries is ignored, as Docker does.
    let root = unpack(vec![Tar::new().extension(b'g', &pax_record("path", b"evil")).file("x", "ok")]).ok();
    assert_eq!(root.read("x"), "ok");
}

/// CVE-2021-20291: what is truncated, longer or different ends in an error and not in waiting.
#[test]
fn blobs_are_verified() {
    let tar = Tar::new().file("file", &"content ".repeat(1000)).end();
    for good in [plain(tar.clone()), gzip(&tar), zstd(&tar)] {
        assert_eq!(unpack_blobs(&[good], Limits::default()).ok().read("file").len(), 8000);
    }
    let truncated = |mut blob: Blob| {
        blob.bytes.truncate(blob.bytes.len() / 2);
        blob
    };
    let typed = |mut blob: Blob, suffix: &str| {
        blob.media_type = format!("{}{suffix}", support::TAR);
        blob
    };
    let other = |mut blob: Blob| {
        blob.diff_id = bundlegen::image::Digest::sha256(b"other").to_string();
        blob
    };
    let trailing = |mut blob: Blob| {
        blob.bytes.extend(b"trailing");
        blob
    };
    let mut cut = tar.clone();
    cut.truncate(1024 + 100);
    let mut in_header = tar.clone();
    in_header.truncate(300);
    let table = [
        ("layer", truncated(gzip(&tar))),
        ("layer", truncated(zstd(&tar))),
        ("diff", truncated(plain(tar.clone()))),
        ("truncated", plain(cut)),
        ("truncated", plain(in_header)),
        ("layer", trailing(gzip(&tar))),
        ("layer", trailing(zstd(&tar))),
        ("and not sha256:", other(gzip(&tar))),
        ("and not sha256:", other(plain(tar.clone()))),
        ("the content is gzip, but its type", typed(gzip(&tar), "")),
        ("the content is gzip, but its type", typed(gzip(&tar), "+zstd")),
        ("the content is not compressed, but", typed(plain(tar.clone()), "+gzip")),
        ("not supported", typed(plain(tar.clone()), "+bzip2")),
    ];
    for (want, blob) in table {
        let root = unpack_blobs(&[blob], Limits::default());
        assert!(want == "diff" || root.error().contains(want), "{}\n{want}", root.error());
        root.error();
    }
}

/// As umoci ends an archive: without the end, and without what fills the last block. Go's reader does without both.
#[test]
fn an_archive_may_end_with_the_last_content() {
    let mut tar = Tar::new().file("first", "1").file("last", "content").0;
    tar.truncate(3 * 512 + "content".len());
    for blob in [plain(tar.clone()), gzip(&tar)] {
        let root = unpack_blobs(&[blob], Limits::default()).ok();
        assert_eq!((root.read("first"), root.read("last")), ("1".to_owned(), "content".to_owned()));
    }
}

#[test]
fn a_blob_that_was_changed_is_refused() {
    let store = Store::new();
    let blob = gzip(&Tar::new().file("f", "x").end());
    let manifest = store.image("amd64", std::slice::from_ref(&blob));
    let layout = Layout::open(store.path()).unwrap().unwrap();
    let image =
        image::by_manifest(&layout, &manifest["digest"].as_str().unwrap().parse().unwrap()).unwrap().unwrap();
    let path = store.path().join("blobs/sha256").join(image.layers[0].digest.hex());
    let mut changed = blob.bytes;
    changed.push(0);
    fs::write(&path, &changed).unwrap();
    let root = tempfile::tempdir().unwrap();
    let error = image::unpack(&layout, &image, root.path()).unwrap_err().to_string();
    assert!(error.contains("more than its"), "{error}");
    fs::remove_file(&path).unwrap();
    let root = tempfile::tempdir().unwrap();
    let error = image::unpack(&layout, &image, root.path()).unwrap_err().to_string();
    assert!(error.contains("not in the OCI layout"), "{error}");
    fs::write(root.path().join("x"), "").unwrap();
    let error = image::unpack(&layout, &image, root.path()).unwrap_err().to_string();
    assert!(error.contains("not an empty directory"), "{error}");
}

#[test]
fn bombs_have_an_end() {
    let limits = Limits { entries: 10, bytes: 1 << 20, ..Limits::default() };
    let many = (0..11).fold(Tar::new(), |tar, i| tar.file(&format!("f{i}"), ""));
    assert!(unpack_blobs(&[gzip(&many.end())], limits).error().contains("more than 10 entries"));
    let zeros = "\0".repeat(4 << 20);
    let large = Tar::new().file("zeros", &zeros).end();
    for blob in [gzip(&large), zstd(&large)] {
        assert!(unpack_blobs(&[blob], limits).error().contains("too much content"));
    }
    let half = || gzip(&Tar::new().file("half", &zeros[..600 << 10]).end());
    assert!(unpack_blobs(&[half(), half()], limits).error().contains("too much content"));
    let after = [Tar::new().file("f", "x").end(), zeros.clone().into_bytes()].concat();
    assert!(unpack_blobs(&[gzip(&after)], limits).error().contains("too much content"));
    // Links let a path lead deeper than a path may be long.
    let deep = (0..4).fold(Tar::new(), |tar, i| {
        let path = "d/".repeat(200);
        let base = if i == 0 { String::new() } else { format!("l{}/", i - 1) };
        tar.extension(b'L', format!("{base}{path}\0").as_bytes())
            .head(Head::new(b'5', "x"))
            .extension(b'K', format!("{base}{path}\0").as_bytes())
            .symlink(&format!("l{i}"), "x")
    });
    assert!(unpack(vec![deep]).error().contains("inside each other"));
}

#[test]
fn limits_are_named() {
    let small = |limits| unpack_blobs(&[gzip(&Tar::new().file("a/b/c", "").end())], limits);
    let limits = Limits { entries: 2, ..Limits::default() };
    assert!(small(limits).error().contains("more than 2 entries"), "directories without an entry count");
    let limits = Limits { layers: 0, ..Limits::default() };
    assert!(small(limits).error().contains("1 layers, and the limit is 0"));
    let name = "n".repeat(256);
    let layer = Tar::new().extension(b'L', name.as_bytes()).file("x", "");
    assert!(unpack(vec![layer]).error().contains("a name of 256 bytes, and the limit is 255"));
    let deep = |depth: usize| {
        let path = ["d"; 513][..depth].join("/");
        unpack(vec![Tar::new().extension(b'L', format!("{path}\0").as_bytes()).dir("x")])
    };
    deep(512).ok();
    assert!(deep(513).error().contains("more than 512 directories inside each other"));
    let layer = Tar::new().pax(&[("SCHILY.xattr.user.large", &vec![b'x'; 70_000])]).file("x", "");
    let root = unpack(vec![layer]);
    assert!(
        root.result.is_ok() || root.error().contains("the extended attribute `user.large` of 70000 bytes")
    );
}

/// Content that is compressed better than content is.
#[test]
fn bombs_are_seen_before_they_fill_the_disk() {
    // An empty archive, and what follows it is read and not written.
    let zeros = vec![0; 64 << 20];
    let mut bytes = Vec::new();
    let mut encoder = zstd::Encoder::new(&mut bytes, 1).unwrap();
    for _ in 0..24 {
        std::io::Write::write_all(&mut encoder, &zeros).unwrap();
    }
    encoder.finish().unwrap();
    let blob = Blob { media_type: format!("{}+zstd", support::TAR), bytes, ..zstd(b"") };
    let root = unpack_blobs(&[blob], Limits::default());
    assert!(root.error().contains("more than 250 times"), "{}", root.error());
}

/// Maps of holes are held to the file and to what is stored, as Go's `archive/tar` does.
#[test]
fn hostile_maps_of_holes_are_refused() {
    let pax = |map: &'static str, stored: &'static str| {
        let records: &[(&str, &[u8])] =
            &[("GNU.sparse.map", map.as_bytes()), ("GNU.sparse.size", b"20"), ("GNU.sparse.name", b"holes")];
        Tar::new().pax(records).file("x", stored)
    };
    let inside = |map: &str| {
        let records: &[(&str, &[u8])] = &[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.realsize", b"20"),
            ("GNU.sparse.name", b"holes"),
        ];
        let mut content = map.as_bytes().to_vec();
        content.resize(content.len().next_multiple_of(512), 0);
        content.extend(b"ab");
        Tar::new().pax(records).raw(Head::new(b'0', "x").size(content.len() as u64), &content)
    };
    let root = unpack(vec![pax("2,3,10,2", "abcde")]).ok();
    assert_eq!(root.read("holes"), "\0\0abc\0\0\0\0\0de\0\0\0\0\0\0\0\0");
    assert!(!root.exists("x"), "the name in the header is for those who know no holes");
    let root = unpack(vec![inside("2\n0\n1\n19\n1\n").file("next", "n")]).ok();
    assert_eq!((root.read("holes").len(), root.read("next").as_str()), (20, "n"));
    let huge = "1\n".repeat(600_000);
    let refused = [
        ("overlap or are out of order", pax("10,2,2,3", "abcde")),
        ("overlap or are out of order", pax("2,3,4,2", "abcde")),
        ("beyond the file's 20 bytes", pax("18,3,20,2", "abcde")),
        ("beyond the file's 20 bytes", pax("18446744073709551615,5", "abcde")),
        ("for 4 bytes of content, and there are 5", pax("2,4", "abcde")),
        ("for 6 bytes of content, and there are 5", pax("2,6", "abcde")),
        ("malformed number", pax("2,-3", "abcde")),
        ("not as long as it says", pax("2,5,7", "abcde")),
        ("without the size", Tar::new().pax(&[("GNU.sparse.map", b"0,1")]).file("x", "a")),
        ("misplaced", Tar::new().pax(&[("GNU.sparse.numbytes", b"1")]).file("x", "a")),
        ("unknown version", Tar::new().pax(&[("GNU.sparse.major", b"2")]).file("x", "a")),
        (
            "what is no file",
            Tar::new().pax(&[("GNU.sparse.map", b"0,0"), ("GNU.sparse.size", b"1")]).dir("x"),
        ),
        ("malformed", inside("x\n")),
        ("malformed", inside("99999999999999999999999\n")),
        ("malformed, truncated or too long", inside(&format!("99999999\n{huge}"))),
        ("for 3 bytes of content, and there are 2", inside("1\n0\n3\n")),
        (
            "with holes, and the limit is",
            Tar::new()
                .pax(&[("GNU.sparse.map", b"0,0"), ("GNU.sparse.size", b"9000000000000")])
                .file("x", ""),
        ),
    ];
    for (want, layer) in refused {
        let root = unpack(vec![layer]);
        assert!(root.error().contains(want), "{}\n{want}", root.error());
    }
}

/// What the directory has inherited, or hands down, is not in the image.
#[test]
fn nothing_is_inherited() {
    let store = Store::new();
    let layer = Tar::new()
        .head(Head::new(b'5', "group").mode(0o2775).owner(0, 50))
        .dir("group/inner")
        .file("group/file", "")
        .file("group/implied/file", "");
    let manifest = store.image("amd64", &[gzip(&layer.end())]);
    let layout = Layout::open(store.path()).unwrap().unwrap();
    let image =
        image::by_manifest(&layout, &manifest["digest"].as_str().unwrap().parse().unwrap()).unwrap().unwrap();
    let root = tempfile::tempdir().unwrap();
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    fs::set_permissions(root.path(), mode(0o2777)).unwrap();
    if is_root() {
        std::os::unix::fs::chown(root.path(), None, Some(77)).unwrap();
        fs::set_permissions(root.path(), mode(0o2777)).unwrap();
    }
    image::unpack(&layout, &image, root.path()).unwrap();
    let own = rustix::process::getegid().as_raw();
    for (path, mode) in [
        ("", 0o755),
        ("group/inner", 0o755),
        ("group/file", 0o644),
        ("group/implied", 0o755),
        ("group/implied/file", 0o644),
    ] {
        let data = fs::metadata(root.path().join(path)).unwrap();
        assert_eq!((data.mode() & 0o7777, data.gid()), (mode, own), "{path}");
    }
}

#[test]
fn owners_devices_and_attributes() {
    let capability: &[u8] = &[1, 0, 0, 2, 10, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let layer = Tar::new()
        .pax(&[
            ("SCHILY.xattr.security.capability", capability),
            ("SCHILY.xattr.user.note", b"a\nb=c"),
            ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
            ("SCHILY.xattr.security.selinux", b"x"),
        ])
        .head(Head::new(b'0', "ping").owner(1000, 1001).mode(0o2755))
        .head(Head::new(b'2', "link").target("/etc/shadow").owner(1000, 1001))
        .head(Head::new(b'5', "home").owner(1000, 1001).mode(0o700))
        .head(Head::new(b'3', "null").device(1, 3).mode(0o666))
        .head(Head::new(b'4', "disk").device(7, 300).mode(0o660).owner(0, 6));
    let root = unpack(vec![layer]);
    let report = *root.result.as_ref().unwrap();
    assert_eq!(report.entries, 5);
    assert_eq!(root.mode("ping") & 0o777, 0o755);
    assert_eq!(root.mode("home") & 0o777, 0o700);
    let ping = fs::File::open(root.root().join("ping")).unwrap();
    let get = |name: &str| {
        let mut value = vec![0; 64];
        rustix::fs::fgetxattr(&ping, name, value.as_mut_slice()).map(|n| value[..n].to_vec())
    };
    assert!(
        get("trusted.overlay.redirect").is_err() && get("security.selinux").is_err_and(|_| true)
            || !is_root()
    );
    if !is_root() {
        println!("skipped: only root can give files away and make devices");
        assert_eq!((report.owners, report.devices), (4, 2), "the place of a device has an owner too");
        return;
    }
    assert_eq!((report.owners, report.devices), (0, 0));
    if report.xattrs == 2 {
        assert_eq!(get("user.note").unwrap(), b"a\nb=c");
        assert_eq!(get("security.capability").unwrap(), capability);
    } else {
        println!("skipped: the file system of the temporary directory has no extended attributes");
    }
    assert_eq!(root.mode("ping") & 0o7777, 0o2755);
    for path in ["ping", "link", "home"] {
        let metadata = fs::symlink_metadata(root.root().join(path)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (1000, 1001), "{path}");
    }
    let null = fs::symlink_metadata(root.root().join("null")).unwrap();
    assert!(null.file_type().is_char_device());
    assert_eq!((null.mode() & 0o777, null.rdev()), (0o666, rustix::fs::makedev(1, 3)));
    let disk = fs::symlink_metadata(root.root().join("disk")).unwrap();
    assert!(disk.file_type().is_block_device());
    assert_eq!((disk.mode() & 0o777, disk.rdev(), disk.gid()), (0o660, rustix::fs::makedev(7, 300), 6));
}

fn peek(layers: Vec<Tar>, path: &str) -> Result<Option<String>, String> {
    let blobs: Vec<_> = layers.into_iter().map(|layer| gzip(&layer.end())).collect();
    let store = Store::new();
    let manifest = store.image("amd64", &blobs);
    let layout = Layout::open(store.path()).unwrap().unwrap();
    let image =
        image::by_manifest(&layout, &manifest["digest"].as_str().unwrap().parse().unwrap()).unwrap().unwrap();
    let files = image::read_small_files(&layout, &image, &[path, "etc/other"]).map_err(|e| e.to_string())?;
    assert_eq!(files.len(), 2);
    Ok(files[path].clone().map(|bytes| String::from_utf8(bytes).unwrap()))
}

#[test]
fn small_files_are_read_without_unpacking() {
    let passwd = || Tar::new().dir("etc").file("etc/passwd", "root");
    let found = |text: &str| Ok(Some(text.to_owned()));
    let big = "x".repeat((4 << 20) + 1);
    let table = [
        ("plain", vec![passwd()], found("root")),
        ("leading slash and dot", vec![Tar::new().file("./etc//passwd", "root")], found("root")),
        ("missing", vec![Tar::new().dir("etc")], Ok(None)),
        ("upper layer", vec![passwd(), Tar::new().file("etc/passwd", "new")], found("new")),
        ("whiteout", vec![passwd(), Tar::new().file("etc/.wh.passwd", "")], Ok(None)),
        ("whiteout of the parent", vec![passwd(), Tar::new().file(".wh.etc", "")], Ok(None)),
        ("opaque", vec![passwd(), Tar::new().file("etc/.wh..wh..opq", "")], Ok(None)),
        (
            "opaque spares its layer",
            vec![passwd(), Tar::new().file("etc/passwd", "new").file("etc/.wh..wh..opq", "")],
            found("new"),
        ),
        (
            "back again",
            vec![passwd(), Tar::new().file(".wh.etc", ""), Tar::new().file("etc/passwd", "3")],
            found("3"),
        ),
        (
            "symlink",
            vec![Tar::new().file("usr/lib/passwd", "lib").symlink("etc/passwd", "../usr/lib/passwd")],
            found("lib"),
        ),
        ("symlink out", vec![Tar::new().file("f", "in").symlink("etc/passwd", "../../../../f")], found("in")),
        ("absolute symlink", vec![Tar::new().file("f", "in").symlink("etc/passwd", "/f")], found("in")),
        (
            "symlinked etc",
            vec![Tar::new().symlink("etc", "usr/etc").file("usr/etc/passwd", "usr")],
            found("usr"),
        ),
        (
            "made through a symlink",
            vec![Tar::new().symlink("etc", "usr/etc").file("etc/passwd", "usr")],
            found("usr"),
        ),
        ("dangling", vec![Tar::new().symlink("etc/passwd", "nothing")], Ok(None)),
        (
            "hard link",
            vec![Tar::new().file("f", "hard"), Tar::new().hard_link("etc/passwd", "f").file(".wh.f", "")],
            found("hard"),
        ),
        ("loop", vec![Tar::new().symlink("etc/passwd", "passwd")], Err("too many links")),
        ("fifo", vec![Tar::new().head(Head::new(b'6', "etc/passwd"))], Err("a named pipe and not a file")),
        ("device", vec![Tar::new().head(Head::new(b'3', "etc/passwd"))], Err("a device and not a file")),
        ("directory", vec![Tar::new().dir("etc/passwd")], Err("a directory and not a file")),
        ("large", vec![Tar::new().file("etc/passwd", &big)], Err("the limit is 4194304")),
        ("evil", vec![Tar::new().file("../etc/passwd", "")], Err("..")),
        ("file as etc", vec![Tar::new().file("etc", "")], Ok(None)),
    ];
    for (what, layers, want) in table {
        match (peek(layers, "etc/passwd"), want) {
            (Err(error), Err(want)) => assert!(error.contains(want), "{what}: {error}"),
            (found, want) => assert_eq!(found, want.map_err(ToOwned::to_owned), "{what}"),
        }
    }
}

fn describe_tree(root: &Path) -> BTreeMap<PathBuf, String> {
    let walk = walkdir::WalkDir::new(root);
    walk.into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.path().strip_prefix(root).unwrap().to_owned(), describe(entry.path()))
        })
        .collect()
}

/// umoci unpacks the same image to the same tree.
#[test]
fn umoci_agrees() {
    let required = std::env::var_os("BUNDLEGEN_REQUIRE_RUNTIMES").is_some_and(|value| value == "1");
    let installed = Command::new("umoci").arg("--version").output().is_ok();
    if !installed || !is_root() {
        assert!(!required, "umoci and root are required");
        println!("skipped: umoci is not installed, or not run by root");
        return;
    }
    let head = |kind: u8, path: &str| Head::new(kind, path).owner(1000, 50);
    let capability: &[u8] = &[1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let lower = Tar::new()
        .dir("./")
        .dir("usr")
        .dir("usr/bin")
        .symlink("bin", "usr/bin")
        .pax(&[("SCHILY.xattr.security.capability", capability), ("SCHILY.xattr.user.x", b"y")])
        .raw(head(b'0', "bin/ping").mode(0o755).size(4), b"ping")
        .head(head(b'0', "bin/su").mode(0o4755))
        .hard_link("usr/bin/sudo", "usr/bin/su")
        .head(head(b'5', "home").mode(0o700))
        .head(head(b'5', "tmp").mode(0o1777))
        .head(head(b'2', "home/link").target("/etc/passwd"))
        .head(Head::new(b'6', "pipe").mode(0o620))
        .head(Head::new(b'3', "null").device(1, 3).mode(0o666))
        .dir("var")
        .dir("var/lib")
        .file("var/lib/old", "old")
        .file("var/gone", "gone")
        .dir("opt")
        .file("opt/x", "x")
        .file("replaced", "file")
        .dir("dir")
        .file("dir/file", "");
    let upper = Tar::new()
        .dir("var")
        .file("var/.wh.gone", "")
        .dir("var/lib")
        .file("var/lib/new", "new")
        .dir("opt")
        .file("opt/.wh..wh..opq", "")
        .file("opt/new", "new")
        .dir("replaced")
        .file("replaced/inside", "")
        .file("dir", "now a file")
        .head(head(b'5', "home").mode(0o750));
    let mut store = Store::new();
    let manifest = store.image("amd64", &[gzip(&lower.end()), gzip(&upper.end())]);
    store.name("test", manifest.clone());
    let dir = tempfile::tempdir().unwrap();
    let image = format!("{}:test", store.path().display());
    let output = Command::new("umoci")
        .args(["raw", "unpack", "--image", &image])
        .arg(dir.path().join("umoci"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let layout = Layout::open(store.path()).unwrap().unwrap();
    let found =
        image::by_manifest(&layout, &manifest["digest"].as_str().unwrap().parse().unwrap()).unwrap().unwrap();
    fs::create_dir(dir.path().join("own")).unwrap();
    image::unpack(&layout, &found, &dir.path().join("own")).unwrap();
    let theirs = describe_tree(&dir.path().join("umoci"));
    let ours = describe_tree(&dir.path().join("own"));
    for (path, own) in &ours {
        assert_eq!(theirs.get(path), Some(own), "{}", path.display());
    }
    assert_eq!(theirs.len(), ours.len());
}
