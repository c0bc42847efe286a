//! Secrets and configs: files of the bundle.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Mount;
use crate::inspect::draft::Section;
use crate::inspect::known::pointed;
use crate::inspect::{Bundle, Draft};
use crate::lower::annotations::{PRIVATE, Private as File};

/// The options of a file of the bundle.
const READ_ONLY: [&str; 3] = ["rbind", "ro", "rprivate"];

/// The files that `prepare` places, by their paths in the bundle.
pub(super) struct Private(BTreeMap<String, File>);

impl Private {
    pub(super) fn of(draft: &mut Draft, bundle: &Bundle) -> Self {
        let Some(text) = bundle.annotation(PRIVATE) else { return Private(BTreeMap::new()) };
        match serde_json::from_str::<Vec<File>>(text) {
            Ok(files) => Private(files.into_iter().map(|file| (file.path.clone(), file)).collect()),
            Err(_) => {
                draft.cannot_say(bundle, &format!("/annotations/{}", pointed(PRIVATE)));
                Private(BTreeMap::new())
            }
        }
    }
}

/// Whether a mount is one of a secret or a config, which is said.
pub(super) fn file(draft: &mut Draft, bundle: &Bundle, private: &Private, mount: &Mount) -> bool {
    if mount.kind != "bind" || mount.options != READ_ONLY {
        return false;
    }
    match private.0.get(mount.source) {
        Some(file) => placed(draft, bundle, mount, file).is_some(),
        None if mount.source.starts_with("configs/") => generated(draft, bundle, mount).is_some(),
        None => false,
    }
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
