//! Files as go-yaml and Compose read them; a comment says where those do otherwise.

use super::*;
use crate::diag::Diagnostics;
use crate::source::Sources;

/// Every document of a file, in one line each, or the first thing that is wrong with it.
fn read(text: &str) -> Result<Vec<String>, String> {
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let file = sources.add("f".into(), text.into());
    let nodes = documents(&mut d, file, text);
    match d.sorted().first() {
        Some(found) => Err(found.message.clone()),
        None => Ok(nodes.unwrap().iter().map(show).collect()),
    }
}

fn show(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".into(),
        Value::Reset => "!reset".into(),
        Value::Override(inner) => format!("!override {}", show(inner)),
        Value::Broken(_) => "broken".into(),
        Value::Seq(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|entry| format!("{}: {}", entry.key, show(&entry.value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Scalar(scalar) => match scalar.resolve() {
            Plain::Str => format!("{:?}", scalar.text),
            Plain::Float(_) => format!("float {}", scalar.go_text()),
            Plain::Timestamp => format!("time {}", scalar.text),
            _ => scalar.go_text().into_owned(),
        },
    }
}

fn reads(table: &[(&str, &str)]) {
    for (text, want) in table {
        assert_eq!(read(text).as_deref(), Ok(&[(*want).to_owned()][..]), "{text}");
    }
}

fn refuses(table: &[(&str, &str)]) {
    for (text, want) in table {
        let found = read(text).unwrap_err();
        assert!(found.contains(want), "{text}: {found}");
    }
}

#[test]
fn a_file_has_documents() {
    for (text, want) in [
        ("", &["null"][..]),
        ("# nothing\n", &["null"]),
        ("---\n", &["null"]),
        ("---\n...\n", &["null"]),
        ("a: 1\n---\nb: 2\n", &["{a: 1}", "{b: 2}"]),
        ("a: 1\n---\n", &["{a: 1}", "null"]),
        ("a: 1\n---\n---\nb: 2\n", &["{a: 1}", "null", "{b: 2}"]),
        ("a: 1\n...\n", &["{a: 1}"]),
        ("a: 1\n...\n# more\n", &["{a: 1}"]),
        ("a: 1\n...\n---\nb: 2\n", &["{a: 1}", "{b: 2}"]),
        ("%YAML 1.1\n---\na: 1\n", &["{a: 1}"]),
        ("\u{feff}# no\n%YAML  1.1 # one\n%TAG !x! !y\n---\na: !x!z 1\n", &["{a: \"1\"}"]),
        ("a: 1\n...\n%YAML 1.1\n---\nb: 2\n", &["{a: 1}", "{b: 2}"]),
        ("a: |\n  %YAML 1.2\n---\nb: 2\n", &["{a: \"%YAML 1.2\\n\"}", "{b: 2}"]),
    ] {
        assert_eq!(read(text).unwrap(), want, "{text}");
    }
    refuses(&[
        ("%YAML 1.2\n---\na: 1\n", "version 1.1 only"),
        ("%YAML 1.0\n---\na: 1\n", "version 1.1 only"),
        ("%YAML 2.0\n---\na: 1\n", "version 1.1 only"),
        ("a: 1\n...\n%YAML 1.2\n---\nb: 2\n", "version 1.1 only"),
        ("%FOO bar\n---\na: 1\n", "no such directive"),
        ("a: 1\n...\nb: 2\n", "after the end of the document"),
        // Compose lets an anchor of one document be used in the next.
        ("a: &a 1\n---\nb: *a\n", "no anchor is called `a`"),
    ]);
}

#[test]
fn documents_have_places() {
    let text = "a: 1\n--- # nothing\n--- !override\nb: two\n---";
    let mut sources = Sources::default();
    let file = sources.add("f".into(), text.into());
    let nodes = documents(&mut Diagnostics::default(), file, text).unwrap();
    let places: Vec<_> = nodes.iter().map(|node| sources.slice(node.span)).collect();
    assert_eq!(places, ["a: 1", "---", "b: two", "---"]);
    let empty = documents(&mut Diagnostics::default(), file, "").unwrap();
    assert_eq!(empty[0].span, Span::start_of(file));
    let mut d = Diagnostics::default();
    assert!(parse(&mut d, file, text).is_ok());
    assert_eq!(d.sorted()[0].message, "only one document may stand in this file");
}

#[test]
fn tags_say_what_a_scalar_is() {
    reads(&[
        ("!!binary aGk=", "\"hi\""),
        ("!!binary \"aG\\nk=\"", "\"hi\""),
        ("!!binary |\n  w6\n  Q=\n", "\"ä\""),
        ("!!binary", "\"\""),
        ("!!binary [a]", "[\"a\"]"),
        ("!!set {a, b}", "{a: null, b: null}"),
        ("!!set [a]", "[\"a\"]"),
        ("!!seq [1]", "[1]"),
        ("!!seq {a: 1}", "{a: 1}"),
        ("!!map x", "\"x\""),
        ("!!str [1]", "[1]"),
        ("!!omap [a: 1]", "[{a: 1}]"),
        ("!!float 3", "float 3"),
        ("!!float 0x10", "float 16"),
        ("!!float '3.5'", "float 3.5"),
        ("!!int '12'", "12"),
        ("!!int 0o17", "15"),
        ("!<tag:yaml.org,2002:int> 7", "7"),
        ("!!bool 'true'", "true"),
        ("!!null ''", "null"),
        ("!!null '~'", "null"),
        ("!!str", "\"\""),
        ("!!str null", "\"null\""),
        ("!!str 1.0", "\"1.0\""),
        ("!!timestamp '2001-01-01'", "time 2001-01-01"),
        ("!!foo 1", "\"1\""),
        ("!!foo {a: 1}", "{a: 1}"),
        ("! 12", "12"),
        ("! '12'", "\"12\""),
        ("!", "null"),
        ("!local 12", "\"12\""),
        ("!local", "\"\""),
        ("!local\n- x", "[\"x\"]"),
        ("!<tag:x> 7", "\"7\""),
    ]);
    refuses(&[
        ("!!binary aGk", "not base64"),
        ("!!binary a=k=", "not base64"),
        ("!!binary ====", "not base64"),
        ("!!binary aG-k", "not base64"),
        // Compose goes on with bytes that are no text.
        ("!!binary /w==", "not a text in UTF-8"),
        ("!!float x", "`x` is not what its tag `!!float` says"),
        ("!!int 1.0", "`1.0` is not what its tag `!!int` says"),
        ("!!int ''", "`` is not what its tag `!!int` says"),
        ("!!bool yes", "`yes` is not what its tag `!!bool` says"),
        ("!!null x", "`x` is not what its tag `!!null` says"),
        ("!!timestamp x", "`x` is not what its tag `!!timestamp` says"),
    ]);
}

#[test]
fn base64_is_what_it_should_be() {
    for (text, want) in [
        ("", ""),
        ("Zg==", "f"),
        ("Zm8=", "fo"),
        ("Zm9v", "foo"),
        ("Zm9v\r\nYmFy", "foobar"),
        ("Pz8/Pj4+", "???>>>"),
    ] {
        assert_eq!(read(&format!("!!binary {text:?}")).unwrap(), [format!("{want:?}")], "{text}");
    }
}

#[test]
fn compose_has_tags_of_its_own() {
    reads(&[
        ("a: !reset x", "{a: !reset}"),
        ("a: !reset", "{a: !reset}"),
        ("a: !reset {b: [c]}", "{a: !reset}"),
        ("a: !reset\n- b\nc: 1", "{a: !reset, c: 1}"),
        ("a: !override {b: 1}", "{a: !override {b: 1}}"),
        ("a: !override [1]", "{a: !override [1]}"),
        // As any tag that nobody defined they make a scalar a text.
        ("a: !override 5", "{a: !override \"5\"}"),
        ("a: !override null", "{a: !override \"null\"}"),
        ("a: !override", "{a: !override \"\"}"),
        ("a: !<!override> [1]", "{a: !override [1]}"),
        ("a: {b: {c: !reset 1}}", "{a: {b: {c: !reset}}}"),
        // Below a list they find nothing to act on.
        ("[!reset a, !override b, c]", "[\"b\", \"c\"]"),
        ("[{a: !reset 1, b: !override [2], c: [!reset 3]}]", "[{b: [2], c: []}]"),
        ("a: !override {b: !override 5, c: !override [1]}", "{a: !override {b: \"5\", c: [1]}}"),
        // On keys and documents they are tags like any other.
        ("{!reset 1: 2, !override b: 3}", "{1: 2, b: 3}"),
        ("!override {a: 1}", "{a: 1}"),
        ("!override a", "\"a\""),
        // Through an alias they act again, but not what is below it and has acted.
        ("{a: &a !reset 1, b: *a}", "{a: !reset, b: !reset}"),
        ("{a: &a !override [1], b: *a}", "{a: !override [1], b: !override [1]}"),
        ("{a: &a {x: !reset 1, y: 2}, b: *a}", "{a: {x: !reset, y: 2}, b: {y: 2}}"),
        ("{a: &a {x: !override 1}, b: *a}", "{a: {x: !override \"1\"}, b: {x: !override \"1\"}}"),
        ("{a: &a !override [1], b: !override {c: *a}}", "{a: !override [1], b: !override {c: [1]}}"),
        ("[&a !reset 1, {b: *a}]", "[{}]"),
    ]);
    refuses(&[
        ("a: {b: !reset 1, b: 2}", "the key `b` stands twice"),
        // What is dropped must be right all the same; Compose does not look.
        ("a: !reset {b: 1, b: 2}", "the key `b` stands twice"),
        ("a: !reset {1: 2}", "the key `1` is a number"),
        ("a: !reset {b: *c}", "no anchor is called `c`"),
        ("!reset {a: 1}", "cannot stand on a whole document"),
        ("--- !reset", "cannot stand on a whole document"),
        // Compose takes `null` here for a text.
        ("a: !override {b: !reset null}", "no effect inside of `!override`"),
        ("a: !override {b: !reset [1]}", "no effect inside of `!override`"),
        ("{a: &a !reset 1, b: !override {c: *a}}", "no effect inside of `!override`"),
    ]);
}

#[test]
fn merge_keys_meet_tags() {
    reads(&[
        // The key that carries the tag is dropped, and what was merged before is taken out all the same.
        ("{a: !reset x, <<: {a: 1}}", "{a: !override 1}"),
        ("{<<: {a: 1}, a: !reset x}", "{a: !override 1}"),
        ("{<<: [{a: 1}, {a: 2}], a: !reset x}", "{a: !override 1}"),
        ("{<<: {a: !override 1}, a: !reset x}", "{a: !override \"1\"}"),
        ("{<<: {a: !reset 1}, a: !reset x}", "{a: !reset}"),
        ("{<<: {a: !reset x}}", "{a: !reset}"),
        ("{<<: {a: !reset x}, a: 1}", "{a: !override 1}"),
        ("{<<: {a: !override [x]}, a: [y]}", "{a: !override [\"y\"]}"),
        ("{<<: {a: !override [x]}}", "{a: !override [\"x\"]}"),
        // Not so in a list.
        ("{<<: [{a: !reset x}], a: 1}", "{a: 1}"),
        ("{<<: [{a: !reset x}, {a: 1}]}", "{a: 1}"),
        ("{<<: [{a: !override [x]}]}", "{a: [\"x\"]}"),
        // Where the anchor stands the tag has acted.
        ("{m: &m {a: !reset x}, b: {<<: *m}}", "{m: {a: !reset}, b: {}}"),
        ("{m: &m {a: !override [x]}, b: {<<: *m}}", "{m: {a: !override [\"x\"]}, b: {a: !override [\"x\"]}}"),
    ]);
    // Compose takes out the mapping around it.
    refuses(&[
        ("{<<: !reset {a: 1}}", "what `<<` brings in may have no `!reset`"),
        ("{<<: !override {a: 1}}", "what `<<` brings in may have no `!reset`"),
    ]);
}

#[test]
fn merge_keys_bring_in_what_is_not_there() {
    reads(&[
        ("{b: &b {x: 1}, c: {<<: *b, x: 2}}", "{b: {x: 1}, c: {x: 2}}"),
        ("{x: 2, <<: {x: 1, y: 3}}", "{x: 2, y: 3}"),
        ("{<<: [{x: 1}, {x: 2, y: 3}], z: 1}", "{z: 1, x: 1, y: 3}"),
        (
            "{m: &m {x: 1}, n: &n {<<: *m, y: 2}, o: {<<: *n, z: 3}}",
            "{m: {x: 1}, n: {y: 2, x: 1}, o: {z: 3, y: 2, x: 1}}",
        ),
        ("{m: &m [{x: 1}, {y: 2}], n: {<<: *m}}", "{m: [{x: 1}, {y: 2}], n: {x: 1, y: 2}}"),
        ("{<<: {<<: {x: 1}}}", "{x: 1}"),
        ("{<<: []}", "{}"),
        // It is not deep.
        ("{<<: {e: {A: 1}}, e: {B: 2}}", "{e: {B: 2}}"),
        ("{!!merge <<: {x: 1}}", "{x: 1}"),
        ("{!!merge '<<': {x: 1}}", "{x: 1}"),
        ("{! <<: {x: 1}}", "{x: 1}"),
        ("{'<<': {x: 1}}", "{<<: {x: 1}}"),
        ("{!!str <<: {x: 1}}", "{<<: {x: 1}}"),
        ("{!foo <<: {x: 1}}", "{<<: {x: 1}}"),
        ("{k: &k <<, *k : {x: 1}}", "{k: \"<<\", <<: {x: 1}}"),
        ("a: <<", "{a: \"<<\"}"),
    ]);
    refuses(&[
        ("{<<: 5}", "takes a mapping or a list of them, and this is a number"),
        ("{<<: null}", "takes a mapping or a list of them, and this is nothing"),
        ("{<<: }", "takes a mapping or a list of them, and this is nothing"),
        ("{m: &m {x: 1}, n: {<<: [*m, [*m]]}}", "takes a mapping or a list of them, and this is a list"),
        ("{<<: {a: 1}, <<: {b: 2}}", "the key `<<` stands twice"),
        ("{<<: {a: 1}, '<<': 2}", "the key `<<` stands twice"),
        ("a: &a {<<: *a}", "an anchor may not contain itself"),
    ]);
}

#[test]
fn keys_are_texts_that_stand_once() {
    reads(&[
        ("'1': a", "{1: \"a\"}"),
        ("{!!str 1: a, !foo 2: b}", "{1: \"a\", 2: \"b\"}"),
        ("{!!binary aGk=: 2}", "{hi: 2}"),
        ("{k: &k foo, *k : 1}", "{k: \"foo\", foo: 1}"),
        ("{k: &k !override foo, *k : 1}", "{k: !override \"foo\", foo: 1}"),
        ("'': 1", "{: 1}"),
        ("on: 1\nyes: 2\nno: 3", "{on: 1, yes: 2, no: 3}"),
        ("? a\n: b\n? c", "{a: \"b\", c: null}"),
        ("? |\n  block\n: v", "{block\n: \"v\"}"),
        ("\"a b\": 1", "{a b: 1}"),
    ]);
    refuses(&[
        ("1: a", "the key `1` is a number"),
        ("1.5: a", "the key `1.5` is a floating-point number"),
        ("true: a", "the key `true` is a boolean"),
        ("2001-01-01: a", "the key `2001-01-01` is a date"),
        ("~: a", "a key must be a text, and this is nothing"),
        (": a", "a key must be a text, and this is nothing"),
        ("[a]: b", "a key must be a text, and this is a list"),
        ("? {a: 1}\n: b", "a key must be a text, and this is a mapping"),
        ("{k: &k 1, *k : 2}", "the key `1` is a number"),
        ("{k: &k !reset x, *k : 2}", "a key must be a text"),
        ("a: 1\na: 2", "the key `a` stands twice"),
        ("x-a: {a: {b: 1, 'b': 2}}", "the key `b` stands twice"),
        ("{a: 1, !!str a: 2}", "the key `a` stands twice"),
    ]);
}

#[test]
fn anchors_stand_for_nodes() {
    reads(&[
        ("a: &x 1\nb: *x", "{a: 1, b: 1}"),
        ("a: &x 1\nb: &x 2\nc: *x", "{a: 1, b: 2, c: 2}"),
        ("a: &x\nb: *x", "{a: null, b: null}"),
        ("a: &x [1]\nb: [*x, *x]", "{a: [1], b: [[1], [1]]}"),
    ]);
    refuses(&[
        ("a: *x", "no anchor is called `x`"),
        ("a: &a [*a]", "an anchor may not contain itself"),
        ("a: &a {b: {c: *a}}", "an anchor may not contain itself"),
    ]);
}

#[test]
fn texts_are_read_as_go_yaml_reads_them() {
    reads(&[
        ("a: 'it''s'", "{a: \"it's\"}"),
        ("a: \"\\x41\\u00e9\\U0001F600\\n\"", "{a: \"Aé😀\\n\"}"),
        ("a:\tb", "{a: \"b\"}"),
        ("a: b\t# c", "{a: \"b\"}"),
        ("a: [1, 2,]", "{a: [1, 2]}"),
        ("{A: 1, B: , C: 3}", "{A: 1, B: null, C: 3}"),
        ("[\n  a, # one\n  b\n]", "[\"a\", \"b\"]"),
        ("a: x#y", "{a: \"x#y\"}"),
        ("a: x # y", "{a: \"x\"}"),
        ("a: x%y", "{a: \"x%y\"}"),
        ("a: b\n  c\n\n  d", "{a: \"b c\\nd\"}"),
        ("a: |2\n    x\n", "{a: \"  x\\n\"}"),
        ("a: |+\n  x\n\n", "{a: \"x\\n\\n\"}"),
        ("a: |-\n  x\n\n", "{a: \"x\"}"),
        ("a: >-\n  x\n  y\n\n  z\n", "{a: \"x y\\nz\"}"),
        ("a: |\n  x", "{a: \"x\"}"),
        ("a:\n- 1\n- - 2\n  - 3", "{a: [1, [2, 3]]}"),
        ("- KEY: value", "[{KEY: \"value\"}]"),
        ("a: {\"b\":1}", "{a: {b: 1}}"),
        ("{\"a\": [true, null, \"\\\"\"]}", "{a: [true, null, \"\\\"\"]}"),
        ("a: http://x:80/y", "{a: \"http://x:80/y\"}"),
        ("a: C:\\x", "{a: \"C:\\\\x\"}"),
        ("a: 1\r\nb: |\r\n  x\r\n  y\r\n", "{a: 1, b: \"x\\ny\\n\"}"),
        ("\u{feff}a: 1", "{a: 1}"),
        ("a: \"\\0\"", "{a: \"\\0\"}"),
        // Compose refuses these two, which JSON and later versions of YAML have.
    ]);
    for text in [
        "a: b: c",
        "a: @x",
        "a: `x`",
        "a: %x",
        "a: \"x\" y",
        "a: - b",
        "a:\n\tb: c",
        "a:\n  b: 1\n c: 2",
        "a: [1, 2",
        "a: ]",
        "a: \"\\q\"",
        "a: x\0y",
        "a: x\u{1}y",
        "a: x\u{7f}y",
        "a: x\u{80}y",
        "a: x\u{fffe}y",
    ] {
        assert!(read(text).is_err(), "{text:?} is {:?}", read(text));
    }
}

#[test]
fn tabs_do_not_begin_a_line() {
    reads(&[
        ("a:\tb\t# c\nd: e\t\n", "{a: \"b\", d: \"e\"}"),
        ("a: b\n  \t\nc: d\n", "{a: \"b\", c: \"d\"}"),
        ("a: [b,\n  c\t,\td]\n", "{a: [\"b\", \"c\", \"d\"]}"),
        ("a: [\n\tb,\n  \tc ]\n", "{a: [\"b\", \"c\"]}"),
        ("a:\n  b: {\n\t\"c\": \"d\",\n\t\"e\": \"f\"\n\t}\n", "{a: {b: {c: \"d\", e: \"f\"}}}"),
        ("---\t# b\na: c\n", "{a: \"c\"}"),
        ("a: |\n  b\n  \t\n  c\n", "{a: \"b\\n\\t\\nc\\n\"}"),
    ]);
    refuses(&[
        ("\t\na: b\n", "a tab in the indentation"),
        ("a: b\n\t\nc: d\n", "a tab in the indentation"),
        ("a: b\n\t# c\n", "a tab in the indentation"),
        ("a: \"b\"\n  \t\nc: d\n", "a tab in the indentation"),
        ("a:\n   \t\n  - b\n", "a tab in the indentation"),
        ("a:\n-\tb\n", "a tab in the indentation"),
        ("a: [\n\tb ]\n\tc: d\n", "a tab in the indentation"),
        ("a: [\n\tb\n\t]\n", "a tab in the indentation"),
    ]);
}

#[test]
fn json_has_escapes_that_yaml_has_not() {
    reads(&[
        ("a: \"\\\\/\"", "{a: \"\\\\/\"}"),
        ("a: \"\\\\ud83d\"", "{a: \"\\\\ud83d\"}"),
        ("a: '\\/'", "{a: \"\\\\/\"}"),
    ]);
    refuses(&[("a: \"\\/\"", r"`\/` is no escape"), ("a: \"\\ud83d\\ude00\"", r"`\ud83d` is no escape")]);
}
