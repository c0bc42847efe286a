//! Inputs that are no files, in strange encodings, and names that lead elsewhere.

use super::*;

#[test]
fn a_compose_file_that_is_no_file_is_refused() {
    let directory = Project::new();
    fs::create_dir(directory.at("compose.yaml")).unwrap();
    directory.refused().says("a directory");

    let fifo = Project::new();
    fifo.fifo("compose.yaml");
    fifo.refused().says("a named pipe");

    let socket = Project::new();
    let _listener = UnixListener::bind(socket.at("compose.yaml")).unwrap();
    socket.refused();

    let endless = Project::new();
    endless.refused_with(&["/dev/zero"]).says("a device");

    let circle = Project::new();
    symlink("compose.yaml", circle.at("compose.yaml")).unwrap();
    circle.refused();

    let missing = Project::new();
    missing.refused_with(&["nothing.yaml"]).says("no such file");

    let unreadable = Project::with("services: {}\n");
    fs::set_permissions(unreadable.at("compose.yaml"), fs::Permissions::from_mode(0o000)).unwrap();
    unreadable.refused();
}

#[test]
fn inputs_that_are_no_files_are_refused() {
    let files = [
        ("tty: true", ".env"),
        ("tty: true", "bundlegen.lock"),
        ("env_file: some.env", "some.env"),
        ("env_file: [{path: some.env, format: raw, required: false}]", "some.env"),
        ("security_opt: ['seccomp=some.json']", "some.json"),
        ("user: me", "etc/passwd"),
        ("user: '1:me'", "etc/group"),
    ];
    for (attribute, file) in files {
        let project = Project::with(service(attribute));
        fs::create_dir_all(project.at(file).parent().unwrap()).unwrap();
        project.fifo(file);
        project.refused();
        fs::remove_file(project.at(file)).unwrap();
        symlink("/dev/zero", project.at(file)).unwrap();
        project.refused();
        fs::remove_file(project.at(file)).unwrap();
        let _listener = UnixListener::bind(project.at(file)).unwrap();
        project.refused();
    }
    for attribute in ["env_file: /dev/zero", "env_file: /proc/self/mem", "security_opt: ['seccomp=/dev/tty']"]
    {
        Project::with(service(attribute)).refused();
    }
    let project = Project::with("services:\n  web: {image: nginx, network_mode: none}\n");
    project.fifo("images");
    project.refused();
}

#[test]
fn every_encoding_of_line_ends_is_read() {
    let text = format!("# größe\nservices:\n  web:\n    {}\n", SERVICE.replace(", ", "\n    "));
    let variants = [
        text.clone(),
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}"),
        text.trim_end().to_owned(),
        format!("---\n{text}"),
        format!("{text}...\n"),
        format!("%YAML 1.1\n---\n{text}"),
    ];
    let configs = variants.map(|text| {
        let project = Project::with(text);
        project.built();
        fs::read(project.at("bundles/web/config.json")).unwrap()
    });
    assert!(configs.iter().all(|config| *config == configs[0]));
}

#[test]
fn names_stay_inside_the_output() {
    let long = "n".repeat(10_000);
    let refused = [
        "..",
        ".",
        "'.. '",
        "'/'",
        "/etc",
        "../up",
        "a/b",
        "'a\\b'",
        "''",
        "' '",
        "ü",
        "'*'",
        "$A",
        "'a\u{202e}b'",
        "\"a\\0b\"",
        "\"a\\nb\"",
        "\"\\e[2J\"",
        "volumes",
        "networks",
        ".git",
        ".gitignore",
        "SHA256SUMS",
        ".bundlegen-new",
        &long,
    ];
    for name in refused {
        Project::with(format!("services:\n  {name}: {{{SERVICE}}}\n")).refused();
    }
    for name in ["-rf", "CON", "--", "x", "...", "a.b", "config.json", "rootfs", "-"] {
        let quoted = format!("services:\n  '{name}': {{{SERVICE}}}\n");
        let project = Project::with(quoted);
        project.built();
        assert!(project.at("bundles").join(name).join("config.json").is_file());
        assert_eq!(fs::read_dir(project.dir.path()).unwrap().count(), 2, "compose.yaml and bundles");
    }
    for name in ["'../..'", "../x", "/x", "a/b", "'\\e'"] {
        Project::with(service("volumes: [v:/x]") + &format!("volumes: {{v: {{name: {name}}}}}\n")).refused();
    }
}
