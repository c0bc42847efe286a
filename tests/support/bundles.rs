//! Trees of bundles, made by hand.
#![allow(dead_code, reason = "each test uses a part")]

use std::fs;
use std::path::{Path, PathBuf};

use bundlegen::bundle::sums::HEADER;
use bundlegen::image::Digest;
use bundlegen::prepare::{self, Images, Progress, Summary};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A tree of bundles under construction.
pub struct Bundles {
    pub dir: TempDir,
}

impl Bundles {
    pub fn new() -> Self {
        Bundles { dir: tempfile::tempdir().unwrap() }
    }

    pub fn inside(directory: &Path) -> Self {
        Bundles { dir: tempfile::tempdir_in(directory).unwrap() }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) -> &Self {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
        self
    }

    pub fn config(&self, bundle: &str, manifest: Option<&Value>, sources: &[&str]) -> &Self {
        let mut config = json!({"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "mounts": []});
        if let Some(manifest) = manifest {
            let image = format!("docker.io/library/app:1@{}", manifest["digest"].as_str().unwrap());
            config["annotations"]["io.bundlegen.image"] = image.into();
        }
        if !sources.is_empty() {
            config["annotations"]["io.bundlegen.create-host-path"] = json!(sources).to_string().into();
            let mount = |source: &&str| json!({"destination": "/data", "type": "bind", "source": source});
            config["mounts"] = sources.iter().map(mount).collect();
        }
        self.write(&format!("{bundle}/config.json"), &config.to_string())
    }

    /// Lists all regular files that are there.
    pub fn seal(&self) -> &Self {
        let mut text = format!("{HEADER}\n");
        let all = walkdir::WalkDir::new(self.dir.path()).sort_by_file_name().into_iter();
        for entry in all.filter_entry(|entry| entry.file_name() != "rootfs") {
            let entry = entry.unwrap();
            let path = entry.path().strip_prefix(self.dir.path()).unwrap().to_str().unwrap();
            if entry.file_type().is_file() && path != "SHA256SUMS" && !path.contains("rootfs") {
                text += &format!("{}  {path}\n", Digest::sha256(&fs::read(entry.path()).unwrap()).hex());
            }
        }
        self.write("SHA256SUMS", &text)
    }

    pub fn prepare(&self, images: &Path) -> Result<(Summary, Vec<Progress>), String> {
        let mut seen = Vec::new();
        let result = prepare::prepare(self.dir.path(), &Images::at(images), &|_| None, &mut |progress| {
            seen.push(progress);
        });
        result.map(|summary| (summary, seen)).map_err(|error| error.to_string())
    }

    pub fn names(&self, path: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path(path))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}
