//! Bad input: whatever stands in a file, and whatever kind of file it is, a run ends soon, says what is wrong, and
//! writes nothing. The terminal never gets a command from an input.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::format_collect,
    reason = "tests make their inputs, and measure time"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bundlegen::diag::Diagnostics;
use bundlegen::load::Environment;
use bundlegen::render::{Colour, render};
use bundlegen::source::Sources;
use bundlegen::{Input, compile};
use proptest::prelude::*;
use tempfile::TempDir;
use walkdir::WalkDir;

/// A guard against hanging, and no measure: tests run unoptimised, beside each other, on slow machines.
const GUARD: Duration = Duration::from_secs(60);

/// A service with no need for an image.
const SERVICE: &str = "x-bundlegen: {rootfs: .}, network_mode: none, command: [sh]";

/// A project directory, and what a run in it came to.
struct Project {
    dir: TempDir,
    outside: TempDir,
}

#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Project {
    fn new() -> Self {
        Project { dir: tempfile::tempdir().unwrap(), outside: tempfile::tempdir().unwrap() }
    }

    /// With a `compose.yaml`.
    fn with(compose: impl AsRef<[u8]>) -> Self {
        let project = Project::new();
        project.write("compose.yaml", compose);
        project
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn fifo(&self, name: &str) {
        let made = Command::new("mkfifo").arg(self.at(name)).status().unwrap();
        assert!(made.success());
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let log = |name: &str| self.outside.path().join(name);
        let mut child = Command::new(env!("CARGO_BIN_EXE_bundlegen"))
            .args(arguments)
            .current_dir(self.dir.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(fs::File::create(log("out")).unwrap())
            .stderr(fs::File::create(log("err")).unwrap())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > GUARD {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("{arguments:?} does not end");
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let read = |name| String::from_utf8(fs::read(log(name)).unwrap()).expect("the output is text");
        let ended = Ended { code: status.code().unwrap_or(-1), out: read("out"), err: read("err") };
        ended.check();
        ended
    }

    /// Every path and what it is, without following links.
    fn listing(&self) -> Vec<(PathBuf, u64)> {
        let entries = WalkDir::new(self.dir.path()).sort_by_file_name().into_iter().map(Result::unwrap);
        entries.map(|entry| (entry.path().to_owned(), entry.metadata().unwrap().len())).collect()
    }

    /// Both commands refuse the project, and write nothing.
    #[track_caller]
    fn refused(&self) -> Ended {
        self.refused_with(&[])
    }

    #[track_caller]
    fn refused_with(&self, arguments: &[&str]) -> Ended {
        let before = self.listing();
        let arguments = [&["build"], arguments].concat();
        let ended = self.run(&arguments);
        assert_eq!(ended.code, 1, "{}", ended.err);
        assert!(ended.err.contains("error"), "it says why: {}", ended.err);
        assert_eq!(self.listing(), before, "nothing is written");
        ended
    }

    #[track_caller]
    fn built(&self) -> Ended {
        let ended = self.run(&["build"]);
        assert_eq!(ended.code, 0, "{}", ended.err);
        let checked = self.run(&["check"]);
        assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
        ended
    }
}

impl Ended {
    #[track_caller]
    fn check(&self) {
        assert!(matches!(self.code, 0 | 1 | 3), "exit code {}: {}", self.code, self.err);
        for text in [&self.out, &self.err] {
            assert!(!text.contains("panicked"), "{text}");
            assert!(!text.contains("fault of bundlegen"), "{text}");
            assert!(text.len() < 1_000_000, "{} bytes are said", text.len());
            let raw = text.chars().find(|c| c.is_control() && *c != '\n' && *c != '\t');
            assert_eq!(raw, None, "a terminal would act on this: {}", text.escape_debug());
        }
    }

    #[track_caller]
    fn says(&self, what: &str) {
        assert!(self.err.contains(what), "`{what}` is not in:\n{}", self.err);
    }
}

fn service(attributes: &str) -> String {
    format!("services:\n  web: {{{SERVICE}, {attributes}}}\n")
}

#[test]
fn broken_yaml_is_refused_at_its_place() {
    let broken: &[&[u8]] = &[
        b"services: [",
        b"services: {",
        b"services: \"",
        b"services: '",
        b"services: [}",
        b"services: ]",
        b"\tservices: {}",
        b"services:\n\tweb: {}",
        b"services: *",
        b"services: &",
        b"services: !",
        b"services: !<",
        b"services: %",
        b"services: @",
        b"services: `",
        b"services: |x",
        b"services: >9999",
        b"services: a: b",
        b"- a\nb: c",
        b"a: b\n- c",
        b"a\nb: c",
        b"? a\n: b\n c: d",
        b"a: \"\\q\"",
        b"a: \"\\x4\"",
        b"a: \"\\ud800\"",
        b"a: \"\\U00110000\"",
        b"%YAML 9.9\n---\na: b",
        b"%TAG ! tag:x\n%TAG ! tag:y\n---\na: b",
        b"%",
        b"--- ---",
        b"{a: b}}",
        b"[a, b]]",
        b"{a, b: [}",
        b"<<<<<<< ours\na: b\n=======\na: c\n>>>>>>> theirs\n",
        b"\0",
        b"a: \0",
        b"a: \x01",
        b"a: \x1b[2J",
        b"a: \x7f",
        b"a: \xff",
        b"\xc3\x28: b",
        b"a: \xed\xa0\x80",
        b"\xff\xfea\0:\0 \0b\0",
        b"\xfe\xff\0a\0:\0 \0b",
        b"a: \"b\nc: d",
        b"a: |\n  b\n c\nd",
        b"#",
        b"...",
        b"---",
        b"--- |",
        b"!!binary",
        b": : :",
        b"? ? ?",
        b"- - -\n:",
        b"&a &b c",
        b"*a : b",
        b"a: {b: c}d",
        b"a: 'b'c",
        b"\xef\xbb\xbf\xef\xbb\xbfa: b",
        b"a: \xc2\x85b: c",
        b"a: \xe2\x80\xa8b",
        b"",
    ];
    for text in broken {
        let ended = Project::with(text).refused();
        assert!(ended.err.contains("compose.yaml"), "{text:?} has a place: {}", ended.err);
    }
}

#[test]
fn a_file_that_is_merged_is_looked_at_too() {
    let project = Project::with(service("tty: true"));
    project.refused_with(&["compose.yaml", "other.yaml"]).says("other.yaml cannot be read");
    project.refused_with(&["-f", "compose.yaml", "-f", "other.yaml"]).says("other.yaml cannot be read");
    project.write("compose.override.yaml", "services: {web: {tty: [1]}}\n");
    project.refused().says("compose.override.yaml");
}

#[test]
fn large_input_costs_little() {
    let repeated = |text: &str, times: usize| text.repeat(times);
    let doubled = |item: fn(usize) -> String| (1..40).map(item).collect::<String>();
    let cases: Vec<(&str, String)> = vec![
        ("duplicate keys", format!("services:\n{}", repeated("  web: {}\n", 300_000))),
        ("duplicate keys in a row", format!("{{{}}}", repeated("a: b, ", 300_000))),
        (
            "unknown keys",
            format!(
                "services:\n  web:\n{}",
                (0..200_000).map(|n| format!("    k{n}: 1\n")).collect::<String>()
            ),
        ),
        ("key types", repeated("? [a]\n: b\n", 100_000)),
        (
            "billion laughs",
            format!("x-0: &a0 [x, x]\n{}", doubled(|n| format!("x-{n}: &a{n} [*a{m}, *a{m}]\n", m = n - 1))),
        ),
        (
            "merges",
            format!(
                "x-0: &a0 {{k: v}}\n{}",
                doubled(|n| format!("x-{n}: &a{n} {{<<: [*a{m}, *a{m}], k{n}: v}}\n", m = n - 1))
            ),
        ),
        (
            "merges of a large mapping",
            format!(
                "x-a: &a {{{}}}\n{}",
                (0..10_000).map(|n| format!("k{n}: v, ")).collect::<String>(),
                (0..10_000).map(|n| format!("x-{n}: {{<<: *a}}\n")).collect::<String>()
            ),
        ),
        ("an alias in itself", "a: &a {b: &b {c: *a, d: *b}}\n".into()),
        ("anchors", (0..100_000).map(|n| format!("x-{n}: &a{n} *a{n}\n")).collect()),
        (
            "a long text behind many aliases",
            format!("x-a: &a \"{}\"\nx-b: [{}]\n", repeated("$$", 500_000), repeated("*a, ", 90_000)),
        ),
        ("nesting in brackets", repeated("[", 100_000)),
        ("closed nesting in brackets", repeated("[", 100_000) + &repeated("]", 100_000)),
        ("nesting in braces", repeated("{a: ", 100_000)),
        ("nesting in dashes", repeated("- ", 100_000)),
        ("nesting in question marks", repeated("? ", 100_000)),
        ("nesting in lines", (0..2000).map(|n| format!("{}a:\n", " ".repeat(n))).collect()),
        ("nesting that is allowed", format!("services: {}{}", repeated("[", 200), repeated("]", 200))),
        ("comments", repeated("#\n", 1_000_000)),
        ("blank lines", repeated("\n", 5_000_000)),
        ("one long line", repeated("a", 9_000_000)),
        ("one long key", format!("services: {{? {}\n: {{}}}}", repeated("k", 5_000_000))),
        ("a long quoted value", format!("services: {{web: {{image: \"{}\"}}}}", repeated("Ab", 500_000))),
        ("a long value with mistakes", service(&format!("user: \"{}\"", repeated("${", 500_000)))),
        (
            "defaults in defaults",
            service(&format!("user: {}{}", repeated("${A:-", 100_000), repeated("}", 100_000))),
        ),
        ("unset variables", service(&format!("user: {}", repeated("$A ", 300_000)))),
        ("escapes", service(&format!("user: \"{}\\q\"", repeated("\\\\", 500_000)))),
        ("wrong items", service(&format!("cap_add: [{}]", repeated("x, ", 300_000)))),
        ("wrong mounts", service(&format!("volumes: [{}]", repeated("'a:b:c:d', ", 200_000)))),
        ("ports", service(&format!("expose: [{} x]", repeated("1-65535, ", 50_000)))),
        ("a long range", service("expose: ['1-99999999999999999999999999999999999999']")),
        ("documents", repeated("--- {}\n", 300_000)),
        ("tags", repeated("- !a b\n", 300_000)),
        ("directives", repeated("%A b\n", 300_000)),
    ];
    for (name, text) in cases {
        let ended = Project::with(text).refused();
        assert!(ended.err.contains("compose.yaml"), "{name} has a place: {}", ended.err);
    }
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let project = Project::new();
    let file = fs::File::create(project.at("compose.yaml")).unwrap();
    file.set_len(50 * 1024 * 1024).unwrap();
    project.refused().says("too large");
}

#[test]
fn variables_cannot_fill_the_memory() {
    let project = Project::with(service(&format!("labels: [{}]", "a=$A, ".repeat(1_000_000))));
    project.write(".env", format!("A={}\n", "x".repeat(1_000_000)));
    project.refused();

    let project = Project::with(service("tty: true"));
    let doubled: String = (1..40).map(|n| format!("A{n}=${{A{m}}}${{A{m}}}\n", m = n - 1)).collect();
    project.write(".env", format!("A0=xxxxxxxxxxxxxxxx\n{doubled}"));
    project.refused().says(".env");
}

#[test]
fn numbers_of_any_size_are_refused_or_taken() {
    let numbers = [
        "99999999999999999999999999999999999999999999",
        "-99999999999999999999999999999999999999999999",
        "1e999999999",
        "-1e999999999",
        ".inf",
        "-.inf",
        ".nan",
        "0x7fffffffffffffffffffffffffffffffff",
        "0b11111111111111111111111111111111111111111111111111111111111111111111111111111111",
        "18446744073709551616",
        "9223372036854775808",
        "-9223372036854775809",
        "1e-400",
        "0.0000000000000000000000000000000000001",
    ];
    let attributes = [
        "cpus: N",
        "mem_limit: N",
        "shm_size: N",
        "pids_limit: N",
        "ulimits: {nofile: N}",
        "ulimits: {nofile: {soft: N, hard: N}}",
        "expose: [N]",
        "user: 'N'",
        "user: 'N:N'",
        "stop_signal: 'N'",
        "tmpfs: ['/x:size=N,mode=N,uid=N']",
        "sysctls: {net.core.somaxconn: N}",
        "volumes: [{type: tmpfs, target: /x, tmpfs: {size: N, mode: N}}]",
        "environment: {A: N}",
        "labels: {A: N}",
        "command: ['N']",
        "N: N",
    ];
    let project = Project::new();
    for number in numbers {
        for attribute in attributes {
            project.write("compose.yaml", service(&attribute.replace('N', number)));
            in_process(project.dir.path());
        }
    }
}

/// What `compile` makes of a directory, shown; twice, as the output may not depend on chance.
fn in_process(directory: &Path) -> bool {
    let process = BTreeMap::from([("SET".into(), "set".into()), ("EMPTY".into(), String::new())]);
    let run = || {
        let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
        let environment = Environment::load(&mut d, &mut sources, process.clone(), &[directory.into()]);
        let compiled = environment.and_then(|environment| {
            let files = vec![directory.join("compose.yaml")];
            compile(&mut d, &mut sources, &Input::new(files, directory.into(), environment))
        });
        assert_eq!(compiled.is_ok(), d.errors() == 0);
        let shown = render(&d, &sources, 100, Colour::None);
        let raw = shown.chars().find(|c| c.is_control() && *c != '\n' && *c != '\t');
        assert_eq!(raw, None, "{}", shown.escape_debug());
        assert!(!shown.contains("fault of bundlegen"), "{shown}");
        (compiled.ok().map(|compiled| (compiled.tree, compiled.lock)), shown)
    };
    let (first, second) = (run(), run());
    assert_eq!(first, second);
    first.0.is_some()
}

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
fn many_services_take_linear_time() {
    let services = |count: usize, next: &dyn Fn(usize) -> String| -> String {
        let all = (0..count).map(|n| format!("  s{n}: {{image: x, depends_on: [{}]}}\n", next(n)));
        format!("services:\n{}", all.collect::<String>())
    };
    let count = 100_000;
    Project::with(services(count, &|n| format!("s{}", n + 1))).refused();
    Project::with(services(count, &|n| format!("s{}", (n + 1) % count)))
        .refused()
        .says("wait for each other");
    Project::with(services(count, &|n| format!("x{n}"))).refused();
    let all: String = (0..300).map(|n| format!("s{n}, ")).collect();
    Project::with(services(300, &|_| all.clone())).refused();
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

#[test]
fn a_file_that_changes_meanwhile_gives_one_or_the_other() {
    let project = Project::with(service("tty: true"));
    let path = project.at("compose.yaml");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = {
        let stop = std::sync::Arc::clone(&stop);
        std::thread::spawn(move || {
            let long = format!("{}# {}\n", service("tty: false"), "x".repeat(2_000_000));
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                fs::write(&path, &long).unwrap();
                fs::write(&path, service("tty: true")).unwrap();
            }
        })
    };
    for _ in 0..20 {
        project.run(&["build"]);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
    project.built();
}

/// What files are made of, some of it right.
const SNIPPETS: &[&str] = &[
    "services:\n  web:\n    x-bundlegen: {rootfs: .}\n    network_mode: none\n    command: [sh, -c, 'echo $$HOME']\n",
    "  db:\n    image: postgres:16\n    environment:\n      A: ${SET:-x}\n      B: 1.10\n",
    "    volumes:\n      - ./a:/b:ro,rshared\n      - data:/data\n      - {type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0755}}\n",
    "    environment: [A=1, B, \"C=${EMPTY:?no}\"]\n    labels: {a: b}\n",
    "    ulimits: {nofile: {soft: 1, hard: 2}, nproc: 5}\n    sysctls: [net.core.somaxconn=1]\n",
    "    tmpfs: [/run:size=64m, /tmp]\n    cap_add: [ALL]\n    cap_drop: [NET_RAW]\n",
    "    depends_on: {db: {condition: service_started}}\n    expose: [80, 1-5/udp]\n",
    "    command: >\n      sh -c \"echo 'a' && b\"\n      | more\n    entrypoint: ''\n",
    "    mem_limit: 1.5g\n    cpus: 0.5\n    pids_limit: -1\n    shm_size: 64M\n    stop_signal: SIGTERM\n",
    "    security_opt: [no-new-privileges, 'seccomp=unconfined']\n    user: '1000:1000'\n    tty: yes\n",
    "    <<: *base\n    annotations: &base {x: y}\n    read_only: !!bool true\n",
    "volumes: {data: , other: {name: x}}\nx-a: &a {b: *a}\nname: ${SET}\nversion: '3'\n",
    "    working_dir: |-\n      /a\n      b\n    hostname: größe\n    ? [a]\n    : !x &y \"\\u00e9\\n\"\n",
];

const TOKENS: &[&str] = &[
    "services",
    "web",
    "image",
    "command",
    ": ",
    ":\n",
    "\n",
    "\n  ",
    "\n    ",
    "\n      - ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "&a ",
    "*a",
    "<<: ",
    "!!int ",
    "!x ",
    "\"",
    "'",
    "|\n",
    ">-\n",
    "#",
    "$",
    "${",
    "}",
    ":-",
    "$SET",
    "0x1F",
    "1e3",
    "~",
    "null",
    "true",
    "yes",
    "\t",
    "\r\n",
    "\u{feff}",
    "é",
    "\u{0}",
    "\u{1b}",
    "---\n",
    "...\n",
    "%",
    "@",
    "x-",
    "volumes",
    "environment",
    "./a:/b",
    "depends_on",
    "../..",
    "/",
    "\\",
    "=",
    "2024-01-01",
    "999999999999999999999",
    "-1",
    "?",
];

/// One change of a text.
#[derive(Clone, Debug)]
enum Edit {
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, &'static str),
    Delete(prop::sample::Index, usize),
    Copy(prop::sample::Index, prop::sample::Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, bits)| Edit::Flip(at, bits)),
        (any::<prop::sample::Index>(), prop::sample::select(TOKENS))
            .prop_map(|(at, token)| Edit::Insert(at, token)),
        (any::<prop::sample::Index>(), 1..20_usize).prop_map(|(at, length)| Edit::Delete(at, length)),
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..40_usize)
            .prop_map(|(from, to, length)| Edit::Copy(from, to, length)),
    ]
}

fn apply(text: &mut Vec<u8>, edit: &Edit) {
    let length = text.len() + 1;
    match edit {
        Edit::Flip(at, bits) => {
            if let Some(byte) = text.get_mut(at.index(length)) {
                *byte ^= bits;
            }
        }
        Edit::Insert(at, token) => drop(text.splice(at.index(length)..at.index(length), token.bytes())),
        Edit::Delete(at, count) => {
            let start = at.index(length);
            drop(text.drain(start..(start + count).min(text.len())));
        }
        Edit::Copy(from, to, count) => {
            let start = from.index(length);
            let copied = text[start..(start + count).min(text.len())].to_vec();
            drop(text.splice(to.index(length)..to.index(length), copied));
        }
    }
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let snippets = prop::collection::vec(prop::sample::select(SNIPPETS), 0..6);
    (snippets, prop::collection::vec(edit(), 0..12)).prop_map(|(snippets, edits)| {
        let mut text = [SNIPPETS[..1].concat(), snippets.concat()].concat().into_bytes();
        for edit in &edits {
            apply(&mut text, edit);
        }
        text
    })
}

fn generated() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(TOKENS), 0..60).prop_map(|tokens| tokens.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gives_a_tree_or_a_reason(
        compose in prop_oneof![3 => mutated(), 1 => generated()],
        environment in prop::option::of(generated()),
        lock in prop::option::weighted(0.1, generated()),
    ) {
        let project = Project::with(compose);
        if let Some(environment) = environment {
            project.write(".env", environment);
        }
        if let Some(lock) = lock {
            project.write("bundlegen.lock", lock);
        }
        in_process(project.dir.path());
    }
}
