//! Text to [`Node`]: anchors, merge keys, duplicate keys and the limits that make hostile input cheap.

use std::collections::BTreeMap;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::scalar::resolve;
use super::syntax::{Explained, explain};
use super::{Entry, Node, Part, Plain, Scalar, Style, Value};
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{FileId, Span};

/// How many nodes aliases may stand for in one file. go-yaml and Compose have a limit of the same size.
const MAX_ALIASED: u64 = 100_000;

/// A text counts as one node for each this many bytes: what is done for every node is done for every byte of it.
const NODE: u64 = 128;

/// Parses one file. An empty one is [`Value::Null`].
///
/// A syntax error ends the file, and so do aliases that stand for too much. Every duplicate key, unknown or recursive
/// alias, key that is no text and tag that has no meaning here is reported too, and the rest is kept: the first of
/// two keys, and [`Value::Broken`] for a value that cannot be had.
pub fn parse(d: &mut Diagnostics, file: FileId, text: &str) -> Result<Node, Reported> {
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

struct Builder<'a> {
    d: &'a mut Diagnostics,
    file: FileId,
    text: &'a str,
    open: Vec<Frame>,
    /// By the parser's id; `None` while the anchored node is still open.
    anchors: BTreeMap<usize, Option<Built>>,
    aliased: u64,
    last_end: usize,
    documents: usize,
    root: Option<Node>,
}

/// A node and how many nodes it is once its aliases are followed.
#[derive(Clone)]
struct Built {
    node: Node,
    weight: u64,
}

struct Frame {
    start: usize,
    anchor: usize,
    weight: u64,
    items: Items,
}

enum Items {
    Seq(Vec<Node>),
    Map { entries: Vec<(Node, Node)>, key: Option<Node> },
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
            documents: 0,
            root: None,
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end.max(start))
    }

    fn syntax(&mut self, error: &granit_parser::ScanError) -> Reported {
        let at = error.marker().byte_offset().unwrap_or(0);
        let open: Vec<usize> = self.open.iter().map(|frame| frame.start).collect();
        let Explained { range, message, opened, help } = explain(self.text, error.kind(), at, &open);
        let place = |range: std::ops::Range<usize>| Span::new(self.file, range.start, range.end);
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
        range: std::ops::Range<usize>,
        tag_span: Option<std::ops::Range<usize>>,
    ) -> Result<(), Reported> {
        if range.end > range.start {
            self.last_end = range.end;
        }
        let tag_span = tag_span.map_or(range.clone(), |tag| tag);
        match event {
            Event::DocumentStart(..) => self.document(range.start),
            Event::Scalar(text, style, anchor, tag) => {
                let weight = 1 + text.len() as u64 / NODE;
                let node = self.scalar(&text, style, tag.as_deref(), range, tag_span);
                self.add(Built { node, weight }, anchor);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), tag_span);
                self.begin(range.start, anchor, Items::Seq(Vec::new()));
            }
            Event::MappingStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), tag_span);
                self.begin(range.start, anchor, Items::Map { entries: Vec::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(id) => self.alias(id, self.span(range.start, range.end))?,
            Event::UnresolvedAlias(name) => {
                let span = self.span(range.start, range.end);
                let draft = self.d.error(Code::Alias, format!("no anchor is called `{name}`"));
                let draft = draft.label(span, "used here");
                let reported = draft.help("if the `*` belongs to a text, put it in quotes").emit();
                self.add(Built { node: Node { span, value: Value::Broken(reported) }, weight: 1 }, 0);
            }
            _ => {}
        }
        Ok(())
    }

    fn fail(&mut self, code: Code, message: String, span: Span, label: &str) -> Reported {
        self.d.error(code, message).label(span, label).emit()
    }

    fn document(&mut self, start: usize) {
        self.documents += 1;
        if self.documents == 2 {
            let span = self.span(start, self.text.len());
            let message = "several documents in one file are not supported yet".into();
            self.fail(Code::NotSupported, message, span, "the second one");
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        range: std::ops::Range<usize>,
        tag_span: std::ops::Range<usize>,
    ) -> Node {
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let text = if block { self.without_added_newline(text, range.end) } else { text };
        let range = if block { self.trimmed(range) } else { range };
        let span = self.span(range.start, range.end);
        let written = if style == ScalarStyle::Plain { Style::Plain } else { Style::Text };
        let style = match self.typed(text, written, tag, tag_span) {
            Ok(style) => style,
            Err(reported) => return Node { span, value: Value::Broken(reported) },
        };
        if style == Style::Plain && resolve(text) == Plain::Null {
            return Node { span, value: Value::Null };
        }
        let parts = self.text.get(range.clone()).map(|source| parts(text, source, range.start));
        let parts = parts.unwrap_or_default().into();
        Node { span, value: Value::Scalar(Scalar { text: text.into(), style, parts }) }
    }

    /// What a tag makes of a scalar. A tag that nobody defined makes it a text, as in go-yaml.
    fn typed(
        &mut self,
        text: &str,
        written: Style,
        tag: Option<&Tag>,
        at: std::ops::Range<usize>,
    ) -> Result<Style, Reported> {
        let Some(tag) = tag else { return Ok(written) };
        let span = self.span(at.start, at.end);
        let kind = resolve(text);
        let fits = match tag.core_suffix() {
            Some("str") => return Ok(Style::Text),
            Some("int") => matches!(kind, Plain::Int(_)),
            Some("float") => matches!(kind, Plain::Int(_) | Plain::Float(_)),
            Some("bool") => matches!(kind, Plain::Bool(_)),
            Some("null") => kind == Plain::Null,
            Some(_) => false,
            None => {
                return self.custom_tag(tag, span).map(|()| Style::Text);
            }
        };
        if fits {
            return Ok(Style::Plain);
        }
        let message = format!("`{text}` is not what its tag `{}` says", tag.original());
        Err(self.fail(Code::Tag, message, span, "this tag"))
    }

    fn collection_tag(&mut self, tag: Option<&Tag>, at: std::ops::Range<usize>) {
        if let Some(tag) = tag.filter(|tag| tag.core_suffix().is_none()) {
            let span = self.span(at.start, at.end);
            // What is wrong is the tag, not what it stands on.
            let _reported = self.custom_tag(tag, span);
        }
    }

    fn custom_tag(&mut self, tag: &Tag, span: Span) -> Result<(), Reported> {
        let name = tag.original();
        if name == "!reset" || name == "!override" || name.starts_with("!!") {
            let message = format!("the tag `{name}` is not supported yet");
            return Err(self.fail(Code::NotSupported, message, span, ""));
        }
        Ok(())
    }

    /// The parser ends a block scalar with a newline even where the file ends without one; go-yaml does not.
    fn without_added_newline<'t>(&self, text: &'t str, end: usize) -> &'t str {
        let at_end = end >= self.text.len() && !self.text.ends_with('\n');
        let last_line = self.text.rsplit('\n').next().unwrap_or("");
        if at_end && !last_line.trim().is_empty() { text.strip_suffix('\n').unwrap_or(text) } else { text }
    }

    /// A block scalar's span runs into the next line's indentation.
    fn trimmed(&self, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let text = self.text.get(range.clone()).unwrap_or("");
        range.start..range.start + text.trim_end().len()
    }

    fn begin(&mut self, start: usize, anchor: usize, items: Items) {
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Frame { start, anchor, weight: 1, items });
    }

    fn end(&mut self) {
        let Some(frame) = self.open.pop() else { return };
        let value = match frame.items {
            Items::Seq(items) => Value::Seq(items.into()),
            Items::Map { entries, .. } => self.mapping(entries),
        };
        let span = self.span(frame.start, self.last_end);
        self.add(Built { node: Node { span, value }, weight: frame.weight }, frame.anchor);
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Reported> {
        let Some(Some(built)) = self.anchors.get(&id).cloned() else {
            let message = "an anchor may not contain itself".into();
            let reported = self.fail(Code::Alias, message, span, "used inside its own value");
            self.add(Built { node: Node { span, value: Value::Broken(reported) }, weight: 1 }, 0);
            return Ok(());
        };
        self.aliased = self.aliased.saturating_add(built.weight);
        if self.aliased > MAX_ALIASED {
            let message = format!("aliases stand for more than {MAX_ALIASED} values");
            let draft = self.d.error(Code::Alias, message).label(span, "the limit is passed here");
            return Err(draft.help("write the values out, or share fewer of them").emit());
        }
        self.add(built, 0);
        Ok(())
    }

    fn add(&mut self, built: Built, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, Some(built.clone()));
        }
        let Built { node, weight } = built;
        let Some(frame) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        frame.weight = frame.weight.saturating_add(weight);
        match &mut frame.items {
            Items::Seq(items) => items.push(node),
            Items::Map { entries, key } => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
    }

    /// Keys must be texts and stand once; `<<` brings in what the mapping does not say itself.
    fn mapping(&mut self, pairs: Vec<(Node, Node)>) -> Value {
        let mut entries: Vec<Entry> = Vec::with_capacity(pairs.len());
        let mut seen: BTreeMap<Rc<str>, Span> = BTreeMap::new();
        let (mut merges, mut broken) = (Vec::new(), None);
        for (key, value) in pairs {
            let (text, is_merge) = match self.key(&key) {
                Ok(key) => key,
                Err(reported) => {
                    // A key that is no scalar at all is not a mistake in a mapping, but one about what it is.
                    broken = broken.or(Some(reported).filter(|_| !matches!(key.value, Value::Scalar(_))));
                    continue;
                }
            };
            if let Some(first) = seen.get(&text) {
                let message = format!("the key `{text}` stands twice");
                let draft = self.d.error(Code::DuplicateKey, message).label(key.span, "again here");
                draft.label(*first, "first here").help("keep one of them").emit();
                continue;
            }
            seen.insert(Rc::clone(&text), key.span);
            if is_merge {
                merges.push((key.span, value));
            } else {
                entries.push(Entry { key: text, key_span: key.span, value });
            }
        }
        for (span, value) in merges {
            broken = self.merge(&mut entries, &mut seen, span, &value).err().or(broken);
        }
        // What a mapping lacks that was to be merged into it must not be missed once more.
        broken.map_or_else(|| Value::Map(entries.into()), Value::Broken)
    }

    /// The text of a key, and whether it is the one that merges.
    fn key(&mut self, node: &Node) -> Result<(Rc<str>, bool), Reported> {
        let template = self.text.get(..node.span.start as usize).is_some_and(|text| text.ends_with('{'));
        let (message, help) = match &node.value {
            Value::Broken(reported) => return Err(*reported),
            Value::Scalar(scalar) if scalar.resolve() == Plain::Str => {
                let is_merge = scalar.style == Style::Plain && &*scalar.text == "<<";
                return Ok((Rc::clone(&scalar.text), is_merge));
            }
            Value::Scalar(scalar) => (
                format!("the key `{}` is {} and not a text", scalar.text, node.kind()),
                Some(format!("quote it: `\"{}\"`", scalar.text)),
            ),
            other => {
                let help = match other {
                    Value::Null => Some("write the key; `\"~\"` and `\"null\"` are texts"),
                    Value::Map(_) if template => {
                        Some("`{{…}}` is a mapping to YAML: fill in the template, or put it in quotes")
                    }
                    _ => None,
                };
                (format!("a key must be a text, and this is {}", node.kind()), help.map(str::to_owned))
            }
        };
        let draft = self.d.error(Code::KeyType, message).label(node.span, "");
        Err(match help {
            Some(help) => draft.help(help).emit(),
            None => draft.emit(),
        })
    }

    fn merge(
        &mut self,
        entries: &mut Vec<Entry>,
        seen: &mut BTreeMap<Rc<str>, Span>,
        key: Span,
        value: &Node,
    ) -> Result<(), Reported> {
        let single = std::slice::from_ref(value);
        let sources = if let Value::Seq(items) = &value.value { items } else { single };
        let mut merged = Ok(());
        for source in sources {
            match &source.value {
                Value::Map(map) => {
                    for entry in map.iter() {
                        if !seen.contains_key(&entry.key) {
                            seen.insert(Rc::clone(&entry.key), entry.key_span);
                            entries.push(entry.clone());
                        }
                    }
                }
                Value::Broken(reported) => merged = Err(*reported),
                _ => {
                    let kind = source.kind();
                    let message = format!("`<<` takes a mapping or a list of them, and this is {kind}");
                    let draft = self.d.error(Code::Merge, message).label(key, "merged here");
                    merged = Err(draft.label(source.span, kind).emit());
                }
            }
        }
        merged
    }

    fn finish(self) -> Node {
        self.root.unwrap_or(Node { span: Span::start_of(self.file), value: Value::Null })
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
