//! Networks, volumes, secrets, configs and models that services refer to.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostics};
use crate::model::edit::{all, has, lacks, text};
use crate::model::selection::is_volume;
use crate::nearest::nearest;
use crate::source::Span;
use crate::yaml::{Node, Value};

/// What is declared at the top of a project.
pub(super) struct Declared<'n> {
    networks: Section<'n>,
    volumes: Section<'n>,
    secrets: Section<'n>,
    configs: Section<'n>,
    models: Section<'n>,
}

/// The names of one kind.
struct Section<'n> {
    /// What one of them is, for messages.
    what: &'static str,
    /// The key at the top of the file.
    key: &'static str,
    /// Nothing where the section is broken: then any name may have stood in it.
    names: Option<BTreeSet<&'n str>>,
}

impl<'n> Declared<'n> {
    /// What a tree declares. What is broken has a name too.
    pub(super) fn new(root: &'n Node) -> Self {
        let section = |key, what| {
            let names = match root.get(key) {
                Some(Node { value: Value::Broken(_), .. }) => None,
                section => {
                    let entries = section.map_or(&[][..], Node::entries);
                    Some(entries.iter().map(|entry| &*entry.key).collect())
                }
            };
            Section { what, key, names }
        };
        Declared {
            networks: section("networks", "network"),
            volumes: section("volumes", "volume"),
            secrets: section("secrets", "secret"),
            configs: section("configs", "config"),
            models: section("models", "model"),
        }
    }
}

/// Checks that everything a service refers to is declared.
pub(super) fn check(d: &mut Diagnostics, service: &Node, declared: &Declared) {
    for network in service.get("networks").map_or(&[][..], Node::entries) {
        declared.networks.check(d, &network.key, network.key_span);
    }
    for model in service.get("models").map_or(&[][..], Node::entries) {
        declared.models.check(d, &model.key, model.key_span);
    }
    let mounts = all(service, "volumes.*").into_iter().filter(|mount| is_volume(mount));
    for (mount, source) in mounts.filter_map(|mount| Some((mount, text(mount, "source")?))) {
        match source.as_str().unwrap_or_default() {
            path if path.starts_with(['.', '/', '~']) => no_volume(d, path, source.content(), mount),
            name => declared.volumes.check(d, name, source.content()),
        }
    }
    for (path, section) in [
        ("secrets.*", &declared.secrets),
        ("build.secrets.*", &declared.secrets),
        ("configs.*", &declared.configs),
    ] {
        for mount in all(service, path) {
            section.check_source(d, mount);
        }
    }
}

impl Section<'_> {
    fn check(&self, d: &mut Diagnostics, name: &str, span: Span) {
        let Some(names) = self.names.as_ref().filter(|names| !names.contains(name)) else { return };
        let known = if d.has_room() { nearest(name, names.iter().copied()) } else { None };
        let (code, path) = match self.key {
            "volumes" => (Code::UnknownVolume, ", or write `./` before a path"),
            _ => (Code::UnknownResource, ""),
        };
        let draft = d.error(code, format!("no {} is called `{name}`", self.what)).label(span, "");
        draft.help(format!("declare it under `{}:` at the top{path}", self.key)).did_you_mean(known).emit();
    }

    /// A secret or config in a service is named by its source.
    fn check_source(&self, d: &mut Diagnostics, mount: &Node) {
        if lacks(mount, "source") {
            let message = format!("a {} of a service needs `source`", self.what);
            d.error(Code::MissingKey, message).label(mount.span, "not in here").emit();
        }
        if let Some((source, name)) = mount.get("source").and_then(|source| Some((source, source.as_str()?)))
        {
            self.check(d, name, source.content());
        }
    }
}

/// No volume has such a name, so that it was to be something else.
fn no_volume(d: &mut Diagnostics, path: &str, place: Span, mount: &Node) {
    let message = format!("`type: volume` mounts a volume, and `{}` is a path", path.escape_debug());
    let draft = d.error(Code::Conflict, message).label(place, "a path");
    let kind = mount.get("type").map_or(mount.span, Node::content);
    draft.label(kind, "the type").help("write `type: bind`").emit();
}

/// A secret of the project comes from a file or a variable, whether it is used or not. A driver is not enough.
pub(super) fn check_secrets(d: &mut Diagnostics, root: &Node) {
    for secret in root.get("secrets").map_or(&[][..], Node::entries) {
        let node = &secret.value;
        let external = node.get("external").is_some_and(|external| external.as_str() == Some("true"));
        let variable = node.get("environment").is_some_and(|name| name.as_str() != Some(""));
        // What has none of these was reported before.
        let new = ["driver", "external", "environment"].iter().any(|key| has(node, key));
        // An empty path is that of the project directory.
        if new && !external && !variable && lacks(node, "file") {
            let message = format!("the secret `{}` has no content", secret.key);
            let draft = d.error(Code::MissingKey, message).label(secret.key_span, "");
            draft.help("give it a `file` or the name of an `environment` variable").emit();
        }
    }
}
