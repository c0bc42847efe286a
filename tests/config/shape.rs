//! What the JSON of a model has and its YAML has not, and the other way round: how Go prints Compose's types.

use serde_json::{Map, Value, json};

/// Gives what was read from the YAML the shape of the JSON.
pub fn as_json(model: &mut Value) {
    let Value::Object(sections) = model else { return };
    sections.remove("models");
    for (_, section) in sections.iter_mut().filter(|(name, _)| !name.starts_with("x-")) {
        without_extensions(section);
    }
    entries(model, "services").for_each(service);
    for network in entries(model, "networks") {
        default(network, "ipam", json!({}));
    }
}

/// Below the top, keys of the user's own are left out.
fn without_extensions(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !key.starts_with("x-"));
            map.values_mut().for_each(without_extensions);
        }
        Value::Array(items) => items.iter_mut().for_each(without_extensions),
        _ => {}
    }
}

fn service(service: &mut Value) {
    default(service, "command", Value::Null);
    default(service, "entrypoint", Value::Null);
    if let Some(deploy) = service.get_mut("deploy") {
        default(deploy, "resources", json!({}));
        default(deploy, "placement", json!({}));
    }
    for hooks in ["post_start", "pre_stop"] {
        items(service, hooks).for_each(|hook| default(hook, "command", Value::Null));
    }
    for watch in entries(service, "develop").flat_map(all) {
        default(watch, "exec", json!({}));
        default(&mut watch["exec"], "command", Value::Null);
    }
    for limit in entries(service, "blkio_config").flat_map(all) {
        let Value::Object(limit) = limit else { continue };
        *limit = std::mem::take(limit).into_iter().map(|(key, value)| (capitalised(&key), value)).collect();
    }
    for limit in entries(service, "ulimits").filter_map(Value::as_object_mut) {
        limit.retain(|_, value| value != 0);
    }
}

fn capitalised(key: &str) -> String {
    let (first, rest) = key.split_at(1);
    first.to_uppercase() + rest
}

fn default(holder: &mut Value, key: &str, value: Value) {
    if let Value::Object(holder) = holder {
        holder.entry(key).or_insert(value);
    }
}

fn entries<'a>(holder: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> {
    holder.get_mut(key).and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
}

fn items<'a>(holder: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> {
    holder.get_mut(key).into_iter().flat_map(all)
}

fn all(list: &mut Value) -> impl Iterator<Item = &mut Value> {
    list.as_array_mut().into_iter().flatten()
}
