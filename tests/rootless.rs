//! Bundles that a user without rights prepares and runs, with runc and with crun.
//!
//! The user is the first one with ranges in `/etc/subuid` and `/etc/subgid`; where there is none, `useradd` makes one, who
//! stays. Where the host cannot do it the tests say so and pass, unless `BUNDLEGEN_REQUIRE_RUNTIMES=1`.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

#[path = "support/containers.rs"]
mod containers;
mod rootless {
    pub mod user;
}

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use rootless::user::{Project, project};

/// What the process is, and what it is not allowed.
const SEEN: &str = "
    busybox id -u; busybox id -g
    tr -s ' ' < /proc/self/uid_map
    tr -s ' ' < /proc/self/gid_map
    cat /proc/self/setgroups
    touch /data/new /tmp/new || echo not written
    cat /private 2>&1
    busybox chown 1:1 /tmp/new 2>&1
    ls /sys/class/net
    cat /proc/sys/net/ipv4/ping_group_range
    busybox grep -E ' cgroup2? rw' /proc/mounts
    mount -t tmpfs none /tmp 2>&1 | busybox grep -o 'denied'
    head -c 1 /dev/zero > /dev/null && echo devices
";

fn service(attributes: &str, script: &str) -> String {
    let command = serde_json::json!(["sh", "-c", script.replace('$', "$$")]);
    let network = if attributes.contains("network_mode") { "" } else { "network_mode: none, " };
    format!("services:\n  app: {{image: busybox, {network}{attributes}command: {command}}}\n")
}

/// With a file that root keeps to itself.
fn with_private_file(project: &Project) {
    let file = project.root.join("private");
    fs::write(&file, "of root\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn one_user() {
    let volumes =
        "volumes: ['data:/data', {type: bind, source: ./private, target: /private, read_only: true}], ";
    let compose =
        format!("x-bundlegen: {{rootless: 'UID:GID'}}\n{}volumes: {{data: }}\n", service(volumes, SEEN));
    project(&compose).each(|project| {
        with_private_file(project);
        let (uid, gid) = (project.user.uid, project.user.gid);
        let want = format!(
            "0\n0\n 0 {uid} 1\n 0 {gid} 1\ndeny\ncat: can't open '/private': Permission denied\n\
             chown: /tmp/new: Invalid argument\nlo\n0\t0\ndenied\ndevices\n"
        );
        assert_eq!(project.output(), want);
        let made = fs::metadata(project.root.join("bundles/volumes/data/new")).unwrap();
        assert_eq!((made.uid(), made.gid()), (uid, gid));
    });
}

#[test]
fn a_range_of_users() {
    let script = format!("{SEEN}\nbusybox stat -c '%u:%g %n' /tmp/new /data/new");
    let volumes =
        "volumes: ['data:/data', {type: bind, source: ./private, target: /private, read_only: true}], ";
    let range = "[u:0:UID:1, g:0:GID:1, u:1:SUBUID:1000, g:1:SUBGID:1000]";
    let compose = format!(
        "x-bundlegen: {{rootless: 'UID:GID', userns_map: {range}}}\n{}volumes: {{data: }}\n",
        service(volumes, &script)
    );
    project(&compose).each(|project| {
        with_private_file(project);
        let user = project.user;
        let (uid, gid, users, groups) = (user.uid, user.gid, user.users, user.groups);
        let want = format!(
            "0\n0\n 0 {uid} 1\n 1 {users} 1000\n 0 {gid} 1\n 1 {groups} 1000\nallow\n\
             cat: can't open '/private': Permission denied\n\
             lo\n0\t1000\ndenied\ndevices\n1:1 /tmp/new\n0:0 /data/new\n"
        );
        assert_eq!(project.output(), want);
        let given = fs::metadata(project.root.join("bundles/app/rootfs/tmp/new")).unwrap();
        assert_eq!((given.uid(), given.gid()), (users, groups));
    });
}

/// A user other than root owns what the image gives it, and a volume that was filled with it.
#[test]
fn another_user_of_a_range() {
    let script = "busybox id -u; touch /www/new /tmp/new && echo written; touch /new 2>&1";
    let compose = format!(
        "x-bundlegen: {{rootless: 'UID:GID', userns_map: [u:0:UID:1, g:0:GID:1, u:1:SUBUID:1000, g:1:SUBGID:1000]}}\n\
         {}",
        service("user: www, tmpfs: ['/www:uid=33,mode=0700'], ", script)
    );
    project(&compose).each(|project| {
        let (code, output) = project.run();
        assert_eq!((code, output.as_str()), (Some(1), "33\nwritten\ntouch: /new: Permission denied\n"));
        let made = fs::metadata(project.root.join("bundles/app/rootfs/tmp/new")).unwrap();
        assert_eq!(made.uid(), project.user.users + 32);
    });
}

/// crun needs no root in the container.
#[test]
fn a_user_that_is_not_root() {
    let compose = format!(
        "x-bundlegen: {{rootless: 'UID:GID', targets: [crun-1.8]}}\n{}",
        service("user: www, ", "busybox id -u; touch /tmp/new && echo written")
    );
    project(&compose).only("crun").each(|project| {
        assert_eq!(project.output(), "33\nwritten\n");
        let made = fs::metadata(project.root.join("bundles/app/rootfs/tmp/new")).unwrap();
        assert_eq!(made.uid(), project.user.uid);
    });
}

#[test]
fn the_network_of_the_host() {
    let script = "readlink /proc/self/ns/net; ls /sys/class/net | busybox wc -l; touch /sys/x 2>&1";
    let compose =
        format!("x-bundlegen: {{rootless: 'UID:GID'}}\n{}", service("network_mode: host, ", script));
    project(&compose).each(|project| {
        let (_, output) = project.run();
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        let interfaces = fs::read_dir("/sys/class/net").unwrap().count();
        let refused = "touch: /sys/x: Read-only file system";
        assert_eq!(output, format!("{}\n{interfaces}\n{refused}\n", own.display()));
    });
}

#[test]
fn namespaces_of_the_host() {
    let script = "cat /proc/1/environ 2>&1 | busybox grep -o denied
        for kind in pid ipc uts; do readlink /proc/self/ns/$kind; done
        : > /dev/shm/bundlegen-test && busybox rm /dev/shm/bundlegen-test && echo shared";
    let compose = format!(
        "x-bundlegen: {{rootless: 'UID:GID'}}\n{}",
        service("pid: host, ipc: host, uts: host, ", script)
    );
    project(&compose).each(|project| {
        let own = |kind: &str| fs::read_link(format!("/proc/self/ns/{kind}")).unwrap().display().to_string();
        let want = ["denied", &own("pid"), &own("ipc"), &own("uts"), "shared"];
        // runc warns that it has no control group to freeze.
        assert_eq!(project.output().lines().take(5).collect::<Vec<_>>(), want);
    });
}

/// All that a privileged service has ends at its user namespace.
#[test]
fn privileged() {
    let script = "
        busybox grep CapEff /proc/self/status | cut -c 8- | tr -d 0
        mount -t tmpfs none /tmp && echo mounted
        mknod /tmp/null c 1 3 2>&1
        busybox grep -E ' cgroup2? rw' /proc/mounts
        echo 1 2>&1 > /proc/sys/kernel/panic";
    let compose = format!("x-bundlegen: {{rootless: 'UID:GID'}}\n{}", service("privileged: true, ", script));
    project(&compose).each(|project| {
        let (code, output) = project.run();
        assert_eq!(code, Some(1), "{output}");
        let (first, rest) = output.split_once('\n').unwrap();
        assert!(first.ends_with("ffff"), "{output}");
        assert!(rest.starts_with("mounted\nmknod: /tmp/null: Operation not permitted\n"), "{output}");
        assert!(!rest.contains("cgroup"), "{output}");
        assert!(rest.contains("can't create /proc/sys/kernel/panic"), "{output}");
    });
}

#[test]
fn root_does_not_prepare_what_is_a_users() {
    let compose = format!("x-bundlegen: {{rootless: 'UID:GID'}}\n{}", service("", "true"));
    project(&compose).each(|project| {
        let said = project.prepared_by_root();
        let want = format!("made for user {}, who must run `prepare`", project.user.uid);
        assert!(said.contains(&want), "{said}");
    });
}
