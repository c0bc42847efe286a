//! Numbers of all kinds.

use crate::compose::decode::{self, Expected, parsed, wrong_type};
use crate::compose::schema::Amount;
use crate::compose::value::bytes::Bytes;
use crate::diag::{Code, Diagnostics, Reported};
use crate::yaml::{Node, Plain, Scalar, Style, Value};

/// A whole number within limits. A text may stand for it, unless a plain one is expected.
pub(super) fn integer(
    d: &mut Diagnostics,
    node: &Node,
    limits: (i64, i64),
    expected: Expected,
) -> Result<Node, Reported> {
    let scalar = decode::scalar(d, node, expected)?;
    let value = match scalar.resolve() {
        Plain::Int(value) => i64::try_from(value).ok(),
        Plain::Float(value) if value.fract() == 0.0 => whole(value),
        Plain::Str if matches!(expected, Expected::Integer) => scalar.text.parse().ok(),
        _ => None,
    };
    let value = value.ok_or_else(|| wrong_type(d, node, expected))?;
    within(d, node, value, limits)?;
    Ok(Node::plain(node.span, value.to_string()))
}

/// The same, where Compose drops the fraction of a number.
pub(super) fn truncated(
    d: &mut Diagnostics,
    node: &Node,
    limits: (i64, i64),
    expected: Expected,
) -> Result<Node, Reported> {
    let scalar = decode::scalar(d, node, expected)?;
    match scalar.resolve() {
        Plain::Float(value) if value.fract() != 0.0 => {
            let Some(whole) = whole(value.trunc()) else { return Err(wrong_type(d, node, expected)) };
            within(d, node, whole, limits)?;
            let message = format!("Compose drops the fraction of `{}`", scalar.text);
            let draft = d.doubt(Code::ValueDropped, message).label(node.span, "");
            draft.help(format!("write `{whole}`")).emit();
            Ok(Node::plain(node.span, whole.to_string()))
        }
        _ => integer(d, node, limits, expected),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "in range, and without a fraction")]
fn whole(value: f64) -> Option<i64> {
    (value.abs() < 9_223_372_036_854_775_808.0).then_some(value as i64)
}

fn within(d: &mut Diagnostics, node: &Node, value: i64, (min, max): (i64, i64)) -> Result<(), Reported> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    let rule = match max {
        i64::MAX if min == 0 => "this cannot be negative".to_owned(),
        _ => format!("this must be from {min} to {max}"),
    };
    let message = format!("{rule}, and is {value}");
    Err(d.error(Code::InvalidValue, message).label(node.content(), "").emit())
}

/// A number in the 32 bits that Compose has for it.
pub(super) fn float(d: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    let scalar = decode::scalar(d, node, Expected::Number)?;
    let value: Option<f64> = match scalar.resolve() {
        Plain::Int(_) | Plain::Float(_) => scalar.go_text().parse().ok(),
        Plain::Str => scalar.text.parse().ok(),
        Plain::Null | Plain::Bool(_) | Plain::Timestamp => None,
    };
    let value = value.ok_or_else(|| wrong_type(d, node, Expected::Number))?;
    #[expect(clippy::cast_possible_truncation, reason = "what Compose keeps")]
    let kept = value as f32;
    if !kept.is_finite() {
        let rule = if value.is_finite() { "this number is too large" } else { "expected a number" };
        let message = format!("{rule}, found `{}`", scalar.text);
        return Err(d.error(Code::InvalidValue, message).label(node.content(), "").emit());
    }
    // A zero with a sign would be read as one without.
    let text = if kept == 0.0 { "0".to_owned() } else { kept.to_string() };
    Ok(Node::plain(node.span, text))
}

/// A size in bytes.
pub(super) fn bytes(d: &mut Diagnostics, node: &Node, amount: Amount) -> Result<Node, Reported> {
    let expected = match amount {
        Amount::Text => Expected::Text,
        Amount::Natural | Amount::Integer => Expected::TextOrInteger,
        Amount::Number => Expected::TextOrNumber,
    };
    let scalar = decode::scalar(d, node, expected)?;
    match (scalar.resolve(), amount) {
        (Plain::Str, _) if is_own(node, scalar) => Ok(node.clone()),
        (Plain::Str, _) => {
            let bytes = parsed::<Bytes>(d, node, &scalar.text)?;
            Ok(Node::text(node.span, bytes.value.to_string()))
        }
        (Plain::Int(_) | Plain::Float(_), Amount::Text) => Err(wrong_type(d, node, expected)),
        (Plain::Int(value), _) => match i64::try_from(value) {
            Ok(value) => {
                let min = if amount == Amount::Natural { 0 } else { i64::MIN };
                within(d, node, value, (min, i64::MAX))?;
                Ok(Node::text(node.span, value.to_string()))
            }
            Err(_) => Ok(dropped(d, node, scalar)),
        },
        (Plain::Float(_), Amount::Number) => Ok(dropped(d, node, scalar)),
        (Plain::Float(value), _) if value.fract() == 0.0 && value >= 0.0 => Ok(dropped(d, node, scalar)),
        _ => Err(wrong_type(d, node, expected)),
    }
}

/// Whether a size is what [`bytes`] made of a number: a text that stands in no file as it is. Only so can one be
/// negative.
fn is_own(node: &Node, scalar: &Scalar) -> bool {
    let made = scalar.style == Style::Text && node.at(0..scalar.text.len()) == node.span;
    made && matches!(node.value, Value::Scalar(_)) && scalar.text.parse::<i64>().is_ok()
}

/// Compose takes a number of bytes that is not a whole one of 64 bits, and then there is no size.
fn dropped(d: &mut Diagnostics, node: &Node, scalar: &Scalar) -> Node {
    let message = format!("Compose drops the size `{}`, as it is no whole number of 64 bits", scalar.text);
    let draft = d.doubt(Code::ValueDropped, message).label(node.span, "");
    draft.help("write a whole number of bytes, or a text with a unit such as `1.5g`").emit();
    Node::text(node.span, "0")
}
