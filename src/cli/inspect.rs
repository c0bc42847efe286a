//! `bundlegen inspect`.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path};

use serde_json::Value;

use super::{InspectArgs, Outcome, complain, say, show};
use crate::bundle::sums;
use crate::config::yaml_of;
use crate::diag::Diagnostics;
use crate::inspect::{Bundle, File, Inspected, inspect};
use crate::lock::{FILE_NAME, Lock};
use crate::lower::annotations::PRIVATE;
use crate::source::{ReadError, Sources};

pub(super) fn run(args: &InspectArgs) -> Outcome {
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let read = read(&mut d, &mut sources, args);
    show(&d, &sources);
    match read {
        Ok((_, _)) if d.errors() > 0 => Outcome::Wrong,
        Ok((bundles, lock)) => {
            let inspected = inspect(&bundles, lock.as_ref());
            warn(&inspected);
            say(&yaml_of(&inspected.file));
            Outcome::Done
        }
        Err(message) => {
            complain(&format!("error: {message}\n"));
            Outcome::Wrong
        }
    }
}

fn warn(inspected: &Inspected) {
    for place in &inspected.unsaid {
        complain(&format!("warning: no Compose file can say {place}\n"));
    }
    if !inspected.without_lock.is_empty() {
        let names = inspected.without_lock.join(", ");
        complain(&format!(
            "warning: no {FILE_NAME} knows the image of {names}: what it brings is said as if it were the service's own, \
             and what of its variables is taken away is not known\n"
        ));
    }
}

/// All bundles, and the lock beside the first of their directories that has one.
fn read(
    d: &mut Diagnostics,
    sources: &mut Sources,
    args: &InspectArgs,
) -> Result<(Vec<Bundle>, Option<Lock>), String> {
    let (mut all, mut lock) = (Vec::new(), None);
    for path in &args.bundles {
        let (bundles, to_project) = bundles(sources, path)?;
        all.extend(bundles);
        lock = lock.or(lock_of(d, sources, &path.join(to_project).join(FILE_NAME))?);
    }
    Ok((all, lock))
}

/// A lock that is wrong was reported.
fn lock_of(d: &mut Diagnostics, sources: &mut Sources, path: &Path) -> Result<Option<Lock>, String> {
    match sources.read(path) {
        Ok(file) => Ok(Lock::parse(d, sources, file).ok()),
        Err(ReadError::NotFound) => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// The bundle in a directory, or the bundles below it that its checksums name; and the way to their project.
pub(super) fn bundles(sources: &mut Sources, path: &Path) -> Result<(Vec<Bundle>, &'static str), String> {
    if let Some(config) = text(sources, &path.join("config.json"))? {
        return Ok((vec![bundle(sources, path, &config)?], "../.."));
    }
    let Some(sums) = text(sources, &path.join(sums::NAME))? else {
        return Err(format!("{} is neither a bundle nor a directory of bundles", path.display()));
    };
    let names = sums.lines().filter_map(|line| line.rsplit_once("  ")?.1.strip_suffix("/config.json"));
    let each = names.map(|name| {
        if !is_below(name) {
            return Err(format!("{} names {name}, which is no directory of it", path.display()));
        }
        let path = path.join(name);
        match text(sources, &path.join("config.json"))? {
            Some(config) => bundle(sources, &path, &config),
            None => Err(format!("{} has no config.json", path.display())),
        }
    });
    Ok((each.collect::<Result<_, _>>()?, ".."))
}

/// The bundle in a directory, if it is one.
pub(super) fn single(sources: &mut Sources, path: &Path) -> Result<Option<Bundle>, String> {
    let config = text(sources, &path.join("config.json"))?;
    config.map(|config| bundle(sources, path, &config)).transpose()
}

/// The JSON object in a file; nothing where there is no file.
pub(super) fn json(sources: &mut Sources, path: &Path) -> Result<Option<Value>, String> {
    text(sources, path)?.map(|text| object(path, &text)).transpose()
}

fn object(path: &Path, text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("{}: {error}", path.display()))?;
    if value.is_object() { Ok(value) } else { Err(format!("{} is no JSON object", path.display())) }
}

fn bundle(sources: &mut Sources, path: &Path, config: &str) -> Result<Bundle, String> {
    let config = object(&path.join("config.json"), config)?;
    let mut files = BTreeMap::new();
    for name in named(&config) {
        let at = path.join(&name);
        if let Some(text) = text(sources, &at)? {
            let mode = at.metadata().map_or(0, |metadata| metadata.permissions().mode());
            files.insert(name, File { text, executable: mode & 0o111 != 0 });
        }
    }
    Ok(Bundle { name: name_of(path), config, files })
}

/// The name of a directory, also where it is given as `.`.
fn name_of(path: &Path) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = absolute.file_name().unwrap_or_else(|| Path::new("bundle").as_os_str());
    name.to_string_lossy().into_owned()
}

/// The files of a bundle that a build generates, as its `config.json` names them.
fn named(config: &Value) -> Vec<String> {
    let mounts = config.get("mounts").and_then(Value::as_array).into_iter().flatten();
    let sources = mounts.filter_map(|mount| mount.get("source")?.as_str());
    let private = config.get("annotations").and_then(|all| all.get(PRIVATE)?.as_str());
    let private: Value = private.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let copied = private.as_array().into_iter().flatten().filter_map(|file| file.get("file")?.as_str());
    let generated = |path: &&str| ["etc/", "configs/"].iter().any(|start| path.starts_with(start));
    sources.chain(copied).filter(generated).filter(|path| is_below(path)).map(str::to_owned).collect()
}

/// Whether a path leads to nothing but what is below.
fn is_below(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// The text of a file; nothing where there is none.
fn text(sources: &mut Sources, path: &Path) -> Result<Option<String>, String> {
    match sources.read(path) {
        Ok(file) => Ok(Some(sources.text(file).to_string())),
        Err(ReadError::NotFound) => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}
