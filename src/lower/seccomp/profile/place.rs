//! Where in a JSON text the parser found a mistake, and what it has to say.

use std::ops::Range;

use crate::diag::Invalid;
use crate::nearest::nearest;

/// The parser's error as a range of the text, in words that name what the value is.
pub fn invalid(text: &str, error: &serde_json::Error) -> Invalid {
    let full = error.to_string();
    let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
    let end = offset(text, error.line(), error.column());
    let range = if error.is_data() { token_ending_at(text, end) } else { character_ending_at(text, end) };
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

/// The parser counts lines and bytes in a line, both from 1, up to and with the last byte it read.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column).min(text.len())
}

/// The character of which the last byte that was read is a part.
fn character_ending_at(text: &str, end: usize) -> Range<usize> {
    let start = (0..end).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    start..(end..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// The string (without its quotes), list, object or word that was just read.
fn token_ending_at(text: &str, end: usize) -> Range<usize> {
    let token = match text.as_bytes().get(end.saturating_sub(1)) {
        Some(b'"' | b'}' | b']') => opening_of(text, end).map(|start| start..end),
        _ => word_ending_at(text, end),
    };
    token.map_or_else(|| character_ending_at(text, end), |range| without_quotes(text, range))
}

/// Where the string, list or object that is closed before `end` begins.
fn opening_of(text: &str, end: usize) -> Option<usize> {
    let mut open = Vec::new();
    let mut string = None;
    let mut escaped = false;
    let mut closed = None;
    for (at, byte) in text.bytes().enumerate().take(end) {
        closed = None;
        match (string, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(_), b'"') => closed = string.take(),
            (None, b'"') => string = Some(at),
            (None, b'{' | b'[') => open.push(at),
            (None, b'}' | b']') => closed = open.pop(),
            (Some(_) | None, _) => {}
        }
    }
    closed
}

fn word_ending_at(text: &str, end: usize) -> Option<Range<usize>> {
    let start =
        text.get(..end)?.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "+-.".contains(c)).len();
    (start < end).then_some(start..end)
}

fn without_quotes(text: &str, range: Range<usize>) -> Range<usize> {
    let quoted = range.len() > 2 && text.as_bytes().get(range.start) == Some(&b'"');
    if quoted { range.start + 1..range.end - 1 } else { range }
}
