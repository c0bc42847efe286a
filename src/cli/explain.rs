//! `bundlegen explain`.

use serde_json::Value;

use super::project::{Built, from_lock};
use super::{ExplainArgs, Outcome, complain, say};
use crate::bundle::tree::{Entry, RelPath};
use crate::lower::origin::{Origin, Origins};
use crate::nearest::nearest;
use crate::project::Unused;
use crate::review::place::Place;
use crate::source::Sources;

pub(super) fn run(args: &ExplainArgs) -> Outcome {
    let built = match from_lock(&args.build, &[], Unused::Ignored) {
        Ok(built) => built,
        Err(outcome) => return outcome,
    };
    match explained(&built, &args.service, &args.pointer) {
        Ok(text) => {
            say(&text);
            Outcome::Done
        }
        Err(message) => {
            complain(&format!("error: {message}\n"));
            Outcome::Wrong
        }
    }
}

/// A line for every recorded origin at the pointer and below it; for a value without one of its own, the line of the
/// nearest one around it.
fn explained(built: &Built, service: &str, pointer: &str) -> Result<String, String> {
    let origins = &built.compiled.origins;
    let Some(of_service) = origins.get(service) else {
        let known = nearest(service, origins.keys().map(|name| &**name));
        let hint = known.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        return Err(format!("no bundle is called `{service}`{hint}"));
    };
    let config = config(built, service)?;
    let Some(value) = config.pointer(pointer) else {
        return Err(format!("there is no `{pointer}` in the `config.json` of `{service}`"));
    };
    let mut rows: Vec<[String; 3]> = Vec::new();
    if let Some(origin) = of_service.of(pointer) {
        rows.push(row(&built.sources, pointer, value, origin));
    }
    let mut inner: Vec<_> = below(of_service, pointer).collect();
    inner.sort_by_cached_key(|(at, _)| by_number(at));
    let known = inner.into_iter().filter_map(|(at, origin)| Some((at, config.pointer(at)?, origin)));
    rows.extend(known.map(|(at, value, origin)| row(&built.sources, at, value, origin)));
    Ok(table(&rows))
}

fn below<'o>(origins: &'o Origins, pointer: &'o str) -> impl Iterator<Item = (&'o str, &'o Origin)> {
    origins.iter().filter(move |(at, _)| at.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/')))
}

/// The parts of a pointer, so that the tenth item of a list comes after the ninth.
fn by_number(pointer: &str) -> Vec<(Option<u32>, String)> {
    pointer.split('/').map(|part| (part.parse().ok(), part.to_owned())).collect()
}

fn config(built: &Built, service: &str) -> Result<Value, String> {
    let path = RelPath::parse(&format!("{service}/config.json")).ok();
    match path.and_then(|path| built.compiled.tree.get(&path)) {
        Some(Entry::File { bytes, .. }) => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
        _ => Err(format!("`{service}` has no `config.json`")),
    }
}

fn row(sources: &Sources, at: &str, value: &Value, origin: &Origin) -> [String; 3] {
    let at = if at.is_empty() { "/" } else { at };
    [at.to_owned(), shown(value), Place::new(sources, origin).to_string()]
}

/// How much of a value fits in a line.
const SHOWN: usize = 40;

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match value {
        _ if text.chars().count() <= SHOWN => text,
        Value::Object(_) => "{…}".to_owned(),
        Value::Array(_) => "[…]".to_owned(),
        _ => text.chars().take(SHOWN - 1).chain(['…']).collect(),
    }
}

fn table(rows: &[[String; 3]]) -> String {
    let width = |column: fn(&[String; 3]) -> &String| {
        rows.iter().map(|row| column(row).chars().count()).max().unwrap_or_default()
    };
    let (first, second) = (width(|[at, ..]| at), width(|[_, value, _]| value));
    let lines = rows.iter().map(|[at, value, origin]| format!("{at:first$}  {value:second$}  {origin}"));
    lines.chain([String::new()]).collect::<Vec<_>>().join("\n")
}
