//! Images of servers that people run, made of Debian packages: `nginx`, `redis` and `python`; and `busybox`, which is
//! in the others as well.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use crate::containers::host::{host, required};
use crate::containers::image::BUSYBOX;
use crate::containers::say;
use crate::packages::archives;
use crate::support::{Blob, Head, Store, Tar, plain};

/// Of each image the packages that its programs need to run, and not what installs them.
const IMAGES: [(&str, &[&str]); 4] = [
    ("busybox", &[]),
    ("nginx", &["libc6", "zlib1g", "libssl3", "libcrypt1", "libpcre2-8-0", "nginx-common", "nginx"]),
    (
        "redis",
        &[
            "libc6",
            "libgcc-s1",
            "libssl3",
            "libstdc++6",
            "libatomic1",
            "libjemalloc2",
            "liblzf1",
            "libcap2",
            "libgpg-error0",
            "libgcrypt20",
            "liblz4-1",
            "libzstd1",
            "liblzma5",
            "libsystemd0",
            "redis-tools",
            "redis-server",
        ],
    ),
    (
        "python",
        &["libc6", "zlib1g", "libexpat1", "libpython3.11-minimal", "python3.11-minimal", "python3-minimal"],
    ),
];

/// What scripts of the tests call by name.
const TOOLS: [&str; 8] = ["sh", "cat", "hostname", "ls", "ping", "readlink", "sleep", "wget"];

/// The layout with the images, or nothing where it cannot be made, which is said aloud; where it must be, that is a
/// failure.
pub fn images() -> Option<&'static Path> {
    static STORE: OnceLock<Option<Store>> = OnceLock::new();
    let store = STORE.get_or_init(|| match make(&host()?.work) {
        Ok(store) => Some(store),
        Err(why) => {
            assert!(!required(), "there are no images: {why}");
            say(&format!("skipped: there are no images: {why}"));
            None
        }
    });
    store.as_ref().map(Store::path)
}

fn make(work: &Path) -> Result<Store, String> {
    let mut store = Store::inside(work);
    for (name, packages) in IMAGES {
        let mut layers: Vec<Blob> = archives(packages)?.into_iter().map(plain).collect();
        layers.push(plain(made_when_installed().end()));
        let manifest = store.image("amd64", &layers);
        store.name(name, manifest);
    }
    Ok(store)
}

/// What packages make when they are installed, and an image would have; and busybox.
fn made_when_installed() -> Tar {
    let busybox = fs::read(BUSYBOX).unwrap();
    let size = busybox.len() as u64;
    let tar = Tar::new()
        .dir("etc")
        .file(
            "etc/passwd",
            "root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\nredis:x:100:100::/:/bin/sh\n",
        )
        .file("etc/group", "root:x:0:\nwww-data:x:33:\nredis:x:100:\n")
        .file("etc/nsswitch.conf", "hosts: files dns\n")
        .dir("run")
        .head(Head::new(b'5', "tmp").mode(0o1777))
        .dir("bin")
        .raw(Head::new(b'0', "bin/busybox").mode(0o755).size(size), &busybox);
    TOOLS.iter().fold(tar, |tar, tool| tar.symlink(&format!("bin/{tool}"), "busybox"))
}
