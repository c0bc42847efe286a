//! Where the values of a `config.json` come from, as a table for people and as JSON for programs.

pub mod pointer;

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::place::{From, Place, Variable};
use super::{Bundles, Made};
use crate::lower::origin::{Origin, Origins};
use crate::nearest::nearest;
use crate::printable::is_unprintable;
use pointer::Unknown;

/// A value and where it comes from.
#[derive(Debug)]
pub struct Row<'a> {
    /// The JSON pointer of the value.
    pub pointer: String,
    /// The value.
    pub value: &'a Value,
    /// Where it comes from.
    pub origin: &'a Origin,
    /// The same in words.
    pub place: Place,
    /// What else had a say in it.
    pub further: Vec<(&'a Origin, Place)>,
}

/// Why nothing can be explained.
#[derive(Debug, thiserror::Error)]
pub enum Unexplained {
    /// There is no such bundle.
    #[error("no bundle is called `{name}`{hint}", hint = hint(near.as_deref()))]
    Bundle {
        /// What was asked for.
        name: String,
        /// The bundle that was probably meant.
        near: Option<String>,
    },
    /// There is no such value.
    #[error("there is no `{asked}` in the `config.json` of `{bundle}`: {reason}")]
    Value {
        /// The pointer, as it was given.
        asked: String,
        /// The bundle.
        bundle: String,
        /// What is there, and what is not.
        reason: Unknown,
    },
}

fn hint(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// A row for every origin that is known of the value at a pointer and what is below it; of a value without one of its own,
/// that of the nearest one around it. Items of lists are in their order.
pub fn explain<'a>(
    made: &Made<'a>,
    bundles: &'a Bundles,
    bundle: &str,
    asked: &str,
) -> Result<Vec<Row<'a>>, Unexplained> {
    let known = made.origins(bundle).zip(bundles.bundles.get(bundle));
    let Some((origins, files)) = known else {
        let near = nearest(bundle, bundles.bundles.keys().map(String::as_str)).map(str::to_owned);
        return Err(Unexplained::Bundle { name: bundle.to_owned(), near });
    };
    let config = &files.config;
    let pointer = pointer::find(config, asked).map_err(|reason| Unexplained::Value {
        asked: asked.to_owned(),
        bundle: bundle.to_owned(),
        reason,
    })?;
    let mut found: Vec<_> = below(origins, &pointer).collect();
    found.sort_by_cached_key(|(at, _)| by_number(at));
    let own = origins.of(&pointer).map(|origin| (pointer.as_str(), origin));
    let all = own.into_iter().chain(found);
    let row = |(at, origin): (&str, &'a Origin)| {
        let value = config.pointer(at)?;
        let known = |origin: &'a Origin| Place::known(made, bundle, origin);
        let further = origins.further(at).iter().map(|origin| (origin, known(origin))).collect();
        Some(Row { pointer: at.to_owned(), value, origin, place: known(origin), further })
    };
    Ok(all.filter_map(row).collect())
}

fn below<'o>(origins: &'o Origins, pointer: &str) -> impl Iterator<Item = (&'o str, &'o Origin)> {
    let is_below = move |at: &str| at.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/'));
    origins.iter().filter(move |(at, _)| is_below(at))
}

/// The parts of a pointer, so that the tenth item of a list comes after the ninth.
fn by_number(pointer: &str) -> Vec<(Option<u32>, String)> {
    pointer.split('/').map(|part| (part.parse().ok(), part.to_owned())).collect()
}

/// The rows as a table: pointer, value, origin. Items of a list that stand side by side and have one origin share a line.
pub fn text(rows: &[Row]) -> String {
    let mut lines: Vec<[String; 3]> = Vec::new();
    for group in rows.chunk_by(share_a_line) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let pointer = match last.pointer.rsplit_once('/') {
            Some((_, index)) if group.len() > 1 => format!("{}…{index}", first.pointer),
            _ if first.pointer.is_empty() => "/".to_owned(),
            _ => first.pointer.clone(),
        };
        let values = group.iter().map(|row| summary(row.value)).collect::<Vec<_>>().join(" ");
        let places = [&first.place].into_iter().chain(first.further.iter().map(|(_, place)| place));
        let places: Vec<String> = places.map(Place::to_string).collect();
        lines.push([pointer, cut(&values), places.join("; ")]);
    }
    table(&lines)
}

fn share_a_line(a: &Row, b: &Row) -> bool {
    let list = |row: &Row| {
        let (list, index) = row.pointer.rsplit_once('/')?;
        let item = index.parse::<u32>().ok()?;
        (!row.value.is_object()).then(|| (list.to_owned(), item))
    };
    let side_by_side = match (list(a), list(b)) {
        (Some((a, first)), Some((b, second))) => a == b && first.checked_add(1) == Some(second),
        _ => false,
    };
    side_by_side && a.origin == b.origin && a.further == b.further
}

/// The keys of an object by which people tell it from others of its kind.
const NAMES: [&str; 3] = ["destination", "path", "type"];

/// A value in a line.
fn summary(value: &Value) -> String {
    let name = |key| Some((key, value.get(key)?.as_str()?));
    match value {
        Value::Array(items) if items.is_empty() => "[]".to_owned(),
        Value::Array(_) => "[…]".to_owned(),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => match NAMES.into_iter().find_map(name) {
            Some((key, name)) => format!("{{{key}: {name}, …}}"),
            None if map.len() == 1 => value.to_string(),
            None => "{…}".to_owned(),
        },
        other => other.to_string(),
    }
}

/// How much of a value fits in a line.
const SHOWN: usize = 40;

fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN - 1).chain(['…']).collect()
}

/// No column is wider: one long key must not widen every line.
const WIDEST: usize = 80;

fn table(rows: &[[String; 3]]) -> String {
    let width = |column: fn(&[String; 3]) -> &String| {
        rows.iter().map(|row| column(row).chars().count()).max().unwrap_or_default().min(WIDEST)
    };
    let (first, second) = (width(|[at, ..]| at), width(|[_, value, _]| value));
    let lines = rows.iter().map(|[at, value, origin]| format!("{at:first$}  {value:second$}  {origin}"));
    lines.chain([String::new()]).collect::<Vec<_>>().join("\n")
}

/// The rows as a JSON list of `{pointer, value, origin, also}`, with a line feed at the end. What a terminal would act on is
/// escaped.
pub fn json(rows: &[Row]) -> String {
    let row = |row: &Row| {
        let further: Vec<Value> = row.further.iter().map(|(one, place)| origin(one, place)).collect();
        let origin = origin(row.origin, &row.place);
        json!({ "pointer": row.pointer, "value": row.value, "origin": origin, "also": further })
    };
    let text = format!("{:#}\n", Value::Array(rows.iter().map(row).collect()));
    if !text.contains(is_unprintable) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if !is_unprintable(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _infallible = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

fn origin(origin: &Origin, place: &Place) -> Value {
    let kind = match origin {
        Origin::Written(_) => "file",
        Origin::Lock(_) => "lock",
        Origin::Image { reference, part } => {
            return json!({ "kind": "image", "reference": &**reference, "part": part });
        }
        Origin::Option(option) => return json!({ "kind": "option", "option": option }),
        Origin::Default(reason) => return json!({ "kind": "default", "reason": reason }),
    };
    match place {
        Place::File { file, line, column, attribute, written, variables } => json!({
            "kind": kind, "file": file, "line": line, "column": column, "attribute": attribute, "text": written,
            "variables": variables.iter().map(variable).collect::<Vec<_>>(),
        }),
        Place::Other(words) => json!({ "kind": kind, "text": words }),
    }
}

fn variable(variable: &Variable) -> Value {
    let Variable { name, value, from } = variable;
    let from = match from {
        From::File { file, line, column } => {
            json!({ "kind": "file", "file": file, "line": line, "column": column })
        }
        From::Environment { meant } => json!({ "kind": "environment", "meant": meant }),
        From::Project => json!({ "kind": "project" }),
        From::Nobody => json!({ "kind": "unset" }),
    };
    json!({ "name": name, "value": value, "from": from })
}
