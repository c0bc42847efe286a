//! YAML, laid out as Go does it, that every reader takes for the same: whatever some version of YAML might take for
//! something else than a text stands in quotes.

use std::fmt::Write as _;

use super::printed::Printed;
use crate::printable::is_unprintable;

/// The text of a tree.
pub(super) fn write(tree: &Printed) -> String {
    let mut out = String::new();
    after_dash(&mut out, tree, 0);
    out
}

/// A value after `key:`. What is below stands on lines of its own.
fn after_key(out: &mut String, tree: &Printed, depth: usize) {
    match tree {
        Printed::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            map(out, entries, depth + 2, true);
        }
        Printed::List(items) if !items.is_empty() => {
            out.push('\n');
            list(out, items, depth + 2, true);
        }
        _ => {
            out.push(' ');
            scalar(out, tree, depth);
        }
    }
}

/// A value after `- `, or at the start of the text: what is below begins on the same line.
fn after_dash(out: &mut String, tree: &Printed, depth: usize) {
    match tree {
        Printed::Map(entries) if !entries.is_empty() => map(out, entries, depth, false),
        Printed::List(items) if !items.is_empty() => list(out, items, depth, false),
        _ => scalar(out, tree, depth.saturating_sub(2)),
    }
}

fn map(out: &mut String, entries: &[(std::rc::Rc<str>, Printed)], depth: usize, mut indented: bool) {
    for (key, value) in entries {
        if std::mem::replace(&mut indented, true) {
            indent(out, depth);
        }
        let start = out.len();
        text(out, key);
        if out.len() - start <= LONGEST_KEY {
            out.push(':');
            after_key(out, value, depth);
        } else {
            out.insert_str(start, "? ");
            out.push('\n');
            indent(out, depth);
            out.push_str(": ");
            after_dash(out, value, depth + 2);
        }
    }
}

/// In bytes, with its quotes. YAML gives up on a longer one that has no `?` before it.
const LONGEST_KEY: usize = 1000;

fn list(out: &mut String, items: &[Printed], depth: usize, mut indented: bool) {
    for item in items {
        if std::mem::replace(&mut indented, true) {
            indent(out, depth);
        }
        out.push_str("- ");
        after_dash(out, item, depth + 2);
    }
}

/// A single value and the end of its line; `depth` is that of what it belongs to.
fn scalar(out: &mut String, tree: &Printed, depth: usize) {
    match tree {
        Printed::Null => out.push_str("null"),
        Printed::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Printed::Plain(value) => plain(out, value),
        Printed::Text(value) if is_block(value) => return block(out, value, depth + 2),
        Printed::Text(value) => text(out, value),
        Printed::List(_) => out.push_str("[]"),
        Printed::Map(_) => out.push_str("{}"),
    }
    out.push('\n');
}

/// A number or a date in Go's spelling. YAML 1.1 wants a point where there is an exponent.
fn plain(out: &mut String, value: &str) {
    match value {
        "+Inf" => out.push_str(".inf"),
        "-Inf" => out.push_str("-.inf"),
        "NaN" => out.push_str(".nan"),
        _ => match value.split_once('e') {
            Some((digits, exponent)) if !digits.contains('.') => {
                let _infallible = write!(out, "{digits}.0e{exponent}");
            }
            _ => out.push_str(value),
        },
    }
}

/// Whether a text of several lines can stand as it is, so that nothing in it could be lost or taken for an indentation.
fn is_block(text: &str) -> bool {
    let visible = |line: &str| line.is_empty() || line.chars().any(|c| c != ' ' && c != '\t');
    text.contains('\n')
        && !text.starts_with([' ', '\t', '\n'])
        && text.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
        && text.split('\n').all(visible)
}

fn block(out: &mut String, text: &str, depth: usize) {
    let lines = text.strip_suffix('\n');
    out.push_str(match lines {
        None => "|-\n",
        Some(lines) if lines.ends_with('\n') => "|+\n",
        Some(_) => "|\n",
    });
    for line in lines.unwrap_or(text).split('\n') {
        if !line.is_empty() {
            indent(out, depth);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n(' ', depth));
}

/// A text on one line.
fn text(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if is_printable(c) => out.push(c),
            _ => {
                let (letter, width) = if u32::from(c) < 0x100 { ('x', 2) } else { ('u', 4) };
                let _infallible = write!(out, "\\{letter}{:0width$x}", u32::from(c));
            }
        }
    }
    out.push('"');
}

/// Whether YAML lets a character stand as it is, no version of it takes it for the end of a line, and it can be seen.
fn is_printable(c: char) -> bool {
    !c.is_control() && !is_unprintable(c) && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// Whether a text needs no quotes, whoever reads it.
fn is_plain(text: &str) -> bool {
    let begins = match text.bytes().next() {
        Some(b'a'..=b'z' | b'A'..=b'Z') => !is_word(text),
        Some(b'/' | b'_' | b'$' | b'(') => true,
        Some(b'0'..=b'9') => is_address(text) || is_no_number(text),
        Some(b'.' | b'-' | b'+') => is_no_number(text),
        _ => false,
    };
    begins
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([' ', ':'])
}

/// The words that some version of YAML takes for a boolean or for nothing.
fn is_word(text: &str) -> bool {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Whether there is something in a text that is in no number, date or time of any version of YAML, and that makes it
/// no mark of a list or a document either.
fn is_no_number(text: &str) -> bool {
    !text.starts_with("- ")
        && !text.starts_with("---")
        && !text.starts_with("...")
        && text.bytes().any(|byte| b"/ghjklmpqrsuvwyGHJKLMPQRSUVWY".contains(&byte))
}

/// Numbers with several points.
fn is_address(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit())
        && text.bytes().filter(|byte| *byte == b'.').count() > 1
}
