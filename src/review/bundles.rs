//! The bundles of an output directory, as their files say them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::bundle::tree::{Entry, Mode, Tree};
use crate::inspect::{Bundle, File};

/// The bundles of an output directory.
#[derive(Debug, Default)]
pub struct Bundles {
    /// By the names of their directories.
    pub bundles: BTreeMap<String, Bundle>,
    /// The CNI lists of `networks/`, by the key of the network.
    pub networks: BTreeMap<String, Value>,
}

/// Why files are not those of bundles.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// A file that must be JSON is not.
    #[error("{path}: {message}")]
    Json {
        /// The path in the output directory.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// A file that must be text is not.
    #[error("{0}: not UTF-8 text")]
    Text(String),
}

/// What the directory of CNI lists is called.
const NETWORKS: &str = "networks";

impl Bundles {
    /// The bundles that a build would write.
    pub fn of_tree(tree: &Tree) -> Result<Self, Unfit> {
        let files = tree.iter().filter_map(|(path, entry)| match entry {
            Entry::File { bytes, mode } => Some((path.as_str(), &**bytes, *mode == Mode::Executable)),
            Entry::Link(_) => None,
        });
        Bundles::of_files(files)
    }

    /// The bundles among files: their paths in the output directory, what is in them, and whether they can be executed.
    /// What belongs to no bundle is passed over.
    pub fn of_files<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8], bool)>) -> Result<Self, Unfit> {
        let mut found = Bundles::default();
        let mut others: Vec<(&str, &str, &[u8], bool)> = Vec::new();
        for (path, bytes, executable) in files {
            match path.split_once('/') {
                Some((name, "config.json")) => {
                    let config = json(path, bytes)?;
                    let bundle = Bundle { name: name.to_owned(), config, files: BTreeMap::new() };
                    found.bundles.insert(name.to_owned(), bundle);
                }
                Some((NETWORKS, list)) => {
                    if let Some(key) = list.strip_suffix(".conflist") {
                        found.networks.insert(key.to_owned(), json(path, bytes)?);
                    }
                }
                Some((name, rest)) => others.push((name, rest, bytes, executable)),
                None => {}
            }
        }
        for (name, rest, bytes, executable) in others {
            if let Some(bundle) = found.bundles.get_mut(name) {
                let text = str::from_utf8(bytes).map_err(|_| Unfit::Text(format!("{name}/{rest}")))?;
                bundle.files.insert(rest.to_owned(), File { text: text.to_owned(), executable });
            }
        }
        Ok(found)
    }
}

fn json(path: &str, bytes: &[u8]) -> Result<Value, Unfit> {
    let wrong = |message: String| Unfit::Json { path: path.to_owned(), message };
    let value: Value = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    if value.is_object() { Ok(value) } else { Err(wrong("no JSON object".to_owned())) }
}
