//! Two images from Debian's busybox: `busybox`, which says next to nothing, and `app`, which says what it can.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::{call, text};

/// One file with many programs, which needs no library.
pub const BUSYBOX: &str = "/bin/busybox";

/// The copy that skopeo makes of `app`.
pub const COPIED: &str = "team/app:1.2";

const TOOLS: [&str; 15] = [
    "sh", "cat", "chmod", "cut", "dd", "head", "ls", "mkdir", "mknod", "mount", "readlink", "rm", "touch",
    "tr", "unshare",
];

/// Says what a process sees, in sections that `Report` takes apart.
const REPORT: &str = include_str!("report.sh");

/// Makes a layout with umoci, and another one of it with skopeo.
pub fn make(work: &Path, images: &Path, copied: &Path) {
    let root = work.join("root");
    write_root(&root);
    let layer = work.join("layer.tar");
    call("tar", &["-C", text(&root), "--owner=0", "--group=0", "-cf", text(&layer), "."]);

    let images = text(images);
    let (busybox, app) = (format!("{images}:busybox"), format!("{images}:app"));
    call("umoci", &["init", "--layout", images]);
    call("umoci", &["new", "--image", &busybox]);
    call("umoci", &["raw", "add-layer", "--image", &busybox, text(&layer)]);
    let platform = ["--architecture", "amd64", "--os", "linux"];
    call("umoci", &[&["config", "--image", &busybox, "--config.env", "PATH=/bin"], &platform[..]].concat());
    let says = [
        ["--config.entrypoint", "report"],
        ["--config.cmd", "of the image"],
        ["--config.env", "FROM_IMAGE=kept"],
        ["--config.env", "CHANGED=by the image"],
        ["--config.user", "www"],
        ["--config.workingdir", "/www"],
        ["--config.label", "com.example.of=image"],
        ["--config.stopsignal", "SIGQUIT"],
        ["--config.exposedports", "8080/tcp"],
    ];
    call("umoci", &[&["config", "--image", &busybox, "--tag", "app"], says.as_flattened()].concat());
    let copied = format!("oci:{}:{COPIED}", text(copied));
    call("skopeo", &["copy", "--quiet", "--insecure-policy", &format!("oci:{app}"), &copied]);
}

fn write_root(root: &Path) {
    for directory in ["bin", "etc", "tmp", "www"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::copy(BUSYBOX, root.join("bin/busybox")).unwrap();
    for tool in TOOLS {
        symlink("busybox", root.join("bin").join(tool)).unwrap();
    }
    let report = root.join("bin/report");
    fs::write(&report, REPORT).unwrap();
    fs::set_permissions(&report, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\nwww:x:33:33::/www:/bin/sh\n").unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\nwww:x:33:\nlog:x:4:www\naudio:x:29:other,www\n").unwrap();
}
