//! Nodes that stand in no file as they are: what short syntaxes, defaults and other files make of a value.

use std::ops::Range;
use std::rc::Rc;

use super::{Entry, Node, Part, Scalar, Style, Value};
use crate::source::Span;

impl Node {
    /// Nothing.
    pub fn null(span: Span) -> Node {
        Node { span, value: Value::Null }
    }

    /// A text that is nothing else, as if it were quoted.
    pub fn text(span: Span, text: impl Into<Rc<str>>) -> Node {
        Node::scalar(span, text.into(), Style::Text)
    }

    /// A number or a boolean, as if it were written without quotes.
    pub fn plain(span: Span, text: impl Into<Rc<str>>) -> Node {
        Node::scalar(span, text.into(), Style::Plain)
    }

    fn scalar(span: Span, text: Rc<str>, style: Style) -> Node {
        Node { span, value: Value::Scalar(Scalar { text, style, parts: Rc::from([]) }) }
    }

    /// A list.
    pub fn seq(span: Span, items: Vec<Node>) -> Node {
        Node { span, value: Value::Seq(items.into()) }
    }

    /// A mapping. No key may stand in it twice.
    pub fn map(span: Span, entries: Vec<Entry>) -> Node {
        Node { span, value: Value::Map(entries.into()) }
    }

    /// A part of a scalar's text as a node of its own, whose places are still known. It is a text, or, where a variable
    /// was in the scalar, whatever type the place wants. What is no scalar has an empty part.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Node {
        let span = self.at(range.clone());
        let Value::Scalar(scalar) = &self.untagged().value else { return Node::text(span, "") };
        let text = scalar.text.get(range.clone()).unwrap_or("");
        let style = if scalar.style == Style::Interpolated { Style::Interpolated } else { Style::Text };
        let parts = scalar.parts.iter().filter_map(|part| part.within(&range)).collect();
        Node { span, value: Value::Scalar(Scalar { text: text.into(), style, parts }) }
    }
}

impl Part {
    /// This part in the text that `range` is cut out as. One that ends before it stays as an empty part: it says where
    /// the file was left.
    fn within(self, range: &Range<usize>) -> Option<Part> {
        let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (start, end) = (cut(range.start), cut(range.end));
        if self.text > end {
            return None;
        }
        let skipped = start.saturating_sub(self.text).min(self.length);
        let text = self.text.saturating_sub(start);
        Some(Part { text, file: self.file + skipped, length: self.length - skipped })
    }
}

impl Entry {
    /// A key that is set to `value`.
    pub fn new(key: impl Into<Rc<str>>, key_span: Span, value: Node) -> Entry {
        Entry { key: key.into(), key_span, value }
    }
}

#[cfg(test)]
mod tests {
    use crate::diag::Diagnostics;
    use crate::source::Sources;

    #[test]
    fn a_part_knows_its_place() {
        let text = "a: 'one:two:three'\nb: |\n  one\n  two\n  three\nc: \"\\x41:b\"\n";
        let mut sources = Sources::default();
        let file = sources.add("f".into(), text.into());
        let root = super::super::parse(&mut Diagnostics::default(), file, text).unwrap();
        let part = root.get("a").unwrap().part(4..13);
        assert_eq!(part.as_str(), Some("two:three"));
        assert_eq!(sources.slice(part.span), "two:three");
        assert_eq!(sources.slice(part.at(4..9)), "three");
        assert_eq!(sources.slice(part.part(4..9).part(1..3).span), "hr");
        let block = root.get("b").unwrap().part(4..14);
        assert_eq!(block.as_str(), Some("two\nthree\n"));
        assert_eq!(sources.slice(block.at(0..3)), "two");
        assert_eq!(sources.slice(block.at(4..9)), "three");
        // Where the text does not stand in the file, the place is that of the whole.
        let escaped = root.get("c").unwrap().part(2..3);
        assert_eq!((escaped.as_str(), sources.slice(escaped.span)), (Some("b"), "\"\\x41:b\""));
        assert_eq!(root.get("a").unwrap().part(9..99).as_str(), Some(""));
        assert_eq!(root.part(0..1).as_str(), Some(""));
    }
}
