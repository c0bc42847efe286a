//! JSON with a long list in it: each item is written as it is made, so that no more than one of them is held as a value.

use serde_json::Value;

use crate::bundle::json::{canonical_with, part};

/// The text of `whole`, in which the empty list at `pointer` stands for the items.
pub(super) fn text(whole: &Value, pointer: &str, items: impl Iterator<Item = Value>) -> String {
    let depth = pointer.matches('/').count();
    let start = format!("\n{}", "  ".repeat(depth + 1));
    let mut list = Vec::new();
    for item in items {
        list.push(if list.is_empty() { b'[' } else { b',' });
        list.extend(start.as_bytes());
        list.extend(part(&item, depth + 1));
    }
    if list.is_empty() {
        list.push(b'[');
    } else {
        list.extend(format!("\n{}", "  ".repeat(depth)).as_bytes());
    }
    list.push(b']');
    let written = whole.pointer(pointer).map(|place| (place, &*list));
    String::from_utf8_lossy(&canonical_with(whole, written)).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bundle::json::canonical;

    #[test]
    fn it_is_what_it_would_be_at_once() {
        for items in [vec![], vec![json!({ "b": [1], "a": null })], vec![json!(1), json!([]), json!({})]] {
            let whole = |list: Value| json!({ "runs": [{ "list": list, "more": "x" }], "a": 1 });
            let want = String::from_utf8(canonical(&whole(items.clone().into()))).unwrap();
            assert_eq!(text(&whole(json!([])), "/runs/0/list", items.into_iter()), want);
        }
    }
}
