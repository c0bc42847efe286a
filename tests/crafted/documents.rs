//! Manifests, indexes and configurations, and what they say about blobs.

use std::fs;
use std::net::TcpListener;

use bundlegen::image::Digest;
use serde_json::{Value, json};

use super::cases::{Case, Want, contained, refused, run};
use crate::support::{Blob, CONFIG, Head, INDEX, MANIFEST, Store, TAR, Tar, gzip, plain, zstd};

fn tar() -> Vec<u8> {
    Tar::new().dir("d").file("d/f", &"0123456789".repeat(20_000)).end()
}

fn whole() -> Want {
    Want::Contained(Box::new(|ground| {
        assert_eq!(fs::metadata(ground.root().join("d/f")).unwrap().len(), 200_000);
    }))
}

/// The words are those of the decompressors, or those of the digest that is looked at then.
const DAMAGED: &str = "not what its digest says|layer sha256|truncated";

fn changed(mut blob: Blob, change: impl Fn(&mut Vec<u8>)) -> Vec<Blob> {
    change(&mut blob.bytes);
    vec![blob]
}

#[test]
fn damaged_layers() {
    let mut cases = Vec::new();
    for (name, make) in [("gzip", gzip as fn(&[u8]) -> Blob), ("zstd", zstd)] {
        let case = |what: &str, want: Want, change: fn(&mut Vec<u8>)| {
            Case::blobs(&format!("CVE-2021-20291 {name} {what}"), want, move || changed(make(&tar()), change))
        };
        cases.push(case("cut to a half", refused(DAMAGED), |bytes| bytes.truncate(bytes.len() / 2)));
        cases.push(case("cut by a byte", refused(DAMAGED), |bytes| bytes.truncate(bytes.len() - 1)));
        cases.push(case("cut to its magic", refused(DAMAGED), |bytes| bytes.truncate(4)));
        cases.push(case("of nothing", refused("but its type is"), Vec::clear));
        cases.push(case("with a flipped bit", refused(DAMAGED), |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
        }));
        cases.push(case("with something after it", refused(DAMAGED), |bytes| bytes.extend(b"something")));
        cases.push(case("that is a loop of headers", refused(DAMAGED), |bytes| {
            let head = bytes[..8].repeat(1000);
            bytes.splice(0..0, head);
        }));
    }
    cases.push(Case::blobs("several gzip members", whole(), || {
        let (tar, mut blob) = (tar(), gzip(&tar()));
        blob.bytes = tar.chunks(7000).flat_map(|part| gzip(part).bytes).collect();
        vec![blob]
    }));
    cases.push(Case::blobs("zstd frames with frames to skip", whole(), || {
        let (tar, mut blob) = (tar(), zstd(&tar()));
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"skip"].concat();
        blob.bytes = tar.chunks(7000).flat_map(|part| [zstd(part).bytes, skipped.clone()].concat()).collect();
        vec![blob]
    }));
    cases.push(Case::blobs("a zstd window of a terabyte", refused(DAMAGED), || {
        changed(zstd(&tar()), |bytes| {
            // A frame with no single segment, and a window of 2^40 bytes.
            *bytes = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, (30 << 3)][..], &[0; 64]].concat();
        })
    }));
    cases.push(Case::blobs("a wrong diff_id", refused("and not sha256:"), || {
        let mut blob = gzip(&tar());
        blob.diff_id = Digest::sha256(b"other").to_string();
        vec![blob]
    }));
    cases.push(Case::blobs("an unknown compression", refused("are not supported"), || {
        vec![Blob { media_type: format!("{TAR}+\x1b[31mbzip2\nerror: fine"), ..gzip(&tar()) }]
    }));
    cases.push(Case::blobs("a type that lies", refused("but its type is"), || {
        vec![Blob { media_type: format!("{TAR}+zstd"), ..gzip(&tar()) }]
    }));
    cases.push(Case::blobs("hundreds of layers", contained(&[("f", "499")]), || {
        (0..500).map(|i| plain(Tar::new().file("f", &i.to_string()).end())).collect()
    }));
    cases.push(Case::blobs("thousands of layers", refused("2000 layers, and the limit is"), || {
        (0..2000).map(|_| plain(Tar::new().end())).collect()
    }));
    run(&cases);
}

/// A manifest that can be changed before it is stored, with a good layer.
fn manifest(store: &Store) -> Value {
    let blob = gzip(&tar());
    let layer = store.blob(&blob.media_type, &blob.bytes);
    let config = store.json(CONFIG, &Store::configuration("amd64", &[blob]));
    json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]})
}

fn with(what: &str, want: &'static str, change: impl Fn(&mut Value) + 'static) -> Case {
    Case::descriptor(what, refused(want), move |store| {
        let mut manifest = manifest(store);
        change(&mut manifest);
        store.json(MANIFEST, &manifest)
    })
}

#[test]
fn manifests() {
    let one = |path: &'static str, value: Value| {
        move |manifest: &mut Value| *manifest.pointer_mut(path).unwrap() = value.clone()
    };
    let absolute = json!(format!("sha256:/{}", "e".repeat(63)));
    run(&[
        with("CVE-2021-41190 index and manifest", "both an index and a manifest", |manifest| {
            manifest["manifests"] = json!([]);
        }),
        with("CVE-2021-41190 a type of its own", "but it is listed as", one("/mediaType", json!(INDEX))),
        with("CVE-2024-3727 a path", "digest", one("/layers/0/digest", json!("sha256:../../../canary"))),
        with("CVE-2024-3727 an absolute path", "digest", one("/config/digest", absolute)),
        with("CVE-2024-3727 an algorithm", "digest", one("/layers/0/digest", json!("../x:abc"))),
        with(
            "CVE-2024-3727 an unknown one",
            "digest",
            one("/config/digest", json!("md5:d41d8cd98f00b204e9800998ecf8427e")),
        ),
        with(
            "CVE-2024-3727 for the terminal",
            "digest",
            one("/config/digest", json!("\x1b[2J\nerror: fine")),
        ),
        with("CVE-2021-20291 a negative size", "not a manifest", one("/layers/0/size", json!(-1))),
        with("CVE-2021-20291 a huge size", DAMAGED, one("/layers/0/size", json!(u64::MAX))),
        with("CVE-2021-20291 a longer number", "not a manifest", one("/layers/0/size", json!(1e30))),
        with("a size that is too small", DAMAGED, one("/layers/0/size", json!(10))),
        with("a configuration of 4 GiB", "the limit|67108864 bytes", one("/config/size", json!(4_u64 << 30))),
        with("a configuration of another size", "bytes", one("/config/size", json!(3))),
        with("schema 1", "is not supported", |manifest| {
            manifest["schemaVersion"] = json!(1);
            manifest["fsLayers"] = json!([]);
        }),
        with(
            "another thing than an image",
            "not a container image",
            one("/config/mediaType", json!("text/plain")),
        ),
        with("more layers than diff_ids", "2 layers, but 1 diff_ids", |manifest| {
            let layer = manifest["layers"][0].clone();
            manifest["layers"].as_array_mut().unwrap().push(layer);
        }),
        Case::descriptor("an index that is listed as a manifest", refused("not a `"), |store| {
            store.json(MANIFEST, &json!({"schemaVersion": 2, "manifests": []}))
        }),
        Case::descriptor("no JSON", refused("not a manifest"), |store| store.blob(MANIFEST, b"\x1b[2J")),
        Case::descriptor("deep JSON", refused("not a manifest"), |store| {
            store.blob(MANIFEST, "[".repeat(100_000).as_bytes())
        }),
        Case::descriptor("indexes in indexes", refused("inside each other"), |store| {
            let manifest = manifest(store);
            let manifest = store.json(MANIFEST, &manifest);
            (0..10).fold(manifest, |inner, _| {
                store.json(INDEX, &json!({"schemaVersion": 2, "manifests": [inner]}))
            })
        }),
        Case::descriptor("an index with itself in it", refused("sha256"), |store| {
            let digest = Digest::sha256(b"itself");
            let entry = json!({"mediaType": INDEX, "digest": digest.to_string(), "size": 300});
            let index = json!({"schemaVersion": 2, "manifests": [entry]}).to_string();
            // Nobody can make one that is true to its digest.
            fs::write(store.path().join("blobs/sha256").join(digest.hex()), &index).unwrap();
            json!({"mediaType": INDEX, "digest": digest.to_string(), "size": index.len()})
        }),
        Case::descriptor("a wide tree of indexes", refused("no image for linux/amd64"), |store| {
            let other = store.json(INDEX, &json!({"schemaVersion": 2, "manifests": []}));
            (0..2).fold(other, |inner, _| {
                let manifests = vec![inner; 1000];
                store.json(INDEX, &json!({"schemaVersion": 2, "manifests": manifests}))
            })
        }),
    ]);
}

/// Where a layer may be fetched from is not looked at, in whatever form it is written.
#[test]
fn foreign_layers_are_not_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/layer", listener.local_addr().unwrap());
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    run(&[Case::descriptor("a foreign layer", refused("not in the OCI layout|layer"), move |store| {
        let mut manifest = manifest(store);
        let missing = Digest::sha256(b"missing").to_string();
        manifest["layers"][0] = json!({"mediaType": foreign, "digest": missing, "size": 5, "urls": [url]});
        store.json(MANIFEST, &manifest)
    })]);
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

fn configured(what: &str, want: Want, change: impl Fn(&mut Value) + 'static) -> Case {
    Case::descriptor(what, want, move |store| {
        let mut manifest = manifest(store);
        let mut config = Store::configuration("amd64", &[gzip(&tar())]);
        change(&mut config);
        manifest["config"] = store.json(CONFIG, &config);
        store.json(MANIFEST, &manifest)
    })
}

fn says(key: &'static str, value: Value) -> impl Fn(&mut Value) {
    move |config| config["config"][key] = value.clone()
}

#[test]
fn configurations() {
    let null = [
        "User",
        "ExposedPorts",
        "Env",
        "Entrypoint",
        "Volumes",
        "WorkingDir",
        "Labels",
        "StopSignal",
        "Healthcheck",
        "OnBuild",
        "Shell",
    ];
    let huge = || json!({"Test": ["CMD", "x"], "Interval": u64::MAX});
    let deep = || json!({"Test": ["CMD", "x"], "Timeout": i64::MIN, "Retries": i64::MAX});
    run(&[
        configured("null everywhere", whole(), move |config| {
            for key in null {
                config["config"][key] = Value::Null;
            }
            for key in ["created", "author", "history", "variant"] {
                config[key] = Value::Null;
            }
        }),
        configured("a huge interval", refused("not an image configuration"), says("Healthcheck", huge())),
        configured("a negative timeout", Want::Any, says("Healthcheck", deep())),
        configured("a NUL byte in an argument", refused("NUL"), says("Env", json!(["A=b\0c"]))),
        configured("a variable without a name", Want::Any, says("Env", json!(["=x", "", "A"]))),
        configured("for the terminal", Want::Any, says("StopSignal", json!("\x1b[2J\nerror: fine"))),
        configured("another system", refused("for `"), |config| config["os"] = json!("\x1b[2J\nwindows")),
        configured("no layers", refused("diff_ids"), |config| config["rootfs"]["diff_ids"] = Value::Null),
        configured(
            "a list for an object",
            refused("not an image configuration"),
            says("Labels", json!(["x"])),
        ),
        configured("a working directory up", Want::Any, says("WorkingDir", json!("/../../outside"))),
        configured(
            "a volume up",
            Want::Any,
            says("Volumes", json!({"/../../../../outside": {}, "../x": {}})),
        ),
    ]);
}

/// Where a volume is mounted, links of the image lead inside the root (CVE-2022-23648).
#[test]
fn volumes() {
    let filled = |want: Option<&'static str>| {
        Want::Contained(Box::new(move |ground| {
            let found = fs::read_to_string(ground.at("project/bundles/volumes/data/canary")).ok();
            assert_eq!(found.as_deref(), want);
        }))
    };
    let compose = |path: &str| {
        format!(
            "services: {{app: {{image: 'app:1', network_mode: none, user: '0:0', command: [x], \
             volumes: ['data:{path}']}}}}\nvolumes: {{data: {{}}}}\n"
        )
    };
    run(&[
        Case::layers("CVE-2022-23648 a link", filled(None), |outside| vec![Tar::new().symlink("l", outside)])
            .compose(&compose("/l")),
        Case::layers("CVE-2022-23648 through a link", filled(None), |outside| {
            vec![Tar::new().symlink("l", &format!("{outside}/deep"))]
        })
        .compose(&compose("/l/dir")),
        Case::layers("CVE-2022-23648 a link to what the image has", filled(Some("inside")), |outside| {
            vec![Tar::new().symlink("l", outside).file(&format!("{outside}/canary"), "inside")]
        })
        .compose(&compose("/l")),
        Case::layers("CVE-2022-23648 links in the volume stay links", filled(None), |outside| {
            let link = Tar::new().dir("l").symlink("l/canary", &format!("{outside}/not-there"));
            vec![link.symlink("l/dir", outside).head(Head::new(b'6', "l/fifo"))]
        })
        .compose(&compose("/l")),
        Case::layers("CVE-2022-23648 links up", filled(None), |_| {
            vec![Tar::new().symlink("l", "../../../../../outside")]
        })
        .compose(&compose("/l")),
        Case::layers("a mount point through a link", Want::Any, |outside| {
            vec![Tar::new().symlink("run", outside)]
        })
        .with("tmpfs: ['/run/new/dir:mode=777']"),
        Case::layers("a file system in memory through a link", Want::Any, |outside| {
            vec![Tar::new().symlink("run", &format!("{outside}/deep"))]
        })
        .with("tmpfs: [/run]"),
    ]);
}
