use super::*;

fn mount(text: &str) -> String {
    let text = format!("volumes: ['{}']", text.replace('\'', "''"));
    let shown = write_out(&text, &Shape::Object(&SERVICE), Variables::Replaced);
    shown.replace("{volumes: [", "").replacen("]}", "", 1)
}

#[test]
fn volumes_are_written_out() {
    for (text, want) in [
        ("/path", "{type: 'volume', target: '/path', volume: {}}"),
        ("C:\\path", "{type: 'volume', target: 'C:\\path', volume: {}}"),
        (".", "{type: 'volume', target: '.'}"),
        ("/a", "{type: 'volume', target: '/a'}"),
        ("é", "{type: 'volume', target: 'é'}"),
        ("rel/x/", "{type: 'volume', target: 'rel/x', volume: {}}"),
        ("db:/x", "{type: 'volume', source: 'db', target: '/x', volume: {}}"),
        ("db:/x//y/../z/", "{type: 'volume', source: 'db', target: '/x/z', volume: {}}"),
        ("db:rel/../y", "{type: 'volume', source: 'db', target: 'y', volume: {}}"),
        ("a界:/x", "{type: 'volume', source: 'a界', target: '/x', volume: {}}"),
        ("./foo:/x", "{type: 'bind', source: './foo', target: '/x', bind: {create_host_path: true}}"),
        ("~/d e:/x", "{type: 'bind', source: '~/d e', target: '/x', bind: {create_host_path: true}}"),
        ("/h:/", "{type: 'bind', source: '/h', target: '/', bind: {create_host_path: true}}"),
        ("D:\\p:d:\\t", "{type: 'bind', source: 'D:\\p', target: 'd:\\t', bind: {create_host_path: true}}"),
        ("c:/a:/x", "{type: 'bind', source: 'c:/a', target: '/x', bind: {create_host_path: true}}"),
        (
            "\\\\.\\pipe\\x:/x",
            "{type: 'bind', source: '\\\\.\\pipe\\x', target: '/x', bind: {create_host_path: true}}",
        ),
        (
            "/h:/x:slave",
            "{type: 'bind', source: '/h', target: '/x', bind: {propagation: 'slave', create_host_path: true}}",
        ),
        (
            "/h:/x:ro,z",
            "{type: 'bind', source: '/h', target: '/x', read_only: true, bind: {create_host_path: true, selinux: 'z'}}",
        ),
        (
            "/h:/x:nocopy",
            "{type: 'bind', source: '/h', target: '/x', bind: {create_host_path: true}, volume: {nocopy: true}}",
        ),
        ("db:/x:nocopy", "{type: 'volume', source: 'db', target: '/x', volume: {nocopy: true}}"),
        ("db:/x:Z", "{type: 'volume', source: 'db', target: '/x', bind: {selinux: 'Z'}, volume: {}}"),
        (
            "db:D::RO",
            "{type: 'volume', source: 'db', target: 'D:', volume: {}}\nwarning at `RO`: Compose does not know the option `RO` of a volume, and ignores it",
        ),
        (
            "v:/data",
            "{type: 'volume', target: 'v:/data', volume: {}}\nwarning at `v:`: `v:` is taken for a Windows drive, and not for the volume `v`",
        ),
        (
            "v:/data:ro",
            "{type: 'bind', source: 'v:/data', target: 'ro', bind: {create_host_path: true}}\nwarning at `v:`: `v:` is taken for a Windows drive, and not for the volume `v`",
        ),
        (
            "/tmp:/x/${A:-12:30}/y:ro",
            "{type: 'bind', source: '/tmp', target: '/x/${A:-12:30}/y', read_only: true, bind: {create_host_path: true}}",
        ),
        (
            "/s/${A:-b}:/${C:-{d}}/e",
            "{type: 'bind', source: '/s/${A:-b}', target: '/${C:-{d}}/e', bind: {create_host_path: true}}",
        ),
        (
            "db:/x:or",
            "{type: 'volume', source: 'db', target: '/x', volume: {}}\nwarning at `or`: Compose does not know the option `or` of a volume, and ignores it",
        ),
    ] {
        assert_eq!(mount(text), want, "{text}");
    }
    service(&[
        ("volumes: [{type: bind, target: /x//}]", "{volumes: [{type: 'bind', target: '/x'}]}"),
        ("volumes: [{target: ''}, 5]", "{volumes: [{target: ''}, 5]}"),
    ]);
}

#[test]
fn wrong_volumes_are_refused_with_the_place() {
    for (text, at, message) in [
        ("", "''", "the volume is empty"),
        (":foo", ":", "nothing stands beside a colon in `:foo`"),
        ("/foo::ro", ":", "nothing stands beside a colon in `/foo::ro`"),
        ("/x:", ":", "nothing stands beside a colon in `/x:`"),
        ("db:/x:", ":", "nothing stands beside a colon in `db:/x:`"),
        ("/f:/f:ro:f", ":f", "too many colons in `/f:/f:ro:f`"),
        ("/f:/f:ro:", ":", "too many colons in `/f:/f:ro:`"),
        ("/tmp:/x/${A", "${", "`${` is not closed in a volume"),
    ] {
        assert_eq!(mount(text), format!("!broken\nerror at `{at}`: {message}"), "{text}");
    }
}
