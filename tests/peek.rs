//! Single files of an image, read without unpacking it.
#![allow(clippy::disallowed_methods, reason = "tests make their inputs")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]
#![allow(clippy::print_stdout, reason = "one of them speaks to another")]

mod support;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use bundlegen::image::{self, Image, Layout, read_in_root, read_small_files};
use support::{Blob, Store, TAR, Tar, plain};

/// Numbers that look random and are the same each time (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn of<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }
}

const NAMES: [&str; 6] = ["etc", "passwd", "a", "b", "usr", "etc"];

fn path(random: &mut Random) -> String {
    let names: Vec<_> = (0..=random.below(3)).map(|_| random.of(&NAMES)).collect();
    names.join("/")
}

fn target(random: &mut Random) -> String {
    let start = random.of(&["", "", "/", "../", "../../", "./"]);
    let end = random.of(&["", "", "", "/..", "/.", "/../etc"]);
    match random.below(6) {
        0 => random.of(&[".", "..", "/", "../.."]).to_owned(),
        _ => format!("{start}{}{end}", path(random)),
    }
}

fn layer(random: &mut Random, texts: &mut u32) -> Tar {
    let mut tar = Tar::new();
    for _ in 0..random.below(14) {
        let path = path(random);
        let (directory, name) = path.rsplit_once('/').unwrap_or((".", &path));
        *texts += 1;
        tar = match random.below(14) {
            0 | 1 => tar.dir(&path),
            2..=5 => tar.symlink(&path, &target(random)),
            6 => tar.hard_link(&path, &self::path(random)),
            7 => tar.file(&format!("{directory}/.wh.{name}"), ""),
            8 => tar.file(&format!("{directory}/.wh..wh..opq"), ""),
            9 => tar.file("etc/passwd", &texts.to_string()),
            _ => tar.file(&path, &texts.to_string()),
        };
    }
    tar
}

fn open(store: &Store, blobs: &[Blob]) -> (Layout, Image) {
    let manifest = store.image("amd64", blobs);
    let layout = Layout::open(store.path()).unwrap().unwrap();
    let digest = manifest["digest"].as_str().unwrap().parse().unwrap();
    let image = image::by_manifest(&layout, &digest).unwrap().unwrap();
    (layout, image)
}

/// What is read is what the unpacked image has, whatever the links.
#[test]
fn unpacking_agrees() {
    let (mut files, mut nothing, mut refused) = (0, 0, 0);
    for seed in 0..700 {
        let mut random = Random(seed);
        let mut texts = 0;
        let layers: Vec<_> =
            (0..=random.below(3)).map(|_| layer(&mut random, &mut texts).end()).map(plain).collect();
        let store = Store::new();
        let (layout, image) = open(&store, &layers);
        let dir = tempfile::tempdir().unwrap();
        let peeked = read_small_files(&layout, &image, &["etc/passwd"]);
        if image::unpack(&layout, &image, dir.path()).is_err() {
            continue;
        }
        match (read_in_root(dir.path(), "etc/passwd"), peeked) {
            (Ok(want), Ok(found)) => {
                assert_eq!(found["etc/passwd"], want, "seed {seed}");
                if want.is_some() { files += 1 } else { nothing += 1 }
            }
            (Err(_), Err(_)) => refused += 1,
            (want, found) => panic!("seed {seed}: {want:?} and not {found:?}"),
        }
    }
    assert!(files > 25 && nothing > 60 && refused > 8, "{files} {nothing} {refused}");
}

/// What all layers have together is limited, and one layer may be there many times.
#[test]
fn many_bombs_are_one() {
    let (parts, zeros) = (10, vec![0; 64 << 20]);
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..parts {
        encoder.write_all(&zeros).unwrap();
    }
    let (bytes, diff_id) =
        (encoder.finish().unwrap(), image::Digest::sha256(&zeros.repeat(parts)).to_string());
    let bomb = || Blob { bytes: bytes.clone(), media_type: format!("{TAR}+zstd"), diff_id: diff_id.clone() };
    drop(zeros);
    let read = |blobs: &[Blob]| {
        let store = Store::new();
        let (layout, image) = open(&store, blobs);
        read_small_files(&layout, &image, &["etc/passwd"]).map_err(|error| error.to_string())
    };
    assert_eq!(read(&[bomb()]).unwrap()["etc/passwd"], None);
    let error = read(&[bomb(), bomb()]).unwrap_err();
    assert!(error.contains("more than 250 times"), "{error}");
    let empty: Vec<_> = (0..513).map(|_| plain(Tar::new().end())).collect();
    let error = read(&empty).unwrap_err();
    assert!(error.contains("513 layers, and the limit is 512"), "{error}");
}

/// A layer with many names; it is compressed, as it is made of little.
fn large(thousands: usize, of_entry: impl Fn(Tar, usize) -> Tar, last: Tar) -> Blob {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let mut whole = Vec::new();
    for chunk in 0..thousands {
        let tar = (0..1000).fold(Tar::new(), |tar, i| of_entry(tar, chunk * 1000 + i));
        encoder.write_all(&tar.0).unwrap();
        whole.push(tar.0);
    }
    let last = last.end();
    encoder.write_all(&last).unwrap();
    whole.push(last);
    Blob {
        bytes: encoder.finish().unwrap(),
        media_type: format!("{TAR}+zstd"),
        diff_id: image::Digest::sha256(&whole.concat()).to_string(),
    }
}

const IMAGE: &str = "BUNDLEGEN_TEST_IMAGE";

/// Reads `etc/passwd` in a process of its own, which may have 64 MiB for its data.
fn peek_in_little_memory(blob: Blob) -> (bool, String) {
    let store = Store::new();
    let manifest = store.image("amd64", &[blob]);
    let output = Command::new("sh")
        .args(["-c", "ulimit -d 65536; exec \"$0\" --ignored --exact --nocapture reads_the_image_it_is_told"])
        .arg(std::env::current_exe().unwrap())
        .env(IMAGE, format!("{} {}", manifest["digest"].as_str().unwrap(), store.path().display()))
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
#[ignore = "other tests run it"]
fn reads_the_image_it_is_told() {
    let Ok(told) = std::env::var(IMAGE) else { return };
    let (digest, path) = told.split_once(' ').unwrap();
    let layout = Layout::open(Path::new(path)).unwrap().unwrap();
    let image = image::by_manifest(&layout, &digest.parse().unwrap()).unwrap().unwrap();
    match read_small_files(&layout, &image, &["etc/passwd", "etc/group"]) {
        Ok(files) => println!("found {:?}", files["etc/passwd"].as_deref().map(String::from_utf8_lossy)),
        Err(error) => println!("refused {error}"),
    }
    println!("{}", fs::read_to_string("/proc/self/status").unwrap());
}

#[test]
fn many_names_take_little_memory() {
    let passwd = || Tar::new().file("usr/etc/passwd", "the users").symlink("etc", "usr/etc");
    let plain = large(
        500,
        |tar, i| tar.dir(&format!("some/directory/with/many/names/in/it/{i}")),
        Tar::new().file("etc/passwd", "the users"),
    );
    let (ok, text) = peek_in_little_memory(plain);

    assert!(ok && text.contains("found Some(\"the users\")"), "{text}");
    // The same name again and again, and links that all may lead to it.
    let again = large(
        50,
        |tar, i| match i % 2 {
            0 => tar.file("usr/etc/passwd", &"x".repeat(400)),
            _ => tar.symlink(&format!("l{i}"), ".."),
        },
        passwd(),
    );
    let (ok, text) = peek_in_little_memory(again);
    assert!(ok && text.contains("found Some(\"the users\")"), "{text}");
    // Where all of them must be followed, there is an end.
    let tricks = large(
        50,
        |tar, i| match i % 2 {
            0 => tar.symlink(&format!("l{i}"), "."),
            _ => tar.file(&format!("l{}/etc/passwd", i - 1), ""),
        },
        passwd(),
    );
    let (ok, text) = peek_in_little_memory(tricks);
    assert!(ok && text.contains("too many links in the image may lead there"), "{text}");
}
