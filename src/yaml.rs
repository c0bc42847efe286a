//! YAML with places: what a file says, before anybody asks what type it has.
//!
//! A [`Node`] keeps the order of the text and the span of every key and value. Scalars stay text until `compose`
//! asks for a type, so `NO` is never a surprise and `"8080"` and `8080` can both be a port. The rules for plain
//! scalars, merge keys and duplicate keys are those of go-yaml, which Compose is built on (YAML 1.2 core schema
//! with leftovers of 1.1).

mod directives;
mod interpolate;
mod make;
mod merge_keys;
mod parse;
mod read;
mod references;
mod same;
mod scalar;
mod strict;
mod syntax;
mod tags;
pub mod template;

use std::ops::Range;
use std::rc::Rc;

use crate::diag::Reported;
use crate::source::Span;

pub use interpolate::{Interpolation, Unset, Uses, interpolate};
pub use parse::{documents, parse};
pub use references::{Giver, Reference, References};
pub use scalar::Plain;

/// A value and where it stands. An alias is the node it refers to, with the place of its definition.
#[derive(Clone, Debug)]
pub struct Node {
    /// The text of the value; for a mapping or sequence from its first to its last item.
    pub span: Span,
    /// What stands there.
    pub value: Value,
}

/// What a node holds. Collections are shared, so that an alias costs nothing.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A text whose type is asked for later.
    Scalar(Scalar),
    /// A list.
    Seq(Rc<[Node]>),
    /// A mapping in the order of the text; keys that `<<` brought in come last.
    Map(Rc<[Entry]>),
    /// `!reset`, a tag of Compose: the key is taken out of what was merged so far, and nothing put in its place. `merge`
    /// acts on it. What the tag stands on is dropped.
    Reset,
    /// `!override`, a tag of Compose: the value takes the place of what was merged so far. `merge` acts on it.
    Override(Rc<Node>),
    /// Something wrong that was reported. Whoever meets it fails, and says nothing more.
    Broken(Reported),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key; always a text.
    pub key: Rc<str>,
    /// Where the key stands.
    pub key_span: Span,
    /// What it is set to.
    pub value: Node,
}

/// The text of a scalar.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// The text, unescaped and with variables replaced.
    pub text: Rc<str>,
    /// Whether the text may still turn out to be a number or a boolean.
    pub style: Style,
    /// The parts of `text` that stand in the file as they are. Escapes and variables leave none.
    parts: Rc<[Part]>,
}

/// A part of a scalar that stands in the file as it is: a line of it, or all.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Where it begins in the text.
    text: u32,
    /// Where it begins in the file.
    file: u32,
    /// How long it is, in bytes.
    length: u32,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: `8080`, `true` and `1.5` are no strings.
    Plain,
    /// Quoted, a block, or with a tag that makes it a string.
    Text,
    /// It had a variable in it. Compose takes the result for whatever type the place wants.
    Interpolated,
}

impl Node {
    /// The node without `!override`; itself if it has none. Whatever a node is asked for below is that of the value,
    /// with the tag or without.
    pub fn untagged(&self) -> &Node {
        match &self.value {
            Value::Override(node) => node.untagged(),
            _ => self,
        }
    }

    /// The place of a part of a scalar's text; the whole scalar where the text does not stand in the file as it is.
    pub fn at(&self, range: Range<usize>) -> Span {
        let Value::Scalar(Scalar { parts, text, .. }) = &self.untagged().value else { return self.span };
        let (from, to) = (range.start.min(text.len()), range.end.min(text.len()));
        let place = |at: usize| {
            let before = parts.partition_point(|part| part.text as usize <= at);
            let part = before.checked_sub(1).and_then(|last| parts.get(last))?;
            Some(part.file as usize + (at - part.text as usize).min(part.length as usize))
        };
        match (place(from), place(to.max(from))) {
            (Some(start), Some(end)) => Span::new(self.span.file, start, end.max(start)),
            _ => self.span,
        }
    }

    /// The place of the whole text of a scalar without its quotes; all of the node where that is not known, or
    /// would be nothing to see.
    pub fn content(&self) -> Span {
        match self.as_str() {
            Some(text) if !text.is_empty() => self.at(0..text.len()),
            _ => self.span,
        }
    }

    /// The value of a key, where the node is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| &*entry.key == key).map(|entry| &entry.value)
    }

    /// The text of a scalar, whatever its type.
    pub fn as_str(&self) -> Option<&str> {
        match &self.untagged().value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// The entries of a mapping; none of what is none.
    pub fn entries(&self) -> &[Entry] {
        match &self.untagged().value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of what is none.
    pub fn items(&self) -> &[Node] {
        match &self.untagged().value {
            Value::Seq(items) => items,
            _ => &[],
        }
    }

    /// Whether nothing stands there.
    pub fn is_null(&self) -> bool {
        matches!(self.untagged().value, Value::Null)
    }

    /// What the node is, for a message.
    pub fn kind(&self) -> &'static str {
        match &self.untagged().value {
            Value::Null | Value::Broken(_) | Value::Reset | Value::Override(_) => "nothing",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Scalar(scalar) => match scalar.resolve() {
                Plain::Null => "nothing",
                Plain::Bool(_) => "a boolean",
                Plain::Int(_) => "a number",
                Plain::Float(_) => "a floating-point number",
                Plain::Timestamp => "a date",
                Plain::Str => "a text",
            },
        }
    }
}

#[cfg(test)]
mod tests;
