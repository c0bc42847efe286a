//! Text to [`Node`]: documents, anchors and the limits that make hostile input cheap.

use std::collections::BTreeMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::merge_keys::Key;
use super::scalar::resolve;
use super::syntax::{Explained, VERSION, explain};
use super::tags::{self, Own};
use super::{Node, Part, Plain, Scalar, Style, Value};
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
    let mut options = granit_parser::options! {};
    options.set_emit_comments(false);
    options.emit_unresolved_aliases = true;
    let mut events = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder::new(d, file, text);
    while let Some(event) = events.next_event() {
        match event {
            Ok((event, span)) => {
                let range = span.byte_range().unwrap_or(0..0);
                let tag_span = span.tag_span().and_then(|span| span.byte_range());
                builder.take(event, range, tag_span)?;
            }
            Err(error) => return Err(builder.syntax(&error)),
        }
    }
    Ok(builder.finish())
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
    /// Where the marker of the document stands that is read now; nowhere if it has none.
    marker: Range<usize>,
    /// Where the last document ended.
    document_end: usize,
    /// How many of the open nodes have `!override`.
    overriding: usize,
    documents: Vec<Node>,
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
            self.last_end = range.end;
        }
        let tag_span = tag_span.unwrap_or_else(|| range.clone());
        match event {
            Event::DocumentStart(explicit, _) => self.begin_document(explicit, range)?,
            Event::DocumentEnd => self.document_end = range.end,
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|tag| tag_name(&tag));
                let (node, merges) = self.scalar(&text, style, tag.as_deref(), range, &tag_span);
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

    fn begin_document(&mut self, explicit: bool, range: Range<usize>) -> Result<(), Reported> {
        if explicit {
            self.directives(range.start)?;
        } else if !self.documents.is_empty() {
            let line = self.text.get(range.start..).and_then(|rest| rest.lines().next()).unwrap_or("");
            let span = self.span(&(range.start..range.start + line.trim_end().len()));
            let draft =
                self.d.error(Code::Syntax, "this stands after the end of the document").label(span, "");
            return Err(draft.help("begin another document with `---`").emit());
        }
        self.marker = if explicit { range } else { 0..0 };
        Ok(())
    }

    /// What begins with `%` between the last document and the `---` at `end`. go-yaml reads YAML 1.1 in name, and
    /// refuses what the parser would let pass.
    fn directives(&mut self, end: usize) -> Result<(), Reported> {
        let before = self.text.get(self.document_end..end).unwrap_or("");
        let mut at = self.document_end;
        for line in before.split_inclusive('\n') {
            let shown = line.trim_start_matches('\u{feff}').trim_end();
            let start = at + line.len() - line.trim_start_matches('\u{feff}').len();
            at += line.len();
            let mut words = shown.split([' ', '\t']).filter(|word| !word.is_empty());
            let (message, help) = match (words.next(), words.next()) {
                (Some("%YAML"), Some("1.1")) | (Some("%TAG"), _) => continue,
                (Some("%YAML"), _) => VERSION,
                (Some(name), _) if name.starts_with('%') => {
                    ("YAML has no such directive", "leave the line out")
                }
                _ => continue,
            };
            let span = self.span(&(start..start + shown.len()));
            return Err(self.d.error(Code::Syntax, message).label(span, "").help(help).emit());
        }
        Ok(())
    }

    /// The node of a scalar, and whether it is a key that merges if it is a key.
    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&str>,
        range: Range<usize>,
        tag_range: &Range<usize>,
    ) -> (Node, bool) {
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let text = if block { self.without_added_newline(text, range.end) } else { text };
        let range = if block { self.trimmed(range) } else { range };
        let range = if range.is_empty() { tag_range.clone() } else { range };
        let (span, tag_span) = (self.span(&range), self.span(tag_range));
        let written = if style == ScalarStyle::Plain { Style::Plain } else { Style::Text };
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

    /// Whether the next node is a key.
    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame { items: Items::Map { key: None, .. }, .. }))
    }

    /// What a tag of Compose does at this place. Below `!override` another one changes nothing, and Compose takes what
    /// `!reset` stands on for the value.
    fn allowed(&mut self, own: Own, span: Span) -> Result<Option<Own>, Reported> {
        if self.overriding == 0 {
            return Ok(Some(own));
        }
        match own {
            Own::Override => Ok(None),
            Own::Reset => {
                let draft = self.d.error(Code::Tag, "`!reset` has no effect inside of `!override`");
                let draft = draft.label(span, "");
                Err(draft.help("leave the key out: with `!override` nothing else is kept").emit())
            }
        }
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

    /// What an alias to a node with tags of Compose stands for: a tag on the node itself acts at the alias too; a
    /// `!reset` below it has acted where it was written.
    fn aliased_tags(&mut self, node: &Node, span: Span) -> Node {
        match &node.value {
            Value::Reset => match self.allowed(Own::Reset, span) {
                Ok(_) => node.clone(),
                Err(reported) => Node { span, value: Value::Broken(reported) },
            },
            Value::Override(inner) if self.overriding > 0 => (**inner).clone(),
            _ => tags::without_resets(node),
        }
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
