//! Who a container runs as, by the tables of an image that wants somebody to be root.

use std::fs;

use serde_json::{Value, json};

use super::cases::{Case, Want, refused, run};
use crate::support::{CONFIG, Head, MANIFEST, Store, Tar, gzip};

fn asking(user: &str) -> String {
    format!("services: {{app: {{image: 'app:1', network_mode: none, command: [x], user: '{user}'}}}}\n")
}

/// The user in `config.json`.
fn is(want: Value) -> Want {
    Want::Contained(Box::new(move |ground| {
        let text = fs::read_to_string(ground.at("project/bundles/app/config.json")).unwrap();
        let config: Value = serde_json::from_str(&text).unwrap();
        let user = &config["process"]["user"];
        for (key, want) in want.as_object().unwrap() {
            assert_eq!(user.get(key), Some(want), "{user}");
        }
    }))
}

/// CVE-2024-9676: whatever stands in the place of a table, nothing outside is read, and nothing without end.
#[test]
fn tables_that_are_no_files() {
    let case = |what: &str, want: &'static str, layer: fn(&str) -> Tar| {
        Case::layers(&format!("CVE-2024-9676 {what}"), refused(want), move |outside| vec![layer(outside)])
            .compose(&asking("only-outside"))
    };
    let unknown = "no user `only-outside`";
    run(&[
        case("a link out", unknown, |outside| {
            Tar::new().symlink("etc/passwd", &format!("{outside}/etc/passwd"))
        }),
        case("a link up", unknown, |_| {
            Tar::new().symlink("etc/passwd", "../../../../../../outside/etc/passwd")
        }),
        case("etc as a link", unknown, |outside| Tar::new().symlink("etc", &format!("{outside}/etc"))),
        case("a hard link out", "a hard link to", |outside| {
            Tar::new().hard_link("etc/passwd", &format!("{outside}/etc/passwd"))
        }),
        case("a link in a loop", "too many links", |_| Tar::new().symlink("etc/passwd", "passwd")),
        case("a FIFO", "a named pipe and not a file", |_| Tar::new().head(Head::new(b'6', "etc/passwd"))),
        case("a device", "a device and not a file", |_| {
            Tar::new().head(Head::new(b'3', "etc/passwd").device(1, 5))
        }),
        case("a directory", "a directory and not a file", |_| Tar::new().dir("etc/passwd")),
        case("a large file", "the limit is", |_| Tar::new().file("etc/passwd", &"x\n".repeat(3 << 20))),
        case("a file of 10 GB that is not there", "truncated", |_| {
            Tar::new().head(Head::new(b'0', "etc/passwd").size(10_000_000_000))
        }),
        case("a file of 10 GB that is a hole", "sparse|holes|the limit|truncated|map", |_| {
            let records: [(&str, &[u8]); 6] = [
                ("GNU.sparse.major", b"1"),
                ("GNU.sparse.minor", b"0"),
                ("GNU.sparse.name", b"etc/passwd"),
                ("GNU.sparse.realsize", b"10000000000"),
                ("path", b"GNUSparseFile.0/passwd"),
                ("size", b"512"),
            ];
            Tar::new().pax(&records).raw(Head::new(b'0', "x").size(512), b"0\n")
        }),
        case("an empty table", unknown, |_| Tar::new().file("etc/passwd", "")),
        case("no text", unknown, |_| Tar::new().file("etc/passwd", "\0\0\0\x1b[2J:x:0:0\r\n::::\n:::")),
    ]);
}

fn image(user: &str, passwd: &str, group: &str) -> impl Fn(&mut Store) -> Value + use<> {
    let layer = Tar::new().file("etc/passwd", passwd).file("etc/group", group);
    let (user, layer) = (user.to_owned(), layer.end());
    move |store| {
        let blob = gzip(&layer);
        let described = store.blob(&blob.media_type, &blob.bytes);
        let mut config = Store::configuration("amd64", &[blob]);
        config["config"]["User"] = json!(user);
        let config = store.json(CONFIG, &config);
        store.json(MANIFEST, &json!({"schemaVersion": 2, "config": config, "layers": [described]}))
    }
}

#[test]
fn numbers_and_names() {
    let passwd = "root:x:0:0::/root:/bin/sh\n1000:x:0:0::/:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n\
                  app:x:1001:1002::/app:/bin/sh\nbig:x:4294967296:0::/:/bin/sh\nminus:x:-1:0::/:/bin/sh\n";
    let group =
        "root:x:0:app\nwheel:x:10:app,other\n1000:x:0:\nhuge:x:4294967296:app\napp:x:1002:\nx:x:5:1000\n";
    let range = "is not in the range 0 to 2147483647";
    let unknown = "no user";
    let mut cases = Vec::new();
    let table = [
        ("CVE-2024-40635", "4294967296", refused(range)),
        ("CVE-2024-40635", "2147483648", refused(range)),
        ("CVE-2024-40635", "1000:5000000000", refused(range)),
        ("CVE-2024-40635", "-1", refused(range)),
        ("CVE-2024-40635", "99999999999999999999999", refused(range)),
        ("CVE-2026-46680 a number is no name", "1000:1000", is(json!({"uid": 1000, "gid": 1000}))),
        ("CVE-2026-46680 a number is no name", "1000", is(json!({"uid": 1000, "gid": 0}))),
        ("an id that is too large in the table", "big", refused(unknown)),
        ("an id below zero in the table", "minus", refused(unknown)),
        ("two groups", "app:wheel:x", refused("no group `wheel:x`")),
        ("an unknown group", "app:evil", refused("no group `evil`")),
        (
            "CVE-2023-25173 groups",
            "app",
            is(json!({"uid": 1001, "gid": 1002, "additionalGids": [1002, 0, 10]})),
        ),
        ("CVE-2022-2989 the group of one", "app:wheel", is(json!({"uid": 1001, "gid": 10}))),
    ];
    for (what, user, want) in table {
        let of_the_image = image(user, passwd, group);
        let what = format!("{what}: {user}");
        // Once by the Compose file, and for what is refused, once by the image too.
        if let Want::Refused(words) = want {
            cases.push(Case::descriptor(&what, refused(words), of_the_image).compose(&plain()));
        }
        cases.push(Case::descriptor(&what, want, image("", passwd, group)).compose(&asking(user)));
    }
    run(&cases);
}

fn plain() -> String {
    asking("").replace(", user: ''", "")
}

/// CVE-2025-62725: what a Compose file includes comes from no other host, and so cannot be placed by it.
#[test]
fn files_from_elsewhere() {
    let remote = ["oci://example.org/x", "https://example.org/x.git", "git@example.org:x.git"];
    let cases = remote.map(|remote| {
        let compose = format!("include: ['{remote}']\n{}", plain());
        Case::layers(remote, refused("include"), |_| vec![Tar::new()]).compose(&compose)
    });
    run(&cases);
    let cases = remote.map(|remote| {
        let compose = format!("services: {{app: {{extends: {{file: '{remote}', service: x}}}}}}\n");
        Case::layers(remote, refused("x"), |_| vec![Tar::new()]).compose(&compose)
    });
    run(&cases);
}
