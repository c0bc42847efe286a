//! Every `config.json` that is checked in satisfies the official schema of the runtime spec.
//!
//! The schema is not part of this repository: Debian has it in `golang-github-opencontainers-specs-dev`. Without it the
//! tests say so and pass, except where `BUNDLEGEN_REQUIRE_RUNTIMES=1`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests make their inputs"
)]

use std::path::{Path, PathBuf};

use jsonschema::{Retrieve, Uri, Validator};
use serde_json::{Value, json};

#[path = "support/cases.rs"]
mod cases;

const SCHEMAS: &str = "/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema";

/// Reads the schemas that others refer to, all of which lie in one directory.
struct Directory(PathBuf);

impl Retrieve for Directory {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let name = uri.as_str().rsplit('/').next().unwrap_or_default();
        Ok(serde_json::from_str(&std::fs::read_to_string(self.0.join(name))?)?)
    }
}

/// The official schema, if this machine has it.
fn schema() -> Option<Validator> {
    let directory = Path::new(SCHEMAS);
    if !directory.exists() {
        let required = std::env::var_os("BUNDLEGEN_REQUIRE_RUNTIMES").is_some_and(|value| value == "1");
        assert!(!required, "{SCHEMAS} is missing: install golang-github-opencontainers-specs-dev");
        eprintln!("skipped: golang-github-opencontainers-specs-dev is not installed");
        return None;
    }
    let schema = cases::json(&directory.join("config-schema.json"));
    let options = jsonschema::draft4::options().with_retriever(Directory(directory.to_owned()));
    Some(options.build(&schema).unwrap())
}

fn wrong(schema: &Validator, config: &Value) -> Vec<String> {
    schema.iter_errors(config).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_config_satisfies_the_schema() {
    let Some(schema) = schema() else { return };
    for case in cases::all() {
        for (path, config) in case.configs() {
            assert_eq!(wrong(&schema, &config), [""; 0], "{}", path.display());
        }
    }
}

/// A schema whose references lead nowhere would accept anything.
#[test]
fn a_broken_config_is_refused() {
    let Some(schema) = schema() else { return };
    let (_, config) = cases::all().remove(0).configs().remove(0);
    let broken = [
        ("/ociVersion", Value::Null),
        ("/process/user/uid", json!(-1)),
        ("/mounts/0/options", json!("ro")),
        ("/linux/namespaces/0/type", json!("world")),
        ("/linux/resources/devices/1/major", json!("one")),
        ("/process/capabilities/bounding", json!("CAP_CHOWN")),
    ];
    for (pointer, value) in broken {
        let mut config = config.clone();
        *config.pointer_mut(pointer).unwrap() = value;
        assert_ne!(wrong(&schema, &config), [""; 0], "{pointer}");
    }
}
