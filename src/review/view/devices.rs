//! The devices of the host that a container can use: its nodes, the rules for numbers without a node, and the nodes that
//! are mounted.

use std::collections::BTreeSet;

use serde_json::Value;

use super::capabilities::{allows_all, is_privileged};
use super::mounts::of_the_host;
use super::places::{Meaning, meaning};
use crate::inspect::Bundle;
use crate::lower::defaults::DEVICES;

/// A device that a container can use.
#[derive(Debug)]
pub struct Device {
    /// What says so, as a JSON pointer.
    pub pointer: String,
    /// Its path in the container, or a rule.
    pub name: String,
    /// That it can be used, in words.
    pub said: String,
    /// What can be done with it to the host, if more than its driver allows.
    pub danger: Option<&'static str>,
}

/// A kind of device and its numbers; none stands for any.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Numbers<'a> {
    kind: &'a str,
    major: Option<i64>,
    minor: Option<i64>,
}

/// The devices. A privileged container has them all, which is another matter.
pub fn devices(bundle: &Bundle) -> Vec<Device> {
    if is_privileged(bundle) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut nodes: BTreeSet<Numbers> = BTreeSet::new();
    for (index, node) in bundle.list("/linux/devices").iter().enumerate() {
        let numbers = Numbers::of(node);
        nodes.insert(numbers);
        let name = text(node, "path").to_owned();
        let said = format!("the container has the device `{name}`");
        let danger = numbers.danger().or_else(|| of_name(&name));
        if !numbers.is_usual() {
            found.push(Device { pointer: format!("/linux/devices/{index}"), name, said, danger });
        }
    }
    found.extend(rules(bundle, &nodes));
    found.extend(mounted(bundle));
    found
}

/// The rules that allow more than the nodes need.
fn rules(bundle: &Bundle, nodes: &BTreeSet<Numbers>) -> Vec<Device> {
    let rules = bundle.list("/linux/resources/devices").iter().enumerate();
    let found = rules.filter_map(|(index, rule)| {
        let access = rule.get("access").and_then(Value::as_str).unwrap_or("rwm");
        let allowed = rule.get("allow") == Some(&Value::Bool(true)) && access.contains(['r', 'w']);
        let mut numbers = Numbers::of(rule);
        if !allowed || numbers.is_usual() || nodes.contains(&numbers) {
            return None;
        }
        if allows_all(rule) {
            numbers.kind = "a";
        }
        let name = numbers.to_string();
        let said = format!("the container may use devices `{name}`");
        let pointer = format!("/linux/resources/devices/{index}");
        Some(Device { pointer, name, said, danger: numbers.danger() })
    });
    found.collect()
}

fn mounted(bundle: &Bundle) -> impl Iterator<Item = Device> {
    of_the_host(bundle)
        .filter(|(mount, path)| meaning(path, mount.is_writable()) == Some(Meaning::Device))
        .map(|(mount, path)| {
            let said = format!("the container has the device `{path}`");
            let danger = of_name(&path);
            Device { pointer: mount.pointer(), name: mount.destination.to_owned(), said, danger }
        })
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

impl<'a> Numbers<'a> {
    fn of(value: &'a Value) -> Self {
        let number = |key: &str| value.get(key).and_then(Value::as_i64).filter(|number| *number >= 0);
        // `u` is another word for `c`, and `p` a pipe, which has no numbers.
        let kind = match text(value, "type") {
            "u" => "c",
            "" => "a",
            kind => kind,
        };
        Numbers { kind, major: number("major"), minor: number("minor") }
    }

    /// Every container has these.
    fn is_usual(&self) -> bool {
        let numbers = self.major.zip(self.minor);
        // Terminals of the container's own, and the multiplexer that makes them.
        let terminal =
            matches!(self.major, Some(136..=143)) || numbers == Some((5, 2)) || numbers == Some((1, 7));
        self.kind == "c" && (terminal || numbers.is_some_and(|numbers| DEVICES.contains(&numbers)))
            || self.kind == "p"
    }

    /// By the kernel's list of allocated numbers (`Documentation/admin-guide/devices.txt`).
    fn danger(&self) -> Option<&'static str> {
        match (self.kind, self.major, self.minor) {
            ("a", ..) | ("c", None, _) => Some(ANY),
            // Memory, and what reads discs that the host does not start from.
            ("b", Some(1 | 2 | 11), _) => None,
            ("b", ..) | (_, Some(10), None | Some(236 | 237)) | (_, Some(21), _) => Some(DISK),
            (_, Some(1), None | Some(1 | 2 | 4)) => Some(MEMORY),
            (_, Some(10), Some(223)) => Some(KEYBOARD),
            (_, Some(202), _) => Some(REGISTERS),
            _ => None,
        }
    }
}

impl std::fmt::Display for Numbers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = |number: Option<i64>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
        write!(f, "{} {}:{}", self.kind, number(self.major), number(self.minor))
    }
}

const ANY: &str = "among them are the host's disks and its memory";
const DISK: &str = "with it every file on a disk of the host can be read or changed";
const MEMORY: &str = "with it the memory of the host can be read or changed";
const KEYBOARD: &str = "with it the container types on the host's keyboard";
const REGISTERS: &str = "with it the processor can be told to run other code in the kernel";

/// What devices are by their names, where numbers are given when a driver is loaded.
fn of_name(path: &str) -> Option<&'static str> {
    const DISKS: &[&str] =
        &["sd", "hd", "vd", "xvd", "nvme", "dm-", "md", "mmcblk", "nbd", "loop", "sg", "zd", "drbd", "rbd"];
    let name = path.strip_prefix("/dev/")?;
    let (first, below) = name.split_once('/').unwrap_or((name, ""));
    match (first, below) {
        ("mem" | "kmem" | "port" | "core", "") => Some(MEMORY),
        ("uinput", "") | ("input", "uinput") => Some(KEYBOARD),
        ("cpu", msr) if msr.ends_with("msr") => Some(REGISTERS),
        ("mapper" | "disk" | "block" | "md" | "zvol" | "raw", _) => Some(DISK),
        (disk, "") => {
            let counted = |rest: &str| {
                let mut letters = rest.chars();
                letters.next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            };
            let is_disk = |prefix: &&str| disk.strip_prefix(*prefix).is_some_and(counted);
            DISKS.iter().any(is_disk).then_some(DISK)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dangers_by_name() {
        for (path, danger) in [
            ("/dev/mem", Some(MEMORY)),
            ("/dev/sda1", Some(DISK)),
            ("/dev/nvme0n1", Some(DISK)),
            ("/dev/mapper/root", Some(DISK)),
            ("/dev/loop-control", Some(DISK)),
            ("/dev/uinput", Some(KEYBOARD)),
            ("/dev/cpu/0/msr", Some(REGISTERS)),
            ("/dev/sda", Some(DISK)),
            ("/dev/snd/timer", None),
            ("/dev/dri/card0", None),
            ("/dev/kvm", None),
            ("/dev/fuse", None),
            ("/dev/net/tun", None),
            ("/dev/ttyUSB0", None),
            ("/dev/vda", Some(DISK)),
            ("/dev/video0", None),
            ("/dev", None),
        ] {
            assert_eq!(of_name(path), danger, "{path}");
        }
    }

    #[test]
    fn dangers_by_number() {
        for (rule, danger) in [
            (json!({"type": "a"}), Some(ANY)),
            (json!({}), Some(ANY)),
            (json!({"type": "c", "major": -1, "minor": -1}), Some(ANY)),
            (json!({"type": "b", "major": 8}), Some(DISK)),
            (json!({"type": "b", "major": 11, "minor": 0}), None),
            (json!({"type": "c", "major": 1, "minor": 1}), Some(MEMORY)),
            (json!({"type": "c", "major": 1, "minor": 11}), None),
            (json!({"type": "c", "major": 10, "minor": 229}), None),
            (json!({"type": "u", "major": 10, "minor": 223}), Some(KEYBOARD)),
            (json!({"type": "c", "major": 226}), None),
        ] {
            assert_eq!(Numbers::of(&rule).danger(), danger, "{rule}");
        }
    }
}
