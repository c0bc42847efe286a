//! Shapes that only Docker's output has.
//!
//! Nobody would invent them: they are how Go prints the types that Compose is made of. They are kept for those who
//! compare the two outputs, and for programs that were written for Docker's.

use std::mem::take;
use std::rc::Rc;

use super::Format;
use super::printed::Printed;

/// Gives a tree the shape that Docker gives it.
pub(super) fn shape(tree: &mut Printed, format: Format) {
    tree.below("services").for_each(|tree| service(tree, format));
    tree.below("networks").for_each(|tree| network(tree, format));
    for config in tree.below("configs") {
        // It came from there.
        if config.get_mut("environment").is_some() {
            config.remove("content");
        }
    }
    if format == Format::Json {
        tree.remove("models");
    }
}

/// Gives a service its shape.
pub(super) fn service(service: &mut Printed, format: Format) {
    if let Some(build) = service.get_mut("build") {
        ssh(build);
        limits(build, format);
        hosts(build);
    }
    limits(service, format);
    hosts(service);
    if let Some(deploy) = service.get_mut("deploy") {
        embedded(deploy, "resources", format);
        embedded(deploy, "placement", format);
    }
    match format {
        Format::Json => service_in_json(service),
        Format::Yaml => commands(service),
    }
}

/// Gives a network of the project its shape.
pub(super) fn network(network: &mut Printed, format: Format) {
    embedded(network, "ipam", format);
    // Docker has no place for these.
    if let Some(ipam) = network.get_mut("ipam") {
        ipam.remove("options");
    }
}

/// What is a mapping inside is printed as a list.
fn ssh(build: &mut Printed) {
    if let Some(keys @ Printed::Map(_)) = build.get_mut("ssh") {
        let Printed::Map(entries) = take(keys) else { return };
        let item = |(id, path): (Rc<str>, Printed)| match path {
            Printed::Text(path) => Printed::Text(format!("{id}: {path}").into()),
            _ => Printed::Text(id),
        };
        *keys = Printed::List(entries.into_iter().map(item).collect());
    }
}

/// What is a mapping inside is printed sorted.
fn hosts(holder: &mut Printed) {
    if let Some(hosts) = holder.get_mut("extra_hosts") {
        hosts.items_mut().sort_by(|a, b| a.text().cmp(b.text()));
    }
}

/// A limit of 0 is a soft and a hard one of 0; in JSON these are left out.
fn limits(holder: &mut Printed, format: Format) {
    for limit in holder.below("ulimits") {
        if limit.is_empty() {
            let zero = |key: &str| (key.into(), Printed::Plain("0".into()));
            *limit = Printed::Map(vec![zero("soft"), zero("hard")]);
        }
        let Printed::Map(entries) = limit else { continue };
        entries.sort_by_key(|(key, _)| &**key != "soft");
        if format == Format::Json {
            entries.retain(|(key, value)| !value.is_empty() && !key.starts_with("x-"));
        }
    }
}

/// A part that is no pointer in Go: an empty one is always there in JSON, and never in YAML.
fn embedded(holder: &mut Printed, part: &str, format: Format) {
    match (format, holder) {
        (Format::Json, holder) => holder.get_or_insert(part, Printed::Map(Vec::new())),
        (Format::Yaml, holder) => {
            if holder.get_mut(part).is_some_and(|value| value.is_empty()) {
                holder.remove(part);
            }
        }
    }
}

/// What is not said is not there, even where it was said to be nothing.
fn commands(service: &mut Printed) {
    let unsaid = |holder: &mut Printed, key: &str| {
        if holder.get_mut(key) == Some(&mut Printed::Null) {
            holder.remove(key);
        }
    };
    unsaid(service, "command");
    unsaid(service, "entrypoint");
    for hooks in ["post_start", "pre_stop"] {
        for hook in service.get_mut(hooks).into_iter().flat_map(Printed::items_mut) {
            unsaid(hook, "command");
        }
    }
    for watch in service.below("develop").flat_map(Printed::items_mut) {
        if let Some(exec) = watch.get_mut("exec") {
            unsaid(exec, "command");
        }
        if watch.get_mut("exec").is_some_and(|exec| exec.is_empty()) {
            watch.remove("exec");
        }
    }
}

fn service_in_json(service: &mut Printed) {
    service.get_or_insert("command", Printed::Null);
    service.get_or_insert("entrypoint", Printed::Null);
    for hooks in ["post_start", "pre_stop"] {
        for hook in service.get_mut(hooks).into_iter().flat_map(Printed::items_mut) {
            hook.get_or_insert("command", Printed::Null);
        }
    }
    for watch in service.below("develop").flat_map(Printed::items_mut) {
        watch.get_or_insert("exec", Printed::Map(Vec::new()));
        if let Some(exec) = watch.get_mut("exec") {
            exec.get_or_insert("command", Printed::Null);
        }
    }
    for limits in service.below("blkio_config") {
        limits.items_mut().iter_mut().for_each(capitalise);
    }
}

/// These two types were given no names for JSON.
fn capitalise(limit: &mut Printed) {
    let Printed::Map(entries) = limit else { return };
    for (key, _) in entries {
        *key = match &**key {
            "path" => "Path".into(),
            "rate" => "Rate".into(),
            "weight" => "Weight".into(),
            _ => continue,
        };
    }
}
