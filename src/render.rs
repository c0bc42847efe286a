//! Diagnostics as text for people: the only user of `miette`.

use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};

use crate::diag::{Diagnostic, Diagnostics, Severity};
use crate::source::{FileId, Sources, Span};

/// How many findings are shown. A hostile file can have hundreds of thousands, and nobody reads past the first.
const MAX_SHOWN: usize = 100;

/// Colours, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// For a terminal.
    Ansi,
    /// For a file, a pipe or `NO_COLOR`.
    None,
}

/// All findings as text, `width` columns wide, with a line of counts at the end; empty where there are none.
pub fn render(d: &Diagnostics, sources: &Sources, width: usize, colour: Colour) -> String {
    let theme = match colour {
        Colour::Ansi => GraphicalTheme::unicode(),
        Colour::None => GraphicalTheme::unicode_nocolor(),
    };
    let handler =
        GraphicalReportHandler::new_themed(theme).with_links(false).with_width(width).with_context_lines(1);
    let texts = Texts::new(sources);
    let found = d.sorted();
    let mut out = String::new();
    for diagnostic in found.iter().take(MAX_SHOWN) {
        let report = Report { diagnostic, texts: &texts };
        // The handler writes into a string, which cannot fail; a broken source map would, and then the message
        // alone is still worth showing.
        if handler.render_report(&mut out, &report).is_err() {
            out.push_str(&diagnostic.message);
        }
        out.push('\n');
    }
    out + &summary(d, found.len())
}

fn summary(d: &Diagnostics, found: usize) -> String {
    let count = |number: usize, what: &str| match number {
        0 => None,
        1 => Some(format!("1 {what}")),
        _ => Some(format!("{number} {what}s")),
    };
    let counts: Vec<_> =
        [count(d.errors(), "error"), count(d.warnings(), "warning")].into_iter().flatten().collect();
    match found.checked_sub(MAX_SHOWN) {
        _ if counts.is_empty() => String::new(),
        Some(more @ 1..) => format!("{}; {more} of them are not shown\n", counts.join(", ")),
        _ => format!("{}\n", counts.join(", ")),
    }
}

/// All files laid end to end, so that one report can have labels in several of them.
struct Texts<'a> {
    sources: &'a Sources,
    /// Where each file begins; a gap of one byte keeps their ends apart.
    bases: Vec<usize>,
}

impl<'a> Texts<'a> {
    fn new(sources: &'a Sources) -> Self {
        let bases = sources.files().scan(0, |next, (_, _, text)| {
            let base = *next;
            *next += text.len() + 1;
            Some(base)
        });
        let bases = bases.collect();
        Texts { sources, bases }
    }

    fn files(&self) -> impl Iterator<Item = (usize, FileId, &'a str, &'a str)> {
        self.bases
            .iter()
            .copied()
            .zip(self.sources.files())
            .map(|(base, (id, name, text))| (base, id, name, text))
    }

    /// The place in the common text. A span of several lines is cut at the end of its first line, where its key
    /// or opening is; one at the end of a file is moved onto its last character, which `miette` would drop.
    fn place(&self, span: Span) -> SourceSpan {
        let Some((base, _, _, text)) = self.files().find(|(_, id, ..)| *id == span.file) else {
            return SourceSpan::from(0..0);
        };
        let (mut start, end) = ((span.start as usize).min(text.len()), (span.end as usize).min(text.len()));
        if start == text.len() {
            start = text.trim_end().char_indices().next_back().map_or(0, |(at, _)| at);
        }
        let line = text.get(start..end).and_then(|part| part.lines().next()).unwrap_or("");
        SourceSpan::from(base + start..base + start + line.trim_end().len())
    }
}

impl SourceCode for Texts<'_> {
    fn read_span<'b>(
        &'b self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'b> + 'b>, MietteError> {
        let found = self.files().filter(|(base, ..)| *base <= span.offset()).last();
        let (base, _, name, text) = found.ok_or(MietteError::OutOfBounds)?;
        let local = SourceSpan::from((span.offset() - base, span.len()));
        let contents = text.read_span(&local, before, after)?;
        let shown = contents.span();
        Ok(Box::new(MietteSpanContents::new_named(
            name.to_owned(),
            contents.data(),
            SourceSpan::from((shown.offset() + base, shown.len())),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}

struct Report<'a> {
    diagnostic: &'a Diagnostic,
    texts: &'a Texts<'a>,
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.diagnostic, f)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code.name()))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.texts)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.diagnostic.labels.iter().enumerate().map(|(index, label)| {
            let text = (!label.text.is_empty()).then(|| label.text.clone());
            let place = self.texts.place(label.span);
            if index == 0 {
                LabeledSpan::new_primary_with_span(text, place)
            } else {
                LabeledSpan::new_with_span(text, place)
            }
        });
        Some(Box::new(labels))
    }
}
