mod lists;
mod ports;
mod volumes;

use super::*;
use crate::compose::schema::{FILE, SERVICE, Shape};
use crate::source::Sources;

/// What becomes of a text, along a shape, with everything that was said of it.
fn write_out(text: &str, shape: &Shape, variables: Variables) -> String {
    let mut sources = Sources::default();
    let file = sources.add("f".into(), text.into());
    let mut d = Diagnostics::default();
    let Ok(root) = crate::yaml::parse(&mut d, file, text) else { return format!("{:?}", d.sorted()) };
    let long = expand(&mut d, &tagged(&root), shape, variables);
    let again = expand(&mut d, &long, shape, variables);
    let mut shown = String::new();
    show(&long, &mut shown);
    let mut twice = String::new();
    show(&again, &mut twice);
    assert_eq!(shown, twice, "not idempotent: {text}");
    for found in d.sorted() {
        let at = found.labels.first().map_or("", |label| sources.slice(label.span));
        let kind = if found.severity == crate::diag::Severity::Error { "error" } else { "warning" };
        shown.extend(["\n", kind, " at `", at, "`: ", &found.message]);
    }
    shown
}

fn show(node: &Node, out: &mut String) {
    match &node.value {
        Value::Null => out.push('~'),
        Value::Scalar(scalar) if scalar.resolve() == Plain::Str => out.extend(["'", &scalar.text, "'"]),
        Value::Scalar(scalar) => *out += &scalar.text,
        Value::Reset => *out += "!reset",
        Value::Broken(_) => *out += "!broken",
        Value::Override(node) => {
            *out += "!override ";
            show(node, out);
        }
        Value::Seq(items) => {
            *out += "[";
            for (at, item) in items.iter().enumerate() {
                *out += if at > 0 { ", " } else { "" };
                show(item, out);
            }
            *out += "]";
        }
        Value::Map(entries) => {
            *out += "{";
            for (at, entry) in entries.iter().enumerate() {
                *out += if at > 0 { ", " } else { "" };
                out.extend([&*entry.key, ": "]);
                show(&entry.value, out);
            }
            *out += "}";
        }
    }
}

fn service(table: &[(&str, &str)]) {
    for (text, want) in table {
        let got = write_out(text, &Shape::Object(&SERVICE), Variables::Replaced);
        assert_eq!(got, *want, "{text}");
    }
}

fn kept(table: &[(&str, &str)]) {
    for (text, want) in table {
        let got = write_out(text, &Shape::Object(&SERVICE), Variables::Kept);
        assert_eq!(got, *want, "{text}");
    }
}

fn file(table: &[(&str, &str)]) {
    for (text, want) in table {
        let got = write_out(text, &Shape::Object(&FILE), Variables::Replaced);
        assert_eq!(got, *want, "{text}");
    }
}

#[test]
fn values_alone() {
    service(&[
        ("build: ./x", "{build: {context: './x'}}"),
        ("build: {context: .}", "{build: {context: '.'}}"),
        ("build: 5", "{build: 5}"),
        ("extends: base", "{extends: {service: 'base'}}"),
        ("dns: 1.1.1.1", "{dns: ['1.1.1.1']}"),
        ("dns: ''", "{dns: []}"),
        ("dns: ['', 8.8.8.8]", "{dns: ['8.8.8.8']}"),
        ("tmpfs: ''", "{tmpfs: ['']}"),
        ("tmpfs: [/a, /b]", "{tmpfs: ['/a', '/b']}"),
        ("label_file: a", "{label_file: ['a']}"),
        ("env_file: a", "{env_file: [{path: 'a', required: true}]}"),
        (
            "env_file: [a, {path: b}, {path: c, required: false}, 5]",
            "{env_file: [{path: 'a', required: true}, {path: 'b', required: true}, {path: 'c', required: false}, 5]}",
        ),
        ("secrets: [s, {source: t}]", "{secrets: [{source: 's'}, {source: 't'}]}"),
        ("configs: [c]", "{configs: [{source: 'c'}]}"),
        ("gpus: all", "{gpus: [{count: 'all'}]}"),
        ("gpus: [{count: 2, options: [a=b]}]", "{gpus: [{count: 2, options: {a: 'b'}}]}"),
        ("gpus: any", "{gpus: !broken}\nerror at `any`: `gpus` is `all` or a list, and this is `any`"),
        (
            "develop: {watch: [{ignore: x, exec: {command: a b}}]}",
            "{develop: {watch: [{ignore: ['x'], exec: {command: ['a', 'b']}}]}}",
        ),
        ("provider: {options: {a: b, c: [1]}}", "{provider: {options: {a: ['b'], c: [1]}}}"),
        ("x-own: {build: x}", "{x-own: {build: 'x'}}"),
        ("deploy: ~", "{deploy: ~}"),
    ]);
    file(&[
        (
            "include: [a, {path: b, env_file: [c]}]",
            "{include: [{path: ['a']}, {path: ['b'], env_file: ['c']}]}",
        ),
        ("include: ~", "{include: ~}"),
        ("services: {a: {build: x}, b: ~}", "{services: {a: {build: {context: 'x'}}, b: ~}}"),
    ]);
}

/// The tree in which `{OVERRIDE: value}` and `RESET` are what the tags make of a value.
fn tagged(node: &Node) -> Node {
    let value = match &node.value {
        Value::Map(entries) => match entries.first() {
            Some(entry) if &*entry.key == "OVERRIDE" => Value::Override(tagged(&entry.value).into()),
            _ => return super::entries(node, |entry| tagged(&entry.value)),
        },
        Value::Seq(items) => Value::Seq(items.iter().map(tagged).collect()),
        Value::Scalar(scalar) if &*scalar.text == "RESET" => Value::Reset,
        _ => return node.clone(),
    };
    Node { span: node.span, value }
}

#[test]
fn tags_stay() {
    service(&[
        ("build: {OVERRIDE: x}", "{build: !override {context: 'x'}}"),
        ("build: RESET", "{build: !reset}"),
        (
            "devices: [{OVERRIDE: /x}, RESET]",
            "{devices: [!override {source: '/x', target: '/x', permissions: 'rwm'}, !reset]}",
        ),
        (
            "ports: {OVERRIDE: [{OVERRIDE: '1-2'}, RESET]}",
            "{ports: !override [!override {mode: 'ingress', target: 1, protocol: 'tcp'}, \
             !override {mode: 'ingress', target: 2, protocol: 'tcp'}, !reset]}",
        ),
        ("env_file: [{OVERRIDE: a}, RESET]", "{env_file: [!override {path: 'a', required: true}, !reset]}"),
        ("environment: [A=b, RESET, {OVERRIDE: D=e}]", "{environment: {A: 'b', D: 'e'}}"),
        ("environment: {OVERRIDE: [A]}", "{environment: !override {A: ~}}"),
        ("networks: {a: RESET}", "{networks: {a: !reset}}"),
        ("networks: [a, RESET]", "{networks: {a: ~}}"),
        ("extra_hosts: {a: RESET, b: {OVERRIDE: ['1']}}", "{extra_hosts: ['b=1']}"),
    ]);
    file(&[(
        "volumes: {a: {external: {OVERRIDE: {name: n}}}}",
        "{volumes: {a: {external: true, name: 'n'}}}\nwarning at `name`: `name` in `external` is an old way to write it",
    )]);
}

#[test]
fn commands_are_split() {
    service(&[
        ("command: a 'b c' d\\ e", "{command: ['a', 'b c', 'd e']}"),
        ("command: ''", "{command: []}"),
        ("command: ~", "{command: ~}"),
        ("command: [a b]", "{command: ['a b']}"),
        ("command: 5", "{command: 5}"),
        (
            "entrypoint: a b && c",
            "{entrypoint: ['a', 'b']}\nwarning at `&& c`: Compose cuts a command at an unquoted `;`, `&`, `|`, `<` or `>`; the rest is lost",
        ),
        ("command: a (b", "{command: !broken}\nerror at `(`: unquoted `(` in a command that no shell reads"),
        ("healthcheck: {test: a b}", "{healthcheck: {test: ['CMD-SHELL', 'a b']}}"),
        ("healthcheck: {test: [NONE]}", "{healthcheck: {test: ['NONE']}}"),
    ]);
}

#[test]
fn words_know_their_places() {
    let text = "command: a 'b c' d";
    let mut sources = Sources::default();
    let file = sources.add("f".into(), text.into());
    let mut d = Diagnostics::default();
    let root = crate::yaml::parse(&mut d, file, text).unwrap();
    let long = expand(&mut d, &root, &Shape::Object(&SERVICE), Variables::Replaced);
    let words = long.get("command").unwrap().items();
    let places: Vec<&str> = words.iter().map(|word| sources.slice(word.span)).collect();
    assert_eq!(places, ["a", "'b c'", "d"]);
}

#[test]
fn devices() {
    service(&[
        ("devices: [/a]", "{devices: [{source: '/a', target: '/a', permissions: 'rwm'}]}"),
        ("devices: ['/a:/b']", "{devices: [{source: '/a', target: '/b', permissions: 'rwm'}]}"),
        ("devices: ['/a:/b:r']", "{devices: [{source: '/a', target: '/b', permissions: 'r'}]}"),
        ("devices: ['/a::r']", "{devices: [{source: '/a', target: '/a', permissions: 'r'}]}"),
        ("devices: ['/a:/b:']", "{devices: [{source: '/a', target: '/b', permissions: ''}]}"),
        ("devices: ['']", "{devices: [{source: '', target: '', permissions: 'rwm'}]}"),
        (
            "devices: [vendor.com/class=x]",
            "{devices: [{source: 'vendor.com/class=x', target: 'vendor.com/class=x', permissions: 'rwm'}]}",
        ),
        (
            "devices: ['/a:/b:r:x:y']",
            "{devices: [!broken]}\nerror at `:x:y`: too many colons in `/a:/b:r:x:y`",
        ),
        ("devices: [{source: /a}]", "{devices: [{source: '/a'}]}"),
    ]);
}

#[test]
fn what_depends_on_a_variable_stays() {
    kept(&[
        ("ports: [$P, 80]", "{ports: ['$P', 80]}"),
        ("ports: ['x']", "{ports: [!broken]}\nerror at `x`: expected a port number, found `x`"),
        ("command: a $B", "{command: 'a $B'}"),
        ("command: a b", "{command: ['a', 'b']}"),
        ("environment: [A=$B]", "{environment: {A: '$B'}}"),
        ("environment: ['$A=b', C]", "{environment: ['$A=b', 'C']}"),
        ("extra_hosts: ['h:$A', '$H', '${H:-x}=1']", "{extra_hosts: ['h=$A', '$H', '${H:-x}=1']}"),
        ("devices: ['/a:${B:-c}']", "{devices: ['/a:${B:-c}']}"),
        ("gpus: $G", "{gpus: '$G'}"),
        ("networks: [$N]", "{networks: {$N: ~}}"),
        (
            "build: {ssh: [$A], additional_contexts: [$B]}",
            "{build: {ssh: ['$A'], additional_contexts: ['$B']}}",
        ),
        (
            "volumes: ['$A:/b', '$A:/b:$C', '$A:/b:$C:d']",
            "{volumes: [{type: 'volume', source: '$A', target: '/b', volume: {}}, \
             {type: 'volume', source: '$A', target: '/b', volume: {}}, '$A:/b:$C:d']}",
        ),
    ]);
}

mod random {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(
            text in "[0-9a:/.,=\\-\\[\\]\\\\$ {}'\\u{e9}]{0,20}|.{0,20}",
            key in prop::sample::select(vec!["ports", "volumes", "devices", "extra_hosts", "environment", "labels", "command", "networks"]),
            keep in any::<bool>(),
        ) {
            let quoted = text.replace('\'', "''");
            let variables = if keep { Variables::Kept } else { Variables::Replaced };
            write_out(&format!("{key}: ['{quoted}']"), &Shape::Object(&SERVICE), variables);
            write_out(&format!("{key}: '{quoted}'"), &Shape::Object(&SERVICE), variables);
        }
    }
}
