//! Single values.

use super::number;
use crate::compose::Variables;
use crate::compose::decode::{self, Expected, wrong_type};
use crate::compose::schema::Leaf;
use crate::compose::value::duration::Duration;
use crate::diag::{Code, Diagnostics, Reported};
use crate::nearest::nearest;
use crate::yaml::{Node, Plain, Scalar, Value};

/// Reads a single value.
pub(super) fn read(
    d: &mut Diagnostics,
    node: &Node,
    leaf: Leaf,
    variables: Variables,
) -> Result<Node, Reported> {
    if holds_variable(node, variables) {
        return Ok(node.clone());
    }
    match leaf {
        Leaf::Text | Leaf::Path(_) => texts(d, node, Expected::Text),
        Leaf::TextOrBool => texts(d, node, Expected::TextOrBool),
        Leaf::TextOrNumber => texts(d, node, Expected::TextOrNumber),
        Leaf::TextOrInteger => texts(d, node, Expected::TextOrInteger),
        Leaf::Scalar => texts(d, node, Expected::PairValue),
        Leaf::OneOf(known) => one_of(d, node, known),
        Leaf::Bool => {
            let value = decode::boolean(d, node)?.value;
            Ok(Node::plain(node.span, if value { "true" } else { "false" }))
        }
        Leaf::PlainBool => plain_boolean(d, node),
        Leaf::Integer(min, max) => number::integer(d, node, (min, max), Expected::Integer),
        Leaf::PlainInteger(min, max) => number::integer(d, node, (min, max), Expected::PlainInteger),
        Leaf::Truncated(min, max) => number::truncated(d, node, (min, max), Expected::Integer),
        Leaf::PlainTruncated(min, max) => number::truncated(d, node, (min, max), Expected::PlainInteger),
        Leaf::Number => number::float(d, node),
        Leaf::Bytes(amount) => number::bytes(d, node, amount),
        Leaf::Duration => duration(d, node),
        Leaf::Special(read) => read(d, node, variables),
    }
}

/// Whether the value of a node is not known yet.
pub(super) fn holds_variable(node: &Node, variables: Variables) -> bool {
    variables == Variables::Kept && node.as_str().is_some_and(|text| text.contains('$'))
}

/// A text, or something else that becomes one.
fn texts(d: &mut Diagnostics, node: &Node, expected: Expected) -> Result<Node, Reported> {
    let scalar = decode::scalar(d, node, expected)?;
    let allowed = match scalar.resolve() {
        Plain::Str => return Ok(node.clone()),
        Plain::Bool(_) => matches!(expected, Expected::TextOrBool | Expected::PairValue),
        Plain::Int(value) => match expected {
            Expected::TextOrInteger => i64::try_from(value).is_ok(),
            expected => matches!(expected, Expected::TextOrNumber | Expected::PairValue),
        },
        Plain::Float(_) => matches!(expected, Expected::TextOrNumber | Expected::PairValue),
        Plain::Null | Plain::Timestamp => false,
    };
    if allowed { Ok(respelt(d, node, scalar)) } else { Err(wrong_type(d, node, expected)) }
}

/// The text that Go makes of a number or boolean.
fn respelt(d: &mut Diagnostics, node: &Node, scalar: &Scalar) -> Node {
    let (text, written) = (scalar.go_text(), &scalar.text);
    if *text != **written {
        let message = format!("`{written}` is {}, and becomes the text `{text}`", node.kind());
        let draft = d.warning(Code::Respelt, message).label(node.span, "");
        draft.help(format!("quote it to keep it as it is written: `\"{written}\"`")).emit();
    }
    Node::text(node.span, &*text)
}

/// A text; anything else that stands there has the wrong type.
pub(super) fn text<'n>(d: &mut Diagnostics, node: &'n Node, expected: Expected) -> Result<&'n str, Reported> {
    match &node.value {
        Value::Scalar(scalar) if scalar.resolve() == Plain::Str => Ok(&scalar.text),
        _ => Err(wrong_type(d, node, expected)),
    }
}

fn one_of(d: &mut Diagnostics, node: &Node, known: &'static [&'static str]) -> Result<Node, Reported> {
    let text = text(d, node, Expected::Text)?;
    if known.contains(&text) {
        return Ok(node.clone());
    }
    let quoted: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
    let all = match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    };
    let message = format!("expected {all}, found `{}`", text.escape_debug());
    let draft = d.error(Code::InvalidValue, message).label(node.content(), "");
    Err(draft.help(format!("write {all}")).did_you_mean(nearest(text, known.iter().copied())).emit())
}

fn plain_boolean(d: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    match &node.value {
        Value::Scalar(scalar) => match scalar.resolve() {
            Plain::Bool(value) => Ok(Node::plain(node.span, if value { "true" } else { "false" })),
            _ => Err(wrong_type(d, node, Expected::PlainBool)),
        },
        _ => Err(wrong_type(d, node, Expected::PlainBool)),
    }
}

fn duration(d: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    let text = text(d, node, Expected::Duration)?;
    let time = decode::parsed::<Duration>(d, node, text)?;
    Ok(Node::text(node.span, time.value.to_string()))
}
