//! Whole trees of files as texts, to compare them.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(clippy::format_push_string, reason = "speed does not matter here")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bundlegen::image::Digest;

/// Every path below a directory, and itself, with all that a copy must have too.
pub fn describe_tree(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut first = BTreeMap::new();
    let walk = walkdir::WalkDir::new(root).sort_by_file_name();
    // Not everybody may look into everything.
    walk.into_iter()
        .filter_map(Result::ok)
        .map(|entry| {
            let path = entry.path().strip_prefix(root).unwrap().to_owned();
            let mut text = describe(entry.path());
            let data = fs::symlink_metadata(entry.path()).unwrap();
            if !data.is_dir() && data.nlink() > 1 {
                let same = first.entry(data.ino()).or_insert_with(|| path.clone());
                text += &format!(" is {}", same.display());
            }
            (path, text)
        })
        .collect()
}

/// Every path below a directory with what a write would change.
pub fn traces(root: &Path) -> BTreeMap<PathBuf, (u64, i64, i64, i64, i64)> {
    let walk = walkdir::WalkDir::new(root).into_iter();
    walk.filter_map(Result::ok)
        .map(|entry| {
            let data = fs::symlink_metadata(entry.path()).unwrap();
            let times = (data.ino(), data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec());
            (entry.path().strip_prefix(root).unwrap().to_owned(), times)
        })
        .collect()
}

/// What a file is, with all that a copy must have too.
pub fn describe(path: &Path) -> String {
    let data = fs::symlink_metadata(path).unwrap();
    let mut text = format!("{:o} {}:{} {}", data.mode(), data.uid(), data.gid(), data.rdev());
    text += &format!(" {}.{}", data.mtime(), data.mtime_nsec());
    if data.is_symlink() {
        text += &format!(" -> {}", fs::read_link(path).unwrap().display());
    } else if data.is_file() {
        text += &format!(" {} {} links {}", data.len(), content(path), data.nlink());
    }
    text + &xattrs(path)
}

/// The extended attributes of a file, in order, each after a space.
pub fn xattrs(path: &Path) -> String {
    let mut names = vec![0; 4096];
    let n = rustix::fs::llistxattr(path, names.as_mut_slice()).unwrap_or(0);
    let mut names: Vec<_> = names[..n].split(|b| *b == 0).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    let mut text = String::new();
    for name in names {
        let mut value = vec![0; 4096];
        let n = rustix::fs::lgetxattr(path, name, value.as_mut_slice()).unwrap_or(0);
        text += &format!(" {}={}", name.escape_ascii(), value[..n].escape_ascii());
    }
    text
}

fn content(path: &Path) -> String {
    fs::read(path).map_or_else(|error| error.to_string(), |bytes| Digest::sha256(&bytes).to_string())
}
