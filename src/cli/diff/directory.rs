//! Bundles in a directory.
#![allow(
    clippy::disallowed_methods,
    reason = "the directory is the user's, and its list of files may be out of date"
)]

use std::collections::BTreeMap;
use std::path::Path;

use super::super::inspect;
use super::{Error, Side};
use crate::bundle::networks::DIRECTORY;
use crate::review::Bundles;
use crate::source::Sources;

/// A bundle, or a directory of bundles.
pub(super) fn side(path: &Path) -> Result<Side, Error> {
    let mut sources = Sources::default();
    if let Some(bundle) = inspect::single(&mut sources, path).map_err(Error::Input)? {
        let bundles = BTreeMap::from([(bundle.name.clone(), bundle)]);
        return Ok(Side { bundles: Bundles { bundles, networks: BTreeMap::new() }, single: true });
    }
    let bundles = bundles(path)?;
    if bundles.bundles.is_empty() {
        let path = path.display();
        let message = format!("{path} holds no bundles: there is no `config.json` in it, nor one below");
        return Err(Error::Input(message));
    }
    Ok(Side { bundles, single: false })
}

/// The bundles of an output directory, whatever its list of checksums says; none where there is no directory.
pub(super) fn bundles(path: &Path) -> Result<Bundles, Error> {
    let mut sources = Sources::default();
    let mut found = Bundles::default();
    for name in names(path)? {
        if let Some(bundle) = inspect::single(&mut sources, &path.join(&name)).map_err(Error::Input)? {
            found.bundles.insert(bundle.name.clone(), bundle);
        }
    }
    for name in names(&path.join(DIRECTORY))? {
        let Some(key) = name.strip_suffix(".conflist") else { continue };
        let at = path.join(DIRECTORY).join(&name);
        let list = inspect::json(&mut sources, &at).map_err(Error::Input)?;
        found.networks.extend(list.map(|list| (key.to_owned(), list)));
    }
    Ok(found)
}

/// The names in a directory, sorted. What is no text is no name of a bundle.
fn names(path: &Path) -> Result<Vec<String>, Error> {
    let failed = |error: std::io::Error| Error::System(format!("{}: {error}", path.display()));
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(failed)?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}
