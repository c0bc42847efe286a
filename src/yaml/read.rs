//! Scalars: their text, what their tag makes of it, and where its lines stand in the file.

use std::ops::Range;

use super::parse::Builder;
use super::scalar::resolve;
use super::tags::{self, Own};
use super::{Node, Part, Plain, Scalar, Style, Value};
use crate::diag::Code;

/// A scalar as the parser hands it over.
pub(super) struct Raw<'a> {
    /// The text without quotes and escapes.
    pub(super) text: &'a str,
    /// Plain or not.
    pub(super) written: Style,
    /// Whether it is one with `|` or `>`.
    pub(super) block: bool,
    /// The whole name of its tag.
    pub(super) tag: Option<&'a str>,
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// Where its tag stands.
    pub(super) tag_range: Range<usize>,
}

impl Builder<'_> {
    /// The node of a scalar, and whether it is a key that merges if it is a key.
    pub(super) fn scalar(&mut self, raw: Raw<'_>) -> (Node, bool) {
        let Raw { text, written, block, tag, range, tag_range } = raw;
        let text = if block { self.without_added_newline(text, range.end) } else { text };
        let range = if block { self.trimmed(range) } else { range };
        let range = if range.is_empty() { tag_range.clone() } else { range };
        let (span, tag_span) = (self.span(&range), self.span(&tag_range));
        let merges = text == "<<" && tags::merges(tag, written);
        // On a key the tags of Compose are as good as any that nobody defined.
        let own = if self.wants_key() { None } else { tag.and_then(tags::own) };
        let value = match own.map(|own| self.allowed(own, tag_span)) {
            Some(Err(reported)) => Value::Broken(reported),
            Some(Ok(Some(Own::Reset))) => return (Node { span: tag_span, value: Value::Reset }, false),
            _ => match tags::typed(text, written, tag) {
                Ok((text, style)) => self.text_or_null(&text, style, &range),
                Err(message) => Value::Broken(self.fail(Code::Tag, message, tag_span, "this tag")),
            },
        };
        let node = Node { span, value };
        let overrides = own == Some(Own::Override) && self.overriding == 0;
        (if overrides { tags::overriding(node) } else { node }, merges)
    }

    fn text_or_null(&self, text: &str, style: Style, range: &Range<usize>) -> Value {
        if style == Style::Plain && resolve(text) == Plain::Null {
            return Value::Null;
        }
        let parts = self.text.get(range.clone()).map(|source| parts(text, source, range.start));
        Value::Scalar(Scalar { text: text.into(), style, parts: parts.unwrap_or_default().into() })
    }

    /// The parser ends a block scalar with a newline even where the file ends without one; go-yaml does not.
    fn without_added_newline<'t>(&self, text: &'t str, end: usize) -> &'t str {
        let at_end = end >= self.text.len() && !self.text.ends_with('\n');
        let last_line = self.text.rsplit('\n').next().unwrap_or("");
        if at_end && !last_line.trim().is_empty() { text.strip_suffix('\n').unwrap_or(text) } else { text }
    }

    /// A block scalar's span runs into the next line's indentation.
    fn trimmed(&self, range: Range<usize>) -> Range<usize> {
        let text = self.text.get(range.clone()).unwrap_or("");
        range.start..range.start + text.trim_end().len()
    }
}

/// The lines of a scalar's source, each where it stands in the text; nothing if one of them does not.
fn parts(text: &str, source: &str, start: usize) -> Vec<Part> {
    let quote = source.starts_with(['"', '\'']);
    let inner = if quote { source.get(1..source.len().saturating_sub(1)).unwrap_or("") } else { source };
    let inner_at = start + usize::from(quote);
    let mut parts = Vec::new();
    let (mut at, mut line_at) = (0, inner_at);
    for line in inner.split_inclusive('\n') {
        // The first line of all, and the only one, may begin and end with blanks that count.
        let shown = if line.len() == inner.len() { line } else { line.trim() };
        let blanks = text.get(at..).map_or(0, |rest| rest.len() - rest.trim_start().len());
        let blanks = if line.len() == inner.len() { 0 } else { blanks };
        if !text.get(at + blanks..).is_some_and(|rest| rest.starts_with(shown)) {
            return Vec::new();
        }
        let indent = if shown.len() == line.len() { 0 } else { line.len() - line.trim_start().len() };
        parts.extend(part(at + blanks, line_at + indent, shown.len()));
        at += blanks + shown.len();
        line_at += line.len();
    }
    parts
}

fn part(text: usize, file: usize, length: usize) -> Option<Part> {
    let cut = |n: usize| u32::try_from(n).ok();
    Some(Part { text: cut(text)?, file: cut(file)?, length: cut(length)? })
}
