//! JSON, indented as Go does it.

use std::io::Write as _;

use super::printed::Printed;
use crate::printable::is_unprintable;

/// The text of a tree.
pub(super) fn write(tree: &Printed) -> String {
    let mut text = Vec::new();
    value(&mut text, tree, 0);
    text.push(b'\n');
    // All that is written comes from texts.
    String::from_utf8(text).unwrap_or_default()
}

/// The text of a tree in one line, without a blank that means nothing.
pub(super) fn line(tree: &Printed) -> String {
    let mut text = Vec::new();
    in_line(&mut text, tree);
    String::from_utf8(text).unwrap_or_default()
}

fn in_line(out: &mut Vec<u8>, tree: &Printed) {
    let separate = |out: &mut Vec<u8>, n| {
        if n > 0 {
            out.push(b',');
        }
    };
    match tree {
        Printed::List(items) => {
            out.push(b'[');
            for (n, item) in items.iter().enumerate() {
                separate(out, n);
                in_line(out, item);
            }
            out.push(b']');
        }
        Printed::Map(entries) => {
            out.push(b'{');
            for (n, (key, item)) in entries.iter().enumerate() {
                separate(out, n);
                scalar(out, key);
                out.push(b':');
                in_line(out, item);
            }
            out.push(b'}');
        }
        single => value(out, single, 0),
    }
}

fn value(out: &mut Vec<u8>, tree: &Printed, depth: usize) {
    match tree {
        Printed::Null => out.extend(b"null"),
        Printed::Bool(true) => out.extend(b"true"),
        Printed::Bool(false) => out.extend(b"false"),
        // JSON has no dates, and no infinity: there Docker gives up, and a text loses nothing.
        Printed::Plain(number) if number.parse().is_ok_and(f64::is_finite) => {
            out.extend(number.as_bytes());
        }
        Printed::Plain(text) | Printed::Text(text) => scalar(out, text),
        Printed::List(items) => block(out, *b"[]", depth, items, |out, item| value(out, item, depth + 1)),
        Printed::Map(entries) => block(out, *b"{}", depth, entries, |out, (key, item)| {
            scalar(out, key);
            out.extend(b": ");
            value(out, item, depth + 1);
        }),
    }
}

fn block<T>(
    out: &mut Vec<u8>,
    [open, close]: [u8; 2],
    depth: usize,
    items: &[T],
    write: impl Fn(&mut Vec<u8>, &T),
) {
    out.push(open);
    for (n, item) in items.iter().enumerate() {
        out.extend(if n == 0 { &b"\n"[..] } else { b",\n" });
        out.resize(out.len() + 2 * (depth + 1), b' ');
        write(out, item);
    }
    if !items.is_empty() {
        out.push(b'\n');
        out.resize(out.len() + 2 * depth, b' ');
    }
    out.push(close);
}

/// A text. What a terminal would act on, or does not show, is escaped.
fn scalar(out: &mut Vec<u8>, text: &str) {
    let start = out.len();
    // Neither a text nor a vector can fail.
    let _infallible = serde_json::to_writer(&mut *out, text);
    if text.contains(is_unprintable) {
        let written = String::from_utf8(out.split_off(start)).unwrap_or_default();
        for c in written.chars() {
            if is_unprintable(c) {
                let _infallible = write!(out, "\\u{:04x}", u32::from(c));
            } else {
                out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}
