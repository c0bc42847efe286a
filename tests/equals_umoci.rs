//! An image of more than 40,000 files is unpacked to the same tree as umoci unpacks it to: by root, and by a user
//! without rights. It is made of Debian packages, whose archives are layers as they are, and of layers made by hand
//! with what packages do not have.
#![allow(clippy::disallowed_methods, reason = "tests make their inputs")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a panic is how a test fails, and a skip is printed"
)]

#[path = "support/packages.rs"]
mod packages;
mod support;
#[path = "support/trees.rs"]
mod trees;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use bundlegen::image::{self, Layout, Limits};
use support::{Blob, Head, Store, Tar, gzip, zstd};
use tempfile::TempDir;
use trees::xattrs;

/// Many small files, links of both kinds and empty directories.
const PACKAGES: [&str; 4] = ["rust-src", "vim-runtime", "linux-libc-dev", "tzdata"];
/// Somebody without rights, and without a name.
const USER: u32 = 54321;
/// What the same test program unpacks when it is called as that user.
const WORK: &str = "BUNDLEGEN_TEST_UNPACK";

/// Where the trees differ on purpose: the path, the attribute, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "made/outer/implied",
        "mtime",
        "without an entry it is now for umoci, and for us what umoci gives the root",
    ),
    ("made/outer/implied/by", "mtime", "as above"),
    ("made/outer", "mtime", "umoci does not put it back when it makes what has no entry"),
    ("made/kept/inner", "mtime", "umoci does not put it back when a whiteout further up removes something"),
];

/// Where they differ as well where the kernel refuses nothing.
const WITH_RIGHTS: &[(&str, &str, &str)] = &[
    (
        "made/overlay",
        "xattrs",
        "umoci sets most of `trusted.overlay.*`, which the kernel obeys in an overlay",
    ),
    ("made/policy", "xattrs", "umoci sets `security.*`, which belongs to the policy of another host"),
];

/// Where they differ as well without rights.
const WITHOUT_RIGHTS: &[(&str, &str, &str)] = &[
    ("made/secret", "xattrs", "umoci sets the mode first, which keeps it from recording the owner"),
    ("made/sealed", "xattrs", "as above"),
    ("made/own", "xattrs", "as above"),
];

struct Image {
    store: Store,
    digest: String,
}

/// The image, or nothing where it cannot be made, which is said aloud; where it must be, that is a failure.
fn image() -> Option<&'static Image> {
    static IMAGE: OnceLock<Option<Image>> = OnceLock::new();
    IMAGE
        .get_or_init(|| {
            let missing = match missing() {
                Some(missing) => missing,
                None => match layers() {
                    Ok(layers) => return Some(Image::new(&layers)),
                    Err(error) => error,
                },
            };
            let required = std::env::var_os("BUNDLEGEN_REQUIRE_RUNTIMES").is_some_and(|value| value == "1");
            assert!(!required, "umoci cannot be compared with: {missing}");
            println!("skipped: umoci cannot be compared with: {missing}");
            None
        })
        .as_ref()
}

fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".into());
    }
    let tools = ["umoci", "apt-get", "dpkg-deb", "tar", "setpriv"];
    let missing = tools.iter().find(|tool| Command::new(tool).arg("--version").output().is_err());
    missing.map(|tool| format!("no {tool}"))
}

impl Image {
    fn new(layers: &[Blob]) -> Self {
        let mut store = Store::new();
        let manifest = store.image("amd64", layers);
        store.name("test", manifest.clone());
        // For whoever is not root.
        fs::set_permissions(store.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Image { digest: manifest["digest"].as_str().unwrap().to_owned(), store }
    }
}

fn layers() -> Result<Vec<Blob>, String> {
    let mut layers: Vec<_> = packages::archives(&PACKAGES)?.iter().map(|archive| gzip(archive)).collect();
    layers.extend(made().into_iter().map(|layer| gzip(&layer.end())));
    // umoci does not know the first form.
    layers.extend(sparse().iter().skip(1).map(|layer| gzip(layer)));
    Ok(layers)
}

fn owned(kind: u8, path: &str) -> Head {
    Head::new(kind, path).owner(1000, 50)
}

const CAPABILITY: &[u8] = &[1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// What packages do not have, and what later layers do to it and to the packages.
fn made() -> Vec<Tar> {
    let name = "n".repeat(255);
    let long = format!("made/{}/{name}", ["directory"; 30].join("/"));
    let mut lower = Tar::new();
    for (at, _) in long.match_indices('/') {
        lower = lower.extension(b'L', format!("{}\0", &long[..at]).as_bytes()).dir("short");
    }
    let lower = lower
        .dir("made")
        .pax(&[("SCHILY.xattr.security.capability", CAPABILITY), ("SCHILY.xattr.user.x", b"y")])
        .raw(owned(b'0', "made/ping").mode(0o755).size(4), b"ping")
        .head(owned(b'0', "made/su").mode(0o4755))
        .hard_link("made/sudo", "made/su")
        .head(owned(b'0', "made/secret").mode(0o440))
        .head(owned(b'5', "made/group").mode(0o2775))
        .file("made/group/roots", "of root")
        .dir("made/group/inner")
        .head(Head::new(b'5', "made/tmp").mode(0o1777))
        .pax(&[("SCHILY.xattr.user.lower", b"1"), ("SCHILY.xattr.user.both", b"1")])
        .head(Head::new(b'5', "made/attributes"))
        .pax(&[("SCHILY.xattr.trusted.overlay.protattr", b"y"), ("SCHILY.xattr.user.a", b"b")])
        .head(Head::new(b'5', "made/overlay"))
        .pax(&[("SCHILY.xattr.security.other", b"x")])
        .file("made/policy", "")
        .pax(&[("SCHILY.xattr.trusted.of-a-link", b"x")])
        .symlink("made/link", "/etc/passwd")
        .head(owned(b'2', "made/owned-link").target("ping"))
        .head(Head::new(b'6', "made/pipe").mode(0o622))
        .head(Head::new(b'3', "made/null").device(1, 3).mode(0o666))
        .head(owned(b'4', "made/disk").device(7, 300).mode(0o660))
        .pax(&[("mtime", b"-1.25")])
        .file("made/early", "")
        .pax(&[("mtime", b"1234567890.123456789")])
        .file("made/fraction", "")
        .pax(&[("uid", b"3000000000"), ("gid", b"70000")])
        .file("made/high", "")
        .head(Head::new(b'5', "made/sealed").mode(0o555).owner(1000, 50))
        .file("made/sealed/inside", "x")
        .head(Head::new(b'5', "made/own").mode(0o555).owner(USER.into(), USER.into()))
        .head(Head::new(b'0', "made/own/file").mode(0o640).owner(USER.into(), USER.into()))
        .dir("made/outer")
        .file("made/outer/implied/by/file", "x")
        .extension(b'L', format!("{long}\0").as_bytes())
        .file("short", "long")
        .dir("made/real")
        .symlink("made/bent", "real")
        .file("made/bent/through", "x")
        .dir("made/opaque")
        .file("made/opaque/old", "")
        .dir("made/opaque/deep")
        .file("made/opaque/deep/old", "")
        .file("made/gone", "")
        .dir("made/gone-too")
        .file("made/gone-too/file", "")
        .dir("made/kept")
        .dir("made/kept/inner")
        .file("made/kept/inner/old", "")
        .file("made/to-directory", "")
        .dir("made/to-file")
        .file("made/to-file/inside", "")
        .symlink("made/to-real", "real")
        .dir("made/to-link")
        .file("made/origin", "origin")
        .file("made/replaced", "old");
    let upper = Tar::new()
        .file("usr/share/zoneinfo/.wh.America", "")
        .file("usr/share/zoneinfo/Asia/.wh..wh..opq", "")
        .file("made/.wh.gone", "")
        .file("made/.wh.gone-too", "")
        .dir("made/opaque")
        .file("made/opaque/new", "")
        .file("made/opaque/.wh..wh..opq", "")
        .file("made/kept/inner/new", "")
        .file("made/kept/.wh..wh..opq", "")
        .dir("made/to-directory")
        .file("made/to-directory/inside", "")
        .file("made/to-file", "now a file")
        .dir("made/to-real")
        .file("made/to-real/inside", "")
        .symlink("made/to-link", "real")
        .hard_link("made/over-layers", "made/origin")
        .hard_link("made/through-a-link", "made/bent/through")
        .file("made/sealed/later", "x")
        .file("made/group/later", "x")
        .head(owned(b'0', "made/replaced").mode(0o600))
        .pax(&[("SCHILY.xattr.user.both", b"2")])
        .head(owned(b'5', "made/attributes").mode(0o700))
        .raw(Head::new(b'0', "./usr/share/zoneinfo/UTC").size(3), b"UTC");
    let top = Tar::new().file("made/attributes/inside", "").file("made/gone", "again");
    vec![lower, upper, top]
}

/// More than one header has.
const PARTS: usize = 40;

/// Archives that GNU tar makes of a file with holes, in all its forms.
fn sparse() -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let forms: [(&str, &[&str]); 4] = [
        ("sparse-old", &["--format=gnu"]),
        ("sparse-00", &["--format=posix", "--sparse-version=0.0"]),
        ("sparse-01", &["--format=posix", "--sparse-version=0.1"]),
        ("sparse-10", &["--format=posix", "--sparse-version=1.0"]),
    ];
    let make = |(name, options): (&str, &[&str])| {
        let mut file = File::create(dir.path().join(name)).unwrap();
        for part in 0..PARTS as u64 {
            file.seek(SeekFrom::Start(part * 64 * 1024 + 4096)).unwrap();
            file.write_all(&[b'x'; 5000]).unwrap();
        }
        file.set_len(3 << 20).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("-C").arg(dir.path()).args(["-cSf", "-", "--owner=7", "--group=8", "--mtime=@1000000000"]);
        let output = tar.args(options).arg(name).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.len() < 1 << 20, "{name}: the file has no holes here");
        output.stdout
    };
    forms.into_iter().map(make).collect()
}

/// A directory in memory if that is large enough and has extended attributes for everybody, as it is much faster.
fn scratch() -> TempDir {
    let fits = |path: &str| {
        let stat = rustix::fs::statvfs(path).ok()?;
        let dir = (stat.f_bavail * stat.f_frsize > 3 << 30).then(|| tempfile::tempdir_in(path).ok())??;
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(dir.path(), "user.test", b"", flags).ok()?;
        rustix::fs::removexattr(dir.path(), "user.test").ok()?;
        Some(dir)
    };
    let dir = fits("/dev/shm").unwrap_or_else(|| tempfile::tempdir().unwrap());
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

fn unpack(layout: &Path, digest: &str, into: &Path) {
    let layout = Layout::open(layout).unwrap().unwrap();
    let image = image::by_manifest(&layout, &digest.parse().unwrap()).unwrap().unwrap();
    fs::create_dir(into).unwrap();
    let size: u64 = image.layers.iter().map(|layer| layer.size).sum();
    let told = std::cell::Cell::new(0);
    let tell = |read| assert!(told.replace(read) < read, "it goes on");
    image::unpack_with(&layout, &image, into, Limits::default(), &tell).unwrap();
    assert_eq!(told.get(), size);
}

/// What a file is. The content is compared by reading it.
fn describe(
    path: &Path,
    first: &mut BTreeMap<(u64, u64), PathBuf>,
    root: &Path,
) -> BTreeMap<&'static str, String> {
    let data = fs::symlink_metadata(path).unwrap();
    let relative = path.strip_prefix(root).unwrap().to_owned();
    let mut found = BTreeMap::from([
        ("mode", format!("{:o}", data.mode())),
        ("owner", format!("{}:{}", data.uid(), data.gid())),
        ("mtime", format!("{}.{:09}", data.mtime(), data.mtime_nsec())),
        ("device", data.rdev().to_string()),
        ("xattrs", xattrs(path)),
    ]);
    if data.is_symlink() {
        found.insert("target", fs::read_link(path).unwrap().display().to_string());
    }
    if !data.is_dir() {
        let name = first.entry((data.dev(), data.ino())).or_insert(relative);
        found.insert("links", format!("{} {}", data.nlink(), name.display()));
        found.insert("size", data.len().to_string());
    }
    found
}

fn tree(root: &Path) -> BTreeMap<PathBuf, BTreeMap<&'static str, String>> {
    let mut first = BTreeMap::new();
    let walk = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
    walk.map(|entry| {
        let name = entry.path().strip_prefix(root).unwrap().to_owned();
        (name, describe(entry.path(), &mut first, root))
    })
    .collect()
}

fn same_content(one: &Path, other: &Path) -> bool {
    let (mut one, mut other) = (File::open(one).unwrap(), File::open(other).unwrap());
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let n = one.read(&mut left).unwrap();
        let end = n == 0;
        let rest = &mut right[..n];
        if end {
            return other.read(&mut right).unwrap() == 0;
        }
        if other.read_exact(rest).is_err() || left[..n] != right[..n] {
            return false;
        }
    }
}

/// Says how two trees differ, apart from where they are to.
fn compare(theirs: &Path, ours: &Path, allowed: &[(&str, &str, &str)]) -> usize {
    let (left, right) = (tree(theirs), tree(ours));
    let mut differences = Vec::new();
    for name in left.keys().chain(right.keys().filter(|name| !left.contains_key(*name))) {
        let (Some(left), Some(right)) = (left.get(name), right.get(name)) else {
            differences.push(format!(
                "{}: only one has it, umoci: {}",
                name.display(),
                left.contains_key(name)
            ));
            continue;
        };
        for (what, their) in left {
            let our = right.get(what);
            let meant = allowed.iter().any(|(path, field, _)| Path::new(path) == name && field == what);
            if our != Some(their) && !meant {
                differences.push(format!("{}: {what}: umoci {their}, bundlegen {our:?}", name.display()));
            }
            if our == Some(their) && meant {
                differences.push(format!("{}: {what}: does not differ any more", name.display()));
            }
        }
        let is_file = fs::symlink_metadata(theirs.join(name)).unwrap().is_file();
        if is_file && !same_content(&theirs.join(name), &ours.join(name)) {
            differences.push(format!("{}: the content differs", name.display()));
        }
    }
    let shown = differences.iter().take(30).cloned().collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{} differences\n{shown}", differences.len());
    right.len()
}

#[test]
fn as_root() {
    let Some(Image { store, digest }) = image() else { return };
    let dir = scratch();
    let (theirs, ours) = (dir.path().join("umoci"), dir.path().join("ours"));
    let mut umoci = Command::new("umoci");
    umoci.args(["unpack", "--image", &format!("{}:test", store.path().display())]).arg(&theirs);
    let output = umoci.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    unpack(store.path(), digest, &ours);
    let files = compare(&theirs.join("rootfs"), &ours, &[DIFFERENCES, WITH_RIGHTS].concat());
    assert!(files > 40_000, "only {files} files");
}

#[test]
fn holes_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let layers: Vec<_> = sparse().iter().map(|layer| gzip(layer)).collect();
    let Image { store, digest } = Image::new(&layers);
    let root = dir.path().join("root");
    unpack(store.path(), &digest, &root);
    let mut want = vec![0; 3 << 20];
    for part in 0..PARTS {
        want[part * 64 * 1024 + 4096..][..5000].fill(b'x');
    }
    for name in ["sparse-old", "sparse-00", "sparse-01", "sparse-10"] {
        assert!(fs::read(root.join(name)).unwrap() == want, "{name}");
        let blocks = fs::metadata(root.join(name)).unwrap().blocks();
        assert!(blocks * 512 < 1 << 20, "{name} has no holes: {blocks} blocks");
    }
}

#[test]
fn without_rights() {
    let Some(Image { store, digest }) = image() else { return };
    let dir = scratch();
    chown(dir.path(), Some(USER), Some(USER)).unwrap();
    let (theirs, ours) = (dir.path().join("umoci"), dir.path().join("ours"));
    // Whoever runs it may not be able to get to where it is.
    let program = dir.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let id = USER.to_string();
    let called_by_user = |program: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--clear-groups", "--reuid", &id, "--regid", &id, program]);
        command.env("HOME", dir.path()).current_dir(dir.path());
        command
    };
    let mut umoci = called_by_user("umoci");
    umoci.args(["unpack", "--rootless", "--image", &format!("{}:test", store.path().display())]).arg(&theirs);
    let mut own = called_by_user(program.to_str().unwrap());
    own.args(["--exact", "called_by_the_user"]);
    own.env(WORK, format!("{}\n{digest}\n{}", store.path().display(), ours.display()));
    for command in [&mut umoci, &mut own] {
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
    }
    fs::remove_file(program).unwrap();
    let allowed = [DIFFERENCES, WITHOUT_RIGHTS].concat();
    compare(&theirs.join("rootfs"), &ours, &allowed);
}

/// Not a test but what [`without_rights`] calls.
#[test]
fn called_by_the_user() {
    let Ok(work) = std::env::var(WORK) else { return };
    let words: Vec<_> = work.lines().collect();
    unpack(Path::new(words[0]), words[1], Path::new(words[2]));
}

/// umoci does not know zstd, so the layers made by hand are compared with themselves.
#[test]
fn zstd_makes_no_difference() {
    let dir = tempfile::tempdir().unwrap();
    for (name, compress) in [("gzip", gzip as fn(&[u8]) -> Blob), ("zstd", zstd)] {
        let layers: Vec<_> = made().into_iter().map(|layer| compress(&layer.end())).collect();
        let Image { store, digest } = Image::new(&layers);
        unpack(store.path(), &digest, &dir.path().join(name));
    }
    compare(&dir.path().join("gzip"), &dir.path().join("zstd"), &[]);
}
