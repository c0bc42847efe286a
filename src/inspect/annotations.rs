//! `annotations`: what was handed on to a supervisor, and the user's own.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::draft::Section;
use super::known::pointed;
use super::mounts::in_project;
use super::namespaces::Sharing;
use super::{Bundle, Draft, Facts};
use crate::compose::value::port::ExposedPort;
use crate::compose::value::signal::Signal;
use crate::image::SourceName;
use crate::lower::annotations::{
    CONTAINER_NAME, CREATE, EXTERNAL, IMAGE, IMAGE_SOURCE, NOCOPY, OWN_PREFIX, PRIVATE,
};
use crate::lower::networks::without_nulls;

/// The attributes that are handed on as they are.
const HANDED_ON: [&str; 17] = [
    "attach",
    "depends_on",
    "external_links",
    "healthcheck",
    "links",
    "logging",
    "mac_address",
    "network_mode",
    "ports",
    "post_start",
    "pre_stop",
    "pull_policy",
    "pull_refresh_after",
    "restart",
    "runtime",
    "stdin_open",
    "stop_grace_period",
];

/// What the image spec has for the signal and for the ports.
const STOP_SIGNAL: &str = "org.opencontainers.image.stopSignal";
const EXPOSED_PORTS: &str = "org.opencontainers.image.exposedPorts";

pub(super) fn annotations(draft: &mut Draft, bundle: &Bundle, facts: &Facts) {
    for (key, value) in bundle.map("/annotations") {
        let Some(text) = value.as_str() else { continue };
        let Some(own) = key.strip_prefix(OWN_PREFIX) else {
            others(draft, facts, key, text);
            continue;
        };
        if handed_on(draft, bundle, key, own, text).is_none() {
            draft.cannot_say(bundle, &format!("/annotations/{}", pointed(key)));
        }
    }
}

fn handed_on(draft: &mut Draft, bundle: &Bundle, key: &str, own: &str, text: &str) -> Option<()> {
    match key {
        // The mounts and the root say these.
        IMAGE => return Some(()),
        IMAGE_SOURCE => return image_source(draft, bundle, text),
        CREATE | NOCOPY | EXTERNAL => return list(text).map(|_| ()),
        PRIVATE => return serde_json::from_str::<Vec<Value>>(text).ok().map(|_| ()),
        CONTAINER_NAME => {
            draft.set("container_name", text);
            return Some(());
        }
        _ => {}
    }
    let attribute = own.replace('-', "_");
    let value: Value = serde_json::from_str(text).ok()?;
    match attribute.as_str() {
        "restart_policy" => draft.put("deploy", "restart_policy", value),
        "extra_hosts" => list(text)?.into_iter().for_each(|host| draft.push("extra_hosts", host)),
        "networks" => networks(draft, bundle, key, value)?,
        known if HANDED_ON.contains(&known) => draft.set(known, without_nulls(value)),
        _ => return None,
    }
    Some(())
}

/// Where the image comes from, with its path from the project.
fn image_source(draft: &mut Draft, bundle: &Bundle, text: &str) -> Option<()> {
    let (image, _) = bundle.annotation(IMAGE)?.rsplit_once('@')?;
    let source: SourceName = text.parse().ok()?;
    let source = match source.path() {
        Some(path) => source.at(&in_project(bundle, path.to_str()?))?,
        None => source,
    };
    let at = format!("/annotations/{}", pointed(IMAGE_SOURCE));
    draft.image_source(bundle, &at, image, source.to_string());
    Some(())
}

/// A list of paths or hosts.
pub(super) fn list(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}

/// Networks by name, with what the service and the project say of each.
fn networks(draft: &mut Draft, bundle: &Bundle, key: &str, value: Value) -> Option<()> {
    let Value::Object(networks) = value else { return None };
    let mut attached = Map::new();
    for (name, mut both) in networks {
        let mut part = |part: &str| both.get_mut(part).map(Value::take).unwrap_or_default();
        let (service, mut network) = (part("service"), part("network"));
        // Docker prints one in any case.
        if let Value::Object(network) = &mut network
            && network.get("ipam").and_then(Value::as_object).is_some_and(Map::is_empty)
        {
            network.remove("ipam");
        }
        let at = format!("/annotations/{}", pointed(key));
        draft.declare(bundle, &at, Section::Networks, &name, without_nulls(network));
        attached.insert(name, without_nulls(service));
    }
    draft.set("networks", attached);
    Some(())
}

/// What stands there for others. What the image says of itself it says again.
fn others(draft: &mut Draft, facts: &Facts, key: &str, text: &str) {
    let image = facts.image.locked().map(|image| &image.configuration);
    let label = image.and_then(|image| image.labels.get(key)).map(String::as_str);
    let joined = matches!(facts.network, Sharing::Of(_));
    if let (None, STOP_SIGNAL) = (label, key) {
        let of_image = image.and_then(|image| image.stop_signal.as_deref());
        match text.parse::<Signal>() {
            _ if of_image == Some(text) => return,
            Ok(signal) if signal.name() == text => return draft.set("stop_signal", text),
            _ => {}
        }
    }
    if let (None, EXPOSED_PORTS, false) = (label, key, joined)
        && let Some(ports) = exposed(facts, text)
    {
        return draft.set("expose", ports);
    }
    let implied = image.and_then(|image| match key.strip_prefix("org.opencontainers.image.")? {
        "architecture" => Some(image.architecture.as_str()),
        "author" => image.author.as_deref(),
        "created" => image.created.as_deref(),
        "os" => Some(image.os.as_str()),
        "variant" => image.variant.as_deref(),
        _ => None,
    });
    if label.or(implied) != Some(text) {
        draft.put("annotations", key, text);
    }
}

/// The ports that the image does not expose itself, if the list is one that a build makes.
fn exposed(facts: &Facts, text: &str) -> Option<Vec<String>> {
    let ports: BTreeSet<ExposedPort> =
        text.split(',').map(|port| port.parse().ok()).collect::<Option<_>>()?;
    let image = facts.image.locked().into_iter().flat_map(|image| &image.configuration.exposed_ports);
    let image: Vec<ExposedPort> = image.filter_map(|port| port.parse().ok()).collect();
    let of_image: BTreeSet<ExposedPort> = image.into_iter().flat_map(ExposedPort::expand).collect();
    let again = ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let whole = again == text && of_image.is_subset(&ports);
    whole.then(|| ports.difference(&of_image).map(ToString::to_string).collect())
}
