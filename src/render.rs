//! Diagnostics as text for people: the only user of `miette`. Beside it, in `lines`, messages for programs.

mod lines;

mod texts;

use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use crate::diag::{Diagnostic, Diagnostics, Severity};
use crate::printable::printable_line;
use crate::source::Sources;
pub use lines::{Level, Message, Place, messages};
use texts::{Index, Texts};

/// How many findings are shown. A hostile file can have hundreds of thousands, and nobody reads past the first.
const MAX_SHOWN: usize = 100;

/// The longest message, label or help that is shown, in characters: a value of a megabyte says no more.
const MAX_TEXT: usize = 1000;

/// Colours, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// For a terminal.
    Ansi,
    /// For a file, a pipe or `NO_COLOR`.
    None,
}

/// All findings as text, `width` columns wide, with a line of counts at the end; empty where there are none. Nothing
/// that stands in a file reaches the terminal as a command.
pub fn render(d: &Diagnostics, sources: &Sources, width: usize, colour: Colour) -> String {
    let theme = match colour {
        Colour::Ansi => GraphicalTheme::unicode(),
        Colour::None => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_width(width)
        .with_wrap_lines(false)
        .with_context_lines(1);
    let mut out = String::new();
    let found = shown(d);
    let mut index = Index::default();
    for diagnostic in &found {
        let report = Report::new(diagnostic, sources, &mut index, width);
        // The handler writes into a string, which cannot fail; a broken source map would, and then the message
        // alone is still worth showing.
        if handler.render_report(&mut out, &report).is_err() {
            out.push_str(&report.message);
        }
        out.push('\n');
    }
    out + &summary(d, found.len())
}

/// The findings that are shown, in the order of their places. Errors come before warnings where there is no room.
fn shown(d: &Diagnostics) -> Vec<&Diagnostic> {
    let all = d.sorted();
    let errors = all.iter().filter(|found| found.severity == Severity::Error).count();
    let (mut errors, mut warnings) = (errors.min(MAX_SHOWN), MAX_SHOWN.saturating_sub(errors));
    let has_room = |found: &&Diagnostic| {
        let room = if found.severity == Severity::Error { &mut errors } else { &mut warnings };
        let has = *room > 0;
        *room = room.saturating_sub(1);
        has
    };
    all.into_iter().filter(has_room).collect()
}

fn summary(d: &Diagnostics, shown: usize) -> String {
    let count = |number: usize, what: &str| match number {
        0 => None,
        1 => Some(format!("1 {what}")),
        _ => Some(format!("{number} {what}s")),
    };
    let counts: Vec<_> =
        [count(d.errors(), "error"), count(d.warnings(), "warning")].into_iter().flatten().collect();
    match (d.errors() + d.warnings()).saturating_sub(shown) {
        _ if counts.is_empty() => String::new(),
        0 => format!("{}\n", counts.join(", ")),
        more => format!("{}; {more} of them are not shown\n", counts.join(", ")),
    }
}

/// A finding in the terms of `miette`.
struct Report<'a> {
    diagnostic: &'a Diagnostic,
    message: String,
    help: Option<String>,
    labels: Vec<LabeledSpan>,
    texts: Texts,
}

impl<'a> Report<'a> {
    fn new(diagnostic: &'a Diagnostic, sources: &Sources, index: &mut Index, width: usize) -> Self {
        let texts = Texts::new(sources, index, &diagnostic.labels);
        let labels = diagnostic.labels.iter().enumerate().map(|(index, label)| {
            let text = (!label.text.is_empty()).then(|| cut(&label.text));
            let place = texts.place(sources, label.span);
            if index == 0 {
                LabeledSpan::new_primary_with_span(text, place)
            } else {
                LabeledSpan::new_with_span(text, place)
            }
        });
        Report {
            diagnostic,
            message: wrapped(&cut(&diagnostic.message), width.saturating_sub("  × ".len())),
            help: diagnostic
                .help
                .as_ref()
                .map(|help| wrapped(&cut(help), width.saturating_sub("  help: ".len()))),
            labels: labels.collect(),
            texts,
        }
    }
}

/// What is said, in one line a terminal can show.
fn cut(text: &str) -> String {
    printable_line(&cut_at(text)).into_owned()
}

/// What is said, up to a length that somebody reads.
fn cut_at(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or("")),
        None => text.to_owned(),
    }
}

/// The text in lines of at most `width` characters. Nothing is broken between backquotes: that is code, and may be
/// copied from here.
fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for (index, word) in words(text).enumerate() {
        let length = word.chars().count();
        if index > 0 {
            let fits = column + 1 + length <= width;
            out.push(if fits { ' ' } else { '\n' });
            column = if fits { column + 1 } else { 0 };
        }
        out.push_str(word);
        column += length;
    }
    out
}

/// The parts between blanks that are not between backquotes.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.split(move |c| {
        in_code ^= c == '`';
        c == ' ' && !in_code
    })
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.diagnostic, f)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
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
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.texts)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
