//! Mounts, with what `prepare` is told about their sources.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::facts::{Fact, Facts};
use super::rest::Rest;
use super::{Group, words};
use crate::lower::annotations::{CREATE, EXTERNAL, NOCOPY, PRIVATE};
use crate::lower::defaults::MOUNTS;
use crate::lower::mounts::HOSTNAME;
use crate::lower::origin::escaped;

/// What is noted of sources, and how it is said.
const NOTES: [(&str, &str); 3] =
    [(CREATE, "made by `prepare`"), (NOCOPY, "not filled from the image"), (EXTERNAL, "must be there")];

/// What is said of a source: in words, in full, and where.
type Notes = BTreeMap<String, Vec<(String, Value, String)>>;

pub(super) fn mounts(facts: &mut Facts, rest: &mut Rest) {
    let mut notes = notes(rest);
    let mut used: Vec<String> = Vec::new();
    let mut keys = Vec::new();
    for (at, mount) in rest.items("/mounts") {
        let source = words::field(&mount, "source").to_owned();
        let of_source = notes.get(&source).cloned().unwrap_or_default();
        used.push(source);
        let mut shown = shown(&mount);
        for (words, ..) in of_source.iter().filter(|(words, ..)| !words.is_empty()) {
            shown = format!("{shown}, {words}");
        }
        let exact: Vec<&Value> = of_source.iter().map(|(_, exact, _)| exact).collect();
        let destination = mount.get("destination").map(words::plain).unwrap_or_default();
        let usual = is_usual(&mount);
        let exact = json!([mount, exact]);
        let is_host_name = destination == HOSTNAME;
        let mut fact =
            Fact::new(Group::FileSystem, "mount", destination, exact).shown(shown).at(at).usual(usual);
        if is_host_name {
            fact = fact.part_of("host name", "");
        }
        fact.pointers.extend(of_source.into_iter().map(|(.., at)| at));
        keys.push(facts.add(fact));
    }
    facts.order("/mounts", keys);
    for source in used {
        notes.remove(&source);
    }
    for (source, notes) in notes {
        for (words, exact, at) in notes {
            let words = if words.is_empty() { "made by `prepare`".to_owned() } else { words };
            facts.add(Fact::new(Group::FileSystem, "source", source.clone(), exact).shown(words).at(at));
        }
    }
}

/// What annotations say of sources; what is no list of texts stays where it is.
fn notes(rest: &mut Rest) -> Notes {
    let mut notes = Notes::new();
    for (key, words) in NOTES {
        // That a source is made goes without saying: a build makes those of short form and of volumes.
        let words = if key == CREATE { "" } else { words };
        let at = format!("/annotations/{}", escaped(key));
        for source in listed(rest, &at, |item| item.as_str().map(str::to_owned)) {
            notes.entry(source.0).or_default().push((words.to_owned(), json!(key), at.clone()));
        }
    }
    let at = format!("/annotations/{}", escaped(PRIVATE));
    let path = |item: &Value| item.get("path").and_then(Value::as_str).map(str::to_owned);
    for (path, file) in listed(rest, &at, path) {
        let from = match (words::field(&file, "environment"), words::field(&file, "file")) {
            ("", "") => String::new(),
            ("", file) => format!("a copy of {file}, "),
            (variable, _) => format!("from ${variable}, "),
        };
        let owner = |key: &str| file.get(key).map(ToString::to_string).unwrap_or_default();
        let words =
            format!("{from}mode {} of {}:{}", words::field(&file, "mode"), owner("uid"), owner("gid"));
        notes.entry(path).or_default().push((words, file, at.clone()));
    }
    notes
}

/// The items of the JSON list that an annotation is, if it is one in which all have a name.
fn listed(rest: &mut Rest, at: &str, name: impl Fn(&Value) -> Option<String>) -> Vec<(String, Value)> {
    let Some(annotation) = rest.take(at) else { return Vec::new() };
    let items: Option<Vec<Value>> = annotation.as_str().and_then(|text| serde_json::from_str(text).ok());
    let named = items.filter(|items| !items.is_empty()).and_then(|items| {
        items.into_iter().map(|item| Some((name(&item)?, item))).collect::<Option<Vec<(String, Value)>>>()
    });
    named.unwrap_or_else(|| {
        rest.give_back(at, annotation);
        Vec::new()
    })
}

/// Options that say nothing to a reviewer, as every bind mount has them.
const SILENT: [&str; 4] = ["rbind", "bind", "rprivate", "private"];

/// A mount in a line: the source, and what it is like.
fn shown(mount: &Value) -> String {
    let options = mount.get("options").and_then(Value::as_array);
    let options: Vec<&str> = options.into_iter().flatten().filter_map(Value::as_str).collect();
    let is_bind = options.iter().any(|option| matches!(*option, "bind" | "rbind"));
    let kind = if is_bind { words::field(mount, "source") } else { words::field(mount, "type") };
    let access = if options.contains(&"ro") { "ro" } else { "rw" };
    let said = options
        .iter()
        .filter(|option| !(matches!(**option, "ro" | "rw") || is_bind && SILENT.contains(option)));
    let said = said.map(|option| size(option)).collect::<Vec<_>>();
    let all = [vec![access.to_owned()], said].concat().join(",");
    format!("{kind} ({all})")
}

/// An option, a size in units.
fn size(option: &str) -> String {
    let amount = option.strip_prefix("size=").and_then(|amount| amount.parse::<i64>().ok());
    amount.map_or_else(
        || option.to_owned(),
        |amount| format!("size={}", words::bytes(&json!(amount)).replace(' ', "")),
    )
}

/// Whether it is one of the mounts that a container has anyhow.
fn is_usual(mount: &Value) -> bool {
    let of_docker = MOUNTS.iter().any(|usual| {
        json!({"destination": usual.destination, "type": usual.kind, "source": usual.source, "options": usual.options})
            == *mount
    });
    let destination = words::field(mount, "destination");
    let own = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"].contains(&destination);
    of_docker
        || own && destination.trim_start_matches('/') == words::field(mount, "source").trim_start_matches('/')
}
