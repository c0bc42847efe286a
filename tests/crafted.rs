//! Images made by somebody who wants something else on the host than what they look like.
//!
//! Each case goes through the program as a whole, as root and as a user without rights, with canaries at all places
//! that it aims for, and programs in the way of `PATH` that leave a mark (GHSA-x86f-5xw2-fm2r). It is refused with a
//! clear error, or contained. The names of the cases are those of the faults that others have had.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests make their inputs, and wait")]
#![allow(clippy::too_many_lines, reason = "the cases of one kind stand together")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod support;
mod crafted {
    pub mod cases;
    mod documents;
    pub mod ground;
    mod people;
    mod races;
}

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use crafted::cases::{Case, Want, contained, refused, run};
use crafted::ground::{COMPOSE, Ground};
use support::{Head, Tar};

fn file(path: &str) -> Head {
    Head::new(b'0', path)
}

fn up(path: &str) -> String {
    // From the directory that is unpacked into to the one with the canaries.
    format!("../../../../{path}")
}

#[test]
fn paths_that_lead_out() {
    run(&[
        Case::layers("CVE-2014-9356 ..", refused("contains `..`"), |_| {
            vec![Tar::new().file(&up("evil"), "x")]
        }),
        Case::layers("CVE-2014-9356 .. inside", refused("contains `..`"), |_| {
            vec![Tar::new().dir("a").file("a/../../b", "x")]
        }),
        Case::layers("CVE-2014-9356 .. after a slash", refused("contains `..`"), |_| {
            vec![Tar::new().file("/../canary", "x")]
        }),
        Case::layers("CVE-2014-6407 absolute", contained(&[("{outside}/canary", "x")]), |outside| {
            vec![Tar::new().file(&format!("{outside}/canary"), "x")]
        }),
        Case::layers("a directory outside gets a mode", refused("contains `..`"), |_| {
            vec![Tar::new().head(Head::new(b'5', &up("outside")).mode(0o777))]
        }),
        Case::layers("a long name of GNU's", refused("contains `..`"), |_| {
            vec![Tar::new().extension(b'L', format!("{}\0", up("outside/evil")).as_bytes()).file("x", "")]
        }),
        Case::layers("a name in an extended header", refused("contains `..`"), |_| {
            vec![Tar::new().pax(&[("path", up("outside/evil").as_bytes())]).file("x", "")]
        }),
        Case::layers("CVE-2021-29136 the root as a link", refused("the root is no directory"), |outside| {
            vec![Tar::new().symlink(".", outside), Tar::new().file("evil", "")]
        }),
        Case::layers("CVE-2021-29136 with a slash", refused("the root is no directory"), |outside| {
            vec![Tar::new().symlink("/.", outside), Tar::new().file("evil", "")]
        }),
        Case::layers("the root as a file", refused("the root is no directory"), |_| {
            vec![Tar::new().file("./", "x")]
        }),
        Case::layers("deep", refused("inside each other"), |_| {
            let one = "d/".repeat(300);
            let link = |tar: Tar, path: &str, target: &str| {
                let (path, target) = (format!("{path}\0"), format!("{target}\0"));
                tar.extension(b'L', path.as_bytes()).extension(b'K', target.as_bytes()).symlink("x", "x")
            };
            let deep = |tar: Tar, path: &str| tar.extension(b'L', format!("{path}\0").as_bytes()).dir("x");
            let tar = link(deep(Tar::new(), &one), "l", &one);
            vec![deep(tar, &format!("l/{one}"))]
        }),
        Case::layers("too deep for a path", refused("too long|name too long|File name"), |_| {
            vec![Tar::new().extension(b'L', "d/".repeat(3000).as_bytes()).dir("x")]
        }),
        Case::layers("a name for the terminal", refused("\\x1b[2J"), |_| {
            vec![Tar::new().file("../\x1b[2J\nerror: all is well\r\u{202e}", "")]
        }),
    ]);
}

#[test]
fn links_that_lead_out() {
    run(&[
        Case::layers("CVE-2014-9356 hard link", refused("a hard link to"), |_| {
            vec![Tar::new().hard_link("h", &up("outside/canary"))]
        }),
        Case::layers("CVE-2014-9356 absolute hard link", refused("a hard link to"), |outside| {
            vec![Tar::new().hard_link("h", &format!("{outside}/canary"))]
        }),
        Case::layers("hard link through a link", refused("a hard link to"), |outside| {
            vec![Tar::new().symlink("l", outside), Tar::new().hard_link("h", "l/canary")]
        }),
        Case::layers("hard link in an extended header", refused("a hard link to"), |outside| {
            let target = format!("{outside}/canary");
            vec![Tar::new().pax(&[("linkpath", target.as_bytes())]).hard_link("h", "x")]
        }),
        Case::layers("a file through a link", contained(&[("{outside}/evil", "x")]), |outside| {
            vec![Tar::new().symlink("l", outside).file("l/evil", "x")]
        }),
        Case::layers("a file through a link of a lower layer", contained(&[("outside/evil", "x")]), |_| {
            vec![Tar::new().symlink("l", &up("outside")), Tar::new().file("l/evil", "x")]
        }),
        Case::layers(
            "CVE-2018-20990 links one after the other",
            contained(&[("{outside}/deep/evil", "x")]),
            |o| vec![Tar::new().symlink("a", o).symlink("b", "a/deep"), Tar::new().file("b/evil", "x")],
        ),
        Case::layers("a file over a link", contained(&[("l", "x")]), |outside| {
            let link = Tar::new().symlink("l", &format!("{outside}/canary"));
            vec![link.clone().file("l", "y"), link, Tar::new().file("l", "x")]
        }),
        Case::layers(
            "RUSTSEC-2021-0080 a file over a hard link to a link",
            contained(&[("h", "x")]),
            |outside| {
                let link = Tar::new().symlink("l", &format!("{outside}/canary"));
                vec![link.hard_link("h", "l").file("h", "x")]
            },
        ),
        Case::layers("a file over a hard link", contained(&[("f", "one"), ("h", "two")]), |_| {
            vec![Tar::new().file("f", "one").hard_link("h", "f"), Tar::new().file("h", "two")]
        }),
        Case::layers("CVE-2026-33056 a directory over a link", contained(&[("x/f", "y")]), |outside| {
            let directory = || Tar::new().head(Head::new(b'5', "x").mode(0o777).owner(1, 1));
            let link = Tar::new().symlink("x", outside);
            vec![Tar([link.0.clone(), directory().0].concat()), link, directory().file("x/f", "y")]
        }),
        Case::layers("CVE-2026-33056 with a slash and a dot", contained(&[]), |outside| {
            let directory = |path: &str| Tar::new().head(Head::new(b'5', path).mode(0o777));
            vec![Tar::new().symlink("x", outside), directory("x/."), directory("x/"), directory("./x//./")]
        }),
        Case::layers("a FIFO over a link", contained(&[]), |outside| {
            let link = Tar::new().symlink("x", &format!("{outside}/canary"));
            vec![link.head(Head::new(b'6', "x").mode(0o777).owner(1, 1))]
        }),
        Case::layers("attributes over a link", contained(&[("x", "")]), |outside| {
            let link = Tar::new().symlink("x", &format!("{outside}/canary"));
            vec![link.pax(&[("user.canary", b"dead"), ("SCHILY.xattr.user.canary", b"dead")]).file("x", "")]
        }),
        Case::layers("a link with attributes", contained(&[]), |outside| {
            let target = format!("{outside}/canary");
            let attributes = Tar::new().pax(&[("SCHILY.xattr.user.canary", b"dead"), ("mtime", b"5")]);
            vec![attributes.head(Head::new(b'2', "l").target(&target).mode(0o777).owner(7, 7))]
        }),
        Case::layers("a hard link to a device", contained(&[]), |_| {
            let device = Tar::new().head(Head::new(b'4', "disk").device(7, 300));
            vec![device.hard_link("h", "disk").head(file("h").mode(0o777))]
        }),
        Case::layers("a device over a link", contained(&[]), |outside| {
            let link = Tar::new().symlink("x", &format!("{outside}/canary"));
            vec![link.head(Head::new(b'3', "x").device(1, 3).mode(0o777).owner(7, 7))]
        }),
        Case::layers("a file into a device", refused("`null/x`|`null`"), |_| {
            vec![Tar::new().file("null", ""), Tar::new().file("null/x", "")]
        }),
        Case::layers("a hard link to itself", refused("to itself"), |_| {
            vec![Tar::new().file("f", "x").hard_link("f", "/./f")]
        }),
        Case::layers("a link in a loop", refused("`l/x`"), |_| {
            vec![Tar::new().symlink("l", "m").symlink("m", "l").file("l/x", "")]
        }),
    ]);
}

#[test]
fn whiteouts() {
    let invalid = [".wh.", ".wh..", ".wh...", ".wh..wh.foo", "d/.wh.", "d/.wh..", "d/.wh..."];
    let cases = invalid.map(|path| {
        Case::layers(path, refused("an invalid whiteout"), move |_| {
            vec![Tar::new().dir("d").file("d/f", ""), Tar::new().file(path, "")]
        })
    });
    run(&cases);
    run(&[
        Case::layers("whiteout outside", refused("contains `..`"), |_| {
            vec![Tar::new().file(&up("outside/.wh.canary"), "")]
        }),
        Case::layers("whiteout of the parent", refused("contains `..`"), |_| {
            vec![Tar::new().file("../.wh.app", "")]
        }),
        Case::layers("whiteout through a link", contained(&[]), |outside| {
            vec![Tar::new().symlink("l", outside), Tar::new().file("l/.wh.canary", "").file("l/.wh.deep", "")]
        }),
        Case::layers("whiteout of a link", contained(&[("kept", "x")]), |outside| {
            vec![Tar::new().symlink("l", outside).file("kept", "x"), Tar::new().file(".wh.l", "")]
        }),
        Case::layers("whiteout of a directory with links", contained(&[]), |outside| {
            vec![Tar::new().symlink("d/l", outside).hard_link("d/h", "d/l"), Tar::new().file(".wh.d", "")]
        }),
        Case::layers("opaque through a link", contained(&[]), |outside| {
            vec![Tar::new().symlink("l", outside), Tar::new().file("l/.wh..wh..opq", "")]
        }),
        Case::layers("opaque through a link up", contained(&[("f", "x")]), |_| {
            vec![Tar::new().symlink("l", &up("")), Tar::new().file("l/.wh..wh..opq", "").file("f", "x")]
        }),
        Case::layers("opaque outside", refused("contains `..`"), |_| {
            vec![Tar::new().file(&up("outside/.wh..wh..opq"), "")]
        }),
        Case::layers("whiteouts again and again", contained(&[("d/2999", "x")]), |_| {
            let files = (0..3000).fold(Tar::new(), |tar, i| tar.file(&format!("d/{i}"), "x"));
            let again =
                |tar: Tar| tar.file("d/.wh..wh..opq", "").file(".wh.d", "").file("./d//.wh.other", "");
            vec![(0..3000).fold(files, |tar, _| again(tar))]
        }),
        Case::layers(
            "a link named like a whiteout",
            refused("a directory is named like a whiteout"),
            |outside| vec![Tar::new().symlink(".wh.x", outside).file(".wh.x/evil", "")],
        ),
    ]);
}

/// A file that is one hole.
fn holes(path: &str, size: &str) -> Tar {
    Tar::new().pax(&[("GNU.sparse.size", size.as_bytes()), ("GNU.sparse.numblocks", b"0")]).file(path, "")
}

/// A large file that takes no room.
fn hole(path: &'static str, size: u64) -> Want {
    Want::Contained(Box::new(move |ground| {
        let found = fs::metadata(ground.at(path)).unwrap();
        assert!(found.len() == size && found.blocks() < 100, "{} blocks", found.blocks());
    }))
}

#[test]
fn archives_with_two_meanings() {
    let record = |text: &'static [u8]| move |_: &str| vec![Tar::new().extension(b'x', text).file("f", "")];
    let twice = |own: &'static str, text: &'static [u8]| {
        move |_: &str| vec![Tar::new().pax(&[("size", text)]).file("f", own)]
    };
    run(&[
        Case::layers("CVE-2025-62518 another size", refused("two sizes"), twice("1234567890", b"3")),
        Case::layers("CVE-2025-62518 no size in the header", refused("truncated|no number|checksum"), |_| {
            // The content is an archive of its own, which a reader of the header would take for entries.
            let inner = Tar::new().symlink("x", "/etc").file("x/evil", "").0;
            let length = (inner.len() * 100).to_string();
            let head = Tar::new().pax(&[("size", length.as_bytes())]).head(file("f"));
            vec![Tar([head.0, inner].concat())]
        }),
        Case::layers("CVE-2026-32766 a malformed record", refused("malformed"), record(b"20 path=x\n")),
        Case::layers(
            "a record without an end",
            refused("malformed"),
            record(b"9999999999999999999 path=x\n"),
        ),
        Case::layers("a record of no length", refused("malformed"), record(b"0 path=x\n")),
        Case::layers("a negative size", refused("malformed number"), record(b"11 size=-1\n")),
        Case::layers(
            "a huge size",
            refused("malformed number|bytes"),
            record(b"30 size=999999999999999999999\n"),
        ),
        Case::layers(
            "a size that wraps",
            refused("bytes|truncated"),
            record(b"29 size=18446744073709551615\n"),
        ),
        Case::layers("two long names", refused("two"), |_| {
            vec![Tar::new().extension(b'L', b"a\0").extension(b'L', b"b\0").file("f", "")]
        }),
        Case::layers("a large extended header", refused("an extended header of"), |_| {
            vec![Tar::new().head(Head::new(b'x', "x").size(1 << 40))]
        }),
        Case::layers("an extended header at the end", refused("without its entry"), |_| {
            vec![Tar::new().file("f", "").pax(&[("path", b"x")])]
        }),
        Case::layers("4 GiB of attributes", refused("an extended header of"), |_| {
            vec![Tar::new().head(Head::new(b'x', "x").size(4 << 30)).file("f", "")]
        }),
        Case::layers("many attributes", contained(&[("f", "x")]), |_| {
            let names: Vec<_> = (0..30_000).map(|i| format!("SCHILY.xattr.other.{i}")).collect();
            let records: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
            vec![Tar::new().pax(&records).file("f", "x")]
        }),
        Case::layers("a sparse file of no kind", refused("holes"), |_| {
            vec![Tar::new().head(Head::new(b'S', "f"))]
        }),
        Case::layers("a sparse file of an unknown version", refused("holes"), |_| {
            vec![Tar::new().pax(&[("GNU.sparse.major", b"7"), ("GNU.sparse.minor", b"0")]).file("f", "")]
        }),
        Case::layers("a sparse file that is named outside", refused("contains `..`"), |_| {
            let name = up("outside/evil");
            let records: [(&str, &[u8]); 3] = [
                ("GNU.sparse.name", name.as_bytes()),
                ("GNU.sparse.size", b"5"),
                ("GNU.sparse.numblocks", b"0"),
            ];
            vec![Tar::new().pax(&records).file("f", "")]
        }),
        Case::layers("a part beyond the end", refused("leads beyond"), |_| {
            let records: [(&str, &[u8]); 2] =
                [("GNU.sparse.size", b"5"), ("GNU.sparse.map", b"18446744073709551615,1")];
            vec![Tar::new().pax(&records).file("f", "x")]
        }),
        Case::layers("a sparse file of 100 GB", refused("and the limit is"), |_| {
            vec![holes("f", "100000000000")]
        }),
        Case::layers("a sparse file of 10 GB", hole("project/bundles/app/rootfs/f", 10_000_000_000), |_| {
            vec![holes("f", "10000000000")]
        }),
        Case::layers(
            "a sparse file in a volume",
            hole("project/bundles/volumes/data/f", 400_000_000),
            |_| vec![holes("data/f", "400000000")],
        )
        .compose(
            &COMPOSE
                .replace("command: [x]}}", "command: [x], volumes: ['data:/data']}}\nvolumes: {data: {}}"),
        ),
        Case::layers("a file that is longer than the archive", refused("truncated"), |_| {
            vec![Tar::new().head(file("etc/passwd").size(10_000_000_000))]
        }),
        Case::layers("an unknown type", refused("unknown type"), |_| {
            vec![Tar::new().head(Head::new(b'Z', "f"))]
        }),
        Case::layers("a link with content", refused("has content"), |_| {
            vec![Tar::new().raw(Head::new(b'2', "l").target("x").size(512), &[0; 512])]
        }),
        Case::layers("an owner that is nobody", refused("out of range"), |_| {
            vec![Tar::new().pax(&[("uid", b"4294967295")]).file("f", "")]
        }),
        Case::layers("the same name again and again", contained(&[("f", "last")]), |_| {
            let again = (0..200).fold(Tar::new(), |tar, i| match i % 4 {
                0 => tar.dir("f").file("f/x", ""),
                1 => tar.file("f", "x"),
                2 => tar.symlink("f", "/etc/passwd"),
                _ => tar.head(Head::new(b'6', "f")),
            });
            vec![again.file("f", "last")]
        }),
    ]);
}

#[test]
fn the_trees_of_the_kernel() {
    let mut cases = Vec::new();
    for name in ["dev", "proc", "sys"] {
        cases.push(Case::layers(name, refused("is a symbolic link in the image"), move |outside| {
            vec![Tar::new().symlink(name, outside)]
        }));
        cases.push(Case::layers(name, refused("is a symbolic link in the image"), move |_| {
            vec![Tar::new().dir("real").symlink("l", "real").hard_link(name, "l")]
        }));
        // A runtime cannot mount there, and says so.
        cases.push(Case::layers(name, contained(&[]), move |_| vec![Tar::new().head(Head::new(b'6', name))]));
        cases.push(Case::layers(name, contained(&[]), move |_| {
            vec![Tar::new().file(&format!("{name}/core_pattern"), "|/evil").dir(&format!("{name}/self"))]
        }));
    }
    let etc = Tar::symlink;
    cases.push(Case::layers("etc", contained(&[("{outside}/hosts", "x")]), move |outside| {
        vec![etc(Tar::new(), "etc", outside).file("etc/hosts", "x")]
    }));
    run(&cases);
}

/// What only root may make is left out for everybody else.
#[test]
fn devices_attributes_and_set_id_bits() {
    let look = |ground: &Ground| {
        let at = |path: &str| fs::symlink_metadata(ground.root().join(path));
        let su = at("su").unwrap();
        assert_eq!(su.mode() & 0o7777, 0o4755);
        if su.uid() == 0 {
            assert!(at("disk").unwrap().file_type().is_block_device());
        } else {
            let found = at("disk").map(|disk| disk.is_file() && disk.len() == 0);
            assert!(found.unwrap_or(true), "there is a device");
        }
        let mut value = [0; 64];
        for name in [
            "trusted.overlay.redirect",
            "trusted.overlay.opaque",
            "security.selinux",
            "user.overlay.whiteout",
        ] {
            let found = rustix::fs::lgetxattr(ground.root().join("su"), name, &mut value);
            assert!(found.is_err() || name.starts_with("security.selinux"), "{name}");
        }
    };
    run(&[Case::layers("devices", Want::Contained(Box::new(look)), |_| {
        let attributes = Tar::new().pax(&[
            ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
            ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
            ("SCHILY.xattr.security.selinux", b"evil"),
        ]);
        vec![
            attributes
                .head(file("su").mode(0o4755).owner(0, 0))
                .head(Head::new(b'4', "disk").device(8, 0).mode(0o666))
                .head(Head::new(b'3', "mem").device(1, 1).mode(0o666)),
        ]
    })]);
}
