use crate::compose::Variables;
use crate::compose::check::check;
use crate::compose::expand::expand;
use crate::compose::schema::{FILE, Shape};
use crate::diag::{Diagnostics, Severity};
use crate::source::Sources;
use crate::yaml::{Node, Style, Value, parse};

/// The text of a file with a service, and one line more in it.
fn service(line: &str) -> String {
    format!("services:\n  s:\n    {line}\n")
}

/// What is found in a file: `!` or `?`, the message, and the text at each label. And the tree.
fn checked(text: &str, variables: Variables) -> (Vec<String>, Node) {
    let shape = Shape::Object(&FILE);
    let (mut sources, mut d) = (Sources::default(), Diagnostics::default());
    let file = sources.add("f".into(), text.into());
    let root = parse(&mut d, file, text).unwrap();
    let root = expand(&mut d, &root, &shape, variables);
    let tree = check(&mut d, &root, &shape, variables);
    let found = (d.errors(), d.warnings());
    let again = check(&mut d, &tree, &shape, variables);
    if d.has_room() {
        assert!(again.same(&tree), "{text}: {tree:?}\n{again:?}");
        assert_eq!((d.errors(), d.warnings()), found, "{text}");
    }
    let said = d.sorted().into_iter().map(|found| {
        let sign = if found.severity == Severity::Error { "!" } else { "?" };
        let labels: Vec<_> = found.labels.iter().map(|label| sources.slice(label.span)).collect();
        let help = found.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{sign} {}{help} @ {}", found.message, labels.join(" & "))
    });
    (said.collect(), tree)
}

/// A tree on one line; texts have quotes.
fn printed(node: &Node) -> String {
    let all = |parts: Vec<String>| parts.join(", ");
    match &node.value {
        Value::Null => "~".to_owned(),
        Value::Scalar(scalar) if scalar.style == Style::Plain => scalar.text.to_string(),
        Value::Scalar(scalar) => format!("'{}'", scalar.text),
        Value::Seq(items) => format!("[{}]", all(items.iter().map(printed).collect())),
        Value::Map(entries) => {
            let entry = |(key, value)| format!("{key}: {value}");
            let entries = entries.iter().map(|e| entry((&e.key, printed(&e.value))));
            format!("{{{}}}", all(entries.collect()))
        }
        Value::Reset | Value::Override(_) => "tag".to_owned(),
        Value::Broken(_) => "broken".to_owned(),
    }
}

fn attribute(line: &str, variables: Variables) -> (Vec<String>, String) {
    let (said, tree) = checked(&service(line), variables);
    let key = line.split(':').next().unwrap();
    (said, printed(tree.get("services").unwrap().get("s").unwrap().get(key).unwrap()))
}

#[test]
fn values_come_out_as_they_are_printed() {
    for (line, want) in [
        ("privileged: TRUE", "true"),
        ("privileged: 'false'", "false"),
        ("cpu_shares: 3.0", "3"),
        ("cpu_shares: 1e3", "1000"),
        ("cpu_shares: '+5'", "5"),
        ("cpu_percent: 50", "50"),
        ("cpus: 0.333333333", "0.33333334"),
        ("cpus: '0.5'", "0.5"),
        ("cpus: -0.0", "0"),
        ("cpus: 1", "1"),
        ("mem_limit: 64m", "'67108864'"),
        ("mem_limit: 1024", "'1024'"),
        ("memswap_limit: -1", "'-1'"),
        (
            "deploy: {resources: {limits: {cpus: '0.1', memory: 1k}}}",
            "{resources: {limits: {cpus: 0.1, memory: '1024'}}}",
        ),
        ("healthcheck: {interval: 90s, retries: 3.0}", "{interval: '1m30s', retries: 3}"),
        ("stop_grace_period: 1.5d", "'36h0m0s'"),
        (
            "ulimits: {nofile: '10', nproc: {soft: '1', hard: 0x10}}",
            "{nofile: 10, nproc: {soft: 1, hard: 16}}",
        ),
        ("secrets: [{source: a, mode: 0440}]", "[{source: 'a', mode: '0440'}]"),
        ("secrets: [{source: a, mode: '440'}]", "[{source: 'a', mode: '0440'}]"),
        ("gpus: all", "[{count: -1}]"),
        ("gpus: [{count: ALL}, {count: '3', foo: 1}]", "[{count: -1}, {count: 3, foo: 1}]"),
        ("expose: [80, '81']", "['80', '81']"),
        ("labels: {a: 1, b: true, c: }", "{a: '1', b: 'true', c: ''}"),
        ("environment: {a: 1, b: }", "{a: '1', b: ~}"),
        ("logging: {options: {a: 5, b: }}", "{options: {a: '5', b: ''}}"),
        ("storage_opt: {a: 5, b: }", "{a: '5', b: ''}"),
        (
            "provider: {type: a, options: {a: 1, b: [x, true]}}",
            "{type: 'a', options: {a: ['1'], b: ['x', 'true']}}",
        ),
        ("build: {context: ., provenance: true}", "{context: '.', provenance: 'true'}"),
        ("networks: {default: {priority: 1e3}}", "{default: {priority: 1000}}"),
        ("blkio_config: {weight: 10.0}", "{weight: 10}"),
        (
            "volumes: [{type: tmpfs, target: /x, tmpfs: {mode: 0755, size: 1k}}]",
            "[{type: 'tmpfs', target: '/x', tmpfs: {mode: 493, size: '1024'}}]",
        ),
        ("x-a: [2001-01-01, {b: 0x10}]", "[2001-01-01, {b: 0x10}]"),
        ("command: ", "~"),
    ] {
        let (said, tree) = attribute(line, Variables::Replaced);
        let plain = tree.replace('\'', "");
        assert_eq!((said, plain), (vec![], want.replace('\'', "")), "{line}");
        let texts = |text: &str| text.matches('\'').count();
        assert!(texts(&tree) <= texts(want), "{line}: {tree}");
    }
}

#[test]
fn what_is_lost_is_said() {
    for (line, want, tree) in [
        (
            "privileged: yes",
            "? `yes` is a text in YAML, and is taken for `true` (write `true`) @ yes",
            "true",
        ),
        (
            "labels: {a: 1.10}",
            "? `1.10` is a floating-point number, and becomes the text `1.1` (quote it to keep it as it is written: `\"1.10\"`) @ 1.10",
            "{a: '1.1'}",
        ),
        (
            "labels: {a: True}",
            "? `True` is a boolean, and becomes the text `true` (quote it to keep it as it is written: `\"True\"`) @ True",
            "{a: 'true'}",
        ),
        (
            "mem_limit: 1.5",
            "? Compose drops the size `1.5`, as it is no whole number of 64 bits (write a whole number of bytes, or a text with a unit such as `1.5g`) @ 1.5",
            "'0'",
        ),
        ("pids_limit: -1.5", "? Compose drops the fraction of `-1.5` (write `-1`) @ -1.5", "-1"),
        (
            "pull_policy: alwayss",
            "? `alwayss` is no pull policy, and Compose takes it for `missing` (did you mean `always`?) @ alwayss",
            "alwayss",
        ),
    ] {
        assert_eq!(attribute(line, Variables::Replaced), (vec![want.to_owned()], tree.to_owned()), "{line}");
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn refuses_with_the_place() {
    for (line, want) in [
        ("image: 1", "! this must be a text, and this is a number (quote it to make it a text: `\"1\"`) @ 1"),
        ("imagee: x", "! a service has no key `imagee` (did you mean `image`?) @ imagee"),
        ("volumes: 5", "! this must be a list, and this is a number (write a list of one: `[5]`) @ 5"),
        (
            "volumes: [5]",
            "! this must be a text or a mapping, and this is a number (quote it to make it a text: `\"5\"`) @ 5",
        ),
        ("build: [x]", "! this must be a text or a mapping, and this is a list @ [x]"),
        ("depends_on: x", "! this must be a list or a mapping, and this is a text @ x"),
        ("networks: ", "! this must be a list or a mapping, and this is nothing @ "),
        (
            "environment: x",
            "! this must be a mapping or a list of `NAME=VALUE`, and this is a text (write lines of `NAME: value`, or of `- NAME=value`) @ x",
        ),
        ("extra_hosts: x", "! this must be a list or a mapping, and this is a text @ x"),
        (
            "dns: 5",
            "! this must be a text or a list, and this is a number (quote it to make it a text: `\"5\"`) @ 5",
        ),
        ("logging: x", "! `logging` must be a mapping, and this is a text @ x"),
        (
            "labels: {a: 2001-01-01}",
            "! this must be a text, a number, a boolean or nothing, and this is a date (quote it to make it a text: `\"2001-01-01\"`) @ 2001-01-01",
        ),
        ("labels: {'': x}", "! a name is missing @ ''"),
        ("security_opt: [a, b, a]", "! items 1 and 3 are the same (remove one of them) @ a & a"),
        ("group_add: [1, '1']", "! items 1 and 2 are the same (remove one of them) @ '1' & 1"),
        (
            "group_add: [1.5]",
            "! this must be a text or a whole number, and this is a floating-point number @ 1.5",
        ),
        ("cgroup: hots", "! expected `host` or `private`, found `hots` (did you mean `host`?) @ hots"),
        ("oom_score_adj: 1001", "! this must be from -1000 to 1000, and is 1001 @ 1001"),
        ("cpu_count: '-1'", "! this cannot be negative, and is -1 @ -1"),
        ("cpu_count: 1.5", "! this must be a whole number, and this is a floating-point number @ 1.5"),
        (
            "cpu_count: 99999999999999999999",
            "! this must be a whole number, and this is a number out of range @ 99999999999999999999",
        ),
        ("scale: x", "! this must be a whole number, and this is a text @ x"),
        ("cpus: .inf", "! expected a number, found `.inf` @ .inf"),
        ("cpus: x", "! this must be a number, and this is a text @ x"),
        ("mem_limit: '-1'", "! an amount cannot be negative, found `-1` @ -1"),
        (
            "mem_reservation: 1.5",
            "! this must be a text or a whole number, and this is a floating-point number @ 1.5",
        ),
        (
            "deploy: {resources: {limits: {memory: 5}}}",
            "! this must be a text, and this is a number (quote it to make it a text: `\"5\"`) @ 5",
        ),
        (
            "stop_grace_period: 30",
            "! this must be a span of time such as `30s`, and this is a number (write a unit: `30s`) @ 30",
        ),
        (
            "stop_grace_period: 1m30",
            "! `30` has no unit (write numbers with units: `30s`, `1m30s`, `1.5h`; the units are ns, us, ms, s, m, h, d and w) @ 30",
        ),
        ("init: 1", "! this must be `true` or `false`, and this is a number (write `true`) @ 1"),
        (
            "use_api_socket: yes",
            "! this must be `true` or `false` without quotes or variables, and this is a text @ yes",
        ),
        (
            "blkio_config: {weight: '5'}",
            "! this must be a whole number without quotes or variables, and this is a text (write `5`) @ '5'",
        ),
        ("ulimits: {nofile: {soft: 1}}", "! a limit needs `hard` @ {soft: 1}"),
        (
            "ulimits: {nofile: {soft: 1, hard: 2, hart: 3}}",
            "! a limit has no key `hart` (did you mean `hard`?) @ hart",
        ),
        (
            "ulimits: {nofile: [1]}",
            "! this must be a whole number, or a mapping with `soft` and `hard`, and this is a list @ [1]",
        ),
        (
            "build: {context: ., ulimits: {nofile: '5'}}",
            "! this must be a whole number, or a mapping with `soft` and `hard`, and this is a text @ '5'",
        ),
        ("depends_on: {a: {}}", "! a dependency needs `condition` @ {}"),
        (
            "depends_on: {a b: {condition: service_started}}",
            "! ` ` cannot stand in a name (names have letters, digits, `.`, `_` and `-`) @  ",
        ),
        (
            "container_name: a",
            "! a container cannot be called `a` (a name has a letter or digit, and then at least one letter, digit, `_`, `.` or `-`) @ a",
        ),
        ("pull_policy: Always", "! `Always` is no pull policy (did you mean `always`?) @ Always"),
        (
            "secrets: [{source: a, mode: 0o8}]",
            "! `o` is no octal digit (write a mode such as `\"0440\"`) @ o",
        ),
        ("gpus: [{count: x}]", "! expected a number or `all`, found `x` @ x"),
        ("pid: ", "! this must be a text, and this is nothing @ "),
    ] {
        let (said, tree) = checked(&service(line), Variables::Replaced);
        assert_eq!(said, [want], "{line}");
        assert!(printed(&tree).contains("broken"), "{line}: {tree:?}");
    }
}

#[test]
fn the_top_of_a_file() {
    for (text, want) in [
        (
            "services: {a b: {image: 1}}",
            &[
                "! ` ` cannot stand in a name (names have letters, digits, `.`, `_` and `-`) @  ",
                "! this must be a text, and this is a number (quote it to make it a text: `\"1\"`) @ 1",
            ] as &[&str],
        ),
        (
            "services: ",
            &["! `services` must be a mapping, and this is nothing (indent below it what belongs to it) @ "],
        ),
        ("networks: {a b: {foo: 1}}", &[]),
        ("networks: {a b: 5}", &["! a network must be a mapping, and this is a number @ 5"]),
        ("x-a: 2001-01-01", &[]),
        (
            "version: 3",
            &["! this must be a text, and this is a number (quote it to make it a text: `\"3\"`) @ 3"],
        ),
        ("models: {a: {}}", &["! a model needs `model` @ {}"]),
    ] {
        assert_eq!(checked(text, Variables::Replaced).0, want, "{text}");
    }
}

#[test]
fn a_variable_that_is_kept_is_no_mistake() {
    for line in [
        "privileged: $A",
        "cpus: ${A}",
        "mem_limit: ${A}m",
        "pull_policy: $A",
        "container_name: $A",
        "ulimits: {nofile: $A, nproc: {soft: $A, hard: 5}}",
        "gpus: [{count: $A}]",
        "ports: [\"$A:80\", 90]",
        "volumes: [$A, \"./x:/y\"]",
        "environment: [$A=1, B=2]",
        "devices: [$A]",
        "stop_grace_period: $A",
        "build: $A",
        "use_api_socket: $A",
    ] {
        assert_eq!(checked(&service(line), Variables::Kept).0, [] as [&str; 0], "{line}");
    }
    let want = "! this must be a text, and this is a list @ [$A]";
    assert_eq!(checked(&service("image: [$A]"), Variables::Kept).0, [want]);
}

#[test]
fn thousands_of_mistakes_cost_little() {
    let lines = |line: fn(u32) -> String| (0..20_000).map(line).collect::<String>();
    for text in [
        format!("services:\n  s:\n{}", lines(|n| format!("    key{n}: x\n"))),
        format!("services:\n  s:\n    labels:\n{}", lines(|n| format!("      l{n}: 1.10\n"))),
        format!("services:\n  s:\n    security_opt:\n{}", lines(|_| "      - a\n".to_owned())),
        format!("services:\n  s:\n    expose:\n{}", lines(|_| "      - 1.5\n".to_owned())),
    ] {
        let (said, _) = checked(&text, Variables::Replaced);
        assert_eq!(said.len(), 1000);
    }
}
