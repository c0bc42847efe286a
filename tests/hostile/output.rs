//! What reaches the terminal, and what stands in the way of the output.

use super::*;

#[test]
fn a_terminal_gets_no_commands() {
    let escape = "\\e[2J\\r\\u009b\\u202e\\x07";
    let attributes = [
        "ESC: 1",
        "user: ESC",
        "image: ESC",
        "command: ESC \"'",
        "hostname: ESC",
        "env_file: ESC",
        "environment: [ESC]",
        "labels: {ESC: 1, run.oci.ESC: 1}",
        "annotations: {io.bundlegen.ESC: 1}",
        "cap_add: [ESC]",
        "volumes: [ESC]",
        "volumes: ['ESC:/x:ESC']",
        "volumes: [{type: ESC, target: /x}]",
        "security_opt: [ESC, 'seccomp=ESC']",
        "sysctls: {ESC: 1}",
        "ulimits: {ESC: 1}",
        "depends_on: [ESC]",
        "depends_on: {ESC: {condition: ESC}}",
        "stop_signal: ESC",
        "tmpfs: ESC",
        "network_mode: ESC",
        "working_dir: ESC",
        "mem_limit: ESC",
        "cpus: ESC",
        "expose: [ESC]",
        "tty: ESC",
        "user: '${A?ESC}'",
        "x-bundlegen: {ESC: 1}",
    ];
    for attribute in attributes {
        let quoted = attribute.replace('\'', "\"").replace("ESC", escape);
        let is_quoted = quoted.contains('"');
        let quoted = if is_quoted { quoted } else { quoted.replace(escape, &format!("\"{escape}\"")) };
        let base = SERVICE.replace("x-bundlegen: {rootfs: .}, ", "").replace("network_mode: none, ", "");
        Project::with(format!("services:\n  web: {{{base}, {quoted}}}\n")).refused();
    }
    let named = Project::new();
    named.write("\u{1b}[2J.yaml", "services: [\n");
    named.refused_with(&["\u{1b}[2J.yaml"]).says("2J.yaml");
    let raw = Project::with(service("env_file: a.env"));
    raw.write("a.env", "OK=1\nA\u{1b}[2J\r\u{9b}\u{202e}=1\r\n");
    raw.refused();
    raw.write("compose.yaml", service("security_opt: ['seccomp=a.env']"));
    raw.refused();
    raw.write("compose.yaml", service("tty: true"));
    raw.write("bundlegen.lock", "version: 1\n\u{1b}[2J: \u{1b}\n");
    raw.refused();
    raw.write("bundlegen.lock", "version: 1\n\"\\e[2J\": x\nplatform: x\n");
    raw.refused();
}

#[test]
fn strange_files_in_the_output_do_not_reach_the_terminal() {
    let project = Project::with(service("tty: true"));
    project.built();
    project.write("bundles/web/\u{1b}[2J", "x");
    project.write("bundles/web/config.json", "\u{1b}[2J\u{9b}\r\n");
    let ended = project.run(&["check"]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("2J"));
    project.run(&["prepare"]);
}

#[test]
fn a_hostile_lock_is_refused() {
    let laughs: String = (1..30).map(|n| format!("x{n}: &a{n} [*a{m}, *a{m}]\n", m = n - 1)).collect();
    let image = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let locks = [
        "version: [".to_owned(),
        "version: 1\nversion: 1\n".to_owned(),
        format!("version: 1\nx0: &a0 [x]\n{laughs}"),
        format!("version: 1\nx: {}", "{a: ".repeat(50_000)),
        format!("version: 1\nx: {}{}", "[".repeat(250), "]".repeat(250)),
        "version: 99999999999999999999999\n".to_owned(),
        "version: -1\n".to_owned(),
        "version: 1\nplatform: [linux]\nimages: {}\n".to_owned(),
        "version: 1\nplatform: linux/amd64\nimages: []\n".to_owned(),
        "version: 1\n--- \nversion: 1\n".to_owned(),
        "!!binary version: 1\n".to_owned(),
        "version: 1\nplatform: !x linux/amd64\nimages: !y {}\nimages2: 1\n".to_owned(),
        format!(
            "version: 1\nplatform: linux/amd64\nimages:\n  docker.io/library/a:latest:\n    \
             manifest: {{digest: {image}, size: -1}}\n"
        ),
        "\u{feff}version: 1\nplatform: größe\nimages: größe\n".to_owned(),
    ];
    for lock in locks {
        let project = Project::with(service("tty: true"));
        project.write("bundlegen.lock", &lock);
        project.refused().says("bundlegen.lock");
    }
}

#[test]
fn an_image_of_the_lock_says_anything() {
    let digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let lock = |configuration: &str, users: &str| {
        format!(
            "version: 1\nplatform: linux/amd64\nimages:\n  docker.io/library/a:latest:\n    \
             manifest: {{digest: '{digest}', size: 1}}\n    config: {{digest: '{digest}', size: 1}}\n    \
             layers: []\n    configuration: {{architecture: amd64, os: linux, {configuration}}}\n    \
             users: {{{users}}}\n"
        )
    };
    let configurations = [
        "cmd: [\"\\0\"]",
        "cmd: [sh], env: [\"A=\\0\"]",
        "cmd: [sh], env: ['', '=', A, \"\\e=x\"]",
        "cmd: [sh], working_dir: relative",
        "cmd: [sh], working_dir: /proc/self",
        "cmd: [sh], working_dir: \"/\\0\"",
        "cmd: [sh], volumes: ['', relative, /, \"/\\e\", /../..]",
        "cmd: [sh], exposed_ports: ['', \"\\e\", 99999/tcp, 80/quic]",
        "cmd: [sh], labels: {'': x, \"\\e\": \"\\e\", run.oci.handler: krun, io.bundlegen.image: x}",
        "cmd: [sh], stop_signal: \"\\e\"",
        "cmd: [sh], user: nobody",
        "cmd: [sh], created: \"\\e\", author: \"\\0\"",
    ];
    for configuration in configurations {
        for users in ["'': {uid: 0, gid: 0}", ""] {
            let project = Project::with("services:\n  web: {image: a, network_mode: none}\n");
            project.write("bundlegen.lock", lock(configuration, users));
            project.run(&["build"]);
        }
    }
}

#[test]
fn an_output_that_is_not_ours_is_left_alone() {
    let elsewhere = tempfile::tempdir().unwrap();
    let victim = elsewhere.path().join("config.json");
    fs::write(&victim, "precious").unwrap();
    let untouched = |project: &Project| {
        let before = project.listing();
        for command in ["build", "check", "prepare"] {
            assert_ne!(project.run(&[command]).code, 0, "{command}");
        }
        assert_eq!(project.listing(), before);
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    };
    let fresh = || Project::with(service("tty: true"));

    let bundles = fresh();
    symlink(elsewhere.path(), bundles.at("bundles")).unwrap();
    untouched(&bundles);

    let inside = fresh();
    fs::create_dir(inside.at("bundles")).unwrap();
    symlink(elsewhere.path(), inside.at("bundles/web")).unwrap();
    untouched(&inside);

    let file = fresh();
    fs::create_dir_all(file.at("bundles/web")).unwrap();
    symlink(&victim, file.at("bundles/web/config.json")).unwrap();
    untouched(&file);

    let fifo = fresh();
    fs::create_dir_all(fifo.at("bundles/web")).unwrap();
    fifo.fifo("bundles/web/config.json");
    untouched(&fifo);

    let directory = fresh();
    directory.write("bundles/web/config.json/precious", "x");
    untouched(&directory);

    let foreign = fresh();
    foreign.write("bundles/web/config.json", "mine");
    untouched(&foreign);

    let list = fresh();
    fs::create_dir(list.at("bundles")).unwrap();
    list.fifo("bundles/SHA256SUMS");
    untouched(&list);

    let no_directory = fresh();
    no_directory.write("bundles", "mine");
    untouched(&no_directory);
}

#[test]
fn a_hostile_list_of_checksums_removes_nothing() {
    let sum = "0000000000000000000000000000000000000000000000000000000000000000";
    let lists = [
        format!("{sum}  ../compose.yaml\n"),
        format!("{sum}  /etc/passwd\n"),
        format!("{sum}  precious\n"),
        format!("{sum}  \u{1b}[2J\n"),
        "x".repeat(1_000_000),
        format!("{sum}  a\n").repeat(100_000),
        "\0".repeat(100),
    ];
    for list in lists {
        let project = Project::with(service("tty: true"));
        project.write("bundles/SHA256SUMS", list);
        project.write("bundles/precious", "precious");
        for command in ["build", "check", "prepare"] {
            project.run(&[command]);
        }
        assert_eq!(fs::read(project.at("bundles/precious")).unwrap(), b"precious");
        assert!(project.at("compose.yaml").is_file());
    }
}
