//! `bundlegen.lock`: every fact a build takes from outside the source tree.
//!
//! The lock stands beside the Compose file and is checked in, so `build` and `check` need no image: an image that
//! is not at hand is known by what the lock says of it, and an image that has changed is one hunk in a review. The
//! addresses that were given out stand there too: another service changes nobody's.

mod network;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::diag::{Code, Diagnostics, Reported, json};
use crate::source::{FileId, Sources, Span};
use crate::yaml::{self, Entry, Node, Plain, Value};

pub use network::{Addresses, LockedNetwork, NetworkPlaces};

/// The name of the file.
pub const FILE_NAME: &str = "bundlegen.lock";

/// The version of the format this program writes and reads.
const VERSION: u32 = 1;

/// The lock of one project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The version of the format: 1.
    pub version: u32,
    /// The platform the images are for, such as `linux/amd64`.
    pub platform: String,
    /// What is known of each image, by its normalised reference.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, LockedImage>,
    /// What was decided of each network, by its key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, LockedNetwork>,
}

/// What is known of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LockedImage {
    /// The digest of the manifest list the reference led to, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The manifest for the platform.
    pub manifest: Blob,
    /// The configuration.
    pub config: Blob,
    /// The layers, the lowest first.
    pub layers: Vec<Blob>,
    /// What the configuration says, as far as bundles need it.
    pub configuration: Configuration,
    /// Who each user is in this image, by the text that names them; the empty one is the user by default.
    #[serde(default)]
    pub users: BTreeMap<String, User>,
    /// The numbers of further groups in this image, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, u32>,
}

/// Where things stand in the text of a lock.
#[derive(Clone, Debug)]
pub struct Places {
    /// The platform.
    pub platform: Span,
    /// The images, by their references.
    pub images: BTreeMap<String, ImagePlaces>,
    /// The networks, by their keys.
    pub networks: BTreeMap<String, NetworkPlaces>,
}

/// Where what is known of an image stands.
#[derive(Clone, Debug)]
pub struct ImagePlaces {
    /// Its reference.
    pub name: Span,
    /// The digest of its manifest.
    pub manifest: Span,
    /// The users that were looked up.
    pub users: BTreeMap<String, Span>,
    /// The groups that were looked up.
    pub groups: BTreeMap<String, Span>,
}

/// A piece of content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Blob {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// In bytes.
    pub size: u64,
}

/// The part of an image's configuration that bundles need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// The processor architecture.
    pub architecture: String,
    /// The variant of the architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The operating system.
    pub os: String,
    /// Who made the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When the image was made, as its configuration spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The head of the command line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// The tail of the command line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Variables, as `NAME=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Who runs the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Where the process starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Paths that Docker makes volumes of.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub volumes: BTreeSet<String>,
    /// Ports the process listens on.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exposed_ports: BTreeSet<String>,
    /// Metadata.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The signal that asks the process to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// How to learn whether the container is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
}

/// The healthcheck of an image. What is not there is as whoever checks has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Healthcheck {
    /// `CMD` and a program with its arguments, `CMD-SHELL` and a line for the shell, or `NONE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// From one check to the next one, such as `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// How long a check may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// How long the container may take to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_period: Option<String>,
    /// From one check to the next one while it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_interval: Option<String>,
    /// How many checks in a row must fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u64>,
}

/// Who a user is, by the tables in the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The number of the user's group.
    pub gid: u32,
    /// Further groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_gids: Vec<u32>,
}

const HEADER: &str = "\
# What the build takes from the images, and the addresses it gave out, written by `bundlegen lock`. Check it in beside
# the Compose file.
";

impl Lock {
    /// A lock that knows nothing yet.
    pub fn new(platform: String) -> Self {
        Lock { version: VERSION, platform, images: BTreeMap::new(), networks: BTreeMap::new() }
    }

    /// The text of the file: sorted, one item a line.
    pub fn to_text(&self) -> Result<String, serde_yaml::Error> {
        Ok(format!("{HEADER}{}", serde_yaml::to_string(self)?))
    }

    /// Reads the text of a lock.
    pub fn parse(d: &mut Diagnostics, sources: &Sources, file: FileId) -> Result<Lock, Reported> {
        Self::located(d, sources, file).map(|(lock, _)| lock)
    }

    /// Reads the text of a lock, with the places of what it says. Our own parser goes first: it shows mistakes at their
    /// place, and refuses what would cost `serde_yaml` its time.
    pub fn located(d: &mut Diagnostics, sources: &Sources, file: FileId) -> Result<(Lock, Places), Reported> {
        let text = sources.text(file);
        let before = d.errors();
        let root = yaml::parse(d, file, &text)?;
        if d.errors() > before {
            d.failed()?;
        }
        check_version(d, &root)?;
        let lock = serde_yaml::from_str(&text).map_err(|error| {
            let full = error.to_string();
            let message = format!("the lock cannot be read: {}", json::without_place(&full));
            let draft = d.error(Code::Lock, message);
            draft.label(place(file, &text, &error), "").help(MEND).emit()
        })?;
        Ok((lock, Places::of(&root)))
    }
}

impl Places {
    fn of(root: &Node) -> Self {
        let platform = root.get("platform").map_or(root.span, |platform| platform.span);
        let images = root.get("images").map_or(&[][..], Node::entries);
        let images = images.iter().map(|image| (image.key.to_string(), ImagePlaces::of(image)));
        let networks = root.get("networks").map_or(&[][..], Node::entries);
        let networks = networks.iter().map(|network| (network.key.to_string(), NetworkPlaces::of(network)));
        Places { platform, images: images.collect(), networks: networks.collect() }
    }
}

impl ImagePlaces {
    fn of(image: &Entry) -> Self {
        let keys = |key: &str| {
            let entries = image.value.get(key).map_or(&[][..], Node::entries);
            entries.iter().map(|entry| (entry.key.to_string(), entry.key_span)).collect()
        };
        let manifest = image.value.get("manifest").and_then(|manifest| manifest.get("digest"));
        ImagePlaces {
            name: image.key_span,
            manifest: manifest.map_or(image.key_span, Node::content),
            users: keys("users"),
            groups: keys("groups"),
        }
    }
}

const MEND: &str = "remove bundlegen.lock, and make it anew with `bundlegen lock`";

/// The version goes first: what else a lock of another version may say is not known.
fn check_version(d: &mut Diagnostics, root: &Node) -> Result<(), Reported> {
    let Some(version) = root.get("version") else {
        return Err(d.error(Code::Lock, "the lock has no `version`").label(root.span, "").help(MEND).emit());
    };
    match &version.value {
        Value::Scalar(scalar) if scalar.resolve() == Plain::Int(VERSION.into()) => Ok(()),
        _ => {
            let message = format!("this program reads locks of version {VERSION}, and this one has another");
            Err(d.error(Code::Lock, message).label(version.span, "").help(MEND).emit())
        }
    }
}

/// The word at which the mistake was found. The library counts characters.
fn place(file: FileId, text: &str, error: &serde_yaml::Error) -> Span {
    let characters = error.location().map_or(0, |location| location.index());
    let start = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    let rest = text.get(start..).unwrap_or("");
    Span::new(file, start, start + rest.find(|c: char| c == ':' || c.is_whitespace()).unwrap_or(rest.len()))
}
