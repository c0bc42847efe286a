//! Mappings and lists: which keys they may have, which they must have, and what may not stand in them twice.

use std::collections::BTreeMap;

use super::{broken, check};
use crate::compose::Variables;
use crate::compose::decode::{Expected, meant, missing_key, unknown_key, wanted, wrong_type};
use crate::compose::schema::{Attribute, Equal, Extensions, Key, List, Names, Object, Shape};
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{Span, Spanned};
use crate::yaml::{Entry, Node, Value};

/// The entries of a mapping with known keys. One that must be there and is missing is added as a broken one, so that
/// nobody asks for it again.
pub(super) fn object(
    d: &mut Diagnostics,
    span: Span,
    entries: &[Entry],
    object: &Object,
    variables: Variables,
) -> Vec<Entry> {
    let of = |entry: &Entry| Entry { value: attribute(d, entry, object, variables), ..entry.clone() };
    let mut checked: Vec<Entry> = entries.iter().map(of).collect();
    checked.extend(of_mistyped(entries, &checked, object));
    for Attribute { key, .. } in object.attributes.iter().filter(|attribute| attribute.required) {
        if !checked.iter().any(|entry| &*entry.key == *key) {
            let value = Value::Broken(missing_key(d, object.what, key, span));
            checked.push(Entry::new(*key, span, Node { span, value }));
        }
    }
    checked
}

/// How many unknown keys of a mapping are taken for mistyped ones.
const MAX_MISTYPED: usize = 100;

/// Keys that are not there, as they were probably mistyped, which was reported: nobody misses them.
fn of_mistyped(entries: &[Entry], checked: &[Entry], object: &Object) -> Vec<Entry> {
    let keys = || object.attributes.iter().map(|attribute| attribute.key);
    let is_unknown = |(written, entry): &(&Entry, &Entry)| {
        let refused = matches!(entry.value.value, Value::Broken(_));
        refused && !matches!(written.value.value, Value::Broken(_)) && !keys().any(|key| key == &*entry.key)
    };
    let mut found: Vec<Entry> = Vec::new();
    for (_, entry) in entries.iter().zip(checked).filter(is_unknown).take(MAX_MISTYPED) {
        let is_new = |key: &&str| !entries.iter().chain(&found).any(|entry| &*entry.key == *key);
        if let Some(key) = meant(&entry.key, keys()).filter(is_new) {
            found.push(Entry::new(key, entry.key_span, entry.value.clone()));
        }
    }
    found
}

fn attribute(d: &mut Diagnostics, entry: &Entry, object: &Object, variables: Variables) -> Node {
    let known = object.get(&entry.key);
    let own = match object.extensions {
        Extensions::Refused => false,
        Extensions::Allowed => entry.key.starts_with("x-"),
        Extensions::Everything => true,
    };
    match (known, &entry.value.value) {
        (Some(attribute), _) => check(d, &entry.value, &attribute.shape, variables),
        (None, _) if own => entry.value.clone(),
        (None, Value::Broken(_)) => entry.value.clone(),
        (None, _) => {
            let keys = object.attributes.iter().map(|attribute| attribute.key);
            broken(&entry.value, unknown_key(d, object.what, entry, keys))
        }
    }
}

/// The entries of a mapping with the user's keys.
pub(super) fn names(
    d: &mut Diagnostics,
    entries: &[Entry],
    names: &Names,
    variables: Variables,
) -> Vec<Entry> {
    let of = |entry: &Entry| Entry { value: named(d, entry, names, variables), ..entry.clone() };
    entries.iter().map(of).collect()
}

fn named(d: &mut Diagnostics, entry: &Entry, names: &Names, variables: Variables) -> Node {
    let foreign = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    let wrong = entry.key.char_indices().find(|(_, c)| foreign(*c));
    match (names.key, wrong) {
        _ if matches!(entry.value.value, Value::Broken(_)) => entry.value.clone(),
        (Key::Any, _) if entry.key.is_empty() => {
            let draft = d.error(Code::InvalidValue, "a name is missing").label(entry.key_span, "");
            broken(&entry.value, draft.emit())
        }
        (Key::LooselyAny, _) if entry.key.is_empty() => {
            let draft = d.doubt(Code::InvalidValue, "a name is missing").label(entry.key_span, "");
            draft.help("remove the line, or give it a name").emit();
            check(d, &entry.value, &names.value, variables)
        }
        (Key::LooseName, wrong) if wrong.is_some() || entry.key.is_empty() => unseen(d, entry, names),
        (Key::Name, wrong) if wrong.is_some() || entry.key.is_empty() => {
            let reported = impossible(d, entry, wrong);
            // What else is wrong is said in the same run.
            check(d, &entry.value, &names.value, variables);
            broken(&entry.value, reported)
        }
        _ => match misplaced(d, entry, &names.value) {
            Some(reported) => broken(&entry.value, reported),
            None => check(d, &entry.value, &names.value, variables),
        },
    }
}

/// Reports a key of a definition that stands beside it.
fn misplaced(d: &mut Diagnostics, entry: &Entry, shape: &Shape) -> Option<Reported> {
    let Shape::Object(object) = shape else { return None };
    let key = &*entry.key;
    let wrong = matches!(entry.value.value, Value::Scalar(_) | Value::Seq(_))
        && object.attributes.iter().any(|attribute| attribute.key == key);
    wrong.then(|| {
        let (what, kind) = (object.what, entry.value.kind());
        let message = format!("{what} must be a mapping, and this is {kind}");
        let draft = d.error(Code::WrongType, message).label(entry.value.span, kind);
        draft.help(format!("`{key}` is a key of {what}: indent it below the name of one")).emit()
    })
}

fn impossible(d: &mut Diagnostics, entry: &Entry, wrong: Option<(usize, char)>) -> Reported {
    let name = Spanned { value: entry.key.clone(), span: entry.key_span };
    let (message, place) = match wrong {
        Some((at, c)) => {
            (format!("`{}` cannot stand in a name", c.escape_debug()), name.at(at..at + c.len_utf8()))
        }
        None => ("a name may not be empty".to_owned(), name.span),
    };
    let draft = d.error(Code::Name, message).label(place, "");
    draft.help("names have letters, digits, `.`, `_` and `-`").emit()
}

/// A definition that nothing can refer to. Compose looks at no more of it than that it is one.
fn unseen(d: &mut Diagnostics, entry: &Entry, names: &Names) -> Node {
    match &entry.value.value {
        Value::Scalar(_) | Value::Seq(_) => {
            let reported = wrong_type(d, &entry.value, Expected::Mapping(definition(&names.value)));
            broken(&entry.value, reported)
        }
        _ => entry.value.clone(),
    }
}

/// What an entry of a mapping is called.
fn definition(shape: &Shape) -> &'static str {
    match shape {
        Shape::Object(object) => object.what,
        Shape::Nullable(inner) | Shape::Short(_, inner) => definition(inner),
        _ => "a definition",
    }
}

/// The items of a list.
pub(super) fn list(d: &mut Diagnostics, items: &[Node], list: &List, variables: Variables) -> Vec<Node> {
    let mut checked: Vec<Node> = items.iter().map(|item| check(d, item, &list.item, variables)).collect();
    if matches!(list.equal, Equal::Refused) {
        refuse_equal(d, &mut checked);
    }
    checked
}

fn refuse_equal(d: &mut Diagnostics, items: &mut [Node]) {
    let mut places: BTreeMap<String, (usize, Span)> = BTreeMap::new();
    for (at, item) in items.iter_mut().enumerate() {
        let Some(text) = item.as_str() else { continue };
        let (first, place) = *places.entry(text.to_owned()).or_insert((at, item.span));
        if first != at {
            let reported = wanted(d).map_or_else(
                |reported| reported,
                |()| {
                    let message = format!("items {} and {} are the same", first + 1, at + 1);
                    let draft = d.error(Code::InvalidValue, message).label(item.span, "again here");
                    draft.label(place, "first here").help("remove one of them").emit()
                },
            );
            *item = broken(item, reported);
        }
    }
}
