use super::*;

fn port(text: &str) -> String {
    let text = format!("ports: [{text}]");
    let shown = write_out(&text, &Shape::Object(&SERVICE), Variables::Replaced);
    shown.replace("{ports: [", "").replacen("]}", "", 1).replace("mode: 'ingress', ", "")
}

#[test]
fn ports_are_written_out() {
    for (text, want) in [
        ("80", "{target: 80, protocol: 'tcp'}"),
        ("0440", "{target: 288, protocol: 'tcp'}"),
        ("'8080:80'", "{target: 80, published: '8080', protocol: 'tcp'}"),
        ("22:22", "{target: 22, published: '22', protocol: 'tcp'}"),
        ("'127.0.0.1:8080:80'", "{host_ip: '127.0.0.1', target: 80, published: '8080', protocol: 'tcp'}"),
        ("'127.0.0.1::80'", "{host_ip: '127.0.0.1', target: 80, protocol: 'tcp'}"),
        ("'[::1]:80:80'", "{host_ip: '::1', target: 80, published: '80', protocol: 'tcp'}"),
        ("'[127.0.0.1]::80'", "{host_ip: '127.0.0.1', target: 80, protocol: 'tcp'}"),
        ("'[]:80:80'", "{target: 80, published: '80', protocol: 'tcp'}"),
        ("':80'", "{target: 80, protocol: 'tcp'}"),
        ("'::80'", "{target: 80, protocol: 'tcp'}"),
        ("'80/'", "{target: 80, protocol: 'tcp'}"),
        ("'80/UDP'", "{target: 80, protocol: 'udp'}"),
        ("'80/tcp/'", "{target: 80, protocol: 'tcp'}"),
        ("'080:0080/sctp'", "{target: 80, published: '80', protocol: 'sctp'}"),
        ("'0:80'", "{target: 80, published: '0', protocol: 'tcp'}"),
        ("80-80", "{target: 80, protocol: 'tcp'}"),
        ("'8000-8002:80'", "{target: 80, published: '8000-8002', protocol: 'tcp'}"),
        (
            "9-11",
            "{target: 10, protocol: 'tcp'}, {target: 11, protocol: 'tcp'}, {target: 9, protocol: 'tcp'}",
        ),
        (
            "'19-20:9-10'",
            "{target: 10, published: '20', protocol: 'tcp'}, {target: 9, published: '19', protocol: 'tcp'}",
        ),
        ("{target: 80}", "{target: 80}"),
        ("80.5", "80.5"),
        ("true", "true"),
        (
            "1-2-3",
            "{target: 1, protocol: 'tcp'}, {target: 2, protocol: 'tcp'}\nwarning at `-3`: Compose reads `1-2-3` only in part",
        ),
        ("80/tcp/x", "{target: 80, protocol: 'tcp'}\nwarning at `/x`: Compose reads `80/tcp/x` only in part"),
    ] {
        assert_eq!(port(text), want, "{text}");
    }
}

#[test]
fn wrong_ports_are_refused_with_the_place() {
    for (text, at, message) in [
        ("", "''", "`` names no port of the container"),
        ("80:", ":", "`80:` names no port of the container"),
        ("/tcp", "/tcp", "`/tcp` names no port of the container"),
        ("80/foo", "foo", "unknown protocol `foo`"),
        ("127.0.0.1:80", "127.0.0.1", "`127.0.0.1` is an address, and a port of the host must stand here"),
        ("8000-8002:80-81", "8000-8002:80-81", "the ranges `8000-8002` and `80-81` are not equally long"),
        ("80:80-82", "80:80-82", "the ranges `80` and `80-82` are not equally long"),
        ("11-9", "11-9", "the range `11-9` ends before it begins"),
        ("1-", "-", "a port number is missing"),
        ("-1", "-", "a port number is missing"),
        ("0", "0", "a port of a container is from 1 to 65535, found `0`"),
        ("80:0-5", "0-5", "a port of a container is from 1 to 65535, found `0-5`"),
        ("65536", "65536", "a port is at most 65535, found `65536`"),
        ("99999:80", "99999", "a port is at most 65535, found `99999`"),
        ("+80", "+80", "expected a port number, found `+80`"),
        (" 80", " 80", "expected a port number, found ` 80`"),
        ("0x50", "0x50", "expected a port number, found `0x50`"),
        ("８０", "８０", "expected a port number, found `８０`"),
        ("::1:80:80", "::1", "the IPv6 address `::1` stands without brackets"),
        ("[::1]x:80:80", "[::1]x", "`[::1]x` is no IP address"),
        ("[::1:80:80", "[::1", "`[::1` is no IP address"),
        ("127.0.0.01:80:80", "127.0.0.01", "`127.0.0.01` is no IP address"),
        ("127.0.1:8080:80", "127.0.1", "`127.0.1` is no IP address"),
        ("localhost:80:80", "localhost", "`localhost` is no IP address"),
        ("[fe80::1%eth0]:80:80", "fe80::1%eth0", "`fe80::1%eth0` is no IP address"),
        ("a:b:c:80:80", "a:b:c", "`a:b:c` is no IP address"),
    ] {
        assert_eq!(port(&format!("'{text}'")), format!("!broken\nerror at `{at}`: {message}"), "{text}");
    }
    assert_eq!(port("-80"), "!broken\nerror at `-`: a port number is missing");
    let many = port("1-65535, 1-65535, 1-65535, 1-65535, 1-65535");
    assert!(
        many.ends_with("\nerror at `1-65535`: the ports of this file are more than 262144"),
        "{}",
        many.len()
    );
}
