//! What the sections read of a `config.json`. Anything else in it is not ours, and no Compose file can say it.

use serde_json::Value;

/// What a value is to be like.
enum Shape {
    Text,
    Bool,
    Number,
    /// Read by nobody, as it follows from the rest.
    Any,
    Keys(&'static [(&'static str, Shape)]),
    Each(&'static Shape),
    /// A mapping with any names.
    Named(&'static Shape),
}

use Shape::{Any, Bool, Each, Keys, Named, Number, Text};

const TEXTS: Shape = Each(&Text);

const CONFIG: Shape = Keys(&[
    ("annotations", Named(&Text)),
    ("hooks", Keys(&[("createRuntime", HOOKS), ("poststart", HOOKS), ("poststop", HOOKS)])),
    ("hostname", Text),
    ("linux", LINUX),
    ("mounts", Each(&MOUNT)),
    ("ociVersion", Any),
    ("process", PROCESS),
    ("root", Keys(&[("path", Text), ("readonly", Bool)])),
]);

const HOOKS: Shape = Each(&Keys(&[("args", TEXTS), ("env", TEXTS), ("path", Text), ("timeout", Number)]));

const MOUNT: Shape = Keys(&[("destination", Text), ("options", TEXTS), ("source", Text), ("type", Text)]);

const PROCESS: Shape = Keys(&[
    ("apparmorProfile", Text),
    ("args", TEXTS),
    ("capabilities", Keys(&[("bounding", TEXTS), ("effective", TEXTS), ("permitted", TEXTS)])),
    ("cwd", Text),
    ("env", TEXTS),
    ("noNewPrivileges", Bool),
    ("oomScoreAdj", Number),
    ("rlimits", Each(&Keys(&[("hard", Number), ("soft", Number), ("type", Text)]))),
    ("selinuxLabel", Text),
    ("terminal", Bool),
    ("user", Keys(&[("additionalGids", Each(&Number)), ("gid", Number), ("uid", Number)])),
]);

const LINUX: Shape = Keys(&[
    ("cgroupsPath", Text),
    (
        "devices",
        Each(&Keys(&[
            ("fileMode", Number),
            ("gid", Number),
            ("major", Number),
            ("minor", Number),
            ("path", Text),
            ("type", Text),
            ("uid", Number),
        ])),
    ),
    ("maskedPaths", TEXTS),
    ("mountLabel", Text),
    ("namespaces", Each(&Keys(&[("path", Text), ("type", Text)]))),
    ("readonlyPaths", TEXTS),
    ("resources", RESOURCES),
    ("rootfsPropagation", Text),
    ("seccomp", Named(&Any)),
    ("sysctl", Named(&Text)),
]);

const RESOURCES: Shape = Keys(&[
    (
        "blockIO",
        Keys(&[
            ("throttleReadBpsDevice", RATES),
            ("throttleReadIOPSDevice", RATES),
            ("throttleWriteBpsDevice", RATES),
            ("throttleWriteIOPSDevice", RATES),
            ("weight", Number),
            ("weightDevice", Each(&Keys(&[("major", Number), ("minor", Number), ("weight", Number)]))),
        ]),
    ),
    (
        "cpu",
        Keys(&[
            ("cpus", Text),
            ("period", Number),
            ("quota", Number),
            ("realtimePeriod", Number),
            ("realtimeRuntime", Number),
            ("shares", Number),
        ]),
    ),
    (
        "devices",
        Each(&Keys(&[
            ("access", Text),
            ("allow", Bool),
            ("major", Number),
            ("minor", Number),
            ("type", Text),
        ])),
    ),
    (
        "memory",
        Keys(&[
            ("disableOOMKiller", Bool),
            ("limit", Number),
            ("reservation", Number),
            ("swap", Number),
            ("swappiness", Number),
        ]),
    ),
    ("pids", Keys(&[("limit", Number)])),
]);

const RATES: Shape = Each(&Keys(&[("major", Number), ("minor", Number), ("rate", Number)]));

/// The places of what is not ours, as JSON pointers: unknown keys, and values of another type.
pub(super) fn foreign(config: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(config, &CONFIG, "", &mut found);
    found
}

fn check(value: &Value, shape: &Shape, at: &str, found: &mut Vec<String>) {
    match (shape, value) {
        (Keys(keys), Value::Object(map)) => {
            for (key, value) in map {
                let at = format!("{at}/{}", pointed(key));
                match keys.iter().find(|(known, _)| known == key) {
                    Some((_, shape)) => check(value, shape, &at, found),
                    None => found.push(at),
                }
            }
        }
        (Named(shape), Value::Object(map)) => {
            for (key, value) in map {
                check(value, shape, &format!("{at}/{}", pointed(key)), found);
            }
        }
        (Each(shape), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                check(item, shape, &format!("{at}/{index}"), found);
            }
        }
        (Text, Value::String(_)) | (Bool, Value::Bool(_)) | (Any, _) => {}
        (Number, Value::Number(number)) if !number.is_f64() => {}
        _ if at.is_empty() => found.push("/".to_owned()),
        _ => found.push(at.to_owned()),
    }
}

/// A key as a part of a JSON pointer, fit to be shown.
pub(super) fn pointed(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1").escape_debug().to_string()
}
