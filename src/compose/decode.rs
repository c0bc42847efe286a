//! From [`Node`] to Rust values: the shapes that Compose attributes share.
//!
//! Every function takes the node of one value and reports what is wrong with it at its place.

use std::rc::Rc;
use std::str::FromStr;

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
            _ => Err(wrong_type(d, node, Expected::Mapping(what))),
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
            Err(missing_key(d, self.what, key, self.span))
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

    /// Reports every key that was not asked for.
    /// Keys that start with `x-` are the user's own.
    pub fn finish(mut self, d: &mut Diagnostics) -> Result<(), Reported> {
        for entry in self.entries {
            let key = &*entry.key;
            if key.starts_with("x-") || self.asked.contains(&key) {
                continue;
            }
            let reported = if let Value::Broken(reported) = entry.value.value {
                reported
            } else if let Some(reported) = broken_within(&entry.value) {
                // Compose knows the key, or nothing in it would have been looked at.
                reported
            } else {
                unknown_key(d, self.what, entry, self.asked.iter().copied())
            };
            self.failed = Some(reported);
        }
        self.failed.map_or(Ok(()), Err)
    }
}

fn broken_within(node: &Node) -> Option<Reported> {
    node.entries().iter().find_map(|entry| match entry.value.value {
        Value::Broken(reported) => Some(reported),
        _ => None,
    })
}

/// Reports a key that must be there and is not.
pub(super) fn missing_key(d: &mut Diagnostics, what: &str, key: &str, span: Span) -> Reported {
    d.error(Code::MissingKey, format!("{what} needs `{key}`")).label(span, "not in here").emit()
}

/// Reports a key that nobody knows.
pub(super) fn unknown_key<'k>(
    d: &mut Diagnostics,
    what: &str,
    entry: &Entry,
    known: impl Iterator<Item = &'k str>,
) -> Reported {
    let known = if d.has_room() { meant(&entry.key, known) } else { None };
    let message = format!("{what} has no key `{}`", entry.key);
    let draft = d.error(Code::UnknownKey, message).label(entry.key_span, "not known to Compose");
    let blank = |c: char| c.is_whitespace() && !c.is_ascii();
    let help = match entry.key.chars().find(|c| blank(*c)) {
        Some(c) => format!("U+{:04X} in it looks like a blank and is none", u32::from(c)),
        None if what == "a Compose file" && is_like_service(&entry.value) => {
            "indent a service under `services:`".to_owned()
        }
        None => "a key of your own must start with `x-`".to_owned(),
    };
    draft.help(help).did_you_mean(known).emit()
}

fn is_like_service(node: &Node) -> bool {
    ["image", "build", "command", "ports"].iter().any(|key| node.get(key).is_some())
}

/// What else some keys are called: by `docker run` and its `--mount`, and by people.
const SYNONYMS: [(&str, &str); 8] = [
    ("src", "source"),
    ("dst", "target"),
    ("destination", "target"),
    ("readonly", "read_only"),
    ("env", "environment"),
    ("cmd", "command"),
    ("memory", "mem_limit"),
    ("workdir", "working_dir"),
];

/// The known key that another one was probably meant to be.
pub(super) fn meant<'k>(key: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let known: Vec<&str> = known.collect();
    let same = SYNONYMS.iter().find(|(other, _)| *other == key);
    let same = same.and_then(|(_, own)| known.iter().find(|known| *known == own));
    same.copied().or_else(|| nearest(key, known))
}

/// What a value should have been.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// A mapping, with what it describes.
    Mapping(&'static str),
    /// A text.
    Text,
    /// A text or a number.
    TextOrNumber,
    /// A text or a number without a fraction.
    TextOrInteger,
    /// A text or a boolean.
    TextOrBool,
    /// A boolean.
    Bool,
    /// A boolean that nothing else can stand for.
    PlainBool,
    /// A number.
    Number,
    /// A number without a fraction.
    Integer,
    /// A number without a fraction that no text can stand for.
    PlainInteger,
    /// A span of time.
    Duration,
    /// The limit of a process.
    Limit,
    /// A list.
    List,
    /// A text or a list.
    TextOrList,
    /// A text or a mapping.
    TextOrMapping,
    /// A list or a mapping.
    ListOrMapping,
    /// Names with values.
    Pairs,
    /// The value of a name.
    PairValue,
}

impl Expected {
    fn rule(self) -> String {
        let what = match self {
            Expected::Mapping(what) => return format!("{what} must be a mapping"),
            Expected::Text => "a text",
            Expected::TextOrNumber => "a text or a number",
            Expected::TextOrInteger => "a text or a whole number",
            Expected::TextOrBool => "a text, `true` or `false`",
            Expected::Bool => "`true` or `false`",
            Expected::PlainBool => "`true` or `false` without quotes or variables",
            Expected::Number => "a number",
            Expected::Integer => "a whole number",
            Expected::PlainInteger => "a whole number without quotes or variables",
            Expected::Duration => "a span of time such as `30s`",
            Expected::Limit => "a whole number, or a mapping with `soft` and `hard`",
            Expected::List => "a list",
            Expected::TextOrList => "a text or a list",
            Expected::TextOrMapping => "a text or a mapping",
            Expected::ListOrMapping => "a list or a mapping",
            Expected::Pairs => "a mapping or a list of `NAME=VALUE`",
            Expected::PairValue => "a text, a number, a boolean or nothing",
        };
        format!("this must be {what}")
    }

    /// What to write instead of `scalar`, where that can be told.
    fn help(self, scalar: &Scalar) -> Option<String> {
        let text = &scalar.text;
        let plain = scalar.resolve();
        let quoted = || Some(format!("quote it to make it a text: `\"{text}\"`"));
        match self {
            Expected::PairValue if plain == Plain::Timestamp => quoted(),
            Expected::Duration => match plain {
                Plain::Int(_) | Plain::Float(_) => Some(format!("write a unit: `{text}s`")),
                _ => None,
            },
            // No text of such a number is one that is wanted.
            Expected::TextOrInteger if matches!(plain, Plain::Float(_)) => None,
            Expected::PlainBool if matches!(&**text, "true" | "false") => Some(format!("write `{text}`")),
            Expected::PlainInteger if text.parse::<i64>().is_ok_and(|n| n.to_string() == **text) => {
                Some(format!("write `{text}`"))
            }
            Expected::Text
            | Expected::TextOrNumber
            | Expected::TextOrInteger
            | Expected::TextOrBool
            | Expected::TextOrList
            | Expected::TextOrMapping
                if !matches!(plain, Plain::Str | Plain::Null) =>
            {
                quoted()
            }
            Expected::Bool => match (&**text, nearest(text, ["true", "false"])) {
                ("0", _) => Some("write `false`".to_owned()),
                ("1", _) => Some("write `true`".to_owned()),
                (_, known) => known.map(|known| format!("did you mean `{known}`?")),
            },
            Expected::Integer | Expected::PlainInteger | Expected::Limit => match plain {
                Plain::Float(number) => whole(number).map(|whole| format!("write `{whole}`")),
                _ => None,
            },
            Expected::List if plain != Plain::Null => Some(match scalar.style {
                Style::Plain => format!("write a list of one: `[{text}]`"),
                Style::Text | Style::Interpolated => format!("write a list of one: `[\"{text}\"]`"),
            }),
            Expected::Pairs => Some("write lines of `NAME: value`, or of `- NAME=value`".to_owned()),
            Expected::Mapping("a dependency") => Some(format!("write `{{condition: {text}}}`")),
            _ => None,
        }
    }
}

/// The digits of a number such as `1e3`.
fn whole(number: f64) -> Option<String> {
    (number.fract() == 0.0 && number.abs() < 1e15).then(|| format!("{number}"))
}

/// Reports a value of the wrong type.
pub fn wrong_type(d: &mut Diagnostics, node: &Node, expected: Expected) -> Reported {
    if let Value::Broken(reported) = node.value {
        return reported;
    }
    let (rule, kind) = (expected.rule(), kind(node, expected));
    let draft = d.error(Code::WrongType, format!("{rule}, and this is {kind}")).label(node.span, kind);
    let help = match (&node.value, expected) {
        (Value::Scalar(scalar), _) => expected.help(scalar),
        (Value::Null, Expected::Mapping("`services`" | "a service")) => {
            Some("indent below it what belongs to it".to_owned())
        }
        (Value::Map(_), Expected::List) => {
            Some("write each item in a line of its own, behind `- `".to_owned())
        }
        _ => None,
    };
    match help {
        Some(help) => draft.help(help),
        None => draft,
    }
    .emit()
}

/// What a value is. A number that is too large for its type is still a number.
fn kind(node: &Node, expected: Expected) -> &'static str {
    let digits = |text: &str| text.trim_start_matches(['-', '+']).bytes().all(|b| b.is_ascii_digit());
    match (&node.value, expected) {
        (Value::Scalar(scalar), Expected::Integer) if !scalar.text.is_empty() && digits(&scalar.text) => {
            "a number out of range"
        }
        _ => node.kind(),
    }
}

pub(super) fn scalar<'n>(
    d: &mut Diagnostics,
    node: &'n Node,
    expected: Expected,
) -> Result<&'n Scalar, Reported> {
    match &node.value {
        Value::Scalar(scalar) => Ok(scalar),
        _ => Err(wrong_type(d, node, expected)),
    }
}

/// A text; a number or boolean without quotes is none.
pub fn text(d: &mut Diagnostics, node: &Node) -> Result<Spanned<Rc<str>>, Reported> {
    match &node.value {
        Value::Scalar(scalar) if scalar.resolve() == Plain::Str => {
            check_no_nul(d, node, &scalar.text)?;
            Ok(Spanned { value: Rc::clone(&scalar.text), span: node.content() })
        }
        _ => Err(wrong_type(d, node, Expected::Text)),
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
    let scalar = scalar(d, node, Expected::Bool)?;
    let value = match scalar.text.to_lowercase().as_str() {
        "true" => true,
        "false" => false,
        "y" | "yes" | "on" => word(d, node, &scalar.text, true),
        "n" | "no" | "off" => word(d, node, &scalar.text, false),
        _ => return Err(wrong_type(d, node, Expected::Bool)),
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
    let scalar = scalar(d, node, Expected::Integer)?;
    let value = match scalar.resolve() {
        Plain::Int(value) => i64::try_from(value).ok(),
        Plain::Str => scalar.text.parse().ok(),
        _ => None,
    };
    value
        .map(|value| Spanned { value, span: node.span })
        .ok_or_else(|| wrong_type(d, node, Expected::Integer))
}

/// A value with a text form that must be a text in YAML too.
pub fn value<T: FromStr<Err = Invalid>>(d: &mut Diagnostics, node: &Node) -> Result<Spanned<T>, Reported> {
    let text = text(d, node)?;
    parsed(d, node, &text.value)
}

/// A value with a text form, where an empty text says nothing.
pub(super) fn value_or_nothing<T: FromStr<Err = Invalid>>(
    d: &mut Diagnostics,
    node: &Node,
) -> Result<Option<Spanned<T>>, Reported> {
    let text = text(d, node)?;
    if text.value.is_empty() { Ok(None) } else { parsed(d, node, &text.value).map(Some) }
}

/// A value with a text form that may also stand in YAML as a number.
pub fn text_or_number<T: FromStr<Err = Invalid>>(
    d: &mut Diagnostics,
    node: &Node,
) -> Result<Spanned<T>, Reported> {
    let scalar = scalar(d, node, Expected::TextOrNumber)?;
    match scalar.resolve() {
        Plain::Str | Plain::Int(_) | Plain::Float(_) => parsed(d, node, &scalar.go_text()),
        _ => Err(wrong_type(d, node, Expected::TextOrNumber)),
    }
}

/// The bridge from a value type, which knows no places, to a diagnostic.
pub(super) fn parsed<T: FromStr<Err = Invalid>>(
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
        _ => Err(wrong_type(d, node, Expected::List)),
    }
}

/// Whether another item is worth looking at. Of a hostile list with hundreds of thousands of mistakes, nobody reads
/// more than the sink keeps.
pub(super) fn wanted(d: &Diagnostics) -> Result<(), Reported> {
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

/// A mapping of names to scalars.
pub fn pairs(d: &mut Diagnostics, node: &Node) -> Result<Vec<Pair>, Reported> {
    match &node.value {
        Value::Map(entries) => all(entries.iter().map(|entry| pair_of_entry(d, entry))),
        _ => Err(wrong_type(d, node, Expected::Pairs)),
    }
}

fn pair_of_entry(d: &mut Diagnostics, entry: &Entry) -> Result<Pair, Reported> {
    let key = Spanned { value: Rc::clone(&entry.key), span: entry.key_span };
    let value = match &entry.value.value {
        Value::Null => None,
        Value::Scalar(scalar) if scalar.resolve() != Plain::Timestamp => {
            check_no_nul(d, &entry.value, &scalar.text)?;
            Some(Spanned { value: scalar.go_text().into(), span: entry.value.span })
        }
        _ => return Err(wrong_type(d, &entry.value, Expected::PairValue)),
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
