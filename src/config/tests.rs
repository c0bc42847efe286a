use proptest::prelude::*;

use super::*;
use crate::diag::Diagnostics;
use crate::source::Sources;
use crate::yaml::Node;

fn parse(text: &str) -> Node {
    let file = Sources::default().add("f".into(), text.into());
    crate::yaml::parse(&mut Diagnostics::default(), file, text).unwrap()
}

fn model(text: &str) -> Model {
    Model {
        name: "p".into(),
        root: parse(text),
        inherited: crate::model::Inherited::default(),
        references: crate::yaml::References::default(),
    }
}

fn as_json(text: &str) -> serde_json::Value {
    serde_json::from_str(&json(&model(text), Variables::Replaced)).unwrap()
}

#[test]
fn attributes_that_say_nothing_are_left_out_and_names_are_not() {
    let text = "
services:
  b: {image: x}
  a:
    image: ''
    privileged: false
    init: false
    scale: 0
    cap_add: []
    labels: {}
    mem_limit: '0'
    stop_grace_period: 0s
    command: []
    environment: {z: '', a: , M: $x}
    networks: {n: }
    deploy: {resources: {limits: {}}, update_config: {delay: 0s, parallelism: 0}}
    volumes: [{target: /t, type: volume, source: v, volume: {}}]
";
    let want = r#"name: p
services:
  a:
    deploy:
      update_config:
        parallelism: 0
      resources:
        limits: {}
    command: []
    environment:
      M: $$x
      a: null
      z: ""
    init: false
    networks:
      "n": null
    scale: 0
    stop_grace_period: 0s
    volumes:
      - type: volume
        source: v
        target: /t
        volume: {}
  b:
    image: x
"#;
    assert_eq!(yaml(&model(text), Variables::Replaced), want);
}

#[test]
fn json_has_the_shapes_of_docker() {
    let text = "
x-top: {x-a: 1, empty: [], day: 2001-1-2}
configs: {c: {environment: E, content: secret}}
models: {m: {model: x}}
networks: {n: {name: p_n, x-a: 1, ipam: {options: {a: b}}}}
services:
  a:
    x-a: 1
    labels: {x-a: '1'}
    extra_hosts: [z=1.1.1.1, a=1.1.1.1]
    build: {ssh: {default: , key: /k}, ulimits: {nproc: 0}}
    ulimits: {nofile: {soft: 0, hard: 5}, core: 0}
    deploy: {mode: global}
    post_start: [{command: }]
    develop: {watch: [{path: /w, action: sync}]}
    blkio_config: {device_read_bps: [{path: /d, rate: '0'}], weight_device: [{path: /d, weight: 0}]}
";
    let want = serde_json::json!({
        "name": "p",
        "x-top": {"x-a": 1, "empty": [], "day": "2001-01-02T00:00:00Z"},
        "configs": {"c": {"environment": "E"}},
        "networks": {"n": {"name": "p_n", "ipam": {}}},
        "services": {"a": {
            "labels": {"x-a": "1"},
            "extra_hosts": ["a=1.1.1.1", "z=1.1.1.1"],
            "build": {"ssh": ["default", "key: /k"], "ulimits": {"nproc": {}}},
            "ulimits": {"nofile": {"hard": 5}, "core": {}},
            "deploy": {"mode": "global", "resources": {}, "placement": {}},
            "command": null,
            "entrypoint": null,
            "post_start": [{"command": null}],
            "develop": {"watch": [{"path": "/w", "action": "sync", "exec": {"command": null}}]},
            "blkio_config": {
                "device_read_bps": [{"Path": "/d", "Rate": "0"}],
                "weight_device": [{"Path": "/d", "Weight": 0}],
            },
        }},
    });
    assert_eq!(as_json(text), want);
}

#[test]
fn where_variables_are_kept_everything_is() {
    let text = "
services: {a: {labels: {}, image: '${I:-x}', scale: 0, x-a: 1}}
models: {m: {model: x}}
";
    let want = "name: p
models:
  m:
    model: x
services:
  a:
    image: ${I:-x}
    labels: {}
    scale: 0
    x-a: 1
";
    assert_eq!(yaml(&model(text), Variables::Kept), want);
}

#[test]
fn an_empty_project_has_services() {
    assert_eq!(as_json("{}"), serde_json::json!({"name": "p", "services": {}}));
    assert_eq!(yaml(&model("{}"), Variables::Replaced), "name: p\nservices: {}\n");
}

#[test]
fn each_service_is_printed_by_itself() {
    let services = services(&model("services: {b: {image: y}, a: {image: x}}"));
    assert_eq!(services.keys().map(|name| &**name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(services["a"], "{\n  \"image\": \"x\",\n  \"command\": null,\n  \"entrypoint\": null\n}\n");
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn texts_that_some_reader_takes_for_something_else_are_quoted() {
    let quoted = [
        "",
        "~",
        "null",
        "Null",
        "true",
        "FALSE",
        "yes",
        "No",
        "on",
        "OFF",
        "y",
        "N",
        "1",
        "-1",
        "+1",
        "0x1F",
        "0o7",
        "0b1",
        "1_000",
        "1__0",
        "1.5",
        "1.",
        ".5",
        "1e3",
        "1.0e+3",
        ".inf",
        "-.INF",
        ".nan",
        "1:30",
        "190:20:30",
        "2001-01-01",
        "2001-12-14t21:59:43.10-05:00",
        "=",
        "<<",
        "-",
        "--",
        "---",
        "...",
        "- a",
        "--- g",
        "... g",
        "? a",
        ": a",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "a ",
        " a",
        "[a",
        "{a",
        "!a",
        "&a",
        "*a",
        "|a",
        ">a",
        "'a",
        "\"a",
        "%a",
        "@a",
        "`a",
        ",a",
        "é",
        "a\tb",
        "a\u{85}b",
        "\u{feff}a",
        "a\u{2028}b",
        "a\u{0}",
        "0.0.0.0:80",
        "12:30:45",
        "5",
        "0d",
        "1E",
        "a\n",
        "\n",
        "\ta\nb",
        " a\nb",
        "a\n \nb",
        "a\n\n",
    ];
    for text in quoted {
        let written = yaml::write(&Printed::Text(text.into()));
        assert!(written.starts_with(['"', '|']), "{text:?} is {written:?}");
        same(&Printed::Text(text.into()));
    }
    for text in [
        "a",
        "a b",
        "/a:b",
        "./a",
        "../a",
        "30s",
        "1m30s",
        "1.2.3.4",
        "10MB",
        "-lc",
        "--flag",
        "a#b",
        "a:b",
        "$$a",
        "(a)",
        "CMD-SHELL",
        "a || b",
        "yes sir",
        "http://a/?b=c&d=[e]",
        "nobody",
        "_n",
    ] {
        assert_eq!(yaml::write(&Printed::Text(text.into())), format!("{text}\n"));
        same(&Printed::Text(text.into()));
    }
}

#[test]
fn blocks_keep_their_ends() {
    for (text, want) in [
        ("a\nb", "k: |-\n  a\n  b\n"),
        ("a\nb\n", "k: |\n  a\n  b\n"),
        ("a\nb\n\n", "k: |+\n  a\n  b\n\n"),
        ("a\n\n  b\n\tc", "k: |-\n  a\n\n    b\n  \tc\n"),
    ] {
        let tree = Printed::Map(vec![("k".into(), Printed::Text(text.into()))]);
        assert_eq!(yaml::write(&tree), want);
        same(&tree);
    }
}

#[test]
fn a_long_key_is_announced() {
    let tree = Printed::Map(vec![
        ("\u{1}".repeat(300).into(), Printed::Map(vec![("a".into(), Printed::Text("b\nc".into()))])),
        ("k".repeat(2000).into(), Printed::List(vec![Printed::Bool(true), Printed::Null])),
    ]);
    assert!(yaml::write(&tree).contains("\n? kkk"));
    same(&tree);
}

/// What is written is read back as it was, by us and by another reader.
fn same(tree: &Printed) {
    let text = yaml::write(tree);
    let plain = json::write(tree);
    let want: serde_json::Value = serde_json::from_str(&plain).unwrap();
    let other: serde_json::Value = serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text:?}"));
    assert_eq!(other, want, "{text:?}");
    assert_eq!(json::write(&printed::any(&parse(&text))), plain, "{text:?}");
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+.:0-9_a-fxeotZTn# ]{0,12}",
        "[ \\t\\n#a:-]{0,10}",
        "\\PC{0,20}",
        any::<String>(),
        "[a-z]{1,5}( [a-z/:.-]{1,5}){0,40}",
    ]
}

fn any_tree() -> impl Strategy<Value = Printed> {
    let leaf = prop_oneof![
        Just(Printed::Null),
        any::<bool>().prop_map(Printed::Bool),
        any::<i64>().prop_map(|number| Printed::Plain(number.to_string().into())),
        Just(Printed::Plain("2001-01-02T00:00:00Z".into())),
        any_text().prop_map(|text| Printed::Text(text.into())),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let entries = proptest::collection::btree_map(any_text(), inner.clone(), 0..5);
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(Printed::List),
            entries.prop_map(|map| Printed::Map(
                map.into_iter().map(|(key, value)| (key.into(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_back(tree in any_tree()) {
        same(&tree);
    }
}
