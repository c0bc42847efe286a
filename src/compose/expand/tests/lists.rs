use super::*;

#[test]
fn names_become_keys() {
    service(&[
        ("networks: [a, b]", "{networks: {a: ~, b: ~}}"),
        ("networks: []", "{networks: {}}"),
        ("networks: {a: {aliases: [x]}}", "{networks: {a: {aliases: ['x']}}}"),
        ("models: [m]", "{models: {m: ~}}"),
        ("networks: [a, a]", "{networks: !broken}\nerror at `a`: `a` stands in this list twice"),
        ("networks: [1]", "{networks: !broken}\nerror at `1`: this must be a text, and this is a number"),
        ("depends_on: [a]", "{depends_on: {a: {condition: 'service_started', required: true}}}"),
        (
            "depends_on: {a: {condition: service_healthy}}",
            "{depends_on: {a: {condition: 'service_healthy'}}}",
        ),
        (
            "depends_on: [a, a, 2]",
            "{depends_on: !broken}\nerror at `a`: `a` stands in this list twice\nerror at `2`: this must be a text, and this is a number",
        ),
    ]);
}

#[test]
fn dependencies_are_required_where_they_do_not_say() {
    let text = "{a: {condition: x}, b: {required: false}, c: ~}";
    let mut sources = Sources::default();
    let file = sources.add("f".into(), text.into());
    let root = crate::yaml::parse(&mut Diagnostics::default(), file, text).unwrap();
    let mut shown = String::new();
    show(&dependencies_required(&root), &mut shown);
    assert_eq!(shown, "{a: {condition: 'x', required: true}, b: {required: false}, c: ~}");
}

#[test]
fn pairs_become_mappings() {
    service(&[
        ("environment: [A=b, C, D=, E=f=g]", "{environment: {A: 'b', C: ~, D: '', E: 'f=g'}}"),
        ("environment: {A: 1.10, B: ~}", "{environment: {A: 1.10, B: ~}}"),
        ("environment: [A=1, B=2, A=3]", "{environment: {A: '3', B: '2'}}"),
        (
            "environment: ['', =x]",
            "{environment: {}}\nwarning at `''`: a name is missing\nwarning at `=x`: a name is missing",
        ),
        ("environment: A", "{environment: 'A'}"),
        (
            "environment: ['A =x', ok=1]",
            "{environment: !broken}\nerror at ` `: the name `A ` ends with a blank",
        ),
        (
            "environment:\n- A: b\n- 5",
            "{environment: !broken}\nerror at `A: b`: an item here must be a text, and this is a mapping\n\
             error at `5`: this must be a text, and this is a number",
        ),
        ("labels: [a=b, c, 'd =e']", "{labels: {a: 'b', c: '', d : 'e'}}"),
        ("labels: {a: ~, b: true}", "{labels: {a: '', b: true}}"),
        ("labels: [a=b, a=b]", "{labels: {a: 'b'}}"),
        ("sysctls: [a.b=1]", "{sysctls: {a.b: '1'}}"),
        (
            "post_start: [{command: a, environment: [A=1, A=1]}]",
            "{post_start: [{command: ['a'], environment: !broken}]}\nerror at `A=1`: `A=1` stands in this list twice",
        ),
        ("build: {args: [A], labels: [a]}", "{build: {args: {A: ~}, labels: {a: ''}}}"),
        ("build: {ssh: [default, a=/b, c=]}", "{build: {ssh: {default: ~, a: '/b', c: ''}}}"),
        (
            "build: {ssh: [a]}",
            "{build: {ssh: !broken}}\nerror at `a`: the key `a` has no path; only `default` needs none",
        ),
        ("build: {additional_contexts: [a=b=c, a=d]}", "{build: {additional_contexts: {a: 'd'}}}"),
        (
            "build: {additional_contexts: [a]}",
            "{build: {additional_contexts: !broken}}\nerror at `a`: the context `a` says no place",
        ),
    ]);
    file(&[
        (
            "volumes: {v: {labels: [a=1, a=1]}}",
            "{volumes: {v: {labels: !broken}}}\nerror at `a=1`: `a=1` stands in this list twice",
        ),
        ("networks: {v: {labels: [a=1, a=1]}}", "{networks: {v: {labels: {a: '1'}}}}"),
    ]);
}

#[test]
fn hosts() {
    for (hosts, want) in [
        ("[h=1]", "['h=1']"),
        ("['h:1']", "['h=1']"),
        ("['h=1,2']", "['h=1', 'h=2']"),
        ("['h:::1', 'h=[::1],[::2]', 'h=[]', 'h=']", "['h=::1', 'h=::2', 'h=[]', 'h=']"),
        ("[a=b=c]", "['a=b=c']"),
        ("{h: '1,2'}", "['h=1', 'h=2']"),
        ("['h:1', h=1]", "['h=1']"),
        ("{h: ['1', '[::1]'], i: ''}", "['h=1', 'h=::1', 'i=']"),
        ("{h: []}", "[]"),
        ("h=1", "'h=1'"),
        ("[h]", "!broken\nerror at `h`: the host `h` has no address"),
        ("[=1]", "!broken\nerror at `=`: the name of the host is missing"),
        ("['a:b=c']", "!broken\nerror at `a:b`: `a:b` cannot be the name of a host"),
        ("[h=1, h=1]", "!broken\nerror at `h=1`: `h=1` stands in this list twice"),
        ("{h: ~}", "!broken\nerror at `~`: this must be a text, and this is nothing"),
        ("{h: [1]}", "!broken\nerror at `1`: this must be a text, and this is a number"),
        ("{a=b: '1'}", "!broken\nerror at `a=b`: `a=b` cannot be the name of a host"),
    ] {
        let (value, found) =
            want.split_once('\n').map_or((want, String::new()), |(a, b)| (a, format!("\n{b}")));
        service(&[(&format!("extra_hosts: {hosts}"), &format!("{{extra_hosts: {value}}}{found}"))]);
    }
}

#[test]
fn externals() {
    let old = "warning at `name`: `name` in `external` is an old way to write it";
    for (text, want) in [
        ("{external: true, name: n}", "{external: true, name: 'n'}".to_owned()),
        ("{external: {}}", "{external: true}".to_owned()),
        ("{external: {x-a: b}}", "{external: true}".to_owned()),
        (
            "{external: {name: n}, labels: [a]}",
            format!("{{external: true, labels: {{a: ''}}, name: 'n'}}\n{old}"),
        ),
        ("{name: n, external: {name: n}}", format!("{{name: 'n', external: true}}\n{old}")),
        (
            "{name: n, external: {name: m}}",
            format!("!broken\n{old}\nerror at `m`: two names are given, `n` and `m`"),
        ),
        ("{external: {nam: n}}", "!broken\nerror at `nam`: `external` has no key `nam`".to_owned()),
        (
            "{external: {name: 1}}",
            "!broken\nerror at `1`: this must be a text, and this is a number".to_owned(),
        ),
    ] {
        let (value, found) =
            want.split_once('\n').map_or((&*want, String::new()), |(a, b)| (a, format!("\n{b}")));
        file(&[(&format!("volumes: {{v: {text}}}"), &format!("{{volumes: {{v: {value}}}}}{found}"))]);
    }
    file(&[("secrets: {s: {external: {nam: n}}}", "{secrets: {s: {external: true}}}")]);
}
