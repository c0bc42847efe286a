//! Secrets and configs: files of the bundle.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Mount;
use crate::inspect::draft::Section;
use crate::inspect::known::pointed;
use crate::inspect::{Bundle, Draft};
use crate::lower::annotations::{PRIVATE, Private as File};

/// The options of a file of the bundle.
const READ_ONLY: [&str; 3] = ["rbind", "ro", "rprivate"];

/// Says the files that `prepare` places, in their order, and returns the sources of those that were said.
pub(super) fn private(draft: &mut Draft, bundle: &Bundle, mounts: &[Mount]) -> BTreeSet<String> {
    let Some(text) = bundle.annotation(PRIVATE) else { return BTreeSet::new() };
    let files = serde_json::from_str::<Vec<File>>(text).unwrap_or_default();
    let places: BTreeMap<&str, &Mount> =
        mounts.iter().filter(|mount| is_file(mount)).map(|mount| (mount.source, mount)).collect();
    let mut said = BTreeSet::new();
    let mut whole = !files.is_empty();
    for file in files {
        let mount = places.get(file.path.as_str());
        match mount.and_then(|mount| placed(draft, bundle, mount, &file)) {
            Some(()) => drop(said.insert(file.path)),
            None => whole = false,
        }
    }
    if !whole {
        draft.cannot_say(bundle, &format!("/annotations/{}", pointed(PRIVATE)));
    }
    said
}

fn is_file(mount: &Mount) -> bool {
    mount.kind == "bind" && mount.options == READ_ONLY
}

/// Whether a mount is one of a secret or a config, which is said.
pub(super) fn file(draft: &mut Draft, bundle: &Bundle, private: &BTreeSet<String>, mount: &Mount) -> bool {
    let is_generated = || is_file(mount) && mount.source.starts_with("configs/");
    private.contains(mount.source) || (is_generated() && generated(draft, bundle, mount).is_some())
}

/// git keeps of its mode whether it can be executed.
fn generated(draft: &mut Draft, bundle: &Bundle, mount: &Mount) -> Option<()> {
    let file = bundle.files.get(mount.source)?;
    let key = config(draft, mount, &file.text);
    let mut item = item(&key, mount);
    if file.executable {
        item.insert("mode".into(), "0555".into());
    }
    draft.push("configs", Value::Object(item));
    Some(())
}

fn placed(draft: &mut Draft, bundle: &Bundle, mount: &Mount, file: &File) -> Option<()> {
    let (attribute, key) = match (&file.environment, &file.file) {
        (Some(name), None) => {
            let definition = json!({ "environment": name });
            ("secrets", draft.define(Section::Secrets, mount.destination, definition))
        }
        (None, Some(copied)) => {
            let text = &bundle.files.get(copied)?.text;
            ("configs", config(draft, mount, text))
        }
        _ => return None,
    };
    let mut item = item(&key, mount);
    item.insert("uid".into(), file.uid.to_string().into());
    item.insert("gid".into(), file.gid.to_string().into());
    item.insert("mode".into(), file.mode.as_str().into());
    draft.push(attribute, Value::Object(item));
    Some(())
}

fn config(draft: &mut Draft, mount: &Mount, text: &str) -> String {
    draft.define(Section::Configs, mount.destination, json!({ "content": text }))
}

fn item(key: &str, mount: &Mount) -> Map<String, Value> {
    let item = [("source", key), ("target", mount.destination)];
    item.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}
