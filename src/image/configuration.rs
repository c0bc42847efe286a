//! The configuration of an image: what its author wants to run, and how.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use super::{Digest, Platform};

/// The part of an image's configuration that a bundle is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// The architecture in Go's spelling.
    pub architecture: String,
    /// The operating system.
    pub os: String,
    /// The variant of the architecture.
    pub variant: Option<String>,
    /// Who made the image.
    pub author: Option<String>,
    /// When it was made, as it is written.
    pub created: Option<String>,
    /// The beginning of the command line.
    pub entrypoint: Vec<String>,
    /// The rest of the command line.
    pub cmd: Vec<String>,
    /// `NAME=VALUE`, in order.
    pub env: Vec<String>,
    /// `USER[:GROUP]`.
    pub user: Option<String>,
    /// The working directory.
    pub working_dir: Option<String>,
    /// Paths whose content should outlive the container.
    pub volumes: BTreeSet<String>,
    /// `PORT[/PROTOCOL]`.
    pub exposed_ports: BTreeSet<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The signal that asks the process to end.
    pub stop_signal: Option<String>,
    /// How to learn whether the container is well: an extension of Docker's.
    pub healthcheck: Option<Healthcheck>,
    /// The digests of the layers before compression, lowest first.
    pub diff_ids: Vec<Digest>,
}

impl Configuration {
    /// Reads the configuration blob. Own structs instead of `oci-spec`'s, which refuse the `null` that Docker writes
    /// for an empty list, and whose maps have no order.
    pub(super) fn parse(json: &[u8]) -> serde_json::Result<Self> {
        let document: Document = serde_json::from_slice(json)?;
        let Document { config, rootfs, .. } = document;
        config.refuse_nul()?;
        Ok(Configuration {
            architecture: document.architecture,
            os: document.os,
            variant: text(document.variant),
            author: text(document.author),
            created: text(document.created),
            entrypoint: config.entrypoint,
            cmd: config.cmd,
            env: config.env,
            user: text(config.user),
            working_dir: text(config.working_dir),
            volumes: config.volumes.into_keys().collect(),
            exposed_ports: config.exposed_ports.into_keys().collect(),
            labels: config.labels,
            stop_signal: text(config.stop_signal),
            healthcheck: config.healthcheck,
            diff_ids: rootfs.diff_ids,
        })
    }

    /// What the image runs on.
    pub fn platform(&self) -> Platform {
        Platform::new(&self.architecture, self.variant.as_deref())
    }
}

/// Docker writes an empty text for what is not set.
fn text(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[derive(Deserialize)]
struct Document {
    architecture: String,
    os: String,
    #[serde(default, deserialize_with = "or_null")]
    variant: String,
    #[serde(default, deserialize_with = "or_null")]
    author: String,
    #[serde(default, deserialize_with = "or_null")]
    created: String,
    #[serde(default, deserialize_with = "or_null")]
    config: Config,
    rootfs: RootFs,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    #[serde(deserialize_with = "or_null")]
    entrypoint: Vec<String>,
    #[serde(deserialize_with = "or_null")]
    cmd: Vec<String>,
    #[serde(deserialize_with = "or_null")]
    env: Vec<String>,
    #[serde(deserialize_with = "or_null")]
    user: String,
    #[serde(deserialize_with = "or_null")]
    working_dir: String,
    #[serde(deserialize_with = "or_null")]
    volumes: BTreeMap<String, serde_json::Value>,
    #[serde(deserialize_with = "or_null")]
    exposed_ports: BTreeMap<String, serde_json::Value>,
    #[serde(deserialize_with = "or_null")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_null")]
    stop_signal: String,
    healthcheck: Option<Healthcheck>,
}

impl Config {
    /// The kernel ends every text at a NUL, so what holds one is not what it looks like.
    fn refuse_nul(&self) -> serde_json::Result<()> {
        let lists = [
            ("Entrypoint", &self.entrypoint[..]),
            ("Cmd", &self.cmd),
            ("Env", &self.env),
            ("User", std::slice::from_ref(&self.user)),
            ("WorkingDir", std::slice::from_ref(&self.working_dir)),
            ("StopSignal", std::slice::from_ref(&self.stop_signal)),
            ("Healthcheck", self.healthcheck.as_ref().map_or(&[], |check| &check.test)),
        ];
        let texts = lists.into_iter().flat_map(|(key, list)| list.iter().map(move |text| (key, text)));
        let keys = self.volumes.keys().map(|path| ("Volumes", path));
        let keys =
            keys.chain(self.labels.iter().flat_map(|(key, value)| [("Labels", key), ("Labels", value)]));
        match texts.chain(keys).find(|(_, text)| text.contains('\0')) {
            Some((key, _)) => {
                Err(serde::de::Error::custom(format!("a text in `{key}` contains a NUL character")))
            }
            None => Ok(()),
        }
    }
}

/// A healthcheck. Spans of time are in nanoseconds; zero stands for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `CMD` and a program with its arguments, `CMD-SHELL` and a line for the shell, or `NONE`.
    #[serde(deserialize_with = "or_null")]
    pub test: Vec<String>,
    /// From one check to the next one.
    #[serde(deserialize_with = "or_null")]
    pub interval: i64,
    /// How long a check may take.
    #[serde(deserialize_with = "or_null")]
    pub timeout: i64,
    /// How long the container may take to start.
    #[serde(deserialize_with = "or_null")]
    pub start_period: i64,
    /// From one check to the next one while it starts.
    #[serde(deserialize_with = "or_null")]
    pub start_interval: i64,
    /// How many checks in a row must fail.
    #[serde(deserialize_with = "or_null")]
    pub retries: i64,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default, deserialize_with = "or_null")]
    diff_ids: Vec<Digest>,
}

pub(super) fn or_null<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_empty() {
        let json = br#"{"architecture":"amd64","os":"linux","created":null,"config":{"Entrypoint":null,"Cmd":["sh"],
            "Env":null,"User":"","WorkingDir":"/srv","Volumes":{"/data":{},"/a":null},"ExposedPorts":null,"Labels":null,
            "OnBuild":null,"Healthcheck":{"Test":["CMD"]}},"rootfs":{"type":"layers","diff_ids":null}}"#;
        let found = Configuration::parse(json).unwrap();
        let want = Configuration {
            architecture: "amd64".into(),
            os: "linux".into(),
            cmd: vec!["sh".into()],
            working_dir: Some("/srv".into()),
            healthcheck: Some(Healthcheck { test: vec!["CMD".into()], ..Healthcheck::default() }),
            volumes: ["/a".to_owned(), "/data".to_owned()].into(),
            ..Configuration::default()
        };
        assert_eq!(found, want);
        let bare =
            br#"{"architecture":"arm64","os":"linux","variant":"v8","rootfs":{"diff_ids":[]},"config":null}"#;
        assert_eq!(Configuration::parse(bare).unwrap().platform().to_string(), "linux/arm64");
    }

    #[test]
    fn broken_configurations_are_refused() {
        for json in [
            "{}",
            "[]",
            r#"{"architecture":"a","os":"linux"}"#,
            r#"{"architecture":"a","os":"linux","rootfs":{"diff_ids":["sha256:../../x"]}}"#,
            r#"{"architecture":"a","os":"linux","os":"windows","rootfs":{}}"#,
            r#"{"architecture":"a","os":"linux","config":{"Env":["A=b\u0000c"]},"rootfs":{}}"#,
            r#"{"architecture":"a","os":"linux","config":{"Labels":{"\u0000":""}},"rootfs":{}}"#,
            r#"{"architecture":"a","os":"linux","config":{"Healthcheck":{"Test":["\u0000"]}},"rootfs":{}}"#,
        ] {
            assert!(Configuration::parse(json.as_bytes()).is_err(), "{json}");
        }
    }
}
