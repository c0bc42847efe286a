//! `bundlegen inspect`.

use std::collections::BTreeMap;
use std::path::Path;

use super::{InspectArgs, Outcome, complain, say};
use crate::bundle::sums;
use crate::config::yaml_of;
use crate::inspect::{Bundle, inspect};
use crate::source::{ReadError, Sources};

pub(super) fn run(args: &InspectArgs) -> Outcome {
    let mut sources = Sources::default();
    let read: Result<Vec<_>, String> = args.bundles.iter().map(|path| bundles(&mut sources, path)).collect();
    match read {
        Ok(bundles) => {
            let inspected = inspect(&bundles.into_iter().flatten().collect::<Vec<_>>());
            for place in &inspected.unsaid {
                complain(&format!("warning: no Compose file can say {place}\n"));
            }
            say(&yaml_of(&inspected.file));
            Outcome::Done
        }
        Err(message) => {
            complain(&format!("error: {message}\n"));
            Outcome::Wrong
        }
    }
}

/// The bundle in a directory, or the bundles below it that its checksums name.
fn bundles(sources: &mut Sources, path: &Path) -> Result<Vec<Bundle>, String> {
    if let Some(config) = text(sources, &path.join("config.json"))? {
        return Ok(vec![bundle(sources, path, &config)?]);
    }
    let Some(sums) = text(sources, &path.join(sums::NAME))? else {
        return Err(format!("{} is neither a bundle nor a directory of bundles", path.display()));
    };
    let names = sums.lines().filter_map(|line| line.rsplit_once("  ")?.1.strip_suffix("/config.json"));
    let names: Vec<_> = names.map(|name| path.join(name)).collect();
    let each = names.iter().map(|path| match text(sources, &path.join("config.json"))? {
        Some(config) => bundle(sources, path, &config),
        None => Err(format!("{} has no config.json", path.display())),
    });
    each.collect()
}

/// The files of a bundle that say something its `config.json` does not.
const FILES: [&str; 3] = ["etc/hosts", "etc/hostname", "etc/resolv.conf"];

fn bundle(sources: &mut Sources, path: &Path, config: &str) -> Result<Bundle, String> {
    let wrong = |error: serde_json::Error| format!("{}/config.json: {error}", path.display());
    let name = path.file_name().or_else(|| Path::new("bundle").file_name()).unwrap_or_default();
    let mut files = BTreeMap::new();
    for file in FILES {
        if let Some(text) = text(sources, &path.join(file))? {
            files.insert(file.to_owned(), text);
        }
    }
    Ok(Bundle {
        name: name.to_string_lossy().into_owned(),
        config: serde_json::from_str(config).map_err(wrong)?,
        files,
    })
}

/// The text of a file; nothing where there is none.
fn text(sources: &mut Sources, path: &Path) -> Result<Option<String>, String> {
    match sources.read(path) {
        Ok(file) => Ok(Some(sources.text(file).to_string())),
        Err(ReadError::NotFound) => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}
