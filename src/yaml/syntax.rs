//! What a syntax error means to somebody who edits the file. The parser knows the place; its words are about its own
//! grammar.

use std::ops::Range;

use granit_parser::ErrorKind as Kind;

/// A syntax error in plain words.
pub(super) struct Explained {
    /// The bytes that are wrong.
    pub(super) range: Range<usize>,
    /// What is wrong.
    pub(super) message: String,
    /// What the wrong bytes belong to.
    pub(super) opened: Option<Range<usize>>,
    /// What to write instead.
    pub(super) help: Option<String>,
}

impl Explained {
    fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        Explained { range, message: message.into(), opened: None, help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn opened(mut self, opened: Option<usize>) -> Self {
        self.opened = opened.map(|at| at..at + 1);
        self
    }
}

/// What the parser's error at the byte `at` says. `open` is where the collections begin that are not closed there.
pub(super) fn explain(text: &str, kind: &Kind, at: usize, open: &[usize]) -> Explained {
    let place = Place { text, at: at.min(text.len()), open };
    place
        .conflict()
        .or_else(|| place.tab(kind))
        .or_else(|| place.bracket(kind))
        .or_else(|| place.quoted(kind))
        .or_else(|| place.layout(kind))
        .unwrap_or_else(|| place.other(kind))
}

struct Place<'a> {
    text: &'a str,
    at: usize,
    open: &'a [usize],
}

/// What is wrong with a `%YAML` that is not 1.1, and what to do about it.
pub(super) const VERSION: (&str, &str) = (
    "`%YAML` may declare version 1.1 only, and this is another",
    "leave the line out: it does not change how the file is read",
);

const QUOTE: &str = "put the text in quotes";

impl Place<'_> {
    fn after(&self, at: usize) -> &str {
        self.text.get(at..).unwrap_or("")
    }

    fn line_start(&self) -> usize {
        self.text.get(..self.at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
    }

    /// What stands before the place in its line.
    fn before(&self) -> &str {
        self.text.get(self.line_start()..self.at).unwrap_or("")
    }

    fn character(&self) -> Range<usize> {
        self.at..self.at + self.after(self.at).chars().next().map_or(0, char::len_utf8)
    }

    /// From the place to the end of the line.
    fn rest(&self) -> Range<usize> {
        self.at..self.at + self.after(self.at).lines().next().unwrap_or("").trim_end().len()
    }

    /// The bracket around the place, if there is one.
    fn flow(&self) -> Option<(usize, char)> {
        let bracket = |start: usize| self.after(start).chars().next().filter(|c| matches!(c, '[' | '{'));
        let open = self.open.last().and_then(|start| Some((*start, bracket(*start)?)));
        open.or_else(|| self.flow_in_line())
    }

    /// The bracket that is open in the line. What begins with one may still be a key up to the end of the line, and
    /// until then the parser says nothing of it.
    fn flow_in_line(&self) -> Option<(usize, char)> {
        let (mut open, mut quote, mut before) = (Vec::new(), None, ' ');
        for (at, c) in self.before().char_indices() {
            match (quote, c) {
                (Some(end), c) if c == end && before != '\\' => quote = None,
                (None, '"' | '\'') => quote = Some(c),
                (None, '[' | '{') if matches!(before, ' ' | '[' | '{' | ',' | ':') => open.push((at, c)),
                (None, ']' | '}') => drop(open.pop()),
                _ => {}
            }
            before = c;
        }
        open.last().map(|(at, c)| (self.line_start() + at, *c))
    }

    /// What git leaves where it could not merge.
    fn conflict(&self) -> Option<Explained> {
        let line = self.after(self.line_start()).lines().next()?;
        let marker = ["<<<<<<< ", "=======", ">>>>>>> "].iter().any(|marker| line.starts_with(marker));
        let range = self.line_start()..self.line_start() + line.len();
        marker.then(|| {
            Explained::new(range, "a merge has left a conflict here").help("keep one of the two sides")
        })
    }

    fn tab(&self, kind: &Kind) -> Option<Explained> {
        let line = self.after(self.line_start());
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let tab = line.get(..indent).and_then(|indent| indent.find('\t')).map(|tab| self.line_start() + tab);
        let about_tabs = matches!(
            kind,
            Kind::TabNotAllowed
                | Kind::TabInBlockIndentation
                | Kind::TabInIndentation
                | Kind::TabAtBlockScalarStart
                | Kind::TabInPlainScalar
        );
        let tab = if about_tabs { tab.or_else(|| self.tab_below()).or(Some(self.at)) } else { tab };
        tab.map(|tab| Explained::new(tab..tab + 1, "a tab in the indentation").help("indent with spaces"))
    }

    /// A tab in the indentation of the next line that is not empty.
    fn tab_below(&self) -> Option<usize> {
        let start = self.at + self.after(self.at).find('\n')? + 1;
        let below = self.after(start);
        let indent = below.len() - below.trim_start().len();
        let line = below.get(..indent)?.rfind('\n').map_or(0, |newline| newline + 1);
        below.get(line..indent)?.find('\t').map(|tab| start + line + tab)
    }

    fn bracket(&self, kind: &Kind) -> Option<Explained> {
        Some(match kind {
            Kind::UnclosedFlowCollection { open } => unclosed(self.character(), *open),
            Kind::UnexpectedEofFlowSequence
            | Kind::UnexpectedEofFlowMapping
            | Kind::UnexpectedEofImplicitFlowMapping => {
                let (start, bracket) = self.flow()?;
                unclosed(start..start + 1, bracket)
            }
            Kind::MismatchedFlowCollectionEnd { open, close } => {
                let message = format!("the `{open}` here is closed by a `{close}`");
                Explained::new(self.character(), message).help(format!("write `{}`", closing(*open)))
            }
            Kind::MisplacedFlowCollectionEnd => {
                let closing = self.text.get(self.character()).unwrap_or("");
                Explained::new(self.character(), format!("this `{closing}` closes nothing")).help(QUOTE)
            }
            Kind::InvalidColonPlacement
            | Kind::ExpectedFlowMappingSeparator
            | Kind::ExpectedFlowSequenceSeparator
            | Kind::InvalidFlowScalarIndent
            | Kind::BlockEntryInFlowCollection
            | Kind::InvalidTrailingDoubleQuotedScalar
            | Kind::InvalidTrailingSingleQuotedScalar
            | Kind::CommentInterceptedScalar
            | Kind::UnexpectedEndOfPlainScalar => {
                let (start, bracket) = self.flow()?;
                let closing = closing(bracket);
                Explained::new(self.character(), format!("expected `,` or `{closing}`"))
                    .opened(Some(start))
                    .help(format!("close the `{bracket}` with `{closing}`, or put commas between its items"))
            }
            _ => return None,
        })
    }

    fn quoted(&self, kind: &Kind) -> Option<Explained> {
        Some(match kind {
            Kind::UnclosedQuotedScalar => {
                Explained::new(self.character(), "the quote is not closed").help("close it on its line")
            }
            Kind::InvalidQuotedScalarIndent | Kind::DocumentIndicatorInQuotedScalar => {
                let quote = self.text.get(..self.at)?.rfind(['"', '\''])?;
                Explained::new(quote..quote + 1, "the quote is not closed on its line")
                    .help("close it; a quoted text of several lines must be indented more than its key")
            }
            Kind::InvalidTrailingDoubleQuotedScalar | Kind::InvalidTrailingSingleQuotedScalar => {
                Explained::new(self.rest(), "nothing may follow a quoted text in its line")
                    .help("put all of the value in quotes, or none of it")
            }
            Kind::UnknownQuotedScalarEscape
            | Kind::InvalidQuotedScalarHexEscape
            | Kind::InvalidLowSurrogateHexEscape
            | Kind::InvalidUnicodeEscape
            | Kind::InvalidLowSurrogate
            | Kind::MissingLowSurrogate
            | Kind::UnpairedLowSurrogate => {
                let range = self.bad_escape().unwrap_or_else(|| self.character());
                let escape = self.text.get(range.clone()).unwrap_or("");
                Explained::new(range.clone(), format!("`{escape}` is no escape"))
                    .help(r"write `\\` for a backslash, or use single quotes, which have no escapes")
            }
            _ => return None,
        })
    }

    /// The first escape of the quoted text that begins here which YAML does not know, or which lacks digits.
    fn bad_escape(&self) -> Option<Range<usize>> {
        let mut at = self.at + 1;
        while let Some(offset) = self.after(at).find(['\\', '"']).filter(|_| at < self.text.len()) {
            let start = at + offset;
            let mut chars = self.after(start).chars();
            if chars.next() == Some('"') {
                return None;
            }
            let letter = chars.next()?;
            let digits = match letter {
                'x' => 2,
                'u' => 4,
                'U' => 8,
                _ => 0,
            };
            let found = chars.take(digits).take_while(char::is_ascii_hexdigit).count();
            at = start + 1 + letter.len_utf8() + found;
            if found < digits || digits == 8 || !"0abt\tnvfre \"/\\N_LPxuU\n".contains(letter) {
                return Some(start..at);
            }
        }
        None
    }

    fn layout(&self, kind: &Kind) -> Option<Explained> {
        let alone = self.before().trim_matches(' ').is_empty();
        Some(match kind {
            Kind::MappingValueNotAllowed if self.before().contains(": ") => {
                Explained::new(self.character(), "a second `:` in one line").help(QUOTE)
            }
            Kind::MappingValueNotAllowed if self.key_above().is_some() => self.key_above()?,
            Kind::MappingValueNotAllowed | Kind::InvalidMappingValueWhitespace => {
                Explained::new(self.character(), "this `:` makes a key inside the text of the line before")
                    .help(
                        "indent the key like those it belongs to; after a key, write a blank behind the `:`",
                    )
            }
            Kind::ExpectedBlockMappingKey | Kind::BlockSequenceEntryNotAllowed if self.in_item() => {
                let dash = self.line_start() + self.before().find('-').unwrap_or(self.before().len());
                Explained::new(dash..dash + 1, "a list item stands among the keys of a mapping")
                    .help("put the item under a key, and indent it")
            }
            Kind::ExpectedBlockMappingKey | Kind::InvalidIndentation | Kind::SimpleKeyExpected
                if alone && self.in_block() =>
            {
                Explained::new(self.rest(), "this line is indented less than the first one of its text").help(
                    "indent all lines of a text that begins with `|` or `>` at least like its first one",
                )
            }
            Kind::SimpleKeyExpected | Kind::InvalidSimpleKey if self.rest().len() > 1024 => {
                Explained::new(self.rest(), "a key may have 1024 characters at most")
            }
            Kind::ExpectedBlockMappingKey | Kind::InvalidIndentation if alone => {
                let range = self.rest();
                Explained::new(range, "this line is indented like no key above it").help(self.columns())
            }
            Kind::ExpectedBlockSequenceEntry => {
                Explained::new(self.rest(), "this stands in a list, and does not begin with `-`")
                    .help("begin an item with `- `; indent a key like those it belongs to")
            }
            Kind::SimpleKeyExpected if alone && self.follows_header() => {
                Explained::new(self.rest(), "this line is no part of the text that the line above begins")
                    .help("indent the text more than its key")
            }
            Kind::SimpleKeyExpected => self.without_colon(self.rest()),
            Kind::InvalidSimpleKey => Explained::new(self.rest(), "a key must stand in one line"),
            Kind::InvalidBlockScalarIndent => {
                Explained::new(self.rest(), "this line is indented less than the first one of its text")
            }
            Kind::InvalidBlockScalarHeader | Kind::ZeroBlockScalarIndent => {
                Explained::new(self.rest(), "only `+`, `-` and a digit may follow `|` and `>`")
                    .help("begin the text in the next line, and indent it")
            }
            Kind::CommentNotSeparated => {
                Explained::new(self.character(), "a comment needs a blank before its `#`")
            }
            _ => return None,
        })
    }

    /// What is wrong with a key that has no `:`, or no blank behind it.
    fn without_colon(&self, range: Range<usize>) -> Explained {
        let text = self.text.get(range.clone()).unwrap_or("");
        let pair = |(key, value): (&str, &str)| format!("write `{key}: {}`", value.trim_start());
        if let Some((key, value)) = text.split_once(':') {
            let colon = range.start + key.len();
            return Explained::new(colon..colon + 1, "a blank is missing behind this `:`")
                .help(pair((key, value)));
        }
        let help = "write `key: value`, with a blank behind the `:`".to_owned();
        let named =
            |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let help = text.split_once('=').filter(|(key, _)| named(key)).map_or(help, pair);
        Explained::new(range, "a `:` is missing behind this key").help(help)
    }

    /// The line above, where it is no more than a key without its `:`, which the text of this line continues.
    fn key_above(&self) -> Option<Explained> {
        let above = self.text.get(..self.line_start())?.trim_end();
        let start = above.rfind('\n').map_or(0, |newline| newline + 1);
        let line = above.get(start..)?;
        let key = line.trim_start();
        let plain = key.chars().next()?.is_alphanumeric() && !key.contains(": ") && !key.contains(" #");
        let range = start + (line.len() - key.len())..above.len();
        plain.then(|| self.without_colon(range))
    }

    /// Whether the line above ends with `|` or `>`.
    fn follows_header(&self) -> bool {
        let above = self.text.get(..self.line_start()).unwrap_or("").trim_end();
        above.lines().next_back().is_some_and(is_header)
    }

    fn in_item(&self) -> bool {
        self.before().trim_start().starts_with("- ") || self.after(self.at).starts_with("- ")
    }

    /// Whether the line stands below a `|` or `>` that is indented less: it belongs to the text that begins there.
    fn in_block(&self) -> bool {
        let indent = self.at - self.line_start();
        let above = self.text.get(..self.line_start()).unwrap_or("").lines().rev();
        let less = |line: &&str| line.len() - line.trim_start().len() < indent && !line.trim().is_empty();
        above.into_iter().find(less).is_some_and(is_header)
    }

    /// Where keys may begin at this place.
    fn columns(&self) -> String {
        let column = |start: &usize| {
            let line = self.text.get(..*start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
            start - line + 1
        };
        let mut columns: Vec<usize> = self.open.iter().map(column).collect();
        columns.sort_unstable();
        columns.dedup();
        let columns: Vec<String> = columns.iter().rev().take(3).rev().map(ToString::to_string).collect();
        match columns.as_slice() {
            [] => "indent it like the keys it belongs to".to_owned(),
            [one] => format!("keys here begin in column {one}"),
            [first @ .., last] => format!("keys above begin in the columns {} and {last}", first.join(", ")),
        }
    }

    fn other(&self, kind: &Kind) -> Explained {
        match kind {
            Kind::UnexpectedCharacter { character } if is_control(*character) => self.control(*character),
            Kind::UnexpectedCharacter { character } => {
                Explained::new(self.character(), format!("a text cannot begin with `{character}`"))
                    .help(QUOTE)
            }
            Kind::MissingAnchorOrAliasName => {
                let sign = self.text.get(self.character()).unwrap_or("");
                let message =
                    format!("a text cannot begin with `{sign}`, and a name would have to follow it");
                Explained::new(self.character(), message).help(QUOTE)
            }
            Kind::InvalidTagTerminator
            | Kind::MissingTagUri
            | Kind::ExpectedTagBang
            | Kind::InvalidTagEscape => {
                Explained::new(self.character(), "a text cannot begin with `!`, which begins a tag")
                    .help(QUOTE)
            }
            Kind::UndeclaredTagHandle => {
                Explained::new(self.rest(), "the prefix of this tag is not declared").help(QUOTE)
            }
            Kind::RecursionLimitExceeded => {
                Explained::new(self.character(), "more than 255 levels of lists and mappings")
            }
            Kind::UnsupportedYamlMajorVersion => Explained::new(self.rest(), VERSION.0).help(VERSION.1),
            Kind::InvalidDocumentEnd | Kind::ExpectedDocumentStart => {
                Explained::new(self.rest(), "this stands after the end of the document")
            }
            kind => Explained::new(self.character(), format!("this is not YAML: {kind}")),
        }
    }

    /// The parser says where the text begins that has the character.
    fn control(&self, character: char) -> Explained {
        let at = self.after(self.at).find(character).map_or(self.at, |offset| self.at + offset);
        let message = format!("the character U+{:04X} may not stand in YAML", u32::from(character));
        let help = if character == '\0' && at <= 1 {
            "the file seems to be UTF-16, without a mark that says so: save it as UTF-8"
        } else {
            "remove it; in double quotes it can be written as an escape"
        };
        Explained::new(at..at + character.len_utf8(), message).help(help)
    }
}

/// Whether a line ends with `|` or `>`, which begin a text of several lines.
fn is_header(line: &str) -> bool {
    let rest = line.split_whitespace().last().and_then(|last| last.strip_prefix(['|', '>']));
    rest.is_some_and(|rest| rest.bytes().all(|byte| matches!(byte, b'+' | b'-' | b'1'..=b'9')))
}

fn is_control(c: char) -> bool {
    c.is_control() || !c.is_ascii()
}

fn closing(bracket: char) -> char {
    if bracket == '[' { ']' } else { '}' }
}

fn unclosed(range: Range<usize>, bracket: char) -> Explained {
    Explained::new(range, format!("this `{bracket}` is not closed"))
        .help(format!("write `{}` at its end", closing(bracket)))
}
