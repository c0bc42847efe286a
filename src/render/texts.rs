//! The texts of a report as they are shown: the lines with a label and those beside them, of all files end to end, so
//! that one report can have labels in several files. Unprintable characters are made visible, and the far parts of
//! long lines are left out.

use std::collections::BTreeMap;
use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::diag::Label;
use crate::printable::{is_unprintable, printable_line};
use crate::source::{FileId, Sources, Span};

/// A longer line is cut, in bytes.
const LONG: usize = 400;

/// How much of a long line is shown on either side of a label, in bytes.
const AROUND: usize = 80;

/// The longest part of a line that is underlined, in bytes.
const MAX_LABEL: usize = 160;

/// Where the lines of files begin, looked up once for all reports.
#[derive(Default)]
pub(super) struct Index(BTreeMap<FileId, Vec<usize>>);

impl Index {
    fn of(&mut self, file: FileId, text: &str) -> &[usize] {
        let starts = || std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        self.0.entry(file).or_insert_with(starts)
    }
}

/// The files that labels of one report are in.
pub(super) struct Texts {
    files: Vec<Shown>,
}

/// One file.
struct Shown {
    id: FileId,
    name: String,
    /// Where it begins in the common text; a gap of one byte keeps the ends of files apart.
    base: usize,
    text: String,
    edits: Vec<Edit>,
    lines: Vec<Line>,
}

/// A part of the file that is shown as something else.
struct Edit {
    from: usize,
    to: usize,
    /// Where it is shown.
    at: usize,
    shown: usize,
}

/// A line that is shown.
struct Line {
    /// Its number in the file, from 0.
    number: usize,
    /// Where it begins in the shown text.
    at: usize,
}

impl Texts {
    /// The files of `labels`.
    pub(super) fn new(sources: &Sources, index: &mut Index, labels: &[Label]) -> Self {
        let mut files: Vec<Shown> = Vec::new();
        for (id, name, text) in sources.files() {
            let here = labels.iter().filter(|label| label.span.file == id);
            let mut here: Vec<Range<usize>> = here.map(|label| underlined(text, label.span)).collect();
            here.sort_by_key(|range| range.start);
            if !here.is_empty() {
                let base = files.last().map_or(0, |before| before.base + before.text.len() + 1);
                files.push(Shown::new(id, name, text, index.of(id, text), base, &here));
            }
        }
        Texts { files }
    }

    /// The place of a label in the common text.
    pub(super) fn place(&self, sources: &Sources, span: Span) -> SourceSpan {
        let Some(file) = self.files.iter().find(|file| file.id == span.file) else {
            return SourceSpan::from(0..0);
        };
        let range = underlined(&sources.text(span.file), span);
        SourceSpan::from(file.base + file.shown_at(range.start)..file.base + file.shown_at(range.end))
    }
}

/// The part of a span that is underlined. One of several lines is cut at the end of its first line, where its key or
/// opening is; one at the end of a file is moved onto its last character, which `miette` would drop.
fn underlined(text: &str, span: Span) -> Range<usize> {
    let (mut start, end) = ((span.start as usize).min(text.len()), (span.end as usize).min(text.len()));
    if start == text.len() {
        start = text.trim_end().char_indices().next_back().map_or(0, |(at, _)| at);
    }
    let line = text.get(start..end).and_then(|part| part.lines().next()).unwrap_or("");
    start..start + floor(line, MAX_LABEL.min(line.trim_end().len()))
}

/// The last boundary of a character that is not after `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

impl Shown {
    fn new(
        id: FileId,
        name: &str,
        text: &str,
        starts: &[usize],
        base: usize,
        labels: &[Range<usize>],
    ) -> Self {
        let (edits, lines) = (Vec::new(), Vec::new());
        let mut shown =
            Shown { id, name: printable_line(name).into_owned(), base, text: String::new(), edits, lines };
        let mut done = 0;
        for number in around(starts, labels) {
            let (Some(start), next) = (starts.get(number), starts.get(number + 1)) else { continue };
            let end = next.map_or(text.len(), |next| next - 1);
            shown.edit(done..*start, if done == 0 { "" } else { "\n" });
            shown.lines.push(Line { number, at: shown.text.len() });
            shown.line(text, *start..end, labels);
            done = end;
        }
        shown
    }

    /// A line: whole, or where it is long the parts around labels.
    fn line(&mut self, text: &str, line: Range<usize>, labels: &[Range<usize>]) {
        if line.len() <= LONG {
            return self.part(text, line);
        }
        let mut at = line.start;
        for label in labels.iter().filter(|label| line.start <= label.start && label.start <= line.end) {
            let from = floor(text, label.start.saturating_sub(AROUND)).max(at);
            let to = floor(text, (label.end + AROUND).min(line.end)).max(from);
            self.edit(at..from, "…");
            self.part(text, from..to);
            at = to;
        }
        if at == line.start {
            at = floor(text, line.start + AROUND);
            self.part(text, line.start..at);
        }
        self.edit(at..line.end, "…");
    }

    fn part(&mut self, text: &str, range: Range<usize>) {
        let mut kept = range.start;
        for (offset, c) in text.get(range.clone()).unwrap_or("").char_indices() {
            if is_unprintable(c) {
                let at = range.start + offset;
                self.keep(text, kept..at);
                kept = at + c.len_utf8();
                // The end of a line of Windows.
                let shown =
                    if c == '\r' && kept == range.end { String::new() } else { picture(c).to_string() };
                self.edit(at..kept, &shown);
            }
        }
        self.keep(text, kept..range.end);
    }

    fn keep(&mut self, text: &str, range: Range<usize>) {
        self.text.push_str(text.get(range).unwrap_or(""));
    }

    fn edit(&mut self, from: Range<usize>, shown: &str) {
        if !from.is_empty() {
            self.edits.push(Edit { from: from.start, to: from.end, at: self.text.len(), shown: shown.len() });
            self.text.push_str(shown);
        }
    }

    /// Where a byte of the file is shown.
    fn shown_at(&self, byte: usize) -> usize {
        let before = self.edits.partition_point(|edit| edit.from <= byte);
        match before.checked_sub(1).and_then(|last| self.edits.get(last)) {
            None => byte,
            Some(edit) if byte < edit.to => edit.at,
            Some(edit) => edit.at + edit.shown + (byte - edit.to),
        }
    }

    /// The characters of the file between the start of a line and a place in it.
    fn column(&self, line: &Line, at: usize) -> usize {
        let edits = self.edits.iter().filter(|edit| line.at <= edit.at && edit.at < at);
        // What stands for more than one character is ASCII more often than not.
        let left_out: usize = edits.map(|edit| edit.to - edit.from - 1).filter(|bytes| *bytes > 3).sum();
        self.text.get(line.at..at).map_or(0, |shown| shown.chars().count()) + left_out
    }

    /// The shown lines from that of `start` to that of `end`, and some beside them, if they stand together.
    fn snippet(&self, start: usize, end: usize, before: usize, after: usize) -> Option<&[Line]> {
        let of = |at| self.lines.partition_point(|line| line.at <= at).checked_sub(1);
        let (mut first, mut last) = (of(start)?, of(end)?);
        let number = |index: usize| self.lines.get(index).map(|line| line.number);
        let together = |a: usize, b: usize| number(a).map(|number| number + b - a) == number(b);
        for _ in 0..before {
            first -= usize::from(first > 0 && together(first - 1, first));
        }
        for _ in 0..after {
            last += usize::from(together(last, last + 1));
        }
        together(first, last).then(|| self.lines.get(first..=last)).flatten()
    }
}

/// The lines that have a label, and one more on either side: what a report shows. In order, each once.
fn around(starts: &[usize], labels: &[Range<usize>]) -> Vec<usize> {
    let of = |label: &Range<usize>| starts.partition_point(|start| *start <= label.start).saturating_sub(1);
    let mut lines: Vec<usize> =
        labels.iter().map(of).flat_map(|line| line.saturating_sub(1)..=line + 1).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// A sign for a character that cannot be shown; of one column, so that what is below it stays below it.
fn picture(c: char) -> char {
    match c {
        '\u{7f}' => '\u{2421}',
        '\0'..'\u{20}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        _ => '\u{fffd}',
    }
}

impl SourceCode for Texts {
    fn read_span<'b>(
        &'b self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'b> + 'b>, MietteError> {
        let file = self.files.iter().rfind(|file| file.base <= span.offset());
        let file = file.ok_or(MietteError::OutOfBounds)?;
        let (start, end) = (span.offset() - file.base, span.offset() - file.base + span.len());
        // Labels of two files, or of lines far from each other, are never one snippet.
        let lines = if end <= file.text.len() { file.snippet(start, end, before, after) } else { None };
        let (Some(first), Some(last)) = (lines.and_then(|l| l.first()), lines.and_then(|l| l.last())) else {
            return Err(MietteError::OutOfBounds);
        };
        // Without lines before it, a span is asked for its own place.
        let (from, column) = match before {
            0 => (start, file.column(first, start)),
            _ => (first.at, 0),
        };
        let rest = file.text.get(last.at..).unwrap_or("");
        let to = last.at + rest.find('\n').unwrap_or(rest.len());
        let data = file.text.get(from..to).ok_or(MietteError::OutOfBounds)?;
        Ok(Box::new(MietteSpanContents::new_named(
            file.name.clone(),
            data.as_bytes(),
            SourceSpan::from((file.base + from, data.len())),
            first.number,
            column,
            last.number - first.number + 1,
        )))
    }
}
