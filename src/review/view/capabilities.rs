//! What a process of a container may do that other processes may not. See capabilities(7).

use std::collections::BTreeSet;

use serde_json::Value;

use super::namespaces::user;
use crate::compose::value::capability::Capability;
use crate::inspect::{Bundle, texts};
use crate::lower::capabilities::DEFAULT;

/// The bounding set: what any program in the container can have.
pub const BOUNDING: &str = "/process/capabilities/bounding";

/// So many that Docker does not give are all of them, but for a few that were taken away.
const NEARLY_ALL: usize = 20;

/// The capabilities of a set that have a name, each with its place.
pub fn listed<'a>(bundle: &'a Bundle, set: &str) -> impl Iterator<Item = (usize, Capability)> + 'a {
    let items = bundle.list(&format!("/process/capabilities/{set}")).iter().enumerate();
    items.filter_map(|(index, name)| Some((index, name.as_str()?.parse().ok()?)))
}

/// Whether nothing confines a container: it has every capability, any device, and no path is hidden from it. The filter
/// of system calls may be there all the same.
pub fn is_privileged(bundle: &Bundle) -> bool {
    let all: BTreeSet<Capability> = listed(bundle, "bounding").map(|(_, capability)| capability).collect();
    let shown = |pointer: &str| bundle.list(pointer).is_empty();
    let rules = bundle.list("/linux/resources/devices");
    all.len() == Capability::ALL.len()
        && shown("/linux/maskedPaths")
        && shown("/linux/readonlyPaths")
        && (rules.is_empty() || rules.iter().any(allows_all))
}

/// Whether a device rule allows everything with every device.
pub fn allows_all(rule: &Value) -> bool {
    let number = |key: &str| rule.get(key).and_then(Value::as_i64).is_some_and(|number| number >= 0);
    let kind = rule.get("type").and_then(Value::as_str);
    let access = rule.get("access").and_then(Value::as_str).unwrap_or("rwm");
    rule.get("allow") == Some(&Value::Bool(true))
        && kind.is_none_or(|kind| kind == "a")
        && !number("major")
        && !number("minor")
        && access.contains(['r', 'w'])
}

/// Whether a container that is not privileged has every capability, or nearly: one thing to say, and not forty.
pub fn has_nearly_all(bundle: &Bundle) -> bool {
    listed(bundle, "bounding").filter(|(_, capability)| !DEFAULT.contains(capability)).count() > NEARLY_ALL
}

/// Whether programs can come by what is in the bounding set: those of another user than root cannot where they gain no
/// privileges.
pub fn are_in_reach(bundle: &Bundle) -> bool {
    let own = ["permitted", "effective", "inheritable", "ambient"];
    let has_own =
        own.iter().any(|set| texts(bundle.list(&format!("/process/capabilities/{set}"))).next().is_some());
    let gains = bundle.at("/process/noNewPrivileges") != Some(&Value::Bool(true));
    has_own || gains || user(bundle) == 0
}
