//! How a value of a `config.json` is named: by a JSON pointer (RFC 6901), or as `process.args` and `mounts[/data]`.

use std::fmt;

use serde_json::Value;

use crate::lower::origin::escaped;
use crate::nearest::nearest;

/// Why there is no value under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The pointer of the last value that is there.
    pub at: String,
    /// What that value is, and which of its parts was probably meant.
    pub reason: String,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() { "it" } else { &self.at };
        write!(f, "{at} {}", self.reason)
    }
}

/// The JSON pointer of what was asked for. A lone `/` is all of it, as nothing is.
pub fn find(config: &Value, asked: &str) -> Result<String, Unknown> {
    match asked {
        "" | "/" => Ok(String::new()),
        _ if asked.starts_with('/') => along(config, asked),
        _ => by_words(config, asked),
    }
}

fn along(config: &Value, asked: &str) -> Result<String, Unknown> {
    let (mut at, mut value) = (String::new(), config);
    for part in asked.split('/').skip(1) {
        let Some(next) = value.pointer(&format!("/{part}")) else { return Err(unknown(at, value, part)) };
        at = format!("{at}/{part}");
        value = next;
    }
    Ok(at)
}

/// Keys may have dots in them, so the longest that fits is taken.
fn by_words(config: &Value, asked: &str) -> Result<String, Unknown> {
    let (mut at, mut value, mut rest) = (String::new(), config, asked);
    while !rest.is_empty() {
        let (next, after) = match rest.strip_prefix('[') {
            Some(inner) => {
                let (name, after) = inner.split_once(']').unwrap_or((inner, ""));
                (item(value, name).map(|index| index.to_string()).ok_or(name), after)
            }
            None => match key(value, rest) {
                Some((key, after)) => (Ok(escaped(key)), after),
                None => (Err(rest.split(['.', '[']).next().unwrap_or(rest)), ""),
            },
        };
        let part = next.map_err(|name| unknown(at.clone(), value, name))?;
        let Some(below) = value.pointer(&format!("/{part}")) else { return Err(unknown(at, value, &part)) };
        at = format!("{at}/{part}");
        (value, rest) = (below, after.strip_prefix('.').unwrap_or(after));
    }
    Ok(at)
}

/// The longest key that the text begins with, and what is behind it.
fn key<'a, 't>(value: &'a Value, text: &'t str) -> Option<(&'a str, &'t str)> {
    if let Value::Array(_) = value {
        return None;
    }
    let keys = value.as_object()?.keys();
    let fits = keys.filter_map(|key| {
        let rest = text.strip_prefix(key.as_str())?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then_some((key.as_str(), rest))
    });
    fits.max_by_key(|(key, _)| key.len())
}

/// The item of a list: by its number, its text, the name of a variable, or what it is called in the runtime spec.
fn item(value: &Value, name: &str) -> Option<usize> {
    let items = value.as_array()?;
    if let Some(index) = name.parse().ok().filter(|index| *index < items.len()) {
        return Some(index);
    }
    let called = |item: &Value| {
        let text = item.as_str();
        let keys = ["destination", "path", "type"].into_iter().filter_map(|key| item.get(key)?.as_str());
        text.is_some_and(|text| text == name || text.split_once('=').is_some_and(|(key, _)| key == name))
            || keys.into_iter().any(|text| text == name)
    };
    items.iter().position(called)
}

fn unknown(at: String, value: &Value, part: &str) -> Unknown {
    let reason = match value {
        Value::Object(map) => {
            let names = map.keys().map(String::as_str);
            match nearest(part, names) {
                Some(near) => format!("has no `{part}`; did you mean `{near}`?"),
                None => format!("has no `{part}`"),
            }
        }
        Value::Array(items) => match items.len() {
            1 => format!("has no item `{part}`; it has one item, number 0"),
            count => format!("has no item `{part}`; it has {count} items, from 0 on"),
        },
        _ => format!("is `{value}`, and has nothing below it"),
    };
    Unknown { at, reason }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_names() {
        let config = json!({
            "process": {"args": ["sh", "-c"], "env": ["PATH=/bin", "A=b"]},
            "mounts": [{"destination": "/data", "type": "bind"}, {"destination": "/[x]"}],
            "linux": {"sysctl": {"net.ipv4.ip_forward": "1"}, "seccomp": {}},
            "annotations": {"a/b~c": "d"},
        });
        for (asked, want) in [
            ("", Ok("")),
            ("/", Ok("")),
            ("/process/args/0", Ok("/process/args/0")),
            ("process.args", Ok("/process/args")),
            ("process.args[1]", Ok("/process/args/1")),
            ("process.args[sh]", Ok("/process/args/0")),
            ("process.env[A]", Ok("/process/env/1")),
            ("mounts[/data].type", Ok("/mounts/0/type")),
            ("linux.sysctl.net.ipv4.ip_forward", Ok("/linux/sysctl/net.ipv4.ip_forward")),
            ("annotations.a/b~c", Ok("/annotations/a~1b~0c")),
            ("/proces", Err("it has no `proces`; did you mean `process`?")),
            ("process.arg", Err("/process has no `arg`; did you mean `args`?")),
            ("process.args[2]", Err("/process/args has no item `2`; it has 2 items, from 0 on")),
            ("/process/args/0/x", Err("/process/args/0 is `\"sh\"`, and has nothing below it")),
            ("mounts.x", Err("/mounts has no item `x`; it has 2 items, from 0 on")),
            ("[", Err("it has no ``")),
        ] {
            let found = find(&config, asked).map_err(|unknown| unknown.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), want, "{asked}");
        }
    }
}
