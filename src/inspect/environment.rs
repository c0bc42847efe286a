//! `process.env`: the variables that are not there anyway.

use std::collections::BTreeMap;

use super::image::Image;
use super::{Bundle, Draft, Facts, texts};
use crate::lower::defaults::PATH;

pub(super) fn environment(draft: &mut Draft, bundle: &Bundle, facts: &Facts) {
    let mut env: BTreeMap<&str, &str> = BTreeMap::new();
    for (index, variable) in texts(bundle.list("/process/env")).enumerate() {
        match variable.split_once('=') {
            Some((name, value)) if !name.is_empty() && !env.contains_key(name) => {
                env.insert(name, value);
            }
            _ => draft.cannot_say(bundle, &format!("/process/env/{index}")),
        }
    }
    let implied = implied(bundle, facts);
    for (name, value) in &env {
        // An image that nobody knows may have any value of its own.
        let is_implied = implied.get(name) == Some(value) && !matches!(facts.image, Image::Unknown);
        if !is_implied {
            draft.put("environment", name, *value);
        }
    }
    for name in implied.keys().filter(|name| !env.contains_key(*name)) {
        draft.put("environment", name, serde_json::Value::Null);
    }
}

/// The variables of a service that sets none.
fn implied<'a>(bundle: &'a Bundle, facts: &Facts<'a>) -> BTreeMap<&'a str, &'a str> {
    let mut implied = BTreeMap::from([("PATH", PATH)]);
    if let Some(name) = bundle.text("/hostname") {
        implied.insert("HOSTNAME", name);
    }
    if bundle.at("/process/terminal").and_then(serde_json::Value::as_bool) == Some(true) {
        implied.insert("TERM", "xterm");
    }
    implied.extend(facts.image.env());
    implied
}
