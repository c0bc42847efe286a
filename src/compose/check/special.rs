//! Values that have a grammar of their own.

use super::leaf::{holds_variable, text};
use super::number;
use crate::compose::Variables;
use crate::compose::decode::{self, Expected, missing_key, parsed, unknown_key, wrong_type};
use crate::compose::value::file_mode::FileMode;
use crate::diag::{Code, Diagnostics, Reported};
use crate::nearest::nearest;
use crate::yaml::{Entry, Node, Plain, Value};

/// The name of a container. Compose wants a name somewhere in it.
pub fn container_name(d: &mut Diagnostics, node: &Node, _variables: Variables) -> Result<Node, Reported> {
    let text = text(d, node, Expected::Text)?;
    let named = |pair: (u8, u8)| {
        pair.0.is_ascii_alphanumeric() && (pair.1.is_ascii_alphanumeric() || b"_.-".contains(&pair.1))
    };
    if text.bytes().zip(text.bytes().skip(1)).any(named) {
        return Ok(node.clone());
    }
    let message = format!("a container cannot be called `{}`", text.escape_debug());
    let draft = d.error(Code::InvalidValue, message).label(node.content(), "");
    Err(draft
        .help("a name has a letter or digit, and then at least one letter, digit, `_`, `.` or `-`")
        .emit())
}

/// When an image is pulled, unless it is a period.
const POLICIES: [&str; 8] =
    ["always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly"];

/// When an image is pulled. Compose wants one of its words somewhere in the text, and takes a text with more than that
/// for `missing`.
pub fn pull_policy(d: &mut Diagnostics, node: &Node, _variables: Variables) -> Result<Node, Reported> {
    let text = text(d, node, Expected::Text)?;
    if POLICIES.contains(&text) || text.strip_prefix("every_").is_some_and(is_periods) {
        return Ok(node.clone());
    }
    let help =
        "write `always`, `never`, `missing`, `build`, `daily`, `weekly`, or a period such as `every_12h`";
    let near = nearest(text, POLICIES);
    let found = POLICIES.iter().any(|policy| text.contains(policy))
        || text.split("every_").skip(1).any(|rest| after_period(rest).is_some());
    if found {
        let message =
            format!("`{}` is no pull policy, and Compose takes it for `missing`", text.escape_debug());
        let draft = d.warning(Code::InvalidValue, message).label(node.content(), "");
        draft.help(help).did_you_mean(near).emit();
        return Ok(node.clone());
    }
    let message = format!("`{}` is no pull policy", text.escape_debug());
    let draft = d.error(Code::InvalidValue, message).label(node.content(), "");
    Err(draft.help(help).did_you_mean(near).emit())
}

/// Whether a text is periods: numbers with units.
fn is_periods(text: &str) -> bool {
    let mut rest = text;
    while let Some(after) = after_period(rest) {
        rest = after;
    }
    rest.is_empty() && !text.is_empty()
}

/// What follows a period.
fn after_period(text: &str) -> Option<&str> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?;
    text.get(digits..)?.strip_prefix(['w', 'd', 'h', 'm', 's'])
}

/// The mode of a file: a number, or a text of octal digits.
pub fn file_mode(d: &mut Diagnostics, node: &Node, _variables: Variables) -> Result<Node, Reported> {
    let scalar = decode::scalar(d, node, Expected::TextOrInteger)?;
    let mode = match scalar.resolve() {
        Plain::Str => parsed(d, node, &scalar.text)?.value,
        Plain::Int(value) => match i64::try_from(value) {
            Ok(value) if value >= 0 => FileMode(value),
            _ => {
                let message = format!("`{}` is no mode of a file", scalar.text);
                return Err(d.error(Code::InvalidValue, message).label(node.span, "").emit());
            }
        },
        _ => return Err(wrong_type(d, node, Expected::TextOrInteger)),
    };
    Ok(Node::text(node.span, mode.to_string()))
}

/// A limit of a process: a number, or a soft and a hard one.
pub fn ulimit(d: &mut Diagnostics, node: &Node, variables: Variables) -> Result<Node, Reported> {
    limit(d, node, variables, true)
}

/// The same, but no text.
pub fn plain_ulimit(d: &mut Diagnostics, node: &Node, variables: Variables) -> Result<Node, Reported> {
    limit(d, node, variables, false)
}

fn limit(d: &mut Diagnostics, node: &Node, variables: Variables, texts: bool) -> Result<Node, Reported> {
    match &node.value {
        Value::Map(entries) => {
            let bound = |entry: &Entry| Entry { value: bound(d, entry, variables, texts), ..entry.clone() };
            let mut bounds: Vec<Entry> = entries.iter().map(bound).collect();
            for key in BOUNDS {
                if node.get(key).is_none() {
                    let value = Value::Broken(missing_key(d, "a limit", key, node.span));
                    bounds.push(Entry::new(key, node.span, Node { span: node.span, value }));
                }
            }
            Ok(Node::map(node.span, bounds))
        }
        Value::Scalar(_) => whole(d, node, texts, Expected::Limit),
        _ => Err(wrong_type(d, node, Expected::Limit)),
    }
}

/// The keys of a limit.
const BOUNDS: [&str; 2] = ["soft", "hard"];

fn bound(d: &mut Diagnostics, entry: &Entry, variables: Variables, texts: bool) -> Node {
    let read = match &*entry.key {
        key if key.starts_with("x-") => return entry.value.clone(),
        key if !BOUNDS.contains(&key) => Err(unknown_key(d, "a limit", entry, BOUNDS.into_iter())),
        _ if holds_variable(&entry.value, variables) => return entry.value.clone(),
        _ => whole(d, &entry.value, texts, Expected::PlainInteger),
    };
    read.unwrap_or_else(|reported| super::broken(&entry.value, reported))
}

/// A whole number. Unlike elsewhere, one with a fraction of zero is none.
fn whole(d: &mut Diagnostics, node: &Node, texts: bool, expected: Expected) -> Result<Node, Reported> {
    let scalar = decode::scalar(d, node, expected)?;
    match scalar.resolve() {
        Plain::Int(value) => i64::try_from(value).ok(),
        Plain::Str if texts => scalar.text.parse::<i64>().ok(),
        _ => None,
    }
    .map(|value| Node::plain(node.span, value.to_string()))
    .ok_or_else(|| wrong_type(d, node, expected))
}

/// Processors, with fractions. Of whole numbers, Compose takes those of 64 bits with a sign.
pub fn nano_cpus(d: &mut Diagnostics, node: &Node, _variables: Variables) -> Result<Node, Reported> {
    if let Value::Scalar(scalar) = &node.value
        && matches!(scalar.resolve(), Plain::Int(value) if i64::try_from(value).is_err())
    {
        return Err(wrong_type(d, node, Expected::Number));
    }
    number::float(d, node)
}

/// How many devices: a number, or `all`, which is -1.
pub fn device_count(d: &mut Diagnostics, node: &Node, _variables: Variables) -> Result<Node, Reported> {
    let scalar = decode::scalar(d, node, Expected::TextOrInteger)?;
    let count = match scalar.resolve() {
        Plain::Int(value) => i64::try_from(value).ok(),
        Plain::Str if scalar.text.eq_ignore_ascii_case("all") => Some(-1),
        Plain::Str => Some(counted(d, node, &scalar.text)?),
        _ => None,
    };
    let count = count.ok_or_else(|| wrong_type(d, node, Expected::TextOrInteger))?;
    Ok(Node::plain(node.span, count.to_string()))
}

fn counted(d: &mut Diagnostics, node: &Node, text: &str) -> Result<i64, Reported> {
    text.parse().map_err(|_| {
        let message = format!("expected a number or `all`, found `{}`", text.escape_debug());
        d.error(Code::InvalidValue, message).label(node.content(), "").emit()
    })
}
