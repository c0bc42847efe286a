//! JSON as it is checked in: one value has one text.
//!
//! Objects are sorted by key, one item stands on a line, lists keep their order. `spec` is the only way from the
//! types of `oci-spec` to a value, because those types alone do not give the same text twice.

use std::collections::BTreeMap;

use oci_spec::runtime as oci;
use serde::Serialize;
use serde_json::{Map, Value};

/// The text of a value. A `null` in an object is left out; in a list it stays, since it holds a place.
///
/// Numbers are written as `serde_json` holds them: nothing in a bundle is a float, and an integer stays one.
pub fn canonical(value: &Value) -> Vec<u8> {
    canonical_with(value, None)
}

/// The text of a value in which one part was written out before, by [`part`].
pub fn canonical_with(value: &Value, part: Option<Part>) -> Vec<u8> {
    let mut text = Vec::new();
    write_value(&mut text, value, 0, part);
    text.push(b'\n');
    text
}

/// A value in a tree of them, and the text to write in its place.
pub type Part<'a> = (&'a Value, &'a [u8]);

/// The text of a part that lies `depth` objects deep.
pub fn part(value: &Value, depth: usize) -> Vec<u8> {
    let mut text = Vec::new();
    write_value(&mut text, value, depth, None);
    text
}

fn write_value(text: &mut Vec<u8>, value: &Value, depth: usize, part: Option<Part>) {
    if let Some((_, written)) = part.filter(|(place, _)| std::ptr::eq(*place, value)) {
        text.extend(written);
        return;
    }
    match value {
        Value::Array(items) => {
            write_items(text, *b"[]", depth, items.iter(), |text, item| {
                write_value(text, item, depth + 1, part);
            });
        }
        Value::Object(map) => {
            // Another crate of the build can switch `serde_json` to maps in order of insertion.
            let sorted: BTreeMap<_, _> = map.iter().filter(|(_, value)| !value.is_null()).collect();
            write_items(text, *b"{}", depth, sorted.into_iter(), |text, (key, value)| {
                write_scalar(text, key);
                text.extend(b": ");
                write_value(text, value, depth + 1, part);
            });
        }
        scalar => write_scalar(text, scalar),
    }
}

fn write_scalar(text: &mut Vec<u8>, scalar: &(impl Serialize + ?Sized)) {
    // Neither a scalar nor a vector can fail.
    let _infallible = serde_json::to_writer(text, scalar);
}

fn write_items<T>(
    text: &mut Vec<u8>,
    [open, close]: [u8; 2],
    depth: usize,
    items: impl ExactSizeIterator<Item = T>,
    mut write_item: impl FnMut(&mut Vec<u8>, T),
) {
    let empty = items.len() == 0;
    text.push(open);
    for (n, item) in items.enumerate() {
        text.extend(if n == 0 { &b"\n"[..] } else { b",\n" });
        indent(text, depth + 1);
        write_item(text, item);
    }
    if !empty {
        text.push(b'\n');
        indent(text, depth);
    }
    text.push(close);
}

fn indent(text: &mut Vec<u8>, depth: usize) {
    text.resize(text.len() + 2 * depth, b' ');
}

/// A runtime configuration as a value: the same for equal specs, valid under the schema, without empty leftovers.
///
/// `oci-spec` 0.10 keeps capabilities in a `HashSet`, so their order changes from run to run, and writes `null` for
/// an absent `linux.resources.devices[].access` and `linux.netDevices.*.name`, which the schema refuses.
pub fn spec(spec: &oci::Spec) -> Result<Value, serde_json::Error> {
    let mut value = pruned(spec)?;
    sort_capabilities(&mut value);
    Ok(value)
}

/// A part of a configuration as a value, without empty leftovers.
pub fn pruned(part: &impl Serialize) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(part)?;
    prune(&mut value, Within::Spec);
    Ok(value)
}

/// Sets, in the sense that no runtime looks at their order.
fn sort_capabilities(value: &mut Value) {
    let capabilities = value.pointer_mut("/process/capabilities").and_then(Value::as_object_mut);
    for list in capabilities.into_iter().flat_map(Map::values_mut).filter_map(Value::as_array_mut) {
        list.sort_unstable_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
}

/// What an empty value in an object means.
#[derive(Clone, Copy)]
enum Within {
    /// The same as an absent one.
    Spec,
    /// Something: an empty set of capabilities is a decision, a network device without options is moved all the same.
    Meaningful,
}

impl Within {
    fn of(key: &str) -> Self {
        match key {
            "capabilities" | "netDevices" | "rdma" => Within::Meaningful,
            _ => Within::Spec,
        }
    }
}

fn prune(value: &mut Value, within: Within) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| prune(item, Within::Spec)),
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                prune(value, Within::of(key));
            }
            map.retain(|key, value| keep(key, value, within));
        }
        _ => {}
    }
}

/// `intelRdt` asks for a group of its own by being there.
fn keep(key: &str, value: &Value, within: Within) -> bool {
    let empty = match value {
        Value::Null => return false,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    !empty || key == "intelRdt" || matches!(within, Within::Meaningful)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn text(value: &Value) -> String {
        String::from_utf8(canonical(value)).unwrap()
    }

    #[test]
    fn one_item_a_line() {
        let value = json!({"b": [1, -2, [], {}], "a": {"é\n": "x\"y", "gone": null}, "c": [null, true]});
        let want = r#"{
  "a": {
    "é\n": "x\"y"
  },
  "b": [
    1,
    -2,
    [],
    {}
  ],
  "c": [
    null,
    true
  ]
}
"#;
        assert_eq!(text(&value), want);
        assert_eq!(text(&json!({})), "{}\n");
        assert_eq!(text(&json!({"a": null})), "{}\n");
        assert_eq!(
            text(&json!([u64::MAX, i64::MIN])),
            "[\n  18446744073709551615,\n  -9223372036854775808\n]\n"
        );
    }

    fn sample() -> oci::Spec {
        let annotations: Map<_, _> = (0..30).map(|n| (format!("key{n}"), json!("value"))).collect();
        let all = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_MKNOD", "CAP_NET_RAW", "CAP_FOWNER"];
        serde_json::from_value(json!({
            "ociVersion": "1.2.0",
            "annotations": annotations,
            "hooks": {"poststop": []},
            "mounts": [{"destination": "/proc", "options": []}],
            "process": {
                "cwd": "/",
                "user": {"uid": 0, "gid": 0},
                "capabilities": {"bounding": all, "effective": all, "permitted": all, "ambient": []},
            },
            "linux": {
                "sysctl": {"b": "1", "a": "2"},
                "netDevices": {"eth0": {}},
                "resources": {"devices": [{"allow": false}], "memory": {}},
            },
        }))
        .unwrap()
    }

    #[test]
    fn fifty_times_the_same() {
        let first = canonical(&spec(&sample()).unwrap());
        for _ in 0..50 {
            assert_eq!(canonical(&spec(&sample()).unwrap()), first);
        }
    }

    #[test]
    fn only_what_means_something_stays() {
        let value = spec(&sample()).unwrap();
        assert_eq!(value.pointer("/hooks"), None);
        assert_eq!(value.pointer("/mounts/0"), Some(&json!({"destination": "/proc"})));
        assert_eq!(value.pointer("/linux/resources"), Some(&json!({"devices": [{"allow": false}]})));
        assert_eq!(value.pointer("/linux/netDevices"), Some(&json!({"eth0": {}})));
        assert_eq!(value.pointer("/process/capabilities/ambient"), Some(&json!([])));
        let sorted = ["CAP_CHOWN", "CAP_FOWNER", "CAP_KILL", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETUID"];
        assert_eq!(value.pointer("/process/capabilities/bounding"), Some(&json!(sorted)));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(".*", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reading_back_gives_the_same_text(value in any_json()) {
            let first = canonical(&value);
            let back: Value = serde_json::from_slice(&first).unwrap();
            prop_assert_eq!(canonical(&back), first);
        }
    }
}
