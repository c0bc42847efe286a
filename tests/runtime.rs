//! Bundles that runc and crun run: what the process sees is held against what the Compose file asks for.
//!
//! Every test builds and prepares a project, moves it, and runs it from a third directory. Where the host cannot run
//! bundles the tests say so and pass, unless `BUNDLEGEN_REQUIRE_RUNTIMES=1`.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::format_push_string,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

#[path = "support/containers.rs"]
mod containers;
mod runtime {
    pub mod project;
}

use std::collections::BTreeSet;
use std::fs;

use bundlegen::compose::value::capability::Capability;
use bundlegen::lower::capabilities::DEFAULT;
use bundlegen::lower::defaults::{MASKED_PATHS, READONLY_PATHS};
use containers::image::COPIED;
use containers::say;
use runtime::project::{app, project, script};
use serde_json::{Value, json};

fn capabilities(names: &str) -> BTreeSet<Capability> {
    names.split_whitespace().map(|name| name.parse().unwrap()).collect()
}

fn docker() -> BTreeSet<Capability> {
    DEFAULT.iter().copied().collect()
}

#[test]
fn a_process_with_the_defaults() {
    app("").reports(|report| {
        assert_eq!(report.ids(), (0, 0, BTreeSet::from([0])));
        for set in ["CapBnd", "CapPrm", "CapEff"] {
            assert_eq!(report.capabilities(set), docker(), "{set}");
        }
        for set in ["CapInh", "CapAmb"] {
            assert_eq!(report.capabilities(set), BTreeSet::new(), "{set}");
        }
        assert_eq!((report.status("NoNewPrivs"), report.status("Seccomp")), ("0", "2"));
        assert_eq!(report.environment(), ["HOME=/", "HOSTNAME=app", "PATH=/bin"]);
        assert_eq!((report.text("cwd"), report.text("oom")), ("/", "0"));
        assert_eq!((report.text("hostname"), report.text("hostname-file")), ("app", "app"));
        assert!(report.text("hosts").starts_with("127.0.0.1\tlocalhost\n"));
        assert_eq!(report.lines("interfaces"), ["lo"]);
    });
}

#[test]
fn file_systems_by_default() {
    app("").reports(|report| {
        for (path, kind, options) in [
            ("/proc", "proc", "rw,nosuid,noexec,nodev"),
            ("/dev", "tmpfs", "rw,nosuid,mode=755,size=65536k"),
            ("/dev/pts", "devpts", "rw,nosuid,noexec,mode=620,ptmxmode=666,gid=5"),
            ("/sys", "sysfs", "ro,nosuid,noexec,nodev"),
            ("/dev/mqueue", "mqueue", "rw,nosuid,noexec,nodev"),
            ("/dev/shm", "tmpfs", "rw,nosuid,noexec,nodev,size=65536k"),
        ] {
            let mount = report.mount(path).unwrap_or_else(|| panic!("nothing on {path}"));
            assert_eq!(mount.kind, kind, "{path}");
            assert!(mount.has(options), "{path}: {mount:?}");
        }
        for path in ["/etc/hosts", "/etc/hostname"] {
            assert!(report.mount(path).unwrap().has("ro"), "{path}");
        }
        assert!(report.mount("/sys/fs/cgroup").is_some());
        assert!(!report.mount("/").unwrap().has("ro"));
    });
}

#[test]
fn hidden_and_read_only_paths() {
    let list = |paths: &[&str]| paths.join(" ");
    let text = format!(
        "for path in {}; do
            if [ -d $path ]; then ls -A $path; elif [ -e $path ]; then cat $path; fi
        done
        for path in {}; do grep -q \" $path ro,\" /proc/mounts || ! [ -e $path ] || echo writable: $path; done
        for path in {}; do [ ! -e $path ] || grep -q \" $path \" /proc/mounts || echo seen: $path; done",
        list(MASKED_PATHS),
        list(READONLY_PATHS),
        list(MASKED_PATHS),
    );
    let text = text.replace("grep -q", "busybox grep -qE").replace("$path ro", "$path [a-z0-9]+ ro");
    script("", &text).prints("");
}

#[test]
fn a_user_by_number() {
    app("user: '1234:5678'").reports(|report| {
        assert_eq!(report.ids(), (1234, 5678, BTreeSet::from([5678])));
        assert_eq!(report.capabilities("CapBnd"), docker());
        for set in ["CapPrm", "CapEff", "CapInh", "CapAmb"] {
            assert_eq!(report.capabilities(set), BTreeSet::new(), "{set}");
        }
    });
}

#[test]
fn a_user_by_name() {
    app("user: www").reports(|report| assert_eq!(report.ids(), (33, 33, BTreeSet::from([4, 29, 33]))));
    app("user: www:log").reports(|report| assert_eq!(report.ids(), (33, 4, BTreeSet::from([4]))));
}

#[test]
fn capabilities_of_ones_own() {
    let attributes = "
        cap_drop: [ALL]
        cap_add: [NET_BIND_SERVICE, CAP_CHOWN]
    ";
    app(attributes).reports(|report| {
        for set in ["CapBnd", "CapPrm", "CapEff"] {
            assert_eq!(report.capabilities(set), capabilities("CHOWN NET_BIND_SERVICE"), "{set}");
        }
    });
    app("cap_drop: [ALL]").reports(|report| assert_eq!(report.capabilities("CapBnd"), BTreeSet::new()));
    app("cap_drop: [CHOWN, NET_RAW]").reports(|report| {
        assert_eq!(report.capabilities("CapEff"), &docker() - &capabilities("CHOWN NET_RAW"));
    });
}

/// A runtime cannot give what the host's own root does not have.
#[test]
fn all_capabilities() {
    let all: BTreeSet<_> = Capability::ALL.iter().copied().collect();
    for attributes in ["privileged: true", "cap_add: [ALL]"] {
        app(attributes).each(|project| {
            let names = &project.config("app")["process"]["capabilities"]["bounding"];
            assert_eq!(names.as_array().unwrap().len(), all.len());
            if host_has(&all) {
                let report = project.report("app");
                assert_eq!(report.capabilities("CapEff"), all);
            } else {
                say(&format!("`{attributes}` is not run: this host does not have all capabilities"));
            }
        });
    }
}

fn host_has(all: &BTreeSet<Capability>) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).unwrap();
    u64::from_str_radix(bounding.trim(), 16).unwrap().count_ones() as usize == all.len()
}

#[test]
fn no_new_privileges() {
    app("security_opt: [no-new-privileges]").reports(|report| assert_eq!(report.status("NoNewPrivs"), "1"));
}

const NEW_NAMESPACE: &str = "unshare -U true 2>/dev/null && echo made || echo refused";

#[test]
fn the_default_profile() {
    script("", NEW_NAMESPACE).prints("refused\n");
    script("security_opt: [seccomp=builtin]", NEW_NAMESPACE).prints("refused\n");
    let mount = "mount -t tmpfs none /tmp 2>/dev/null && echo mounted || echo refused";
    script("", mount).prints("refused\n");
    // The profile follows the capabilities.
    script("cap_add: [SYS_ADMIN]", mount).prints("mounted\n");
    script("cap_add: [SYS_ADMIN]", NEW_NAMESPACE).prints("made\n");
}

#[test]
fn no_profile() {
    script("security_opt: [seccomp=unconfined]", NEW_NAMESPACE).prints("made\n");
    app("security_opt: [seccomp:unconfined]").reports(|report| assert_eq!(report.status("Seccomp"), "0"));
}

#[test]
fn a_profile_of_ones_own() {
    let profile = r#"{
        "defaultAction": "SCMP_ACT_ALLOW",
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
        "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28},
            {"names": ["mknod", "mknodat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 27,
             "excludes": {"caps": ["CAP_MKNOD"]}}
        ]
    }"#;
    let attempt = "mkdir /tmp/a 2>&1; mknod /tmp/b p 2>&1 && echo made";
    let security = "security_opt: ['seccomp=./profile.json']";
    let refused = "mkdir: can't create directory '/tmp/a': No space left on device\n";
    script(security, attempt).file("profile.json", profile).prints(&format!("{refused}made\n"));
    let dropped = format!("{security}\ncap_drop: [MKNOD]");
    script(&dropped, &format!("{attempt}; true"))
        .file("profile.json", profile)
        .prints(&format!("{refused}mknod: /tmp/b: File too large\n"));
}

#[test]
fn devices() {
    let attempt = "
        for device in null zero full random urandom tty; do [ -c /dev/$device ] || echo no $device; done
        head -c 1 /dev/zero > /dev/null || echo no zeros
        mknod /tmp/port c 1 4
        (: < /tmp/port) 2>&1 | busybox grep -o 'not permitted'
    ";
    script("", attempt).prints("not permitted\n");
}

/// Both are there at the same time, and find what a runtime has made for the other one.
#[test]
fn two_containers_with_one_root() {
    let wait = "mktemp /data/XXXXXX > /dev/null
        until [ $(ls /data | wc -l) = 2 ]; do sleep 0.1; done
        touch /x 2>&1 | grep -o 'Read-only file system'
        ls -d /new/place /etc/hosts";
    let command = json!(["sh", "-c", wait.replace('$', "$$")]);
    let compose = project(&format!(
        "
        services:
          app:
            {{image: busybox, network_mode: none, read_only: true, scale: 2, tmpfs: [/run],
             volumes: ['data:/data', 'data:/new/place'], command: {command}}}
        volumes: {{data: {{}}}}
        "
    ));
    compose.each(|project| {
        assert_eq!(project.config("app-2")["root"]["path"], "../app/rootfs");
        assert!(!project.root.join("bundles/app-2/rootfs").exists());
        // Two runtimes that made them at the same time would be in each other's way.
        for directory in ["proc", "data", "new/place"] {
            assert!(project.root.join("bundles/app/rootfs").join(directory).is_dir(), "{directory}");
        }
        std::thread::scope(|scope| {
            let other = scope.spawn(|| project.output("app-2"));
            let both = [project.output("app"), other.join().unwrap()];
            assert_eq!(both, ["Read-only file system\n/etc/hosts\n/new/place\n"; 2]);
        });
    });
}

#[test]
fn a_read_only_root() {
    let attributes = "
        read_only: true
        tmpfs: [/tmp]
    ";
    let attempt = "touch /there 2>&1; touch /tmp/here && ls /tmp";
    script(attributes, attempt).prints("touch: /there: Read-only file system\nhere\n");
    app(attributes).reports(|report| assert!(report.mount("/").unwrap().has("ro")));
}

#[test]
fn memory_as_a_file_system() {
    let attributes = "
        tmpfs: [/run, '/fast:size=1m,mode=1770,exec']
        volumes:
          - {type: tmpfs, target: /long, tmpfs: {size: 2m, mode: 0700}}
        shm_size: 3m
    ";
    app(attributes).reports(|report| {
        for (path, options) in [
            ("/run", "rw,nosuid,nodev,noexec"),
            ("/fast", "rw,nosuid,nodev,size=1024k,mode=1770"),
            ("/long", "rw,nosuid,nodev,noexec,size=2048k,mode=700"),
            ("/dev/shm", "rw,nosuid,nodev,noexec,size=3072k"),
        ] {
            let mount = report.mount(path).unwrap_or_else(|| panic!("nothing on {path}"));
            assert_eq!(mount.kind, "tmpfs", "{path}");
            assert!(mount.has(options), "{path}: {mount:?}");
        }
        assert!(!report.mount("/fast").unwrap().has("noexec"));
    });
}

#[test]
fn bind_mounts() {
    let attributes = "
        volumes:
          - ./shared:/shared
          - ./fixed:/fixed:ro
          - ./missing:/made
          - {type: bind, source: ./fixed/file, target: /one, read_only: true}
    ";
    let attempt = "cat /shared/file /one; echo from inside > /shared/new
        touch /fixed/x 2>&1; touch /one 2>&1; ls /made; true";
    let source = script(attributes, attempt).file("shared/file", "shared\n").file("fixed/file", "fixed\n");
    source.each(|project| {
        let refused = "touch: /fixed/x: Read-only file system\ntouch: /one: Read-only file system\n";
        assert_eq!(project.output("app"), format!("shared\nfixed\n{refused}"));
        assert_eq!(fs::read_to_string(project.root.join("shared/new")).unwrap(), "from inside\n");
        assert!(project.root.join("missing").is_dir());
    });
}

#[test]
fn memory_where_the_image_has_nothing() {
    let source = script("user: '1234'\ntmpfs: [/cache]", "touch /cache/file && ls /cache");
    source.each(|project| {
        for run in 1..=2 {
            assert_eq!(project.output("app"), "file\n", "run {run}");
        }
    });
}

#[test]
fn a_volume_of_two_services() {
    let source = project(
        "
        services:
          reader:
            image: busybox
            network_mode: none
            depends_on: [writer]
            command: [sh, -c, 'cat /in/note; touch /in/x']
            volumes: ['notes:/in:ro']
          writer:
            image: busybox
            network_mode: none
            command: [sh, -c, 'echo between services > /out/note']
            volumes: ['notes:/out']
        volumes:
          notes:
        ",
    );
    source.each(|project| {
        assert_eq!(project.order, ["writer", "reader"]);
        assert_eq!(project.output("writer"), "");
        let (code, text) = project.run("reader");
        assert_eq!(code, Some(1));
        assert_eq!(text, "between services\ntouch: /in/x: Read-only file system\n");
        assert!(project.root.join("bundles/volumes/notes/note").is_file());
    });
}

#[test]
fn volumes_of_every_kind() {
    let source = project(
        "
        services:
          app:
            image: busybox
            network_mode: none
            command: [sh, -c, 'cat /etc/passwd > /part/passwd; cat /outside/note /bound/note; touch /etc/mine;
              touch /fixed/x; ls /empty /part']
            volumes:
              - /etc
              - {type: volume, target: /empty, volume: {nocopy: true}}
              - {type: volume, source: parts, target: /part, volume: {subpath: one/two}}
              - outside:/outside:ro
              - bound:/bound
              - {type: bind, source: ./fixed, target: /fixed, read_only: true, bind: {recursive: readonly}}
          other:
            image: busybox
            network_mode: none
            command: [sh, -c, 'ls /etc/mine /part; touch /etc/x']
            volumes: ['/part']
            volumes_from: ['app:ro']
        volumes:
          parts:
          outside: {external: true, name: ours}
          bound: {driver: local, driver_opts: {type: none, o: bind, device: ./data}}
        ",
    );
    let source = source.file("bundles/volumes/ours/note", "outside\n").file("data/note", "bound\n");
    source.file("fixed/file", "").each(|project| {
        let (code, text) = project.run("app");
        let seen = "outside\nbound\n/empty:\n\n/part:\npasswd\n";
        assert_eq!(text, format!("{seen}touch: /fixed/x: Read-only file system\n"));
        assert_eq!(code, Some(0));
        let volumes = project.root.join("bundles/volumes");
        assert!(volumes.join("parts/one/two/passwd").is_file());
        assert!(volumes.join("app@etc/mine").is_file());
        let (code, text) = project.run("other");
        assert_eq!(text, "/etc/mine\n\n/part:\ntouch: /etc/x: Read-only file system\n");
        assert_eq!(code, Some(1));
    });
}

#[test]
fn memory_as_a_volume() {
    let source = project(
        "
        services:
          app:
            image: busybox
            network_mode: none
            command: [report]
            volumes: ['memory:/memory']
        volumes:
          memory: {driver_opts: {type: tmpfs, device: tmpfs, o: 'size=1m,noexec'}}
        ",
    );
    source.reports(|report| {
        let mount = report.mount("/memory").unwrap();
        assert_eq!(mount.kind, "tmpfs");
        assert!(mount.has("rw,noexec,size=1024k"), "{mount:?}");
    });
}

#[test]
fn secrets_and_configs() {
    let source = project(
        "
        services:
          app:
            image: busybox
            network_mode: none
            user: '1234:5678'
            command: [sh, -c, 'cat /run/secrets/file /run/secrets/token /text /etc/app/text; /home/hello;
              busybox stat -c \"%a %u %g\" /run/secrets/token /etc/app/text; touch /text']
            secrets: [file, {source: token, uid: '1234', mode: 0400}]
            configs:
              - text
              - {source: text, target: /etc/app/text, gid: '5678', mode: 0440}
              - {source: script, target: /home/hello, mode: 0755}
        secrets:
          file: {file: ./secret}
          token: {environment: BUNDLEGEN_TEST_SECRET}
        configs:
          text: {content: \"text\\n\"}
          script: {content: \"#!/bin/sh\\necho hello\\n\"}
        ",
    );
    source.file("secret", "of a file\n").each(|project| {
        let (code, text) = project.run("app");
        let want = "of a file\nof a variable\ntext\ntext\nhello\n400 1234 0\n440 0 5678\n";
        assert_eq!(text, format!("{want}touch: /text: Read-only file system\n"));
        assert_eq!(code, Some(1));
    });
}

#[test]
fn services_in_order() {
    let service = |name: &str, after: &str| {
        format!(
            "
          {name}:
            image: busybox
            network_mode: none
            depends_on: {after}
            command: [sh, -c, 'echo {name} >> /log/order']
            volumes: ['log:/log']"
        )
    };
    let services = [
        service("web", "{cache: {condition: service_started}, db: {condition: service_started}}"),
        service("cache", "[db]"),
        service("db", "[]"),
    ];
    let source = format!("        services:{}\n        volumes:\n          log:", services.concat());
    project(&source).each(|project| {
        for name in &project.order {
            project.output(name);
        }
        let log = fs::read_to_string(project.root.join("bundles/volumes/log/order")).unwrap();
        assert_eq!(log, "db\ncache\nweb\n");
        let annotations = &project.state("web")["annotations"];
        let dependency = r#"{"required":true,"condition":"service_started"}"#;
        let dependencies = format!(r#"{{"cache":{dependency},"db":{dependency}}}"#);
        assert_eq!(annotations["io.bundlegen.depends-on"], dependencies);
    });
}

#[test]
fn groups_names_and_resolver() {
    let source = project(
        "
        services:
          web:
            image: busybox
            network_mode: none
            group_add: [1234, \"27\"]
            domainname: example.test
            oom_score_adj: 300
            dns: 192.0.2.53
            dns_search: example.test
            extra_hosts: [db=192.0.2.2]
            command:
            - sh
            - -c
            - id -G; cat /proc/sys/kernel/domainname /proc/self/oom_score_adj /etc/resolv.conf; grep db /etc/hosts
        ",
    );
    source.each(|project| {
        let lines = [
            "0 27 1234",
            "example.test",
            "300",
            "search example.test",
            "nameserver 192.0.2.53",
            "192.0.2.2\tdb",
        ];
        assert_eq!(project.output("web"), lines.join("\n") + "\n");
    });
}

#[test]
fn limits_of_a_process() {
    let attributes = "
        ulimits:
          nofile: {soft: 512, hard: 1024}
          nproc: 300
          core: 0
    ";
    app(attributes).reports(|report| {
        assert_eq!(report.limit("Max open files"), ("512", "1024"));
        assert_eq!(report.limit("Max processes"), ("300", "300"));
        assert_eq!(report.limit("Max core file size"), ("0", "0"));
    });
}

#[test]
fn kernel_parameters() {
    let attributes = "
        sysctls:
          net.core.somaxconn: 1234
          net.ipv4.ping_group_range: '0 7'
          kernel.msgmax: 4096
          fs.mqueue.msg_max: 5
    ";
    let read = "cd /proc/sys; cat net/core/somaxconn kernel/msgmax fs/mqueue/msg_max
        cat net/ipv4/ip_unprivileged_port_start net/ipv4/ping_group_range";
    script(attributes, read).prints("1234\n4096\n5\n0\n0\t7\n");
    script("", "cat /proc/sys/net/ipv4/ping_group_range").prints("0\t2147483647\n");
}

/// Prints the first of these files that the host's version of cgroups has.
fn first(files: [&str; 2]) -> String {
    let [one, two] = files.map(|file| format!("/sys/fs/cgroup/{file}"));
    format!("cat {one} 2>/dev/null || cat {two} 2>/dev/null || echo unknown; ")
}

#[test]
fn limits_of_a_control_group() {
    let attributes = "
        mem_limit: 64m
        pids_limit: 50
        cpus: 0.5
    ";
    let files = [
        ["memory/memory.limit_in_bytes", "memory.max"],
        ["pids/pids.max", "pids.max"],
        ["cpu/cpu.cfs_quota_us", "cpu.max"],
    ];
    script(attributes, &files.map(first).concat()).each(|project| {
        let output = project.output("app");
        let lines: Vec<_> = output.lines().collect();
        let wants: [&[&str]; 3] = [&["67108864"], &["50"], &["50000", "50000 100000"]];
        assert_eq!(lines.len(), wants.len());
        for (line, want) in lines.iter().zip(wants) {
            if *line == "unknown" {
                say(&format!("not seen: this host does not show a limit of {}", want[0]));
            } else {
                assert!(want.contains(line), "{line} is none of {want:?}");
            }
        }
    });
}

#[test]
fn the_network_of_the_host() {
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    app("network_mode: host").reports(|report| {
        assert_eq!(report.text("namespace"), own.to_str().unwrap());
        assert_eq!(report.text("hosts"), fs::read_to_string("/etc/hosts").unwrap().trim_end());
        assert_eq!(report.environment(), ["HOME=/", "PATH=/bin"]);
        // Both runtimes leave the name of the new namespace as it was.
        assert_eq!(report.text("hostname"), name.trim_end());
    });
    app("network_mode: none").reports(|report| assert_ne!(report.text("namespace"), own.to_str().unwrap()));
}

#[test]
fn a_name_for_the_host() {
    app("hostname: other.example").reports(|report| {
        assert_eq!(report.text("hostname"), "other.example");
        assert_eq!(report.text("hostname-file"), "other.example");
        assert!(report.environment().contains(&"HOSTNAME=other.example"));
    });
}

/// A terminal needs somebody to hold its other end.
#[test]
fn a_terminal() {
    app("tty: true").each(|project| {
        let process = &project.config("app")["process"];
        assert_eq!(process["terminal"], true);
        assert!(process["env"].as_array().unwrap().contains(&json!("TERM=xterm")));
    });
}

#[test]
fn a_directory_to_start_in() {
    app("working_dir: /srv/made/here").reports(|report| assert_eq!(report.text("cwd"), "/srv/made/here"));
}

#[test]
fn what_an_image_says() {
    let source = project(&format!("services:\n  app:\n    image: {COPIED}\n    network_mode: none"));
    source.with_copied_images().each(|project| {
        let report = project.report("app");
        assert_eq!(report.lines("args"), ["of the image"]);
        assert_eq!(
            report.environment(),
            ["CHANGED=by the image", "FROM_IMAGE=kept", "HOME=/www", "HOSTNAME=app", "PATH=/bin"]
        );
        assert_eq!((report.ids().0, report.text("cwd")), (33, "/www"));
        let annotations = &project.state("app")["annotations"];
        assert_eq!(annotations["com.example.of"], "image");
        assert_eq!(annotations["org.opencontainers.image.stopSignal"], "SIGQUIT");
        assert_eq!(annotations["org.opencontainers.image.exposedPorts"], "8080/tcp");
    });
}

#[test]
fn the_environment() {
    let attributes = "
        image: app
        env_file: [one.env]
        environment:
          - CHANGED=by the service
          - OVER=environment
          - EMPTY=
          - HOSTNAME
    ";
    let source = app(attributes).file("one.env", "OVER=file\nFROM_FILE='quoted value'\n");
    source.reports(|report| {
        let mut variables = report.environment();
        // As the process that builds has it, or not at all.
        variables.retain(|variable| !variable.starts_with("HOSTNAME="));
        let want = [
            "CHANGED=by the service",
            "EMPTY=",
            "FROM_FILE=quoted value",
            "FROM_IMAGE=kept",
            "HOME=/www",
            "OVER=environment",
            "PATH=/bin",
        ];
        assert_eq!(variables, want);
    });
}

#[test]
fn entrypoints_and_commands() {
    let cases = [
        ("image", "", "of the image"),
        ("command", "command: [own, 'two words']", "own\ntwo words"),
        ("split", "command: own 'two words'", "own\ntwo words"),
        ("entrypoint", "entrypoint: [report, before]", "before"),
        ("both", "{entrypoint: report before, command: [after]}", "before\nafter"),
        ("cleared", "{entrypoint: [], command: [report, alone]}", "alone"),
    ];
    let mut compose = String::from("services:\n");
    for (name, attributes, _) in cases {
        let attributes = attributes.trim_matches(['{', '}']);
        let comma = if attributes.is_empty() { "" } else { "," };
        compose += &format!("  {name}: {{image: app, network_mode: none{comma} {attributes}}}\n");
    }
    project(&compose).each(|project| {
        for (name, _, args) in cases {
            assert_eq!(project.report(name).text("args"), args, "{name}");
        }
    });
}

#[test]
fn the_signal_that_stops() {
    let attributes = "
        stop_signal: SIGUSR1
        labels: {com.example.label: kept}
        annotations: {com.example.annotation: kept}
    ";
    app(attributes).each(|project| {
        let state = project.state("app");
        assert_eq!(state["status"], "created");
        let annotations = &state["annotations"];
        assert_eq!(annotations["org.opencontainers.image.stopSignal"], "SIGUSR1");
        for key in ["com.example.label", "com.example.annotation"] {
            assert_eq!(annotations[key], Value::from("kept"), "{key}");
        }
    });
}

#[test]
fn the_exit_code_is_that_of_the_process() {
    script("", "exit 7").each(|project| assert_eq!(project.run("app").0, Some(7)));
}

/// A root that comes from a directory of the project moves with it.
#[test]
fn a_root_without_an_image() {
    let compose = "
        services:
          app:
            x-bundlegen: {rootfs: ./root}
            network_mode: none
            command: [/bin/busybox, cat, /note]
            volumes: ['/bin:/bin:ro']
    ";
    project(compose).file("root/note", "in the directory\n").prints("in the directory\n");
}
