//! From [`Node`] to Rust values: the shapes that Compose attributes share.
//!
//! Every function takes the node of one value and reports what is wrong with it at its place.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::str::FromStr;

use super::value::key_value::KeyValue;
use crate::diag::{Code, Diagnostics, Invalid, Reported};
use crate::nearest::nearest;
use crate::source::{Span, Spanned};
use crate::yaml::{Entry, Node, Plain, Scalar, Style, Value};

/// A cursor over a mapping: it gives out keys and at the end reports what nobody asked for.
pub struct Table<'n> {
    what: &'static str,
    span: Span,
    entries: &'n [Entry],
    asked: Vec<&'static str>,
    failed: Option<Reported>,
}

impl<'n> Table<'n> {
    /// Begins to read a mapping; `what` names it in messages, such as `a service`.
    pub fn new(d: &mut Diagnostics, node: &'n Node, what: &'static str) -> Result<Self, Reported> {
        match &node.value {
            Value::Map(entries) => {
                Ok(Table { what, span: node.span, entries, asked: Vec::new(), failed: None })
            }
            _ => Err(wrong_type(d, node, &format!("{what} must be a mapping"))),
        }
    }

    /// The value of a key, if the key is there and its value is right.
    pub fn opt<T>(
        &mut self,
        d: &mut Diagnostics,
        key: &'static str,
        decode: impl FnOnce(&mut Diagnostics, &Node) -> Result<T, Reported>,
    ) -> Option<T> {
        let entry = self.find(key)?;
        let value = decode(d, &entry.value);
        self.note(value)
    }

    /// The items of a key that holds a list; empty where the key is missing.
    pub fn list<T>(
        &mut self,
        d: &mut Diagnostics,
        key: &'static str,
        decode: impl FnOnce(&mut Diagnostics, &Node) -> Result<Vec<T>, Reported>,
    ) -> Vec<T> {
        self.opt(d, key, decode).unwrap_or_default()
    }

    /// The value of a key that must be there. Where it is not, [`Table::finish`] fails too.
    pub fn required<T>(
        &mut self,
        d: &mut Diagnostics,
        key: &'static str,
        decode: impl FnOnce(&mut Diagnostics, &Node) -> Result<T, Reported>,
    ) -> Result<T, Reported> {
        let value = if let Some(entry) = self.find(key) {
            decode(d, &entry.value)
        } else {
            let message = format!("{} needs `{key}`", self.what);
            Err(d.error(Code::MissingKey, message).label(self.span, "not in here").emit())
        };
        self.failed = value.as_ref().err().copied().or(self.failed);
        value
    }

    fn find(&mut self, key: &'static str) -> Option<&'n Entry> {
        self.asked.push(key);
        self.entries.iter().find(|entry| &*entry.key == key)
    }

    fn note<T>(&mut self, value: Result<T, Reported>) -> Option<T> {
        value.map_err(|reported| self.failed = Some(reported)).ok()
    }

    /// Reports every key that was not asked for: as work to come where it is in `later`, else as unknown.
    /// Keys that start with `x-` are the user's own.
    pub fn finish(mut self, d: &mut Diagnostics, later: &[&'static str]) -> Result<(), Reported> {
        for entry in self.entries {
            let key = &*entry.key;
            if key.starts_with("x-") || self.asked.contains(&key) {
                continue;
            }
            let reported = if later.contains(&key) {
                let message = format!("`{key}` of {} is not supported yet", self.what);
                d.error(Code::NotSupported, message)
                    .label(entry.key_span, "known to Compose, not done here")
                    .emit()
            } else {
                self.unknown(d, entry, later)
            };
            self.failed = Some(reported);
        }
        self.failed.map_or(Ok(()), Err)
    }

    fn unknown(&self, d: &mut Diagnostics, entry: &Entry, later: &[&'static str]) -> Reported {
        let known = || nearest(&entry.key, self.asked.iter().chain(later).copied());
        let known = if d.has_room() { known() } else { None };
        let message = format!("{} has no key `{}`", self.what, entry.key);
        let draft = d.error(Code::UnknownKey, message).label(entry.key_span, "not known to Compose");
        match known {
            Some(known) => draft.help(format!("did you mean `{known}`?")),
            None => draft.help("a key of your own must start with `x-`"),
        }
        .emit()
    }
}

/// Reports a value of the wrong type; `rule` is what would be right.
pub fn wrong_type(d: &mut Diagnostics, node: &Node, rule: &str) -> Reported {
    if let Value::Broken(reported) = node.value {
        return reported;
    }
    let kind = node.kind();
    let draft = d.error(Code::WrongType, format!("{rule}, and this is {kind}")).label(node.span, kind);
    let Value::Scalar(scalar) = &node.value else { return draft.emit() };
    let typed = scalar.style == Style::Plain && scalar.resolve() != Plain::Str;
    match nearest(&scalar.text, ["true", "false"]).filter(|_| rule.contains("`true`")) {
        Some(known) => draft.help(format!("did you mean `{known}`?")),
        None if typed && rule.contains("a text") => {
            draft.help(format!("quote it to make it a text: `\"{}\"`", scalar.text))
        }
        None if rule.ends_with("a list") => draft.help(format!("write a list of one: `[{}]`", scalar.text)),
        None => draft,
    }
    .emit()
}

fn scalar<'n>(d: &mut Diagnostics, node: &'n Node, rule: &str) -> Result<&'n Scalar, Reported> {
    match &node.value {
        Value::Scalar(scalar) => Ok(scalar),
        _ => Err(wrong_type(d, node, rule)),
    }
}

/// A text; a number or boolean without quotes is none.
pub fn text(d: &mut Diagnostics, node: &Node) -> Result<Spanned<Rc<str>>, Reported> {
    match &node.value {
        Value::Scalar(scalar) if scalar.resolve() == Plain::Str => {
            check_no_nul(d, node, &scalar.text)?;
            Ok(Spanned { value: Rc::clone(&scalar.text), span: node.content() })
        }
        _ => Err(wrong_type(d, node, "this must be a text")),
    }
}

/// The kernel ends every text at a NUL, so nothing that holds one starts as it is written.
fn check_no_nul(d: &mut Diagnostics, node: &Node, text: &str) -> Result<(), Reported> {
    let Some(at) = text.find('\0') else { return Ok(()) };
    let draft = d.error(Code::InvalidValue, "a text cannot contain a NUL character");
    Err(draft.label(node.at(at..at + 1), "").help("remove it").emit())
}

/// `true` or `false`, or a text that says so. Compose casts the words of YAML 1.1 too, and warns.
pub fn boolean(d: &mut Diagnostics, node: &Node) -> Result<Spanned<bool>, Reported> {
    let scalar = scalar(d, node, "this must be `true` or `false`")?;
    let value = match scalar.text.to_lowercase().as_str() {
        "true" => true,
        "false" => false,
        "y" | "yes" | "on" => word(d, node, &scalar.text, true),
        "n" | "no" | "off" => word(d, node, &scalar.text, false),
        _ => return Err(wrong_type(d, node, "this must be `true` or `false`")),
    };
    Ok(Spanned { value, span: node.span })
}

fn word(d: &mut Diagnostics, node: &Node, text: &str, value: bool) -> bool {
    let message = format!("`{text}` is a text in YAML, and is taken for `{value}`");
    d.warning(Code::BooleanWord, message).label(node.span, "").help(format!("write `{value}`")).emit();
    value
}

/// A whole number, or a text of one.
pub fn integer(d: &mut Diagnostics, node: &Node) -> Result<Spanned<i64>, Reported> {
    let rule = "this must be a whole number";
    let scalar = scalar(d, node, rule)?;
    let value = match scalar.resolve() {
        Plain::Int(value) => i64::try_from(value).ok(),
        Plain::Str => scalar.text.parse().ok(),
        _ => None,
    };
    value.map(|value| Spanned { value, span: node.span }).ok_or_else(|| wrong_type(d, node, rule))
}

/// A value with a text form that must be a text in YAML too.
pub fn value<T: FromStr<Err = Invalid>>(d: &mut Diagnostics, node: &Node) -> Result<Spanned<T>, Reported> {
    let text = text(d, node)?;
    parsed(d, node, &text.value)
}

/// A value with a text form that may also stand in YAML as a number.
pub fn text_or_number<T: FromStr<Err = Invalid>>(
    d: &mut Diagnostics,
    node: &Node,
) -> Result<Spanned<T>, Reported> {
    let scalar = scalar(d, node, "this must be a text or a number")?;
    match scalar.resolve() {
        Plain::Str | Plain::Int(_) | Plain::Float(_) => parsed(d, node, &scalar.go_text()),
        _ => Err(wrong_type(d, node, "this must be a text or a number")),
    }
}

/// The bridge from a value type, which knows no places, to a diagnostic.
fn parsed<T: FromStr<Err = Invalid>>(
    d: &mut Diagnostics,
    node: &Node,
    text: &str,
) -> Result<Spanned<T>, Reported> {
    // A number may be parsed in another spelling than it is written in.
    let verbatim = matches!(&node.value, Value::Scalar(scalar) if &*scalar.text == text);
    let place = |range| if verbatim { node.at(range) } else { node.span };
    match text.parse() {
        Ok(value) => Ok(Spanned { value, span: node.span }),
        Err(invalid) => Err(d.invalid(Code::InvalidValue, invalid, place)),
    }
}

/// A list, item by item; every wrong item is reported.
pub fn list<T>(
    item: impl Fn(&mut Diagnostics, &Node) -> Result<T, Reported>,
) -> impl FnOnce(&mut Diagnostics, &Node) -> Result<Vec<T>, Reported> {
    move |d, node| match &node.value {
        Value::Seq(items) => all(items.iter().map(|node| wanted(d).and_then(|()| item(d, node)))),
        _ => Err(wrong_type(d, node, "this must be a list")),
    }
}

/// One item, or a list of them.
pub fn one_or_list<T>(
    item: impl Fn(&mut Diagnostics, &Node) -> Result<T, Reported>,
) -> impl FnOnce(&mut Diagnostics, &Node) -> Result<Vec<T>, Reported> {
    move |d, node| match &node.value {
        Value::Scalar(_) => Ok(vec![item(d, node)?]),
        Value::Seq(items) => all(items.iter().map(|node| wanted(d).and_then(|()| item(d, node)))),
        _ => Err(wrong_type(d, node, "this must be a text or a list")),
    }
}

/// Whether another item is worth looking at. Of a hostile list with hundreds of thousands of mistakes, nobody reads
/// more than the sink keeps.
fn wanted(d: &Diagnostics) -> Result<(), Reported> {
    if d.has_room() { Ok(()) } else { d.failed() }
}

/// All results, or the last error once every item was looked at.
pub fn all<T>(results: impl Iterator<Item = Result<T, Reported>>) -> Result<Vec<T>, Reported> {
    let mut failed = None;
    let values =
        results.filter_map(|result| result.map_err(|reported| failed = Some(reported)).ok()).collect();
    failed.map_or(Ok(values), Err)
}

/// A name with an optional value: an item of `environment`, `labels` and their like.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The name.
    pub key: Spanned<Rc<str>>,
    /// What it is set to; `None` where only the name was given.
    pub value: Option<Spanned<Rc<str>>>,
}

/// A mapping of names to scalars, or a list of `NAME=VALUE` and `NAME`. The last item with a name counts, at the
/// place of the first, as Compose has it.
pub fn pairs(d: &mut Diagnostics, node: &Node) -> Result<Vec<Pair>, Reported> {
    let pairs = match &node.value {
        Value::Map(entries) => all(entries.iter().map(|entry| pair_of_entry(d, entry)))?,
        Value::Seq(items) => all(items.iter().map(|item| wanted(d).and_then(|()| pair_of_item(d, item))))?,
        _ => return Err(wrong_type(d, node, "this must be a mapping or a list of `NAME=VALUE`")),
    };
    let mut unique: Vec<Pair> = Vec::with_capacity(pairs.len());
    let mut places = BTreeMap::new();
    for pair in pairs {
        if let Some(first) = places.get(&pair.key.value).and_then(|at: &usize| unique.get_mut(*at)) {
            *first = pair;
        } else {
            places.insert(Rc::clone(&pair.key.value), unique.len());
            unique.push(pair);
        }
    }
    Ok(unique)
}

fn pair_of_entry(d: &mut Diagnostics, entry: &Entry) -> Result<Pair, Reported> {
    let key = Spanned { value: Rc::clone(&entry.key), span: entry.key_span };
    let value = match &entry.value.value {
        Value::Null => None,
        Value::Scalar(scalar) if scalar.resolve() != Plain::Timestamp => {
            check_no_nul(d, &entry.value, &scalar.text)?;
            Some(Spanned { value: scalar.go_text().into(), span: entry.value.span })
        }
        _ => return Err(wrong_type(d, &entry.value, "this must be a text, a number, a boolean or nothing")),
    };
    if key.value.is_empty() || key.value.contains(['=', '\0']) {
        let message = match &*key.value {
            "" => "a name is missing".to_owned(),
            name => format!("`{}` cannot be a name here: it has a `=` or a NUL", name.escape_debug()),
        };
        return Err(d.error(Code::InvalidValue, message).label(key.span, "").emit());
    }
    Ok(Pair { key, value })
}

fn pair_of_item(d: &mut Diagnostics, node: &Node) -> Result<Pair, Reported> {
    if let Value::Map(_) = &node.value {
        let draft = d.error(Code::WrongType, "an item here must be a text, and this is a mapping");
        return Err(draft
            .label(node.span, "a mapping")
            .help("write NAME=VALUE, or leave the dashes away")
            .emit());
    }
    let pair: Spanned<KeyValue> = value(d, node)?;
    let KeyValue { key, value } = pair.value;
    let start = key.len() + 1;
    let value = value.map(|value| Spanned { span: node.at(start..start + value.len()), value: value.into() });
    Ok(Pair { key: Spanned { span: node.at(0..key.len()), value: key.into() }, value })
}
