//! What is in an output directory, without opening any file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::Error;
use super::at::Kind;
use crate::bundle::state;

/// Everything below `dir`, by its path from there. What is passed over is listed itself, but not what is in it.
pub(super) fn walk(dir: &Path) -> Result<BTreeMap<PathBuf, Kind>, Error> {
    let mut found = BTreeMap::new();
    let mut entries = WalkDir::new(dir).min_depth(1).follow_links(false).follow_root_links(false).into_iter();
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|error| failed(dir, error))?;
        let path = entry.path().strip_prefix(dir).unwrap_or(entry.path()).to_owned();
        let kind = kind(&path, &entry);
        if kind == Kind::Passed && entry.file_type().is_dir() {
            entries.skip_current_dir();
        }
        found.insert(path, kind);
    }
    Ok(found)
}

fn failed(dir: &Path, error: walkdir::Error) -> Error {
    let path = error.path().unwrap_or(dir).to_owned();
    Error::io("list", path, error)
}

fn kind(path: &Path, entry: &DirEntry) -> Kind {
    let kind = entry.file_type();
    if is_passed(path) || (kind.is_dir() && is_gits(path)) {
        Kind::Passed
    } else if kind.is_dir() {
        Kind::Directory
    } else if kind.is_file() {
        Kind::File
    } else if kind.is_symlink() {
        Kind::Link
    } else {
        Kind::Special
    }
}

fn is_passed(path: &Path) -> bool {
    let parts: Option<Vec<_>> = path.iter().map(|part| part.to_str()).collect();
    parts.is_some_and(|parts| state::is_run_time(parts.into_iter()))
}

/// `.git`, `.gitattributes` and their like at the top are the user's word to git about the output.
pub(super) fn is_gits(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.starts_with(".git") && !path.contains('/'))
}
