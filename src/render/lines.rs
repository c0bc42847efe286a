//! Messages for programs: a line each, short or as JSON.
//!
//! Owns the shape of both; `schemas/message.json` is made from it.

use serde::Serialize;

use super::cut_at;
use crate::diag::{Diagnostic, Diagnostics, Severity};
use crate::printable::{is_unprintable, printable_line};
use crate::source::{Sources, Span};

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What was asked for is not done.
    Error,
    /// It is done, and the user should know.
    Warning,
    /// What happens, and what to do next.
    Note,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Message {
    /// How much it matters.
    pub severity: Level,
    /// The kind of finding, which the manual explains; nothing for what is no finding in a file.
    pub code: Option<&'static str>,
    /// What is wrong and what was found, or what happens.
    pub message: String,
    /// The places; the first is the one to go to.
    pub labels: Vec<Place>,
    /// What to do about it.
    pub help: Option<String>,
}

/// A place, and what it has to do with the message. Lines and columns count from one, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// The line of the first character.
    pub line: usize,
    /// The column of the first character.
    pub column: usize,
    /// The line of the character after the last one.
    pub end_line: usize,
    /// The column of the character after the last one.
    pub end_column: usize,
    /// What this place is; may be empty.
    pub text: String,
}

/// Everything found, in the order of the places.
pub fn messages(d: &Diagnostics, sources: &Sources) -> Vec<Message> {
    let found = d.sorted();
    let more = (d.errors() + d.warnings()).saturating_sub(found.len());
    let more = (more > 0).then(|| Message::new(Level::Note, format!("{more} more findings are not listed")));
    found.into_iter().map(|found| Message::of(found, sources)).chain(more).collect()
}

impl Message {
    /// One without a place.
    pub fn new(severity: Level, message: String) -> Self {
        Message { severity, code: None, message, labels: Vec::new(), help: None }
    }

    /// What a command says in a line for people. The word before it tells how much it matters.
    pub fn said(line: &str) -> Self {
        let words = [("error: ", Level::Error), ("warning: ", Level::Warning), ("bundlegen: ", Level::Error)];
        let found = words.iter().find_map(|(word, level)| Some((*level, line.strip_prefix(word)?)));
        let (level, text) = found.unwrap_or((Level::Note, line));
        Message::new(level, text.to_owned())
    }

    fn of(found: &Diagnostic, sources: &Sources) -> Self {
        let place = |label: &crate::diag::Label| Place::new(label.span, &label.text, sources);
        Message {
            severity: match found.severity {
                Severity::Error => Level::Error,
                Severity::Warning => Level::Warning,
            },
            code: Some(found.code.name()),
            message: cut_at(&found.message),
            labels: found.labels.iter().map(place).collect(),
            help: found.help.as_deref().map(cut_at),
        }
    }

    /// `file:line:column: error[code]: message`, with as much of it as there is.
    pub fn short(&self) -> String {
        let place = match self.labels.first() {
            Some(Place { file, line, column, .. }) => format!("{file}:{line}:{column}: "),
            None => String::new(),
        };
        let code = self.code.map(|code| format!("[{code}]")).unwrap_or_default();
        printable_line(&format!("{place}{}{code}: {}", self.severity.name(), self.message)).into_owned()
            + "\n"
    }

    /// One JSON object in a line. What a terminal would act on is escaped.
    pub fn json(&self) -> String {
        // Texts, numbers and lists of them can always be written.
        let text = serde_json::to_string(self).unwrap_or_default();
        let mut units = [0; 2];
        let mut line = String::with_capacity(text.len() + 1);
        for c in text.chars() {
            if is_unprintable(c) {
                let escaped = c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}"));
                line.extend(escaped);
            } else {
                line.push(c);
            }
        }
        line + "\n"
    }
}

impl Place {
    fn new(span: Span, text: &str, sources: &Sources) -> Self {
        let (line, column) = sources.position(span);
        let (end_line, end_column) = sources.end(span);
        let file = sources.name(span.file).to_owned();
        Place { file, line, column, end_line, end_column, text: cut_at(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Code;

    fn found(message: &str) -> (Diagnostics, Sources) {
        let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
        let file = sources.add("a\nb.yaml".to_owned(), "x: 1\nüy: |\n  2\n".to_owned());
        let draft = d.error(Code::UnknownKey, message).help("remove it");
        let _reported = draft.label(Span::new(file, 7, 16), "here").label(Span::new(file, 0, 1), "").emit();
        (d, sources)
    }

    #[test]
    fn a_finding_is_one_line() {
        let (d, sources) = found("un\u{9b}known\nkey");
        let [message] = &messages(&d, &sources)[..] else { panic!("one finding, one message") };
        assert_eq!(message.short(), "a\\nb.yaml:2:2: error[unknown-key]: un\\u{9b}known\\nkey\n");
        let want = r#"{"severity":"error","code":"unknown-key","message":"un\u009bknown\nkey","labels":[{"file":"a\nb.yaml","line":2,"column":2,"end_line":4,"end_column":1,"text":"here"},{"file":"a\nb.yaml","line":1,"column":1,"end_line":1,"end_column":2,"text":""}],"help":"remove it"}"#;
        assert_eq!(message.json(), format!("{want}\n"));
    }

    #[test]
    fn what_is_said_has_a_level() {
        let short = |line: &str| Message::said(line).short();
        assert_eq!(short("error: the disk is full"), "error: the disk is full\n");
        assert_eq!(short("bundlegen: no such network"), "error: no such network\n");
        assert_eq!(short("warning: no mirror"), "warning: no mirror\n");
        assert_eq!(short("to mend it: bundlegen build"), "note: to mend it: bundlegen build\n");
    }

    #[test]
    fn findings_without_room_are_counted() {
        let (mut d, sources) = (Diagnostics::default(), Sources::default());
        for at in 0..1005 {
            d.warning(Code::NoPlace, format!("number {at}")).emit();
        }
        let last = messages(&d, &sources).pop().unwrap();
        assert_eq!(last, Message::new(Level::Note, "5 more findings are not listed".to_owned()));
    }
}
