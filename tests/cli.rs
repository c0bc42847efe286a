//! Which project the command line means, and what it does with the files of it.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests make their inputs")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const SERVICE: &str = "{x-bundlegen: {rootfs: ./root}, network_mode: none, command: [x]";

/// A directory with a project in it.
struct Project(TempDir);

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Project(tempfile::tempdir().unwrap());
        fs::create_dir(project.0.path().join("root")).unwrap();
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.path().join(path)).unwrap()
    }

    fn has(&self, path: &str) -> bool {
        self.0.path().join(path).exists()
    }

    /// Runs the program in a directory of the project.
    fn run(&self, inside: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
        let mut program = Command::new(env!("CARGO_BIN_EXE_bundlegen"));
        program.args(arguments).current_dir(self.0.path().join(inside)).env_clear();
        Run(program.envs(environment.iter().copied()).output().unwrap())
    }
}

struct Run(Output);

impl Run {
    fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    fn said(&self) -> String {
        format!("{}{}", String::from_utf8_lossy(&self.0.stdout), String::from_utf8_lossy(&self.0.stderr))
    }

    #[track_caller]
    fn succeeds(&self) {
        assert_eq!(self.code(), 0, "{}", self.said());
    }

    #[track_caller]
    fn fails_with(&self, code: i32, text: &str) {
        assert_eq!(self.code(), code, "{}", self.said());
        assert!(self.said().contains(text), "{}", self.said());
    }
}

fn one(service: &str) -> String {
    format!("services:\n  web: {SERVICE}, {service}}}\n")
}

#[test]
fn a_project_is_found_from_below() {
    let project =
        Project::new(&[("compose.yaml", &one("hostname: \"${NAME}\", labels: {p: $COMPOSE_PROJECT_NAME}"))]);
    project.write(".env", "NAME=above\n");
    project.write("a/b/.env", "NAME=here\n");
    project.run("a/b", &["build", "-p", "shop"], &[]).succeeds();
    assert_eq!(
        project.read("bundles/web/etc/hostname"),
        "here\n",
        "both files count, and the nearer one wins"
    );
    assert!(project.read("bundles/web/config.json").contains("\"p\": \"shop\""));
    project.run("a/b", &["build"], &[]).succeeds();
    let name = project.0.path().file_name().unwrap().to_str().unwrap().to_lowercase();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    assert!(project.read("bundles/web/config.json").contains(&format!("\"p\": \"{name}\"")));
    project.run("a", &["check", "../compose.yaml"], &[]).fails_with(1, "etc/hostname: out of date");
}

#[test]
fn variables_of_compose_are_followed() {
    let project =
        Project::new(&[("compose.yaml", &one("hostname: \"${NAME:-none}\"")), (".env", "NAME=dotenv\n")]);
    let name = |environment: &[(&str, &str)]| {
        project.run("", &["build"], environment).succeeds();
        project.read("bundles/web/etc/hostname")
    };
    assert_eq!(name(&[]), "dotenv\n");
    assert_eq!(name(&[("NAME", "shell")]), "shell\n");
    assert_eq!(name(&[("COMPOSE_DISABLE_ENV_FILE", "1")]), "none\n");
    let disabled = [("COMPOSE_DISABLE_ENV_FILE", "perhaps")];
    project.run("", &["build"], &disabled).fails_with(1, "neither true nor false: `perhaps`");
    project.write("a.env", "NAME=a\nA=a\n");
    project.write("b.env", "NAME=b$A\n");
    assert_eq!(name(&[("COMPOSE_ENV_FILES", "a.env,b.env")]), "ba\n");
    project.write("other.yaml", &one("hostname: other"));
    project.write("over.yaml", "services: {web: {hostname: over}}\n");
    assert_eq!(name(&[("COMPOSE_FILE", "other.yaml")]), "other\n");
    assert_eq!(name(&[("COMPOSE_FILE", "other.yaml:over.yaml")]), "over\n");
    assert_eq!(name(&[("COMPOSE_FILE", "other.yaml;over.yaml"), ("COMPOSE_PATH_SEPARATOR", ";")]), "over\n");
    project.write(".env", "COMPOSE_FILE=other.yaml\n");
    assert_eq!(name(&[]), "other\n");
    project.run("", &["build", "compose.yaml"], &[]).succeeds();
    assert_eq!(project.read("bundles/web/etc/hostname"), "none\n");
}

#[test]
fn a_project_is_found_with_its_override() {
    let project = Project::new(&[
        ("compose.yml", &one("hostname: first")),
        ("docker-compose.yml", &one("hostname: second")),
        ("compose.override.yaml", "services: {web: {hostname: over}}\n"),
    ]);
    fs::create_dir(project.0.path().join("a")).unwrap();
    let found = project.run("a", &["build"], &[]);
    found.succeeds();
    assert!(found.said().contains("../docker-compose.yml is passed over, as ../compose.yml is there too"));
    assert_eq!(project.read("bundles/web/etc/hostname"), "over\n");
    project.run("a", &["build", "-f", "../compose.yml"], &[]).succeeds();
    assert_eq!(project.read("bundles/web/etc/hostname"), "first\n");
}

#[test]
fn config_prints_what_is_meant() {
    let project = Project::new(&[
        (
            "compose.yaml",
            "services: {web: {image: \"i:$V\", depends_on: [db]}, db: {image: d, profiles: [p]}, x: {image: x}}\n",
        ),
        ("v.env", "V=1\n"),
        ("web", "not a service's name without -f\n"),
    ]);
    let printed = |args: &[&str]| {
        let args: Vec<_> =
            ["config", "--env-file", "v.env", "--profile", "p"].iter().chain(args).copied().collect();
        let done = project.run("", &args, &[]);
        done.succeeds();
        String::from_utf8(done.0.stdout).unwrap()
    };
    assert_eq!(printed(&["--services"]), "db\nweb\nx\n");
    assert_eq!(printed(&["-f", "compose.yaml", "--services", "web"]), "db\nweb\n");
    assert_eq!(printed(&["compose.yaml", "--services", "x"]), "x\n");
    assert_eq!(printed(&["--images"]), "d\ni:1\nx\n");
    assert_eq!(printed(&["x", "--quiet"]), "");
    assert_eq!(printed(&["--profiles"]), "p\n");
    assert!(printed(&["--format", "json"]).contains("\"image\": \"i:1\""));
    assert!(printed(&["--no-interpolate"]).contains("image: i:$V\n"));
    assert!(printed(&["--environment"]).contains("V=1\n"));
    let all = printed(&["--hash", "*"]);
    assert_eq!(all.lines().nth(2).unwrap(), printed(&["x", "--hash", "x"]).trim_end());
    assert_eq!(printed(&["x", "-o", "out.yaml"]), "");
    assert_eq!(project.read("out.yaml"), printed(&["x"]));
    let wrong = project.run("", &["config", "-f", "compose.yaml", "nobody"], &[]);
    wrong.fails_with(1, "nobody");
    project.run("", &["config", "--no-interpolate", "x"], &[]).fails_with(1, "`x` cannot be picked");
    assert!(wrong.0.stdout.is_empty());
}

#[test]
fn the_project_is_no_output() {
    let project = Project::new(&[("compose.yaml", &one("tty: false"))]);
    for output in [".", "..", "./root/.."] {
        project.run("", &["build", "-o", output], &[]).fails_with(1, "lies in the output directory");
    }
    project.run("", &["build", "-o", "root/deep/out"], &[]).succeeds();
    assert!(project.has("root/deep/out/SHA256SUMS"));
}

#[test]
fn what_check_names_mends_it() {
    let project = Project::new(&[("my compose.yaml", &one("tty: false"))]);
    let arguments = ["my compose.yaml", "-o", "out dir"];
    let run = |command: &str| project.run("", &[&[command], &arguments[..]].concat(), &[]);
    run("check").fails_with(1, "config.json: missing");
    run("build").succeeds();
    run("check").succeeds();
    project.write("out dir/web/config.json", "{}\n");
    project.write("out dir/web/extra", "");
    run("check").fails_with(1, "edited");
    run("check").fails_with(1, "to mend it: bundlegen build 'my compose.yaml' -o 'out dir'");
    run("build").succeeds();
    run("check").fails_with(1, "to mend it, move it away: out dir/web/extra");
    fs::remove_file(project.0.path().join("out dir/web/extra")).unwrap();
    run("check").succeeds();
}

#[test]
fn nothing_is_written_when_something_is_in_the_way() {
    let lock = "version: 1\nplatform: linux/amd64\nimages: {}\n";
    let project = Project::new(&[("compose.yaml", &one("tty: false")), ("bundlegen.lock", lock)]);
    fs::create_dir_all(project.0.path().join("bundles/web")).unwrap();
    symlink("/etc/hostname", project.0.path().join("bundles/web/config.json")).unwrap();
    project.run("", &["build"], &[]).fails_with(3, "symbolic link");
    assert_eq!(project.read("bundlegen.lock"), lock);
    assert!(!project.has("bundles/SHA256SUMS"));
}

#[test]
fn links_show_nothing_of_what_they_lead_to() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    fs::write(&secret, "TOKEN=hunter2\n").unwrap();
    let project = Project::new(&[("compose.yaml", &one("env_file: [web.env]"))]);
    let link = |name: &str| symlink(&secret, Path::new(project.0.path()).join(name)).unwrap();
    link("web.env");
    project.run("", &["build", "--deny-warnings"], &[]).fails_with(1, "leads out of the project");
    project.write("compose.yaml", &one("tty: false"));
    link("bundlegen.lock");
    let run = project.run("", &["build"], &[]);
    run.fails_with(1, "a symbolic link and not a file");
    assert!(!run.said().contains("hunter2"));
}

#[test]
fn exit_codes_tell_what_kind_of_failure_it_was() {
    let project = Project::new(&[("compose.yaml", &one("tty: false"))]);
    project.run("", &["build", "--no-such-option"], &[]).fails_with(2, "--no-such-option");
    project.run("", &["build", "missing.yaml"], &[]).fails_with(1, "missing.yaml cannot be read");
    project.run("", &["build", "-o", "compose.yaml/x"], &[]).fails_with(3, "compose.yaml");
    project.run("", &["prepare", "nowhere"], &[]).fails_with(3, "nowhere");
}

#[test]
fn config_warns_of_what_a_build_refuses() {
    let project = Project::new(&[(
        "compose.yaml",
        "services: {web: {image: \"i:$TAG\", volumes: [\"v:/data\", \"/a:/b:or\"], env_file: e.env}}\n",
    )]);
    project.write("e.env", "A=$B\n");
    let warned = project.run("", &["config", "-q"], &[]);
    warned.succeeds();
    for text in [
        "the variable `TAG` is not set, and is taken for an empty text",
        "`B` is not set, and is taken for an empty text",
        "`v:` is taken for a Windows drive, and not for the volume `v`",
        "Compose does not know the option `or` of a volume, and ignores it",
    ] {
        assert!(warned.said().contains(text), "{text}\n{}", warned.said());
    }
    let refused = project.run("", &["build"], &[]);
    refused.fails_with(1, "the variable `TAG` is not set");
    assert!(!refused.said().contains("is taken for an empty text"), "{}", refused.said());
}

#[test]
fn what_arguments_and_variables_say_wrongly_is_told() {
    let project = Project::new(&[("compose.yaml", &one("hostname: a"))]);
    fs::create_dir(project.0.path().join("empty")).unwrap();
    let disabled = [("COMPOSE_DISABLE_ENV_FILE", "maybe")];
    let wrong = project.run("", &["config"], &disabled);
    wrong.fails_with(1, "`COMPOSE_DISABLE_ENV_FILE` is neither true nor false: `maybe`");
    wrong.fails_with(1, "set it to `1` or `0`");
    project.run("", &["config", "--hash", "db"], &[]).fails_with(1, "there is no service `db`");
    let picked = project.run("", &["config", "-f", "compose.yaml", "--no-interpolate", "web"], &[]);
    picked.fails_with(1, "`web` cannot be picked while variables are left as they are");
    picked.fails_with(1, "leave out either the service or `--no-interpolate`");
    project.write("compose.yml", &one("hostname: b"));
    let passed_over = project.run("", &["config"], &[]).said();
    assert!(passed_over.contains("remove one of them, or name the file with `-f`"), "{passed_over}");
    let nowhere = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_bundlegen");
    let run = Command::new(program).arg("config").current_dir(nowhere.path()).env_clear().output().unwrap();
    let said = Run(run);
    said.fails_with(1, "there is no compose.yaml here or in a directory above");
    said.fails_with(1, "name the file with `-f FILE`");
}

/// What a text has in the lines that begin with a pointer.
fn explained(run: &Run) -> Vec<String> {
    run.said().lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_value_is_explained_by_the_place_that_decided_it() {
    let project = Project::new(&[
        ("compose.yaml", &format!("services:\n  a: {SERVICE}, cap_add: [SYS_TIME]}}\n")),
        ("compose.override.yaml", "services:\n  a:\n    environment: {HOW: 'far'}\n"),
    ]);
    let explain = |pointer: &str| explained(&project.run("", &["explain", "a", pointer], &[]));
    assert_eq!(
        explain("/process/env/0"),
        ["/process/env/0 \"HOSTNAME=a\" compose.override.yaml:2:3 services.a"]
    );
    assert_eq!(
        explain("/process/env/1"),
        ["/process/env/1 \"HOW=far\" compose.override.yaml:3:24 environment.HOW: 'far'"]
    );
    let bounding = explain("/process/capabilities/bounding");
    assert_eq!(bounding.len(), 2, "{bounding:?}");
    assert!(bounding[0].starts_with("/process/capabilities/bounding/0…13 "), "{bounding:?}");
    assert!(bounding[1].ends_with(" cap_add: SYS_TIME"), "{bounding:?}");
    assert!(bounding[1].contains("bounding/14 \"CAP_SYS_TIME\" compose.yaml:2:"), "{bounding:?}");
    assert_eq!(
        explain("/linux/maskedPaths/3"),
        ["/linux/maskedPaths/3 \"/proc/kcore\" default: Docker's masked and read-only paths"]
    );
    assert!(explain("/nowhere")[0].contains("there is no `/nowhere`"));
    let unknown = project.run("", &["explain", "b"], &[]);
    assert_eq!(unknown.code(), 1);
    assert!(unknown.said().contains("no bundle is called `b`"), "{}", unknown.said());
}
