//! Text to [`Node`]: documents, anchors and the limits that make hostile input cheap.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::merge_keys::Key;
use super::read::Raw;
use super::strict::Before;
use super::syntax::{Explained, explain};
use super::tags::{self, Own};
use super::{Node, Style, Value};
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{FileId, Span};

/// How many nodes aliases may stand for in one file. go-yaml and Compose have a limit of the same size.
const MAX_ALIASED: u64 = 100_000;

/// A text counts as one node for each this many bytes: what is done for every node is done for every byte of it.
const NODE: u64 = 128;

/// Parses every document of one file. An empty file has one, which is [`Value::Null`], as is one with nothing behind
/// its `---`. An anchor is known in its own document only.
///
/// A syntax error ends the file, and so do aliases that stand for too much. Every duplicate key, unknown or recursive
/// alias, key that is no text and tag that has no meaning here is reported too, and the rest is kept: the first of
/// two keys, and [`Value::Broken`] for a value that cannot be had.
pub fn documents(d: &mut Diagnostics, file: FileId, text: &str) -> Result<Vec<Node>, Reported> {
    let mut read = Cow::Borrowed(text);
    for _ in 0..MAX_REREAD / text.len().max(1) {
        match attempt(d, file, text, &read) {
            Ok(documents) => return Ok(documents),
            Err(Stopped::Wrong(reported)) => return Err(reported),
            Err(Stopped::TabInBrackets(line)) => read = Cow::Owned(without_tabs(&read, line)),
        }
    }
    match attempt(d, file, text, &read) {
        Err(Stopped::TabInBrackets(line)) => {
            let span = Span::new(file, line, line + 1);
            Err(d.error(Code::Syntax, "a tab in the indentation").label(span, "").emit())
        }
        Err(Stopped::Wrong(reported)) => Err(reported),
        Ok(documents) => Ok(documents),
    }
}

/// How many bytes are read again for the sake of tabs.
const MAX_REREAD: usize = 8 * 1024 * 1024;

/// Why the text was not read to its end.
enum Stopped {
    /// What is wrong was reported.
    Wrong(Reported),
    /// The line that begins here has a tab in its indentation, where brackets are open: a blank like any other for
    /// go-yaml, and an error for the parser.
    TabInBrackets(usize),
}

impl From<Reported> for Stopped {
    fn from(reported: Reported) -> Self {
        Stopped::Wrong(reported)
    }
}

/// Parses `read`, which is `text` but for some blanks.
fn attempt(d: &mut Diagnostics, file: FileId, text: &str, read: &str) -> Result<Vec<Node>, Stopped> {
    let mut options = granit_parser::options! {};
    options.set_emit_comments(false);
    options.emit_unresolved_aliases = true;
    let mut events = Parser::new_from_str_with_options(read, options);
    let mut builder = Builder::new(d, file, text);
    while let Some(event) = events.next_event() {
        match event {
            Ok((event, span)) => {
                let range = span.byte_range().unwrap_or(0..0);
                let tag_span = span.tag_span().and_then(|span| span.byte_range());
                builder.take(event, range, tag_span)?;
            }
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(0);
                return Err(match tab_before(read, at).filter(|_| builder.in_brackets()) {
                    Some(line) => Stopped::TabInBrackets(line),
                    None => Stopped::Wrong(builder.syntax(&error)),
                });
            }
        }
    }
    builder.tabs(text.len(), false)?;
    Ok(builder.finish())
}

/// The beginning of the line at a place, if it is indented with a tab.
fn tab_before(text: &str, at: usize) -> Option<usize> {
    let line = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    indentation(text, line).contains('\t').then_some(line)
}

fn indentation(text: &str, line: usize) -> &str {
    let rest = text.get(line..).unwrap_or("");
    let end = rest.find(|c| !matches!(c, ' ' | '\t')).unwrap_or(rest.len());
    rest.get(..end).unwrap_or("")
}

/// The text with spaces for the tabs that a line begins with; every byte stays at its place.
fn without_tabs(text: &str, line: usize) -> String {
    let blanks = indentation(text, line).len();
    let (before, rest) = text.split_at(line);
    let after = rest.get(blanks..).unwrap_or("");
    format!("{before}{}{after}", " ".repeat(blanks))
}

/// Parses a file that must be one document. A second one is reported, and left out.
pub fn parse(d: &mut Diagnostics, file: FileId, text: &str) -> Result<Node, Reported> {
    let mut documents = documents(d, file, text)?.into_iter();
    let first = documents.next().unwrap_or_else(|| Node::null(Span::start_of(file)));
    if let Some(second) = documents.next() {
        d.error(Code::Syntax, "only one document may stand in this file")
            .label(second.span, "the second one")
            .emit();
    }
    Ok(first)
}

pub(super) struct Builder<'a> {
    pub(super) d: &'a mut Diagnostics,
    file: FileId,
    pub(super) text: &'a str,
    open: Vec<Frame>,
    /// By the parser's id; `None` while the anchored node is still open.
    anchors: BTreeMap<usize, Option<Built>>,
    aliased: u64,
    last_end: usize,
    /// What was read last.
    pub(super) before: Before,
    /// Where the marker of the document stands that is read now; nowhere if it has none.
    pub(super) marker: Range<usize>,
    /// Where the last document ended.
    pub(super) document_end: usize,
    /// How many of the open nodes have `!override`.
    pub(super) overriding: usize,
    pub(super) documents: Vec<Node>,
}

/// A node and how many nodes it is once its aliases are followed.
#[derive(Clone)]
struct Built {
    node: Node,
    weight: u64,
    /// Whether it has a tag of Compose in it, or is one.
    tagged: bool,
}

impl Built {
    fn new(node: Node, weight: u64) -> Built {
        let tagged = matches!(node.value, Value::Reset | Value::Override(_));
        Built { node, weight, tagged }
    }
}

struct Frame {
    start: usize,
    anchor: usize,
    weight: u64,
    tagged: bool,
    own: Option<(Own, Span)>,
    items: Items,
}

enum Items {
    Seq(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, key: Option<Key> },
}

impl<'a> Builder<'a> {
    fn new(d: &'a mut Diagnostics, file: FileId, text: &'a str) -> Self {
        Builder {
            d,
            file,
            text,
            open: Vec::new(),
            anchors: BTreeMap::new(),
            aliased: 0,
            last_end: 0,
            before: Before::default(),
            marker: 0..0,
            document_end: 0,
            overriding: 0,
            documents: Vec::new(),
        }
    }

    pub(super) fn span(&self, range: &Range<usize>) -> Span {
        Span::new(self.file, range.start, range.end.max(range.start))
    }

    fn syntax(&mut self, error: &granit_parser::ScanError) -> Reported {
        let at = error.marker().byte_offset().unwrap_or(0);
        let open: Vec<usize> = self.open.iter().map(|frame| frame.start).collect();
        let Explained { range, message, opened, help } = explain(self.text, error.kind(), at, &open);
        let place = |range: Range<usize>| Span::new(self.file, range.start, range.end);
        let mut draft = self.d.error(Code::Syntax, message).label(place(range), "");
        if let Some(opened) = opened {
            draft = draft.label(place(opened), "opened here");
        }
        match help {
            Some(help) => draft.help(help).emit(),
            None => draft.emit(),
        }
    }

    fn take(
        &mut self,
        event: Event<'_>,
        range: Range<usize>,
        tag_span: Option<Range<usize>>,
    ) -> Result<(), Reported> {
        if range.end > range.start {
            self.tabs(range.start, self.in_brackets())?;
            let plain = matches!(event, Event::Scalar(_, ScalarStyle::Plain, ..));
            self.before = Before { end: range.end, indent: plain.then(|| self.indent()) };
            self.last_end = range.end;
        }
        let tag_span = tag_span.unwrap_or_else(|| range.clone());
        match event {
            Event::DocumentStart(explicit, _) => self.begin_document(explicit, range)?,
            Event::DocumentEnd => self.document_end = range.end,
            Event::Scalar(text, style, anchor, tag) => {
                self.escapes(&range)?;
                let tag = tag.map(|tag| tag_name(&tag));
                let (node, merges) = self.scalar(Raw {
                    text: &text,
                    written: if style == ScalarStyle::Plain { Style::Plain } else { Style::Text },
                    block: matches!(style, ScalarStyle::Literal | ScalarStyle::Folded),
                    tag: tag.as_deref(),
                    range,
                    tag_range: tag_span,
                });
                self.add(Built::new(node, 1 + text.len() as u64 / NODE), anchor, merges);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(range.start, anchor, tag.as_deref(), &tag_span, Items::Seq(Vec::new()));
            }
            Event::MappingStart(_, anchor, tag) => {
                let items = Items::Map { entries: Vec::new(), key: None };
                self.begin(range.start, anchor, tag.as_deref(), &tag_span, items);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(id) => self.alias(id, self.span(&range))?,
            Event::UnresolvedAlias(name) => {
                let span = self.span(&range);
                let draft = self.d.error(Code::Alias, format!("no anchor is called `{name}`"));
                let draft = draft.label(span, "used here");
                let reported = draft.help("if the `*` belongs to a text, put it in quotes").emit();
                self.add(Built::new(Node { span, value: Value::Broken(reported) }, 1), 0, false);
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn fail(
        &mut self,
        code: Code,
        message: impl Into<String>,
        span: Span,
        label: &str,
    ) -> Reported {
        self.d.error(code, message).label(span, label).emit()
    }

    /// Whether the next node is a key.
    pub(super) fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame { items: Items::Map { key: None, .. }, .. }))
    }

    /// Whether a bracket is open.
    fn in_brackets(&self) -> bool {
        self.open
            .last()
            .is_some_and(|frame| matches!(self.text.as_bytes().get(frame.start), Some(b'[' | b'{')))
    }

    /// The column that a plain text goes on from in its next line.
    fn indent(&self) -> usize {
        let start = self.open.last().map_or(0, |frame| frame.start);
        let line = self.text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        start - line + 1
    }

    fn begin(&mut self, start: usize, anchor: usize, tag: Option<&Tag>, at: &Range<usize>, items: Items) {
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        let span = self.span(at);
        let own = tag.and_then(|tag| tags::own(&tag_name(tag))).filter(|_| !self.wants_key());
        // What is wrong is the tag, not what it stands on.
        let own = own.and_then(|own| self.allowed(own, span).ok().flatten());
        self.overriding += usize::from(own == Some(Own::Override));
        let own = own.map(|own| (own, span));
        self.open.push(Frame { start, anchor, weight: 1, tagged: false, own, items });
    }

    fn end(&mut self) {
        let Some(frame) = self.open.pop() else { return };
        let mut tagged = frame.tagged;
        let value = match frame.items {
            Items::Seq(items) if tagged => {
                tagged = false;
                Value::Seq(tags::items_without(&items).into())
            }
            Items::Seq(items) => Value::Seq(items.into()),
            Items::Map { entries, .. } => self.mapping(entries),
        };
        let mut node = Node { span: self.span(&(frame.start..self.last_end)), value };
        match frame.own {
            Some((Own::Reset, span)) => node = Node { span, value: Value::Reset },
            Some((Own::Override, _)) => {
                self.overriding -= 1;
                node = tags::overriding(node);
            }
            None => {}
        }
        tagged |= frame.own.is_some();
        self.add(Built { node, weight: frame.weight, tagged }, frame.anchor, false);
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Reported> {
        let Some(Some(mut built)) = self.anchors.get(&id).cloned() else {
            let reported =
                self.fail(Code::Alias, "an anchor may not contain itself", span, "used inside its own value");
            self.add(Built::new(Node { span, value: Value::Broken(reported) }, 1), 0, false);
            return Ok(());
        };
        self.aliased = self.aliased.saturating_add(built.weight);
        if self.aliased > MAX_ALIASED {
            let message = format!("aliases stand for more than {MAX_ALIASED} values");
            let draft = self.d.error(Code::Alias, message).label(span, "the limit is passed here");
            return Err(draft.help("write the values out, or share fewer of them").emit());
        }
        if built.tagged {
            built.node = self.aliased_tags(&built.node, span);
        }
        self.add(built, 0, false);
        Ok(())
    }

    fn add(&mut self, built: Built, anchor: usize, merges: bool) {
        if anchor > 0 {
            self.anchors.insert(anchor, Some(built.clone()));
        }
        let Built { node, weight, tagged } = built;
        let Some(frame) = self.open.last_mut() else {
            let node = self.root(node);
            self.documents.push(node);
            return;
        };
        frame.weight = frame.weight.saturating_add(weight);
        frame.tagged |= tagged;
        match &mut frame.items {
            Items::Seq(items) => items.push(node),
            Items::Map { entries, key } => match key.take() {
                None => *key = Some(Key { node, merges }),
                Some(key) => entries.push((key, node)),
            },
        }
    }

    fn root(&mut self, node: Node) -> Node {
        match node.value {
            // Nothing was merged before that a document could take the place of.
            Value::Override(inner) => (*inner).clone(),
            Value::Reset => {
                let message = "`!reset` takes out a key, and cannot stand on a whole document";
                let reported = self.fail(Code::Tag, message, node.span, "this tag");
                Node { span: node.span, value: Value::Broken(reported) }
            }
            Value::Null if !self.marker.is_empty() => Node::null(self.span(&self.marker)),
            _ => node,
        }
    }

    fn finish(self) -> Vec<Node> {
        if self.documents.is_empty() {
            return vec![Node::null(Span::start_of(self.file))];
        }
        self.documents
    }
}

/// The whole name of a tag, however it is written: `!reset`, or `tag:yaml.org,2002:int` for `!!int`.
fn tag_name(tag: &Tag) -> String {
    let (handle, suffix) = tag.parts();
    format!("{handle}{suffix}")
}
