//! JSON, indented as Go does it.

use serde::Serialize;

use super::printed::Printed;

/// The text of a tree.
pub(super) fn write(tree: &Printed) -> String {
    let mut text = Vec::new();
    value(&mut text, tree, 0);
    text.push(b'\n');
    // All that is written comes from texts.
    String::from_utf8(text).unwrap_or_default()
}

fn value(out: &mut Vec<u8>, tree: &Printed, depth: usize) {
    match tree {
        Printed::Null => out.extend(b"null"),
        Printed::Bool(true) => out.extend(b"true"),
        Printed::Bool(false) => out.extend(b"false"),
        // JSON has no infinity. Docker gives up; a text loses nothing.
        Printed::Number(number) if number.parse().is_ok_and(f64::is_finite) => {
            out.extend(number.as_bytes());
        }
        Printed::Number(text) | Printed::Text(text) => scalar(out, &**text),
        Printed::List(items) => block(out, *b"[]", depth, items, |out, item| value(out, item, depth + 1)),
        Printed::Map(entries) => block(out, *b"{}", depth, entries, |out, (key, item)| {
            scalar(out, &**key);
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

fn scalar(out: &mut Vec<u8>, text: &(impl Serialize + ?Sized)) {
    // Neither a text nor a vector can fail.
    let _infallible = serde_json::to_writer(out, text);
}
