//! What stands in a Compose file.

use super::*;

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

#[test]
fn many_services_take_linear_time() {
    let services = |count: usize, next: &dyn Fn(usize) -> String| -> String {
        let all = (0..count).map(|n| format!("  s{n}: {{image: x, depends_on: [{}]}}\n", next(n)));
        format!("services:\n{}", all.collect::<String>())
    };
    let count = 50_000;
    Project::with(services(count, &|n| format!("s{}", n + 1))).refused();
    Project::with(services(count, &|n| format!("s{}", (n + 1) % count)))
        .refused()
        .says("wait for each other");
    Project::with(services(count, &|n| format!("x{n}"))).refused();
    let all: String = (0..300).map(|n| format!("s{n}, ")).collect();
    Project::with(services(300, &|_| all.clone())).refused();
}
