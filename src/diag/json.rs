//! Where in a JSON text the parser found a mistake.

use std::ops::Range;

/// The words of an error of serde's parsers, without the place that they end with.
pub fn without_place(error: &str) -> &str {
    error.rsplit_once(" at line ").map_or(error, |(message, _)| message)
}

/// The part of the text that is wrong: the value that was read, or the character at which reading ended.
pub fn range(text: &str, error: &serde_json::Error) -> Range<usize> {
    let end = offset(text, error.line(), error.column());
    if error.is_data() { token_ending_at(text, end) } else { character_ending_at(text, end) }
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
