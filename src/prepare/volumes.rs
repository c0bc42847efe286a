//! Volumes and the sources of bind mounts.
#![allow(clippy::disallowed_methods, reason = "the sources of bind mounts are made here")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use super::bundle::{Bundle, Volume};
use super::tree::Tree;
use super::{Error, Filled};
use crate::image;

/// Makes what is missing, and tells each path.
pub(super) fn make(
    tree: &Tree,
    bundles: &[Bundle],
    made: &mut dyn FnMut(String, Option<Filled>),
) -> Result<(), Error> {
    let mut volumes: BTreeMap<&str, Vec<(&Bundle, &Volume)>> = BTreeMap::new();
    for bundle in bundles {
        for volume in &bundle.volumes {
            volumes.entry(&volume.path).or_default().push((bundle, volume));
        }
    }
    for (path, mounts) in volumes {
        make_volume(tree, path, &mounts, made)?;
    }
    for bundle in bundles {
        for source in &bundle.sources {
            make_source(tree, &bundle.name, source, made)?;
        }
    }
    Ok(())
}

/// Makes a volume beside its place, and puts it there when it is whole. What stands under its name already, be it a
/// link that the owner of the host has put there, stays.
fn make_volume(
    tree: &Tree,
    path: &str,
    mounts: &[(&Bundle, &Volume)],
    made: &mut dyn FnMut(String, Option<Filled>),
) -> Result<(), Error> {
    let Some((parent, name)) = path.rsplit_once('/') else { return Ok(()) };
    tree.make_directory(parent)?;
    if tree.exists(path)? {
        // A container can have put a link there, and a runtime would follow it on the host.
        return if is_inside_volume(path) { tree.open_directory(path).map(drop) } else { Ok(()) };
    }
    let partial = format!("{parent}/.{name}.partial");
    let remove = || image::remove_tree(&tree.path().join(&partial));
    let failed = |error: io::Error| Error::of(tree.path().join(&partial), error);
    remove().map_err(failed)?;
    tree.make_directory(&partial)?;
    let filled = fill(tree, &partial, mounts).inspect_err(|_| {
        // It can be the reason why the disk is full; the next run says why it cannot be removed.
        let _left = remove();
    })?;
    fs::rename(tree.path().join(&partial), tree.path().join(path)).map_err(failed)?;
    made(path.to_owned(), filled);
    Ok(())
}

/// Gives a new volume what the first image with anything there has. As Docker does: an image with an empty directory
/// there gives it its owner and mode, and leaves it to be filled by the next one.
fn fill(tree: &Tree, partial: &str, mounts: &[(&Bundle, &Volume)]) -> Result<Option<Filled>, Error> {
    let directory = tree.open_directory(partial)?;
    let mut filled = None;
    for (bundle, volume) in mounts {
        let (Some(destination), Some(_)) = (&volume.fill_from, &bundle.image) else { continue };
        let root = bundle.root(tree);
        let in_root = |error| match Error::of(tree.path().join(partial), error) {
            Error::Io { error, .. } => Error::io(root.join(destination.trim_start_matches('/')), error),
            full => full,
        };
        let copied = image::copy_directory(&root, destination, &directory).map_err(in_root)?;
        let Some(image::Copied { entries, left_out }) = copied else { continue };
        filled = Some(Filled { bundle: bundle.name.clone(), destination: destination.clone(), left_out });
        if entries > 0 {
            break;
        }
    }
    if filled.is_some() {
        // What is there is never filled again, so it must be whole even after the power has failed.
        let synced = rustix::fs::syncfs(&directory);
        synced.map_err(|error| Error::of(tree.path().join(partial), error.into()))?;
    }
    Ok(filled)
}

/// Whether a path is that of a directory in a volume.
fn is_inside_volume(path: &str) -> bool {
    path.matches('/').count() > 1
}

/// The external volumes that are not there, and tells the other sources that are not.
pub(super) fn check(
    tree: &Tree,
    bundles: &[Bundle],
    absent: &mut dyn FnMut(&str, String),
) -> Result<(), Error> {
    let mut paths = BTreeSet::new();
    for bundle in bundles {
        let place = |source: &String| tree.path().join(&bundle.name).join(source);
        paths.extend(
            bundle.external.iter().map(|source| shown(tree, bundle, source)).filter(|path| !path.is_dir()),
        );
        for path in bundle.others.iter().map(place).filter(|path| !path.exists()) {
            absent(&bundle.name, path.display().to_string());
        }
    }
    if paths.is_empty() { Ok(()) } else { Err(Error::External { paths: paths.into_iter().collect() }) }
}

/// The path of a volume without the way through a bundle.
fn shown(tree: &Tree, bundle: &Bundle, source: &str) -> PathBuf {
    clean(&tree.path().join(&bundle.name).join(source))
}

/// Makes the source of a bind mount that is not there, as Docker does for the short form.
fn make_source(
    tree: &Tree,
    bundle: &str,
    source: &str,
    made: &mut dyn FnMut(String, Option<Filled>),
) -> Result<(), Error> {
    let path = tree.path().join(bundle).join(source);
    if let Some(inside) = inside(tree, bundle, source)? {
        // Nobody on the host has put links there; they come with the bundles.
        if !inside.is_empty() && tree.make_directory(&inside)? {
            made(path.display().to_string(), None);
        }
        return Ok(());
    }
    if fs::symlink_metadata(&path).is_ok() {
        return Ok(());
    }
    make_directories(&path).map_err(|error| Error::io(&path, error))?;
    made(path.display().to_string(), None);
    Ok(())
}

/// The path in the tree of a source that lies in it, by its text.
fn inside(tree: &Tree, bundle: &str, source: &str) -> Result<Option<String>, Error> {
    let real = fs::canonicalize(tree.path()).map_err(|error| Error::io(tree.path(), error))?;
    let source = clean(&real.join(bundle).join(source));
    let found = [real.as_path(), tree.path()].into_iter().find_map(|tree| source.strip_prefix(tree).ok());
    Ok(found.map(|path| path.to_string_lossy().into_owned()))
}

/// Takes out `..` with the part before it.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(clean.pop()),
            part => clean.push(part),
        }
    }
    clean
}

/// Makes a directory with its parents, all of them open to everybody whatever the umask says.
fn make_directories(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
        make_directories(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned() {
        for (path, want) in [("/a/./b//c", "/a/b/c"), ("/a/../b/c/..", "/b"), ("/..", "/"), ("/a/../..", "/")]
        {
            assert_eq!(clean(Path::new(path)), Path::new(want), "{path}");
        }
    }
}
