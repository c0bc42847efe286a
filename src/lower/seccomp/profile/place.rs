//! What the parser has to say of a mistake in a profile.

use std::ops::Range;

use crate::diag::{Invalid, json};
use crate::nearest::nearest;

/// The parser's error as a range of the text, in words that name what the value is.
pub fn invalid(text: &str, error: &serde_json::Error) -> Invalid {
    let full = error.to_string();
    let message = json::without_place(&full);
    let range = json::range(text, error);
    match message.split_once(", expected ") {
        Some((found, expected)) if found.starts_with("unknown ") => unknown(range, found, expected),
        Some((found, expected)) if found.starts_with("invalid type: ") => {
            let found = found.trim_start_matches("invalid type: ").replace("sequence", "a list");
            Invalid::new(range, format!("expected {expected}, found {found}"))
        }
        _ if error.is_eof() => Invalid::new(range, "the file ends too early"),
        _ if message.starts_with("control character") => {
            Invalid::new(range, "a control character in a text").help("write it as an escape, such as `\\n`")
        }
        _ => Invalid::new(range, message),
    }
}

/// "unknown variant `X`, expected one of `A`, `B`": serde's words for a value that is not in a list.
fn unknown(range: Range<usize>, found: &str, expected: &str) -> Invalid {
    let candidates = || expected.split('`').skip(1).step_by(2);
    let kind = match candidates().next().unwrap_or_default() {
        word if word.starts_with("SCMP_ACT_") => "action",
        word if word.starts_with("SCMP_ARCH_") => "architecture",
        word if word.starts_with("SCMP_CMP_") => "operator",
        word if word.starts_with("SECCOMP_FILTER_FLAG_") => "flag",
        _ => "variant",
    };
    let word = found.split('`').nth(1).unwrap_or_default();
    let invalid = Invalid::new(range, found.replacen("variant", kind, 1));
    match nearest(word, candidates()) {
        Some(near) => invalid.help(format!("did you mean `{near}`?")),
        None => invalid.help(format!("expected {expected}")),
    }
}
