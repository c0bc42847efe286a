//! Layouts and layers, honest and evil, made by hand.
#![allow(dead_code, reason = "each test uses a part")]

use std::fs;
use std::io::Write as _;
use std::path::Path;

use bundlegen::image::Digest;
use serde_json::{Value, json};
use tempfile::TempDir;

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

/// An archive as its bytes; nothing is checked.
#[derive(Clone, Default)]
pub struct Tar(pub Vec<u8>);

/// A header that can be changed before its checksum is made.
pub struct Head(pub tar::Header);

impl Head {
    pub fn new(kind: u8, path: &str) -> Self {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_mode(if kind == b'5' { 0o755 } else { 0o644 });
        header.set_uid(rustix::process::geteuid().as_raw().into());
        header.set_gid(rustix::process::getegid().as_raw().into());
        header.set_mtime(1_000_000_000);
        header.set_size(0);
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        Head(header)
    }

    pub fn target(mut self, target: &str) -> Self {
        self.0.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
        self
    }

    pub fn mode(mut self, mode: u32) -> Self {
        self.0.set_mode(mode);
        self
    }

    pub fn owner(mut self, uid: u64, gid: u64) -> Self {
        self.0.set_uid(uid);
        self.0.set_gid(gid);
        self
    }

    pub fn size(mut self, size: u64) -> Self {
        self.0.set_size(size);
        self
    }

    pub fn device(mut self, major: u32, minor: u32) -> Self {
        self.0.set_device_major(major).unwrap();
        self.0.set_device_minor(minor).unwrap();
        self
    }
}

impl Tar {
    pub fn new() -> Self {
        Tar::default()
    }

    pub fn raw(mut self, mut head: Head, content: &[u8]) -> Self {
        head.0.set_cksum();
        self.0.extend_from_slice(head.0.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn head(self, head: Head) -> Self {
        self.raw(head, b"")
    }

    pub fn file(self, path: &str, content: &str) -> Self {
        self.raw(Head::new(b'0', path).size(content.len() as u64), content.as_bytes())
    }

    pub fn dir(self, path: &str) -> Self {
        self.head(Head::new(b'5', path))
    }

    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.head(Head::new(b'2', path).target(target))
    }

    pub fn hard_link(self, path: &str, target: &str) -> Self {
        self.head(Head::new(b'1', path).target(target))
    }

    pub fn extension(self, kind: u8, content: &[u8]) -> Self {
        self.raw(Head::new(kind, "extension").size(content.len() as u64), content)
    }

    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let mut content = Vec::new();
        for (key, value) in records {
            content.extend(pax_record(key, value));
        }
        self.extension(b'x', &content)
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

pub fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length.to_string().len() + rest != length {
        length = length.to_string().len() + rest;
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

/// A layer as it lies in the layout.
pub struct Blob {
    pub bytes: Vec<u8>,
    pub media_type: String,
    pub diff_id: String,
}

pub fn plain(bytes: Vec<u8>) -> Blob {
    Blob { media_type: TAR.into(), diff_id: Digest::sha256(&bytes).to_string(), bytes }
}

pub fn gzip(bytes: &[u8]) -> Blob {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    let diff_id = Digest::sha256(bytes).to_string();
    Blob { media_type: format!("{TAR}+gzip"), diff_id, bytes: encoder.finish().unwrap() }
}

pub fn zstd(bytes: &[u8]) -> Blob {
    let diff_id = Digest::sha256(bytes).to_string();
    Blob { media_type: format!("{TAR}+zstd"), diff_id, bytes: zstd::encode_all(bytes, 1).unwrap() }
}

/// A layout under construction.
pub struct Store {
    pub dir: TempDir,
    entries: Vec<Value>,
}

impl Store {
    pub fn new() -> Self {
        Store::inside(&std::env::temp_dir())
    }

    pub fn inside(directory: &Path) -> Self {
        let dir = tempfile::tempdir_in(directory).unwrap();
        fs::create_dir_all(dir.path().join("blobs/sha256")).unwrap();
        fs::write(dir.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let mut store = Store { dir, entries: Vec::new() };
        store.write_index();
        store
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    fn write_index(&mut self) {
        let index = json!({"schemaVersion": 2, "manifests": self.entries});
        fs::write(self.path().join("index.json"), index.to_string()).unwrap();
    }

    /// Stores a blob and returns its descriptor.
    pub fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::sha256(bytes);
        fs::write(self.path().join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": bytes.len()})
    }

    pub fn json(&self, media_type: &str, document: &Value) -> Value {
        self.blob(media_type, document.to_string().as_bytes())
    }

    pub fn configuration(architecture: &str, layers: &[Blob]) -> Value {
        let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id.clone()).collect();
        json!({"architecture": architecture, "os": "linux", "config": {"Cmd": ["sh"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}})
    }

    /// Stores an image and returns the descriptor of its manifest.
    pub fn image(&self, architecture: &str, layers: &[Blob]) -> Value {
        let config = self.json(CONFIG, &Self::configuration(architecture, layers));
        let layers: Vec<_> = layers.iter().map(|layer| self.blob(&layer.media_type, &layer.bytes)).collect();
        self.json(
            MANIFEST,
            &json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}),
        )
    }

    /// Names a descriptor in the index.
    pub fn name(&mut self, name: &str, mut descriptor: Value) {
        descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        self.entries.push(descriptor);
        self.write_index();
    }
}
