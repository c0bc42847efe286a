//! What the parser lets pass and go-yaml does not: tabs where a line begins, and escapes that came with JSON.

use std::ops::Range;

use super::parse::Builder;
use crate::diag::{Code, Reported};

/// What stands before a gap between two things of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    /// Where it ends.
    pub(super) end: usize,
    /// The column from which on blanks of later lines may still belong to it, if it is a plain text.
    pub(super) indent: Option<usize>,
}

impl Builder<'_> {
    /// Refuses tabs in front of the first word of a line, between what was read and the byte `to`. In brackets they
    /// are as good as other blanks.
    pub(super) fn tabs(&mut self, to: usize, in_brackets: bool) -> Result<(), Reported> {
        let Before { end, indent } = self.before;
        let Some(gap) = self.text.get(end..to).filter(|gap| !in_brackets && gap.contains('\t')) else {
            return Ok(());
        };
        // What begins the line was read already, unless it is no more than the dash of an item.
        let line_start = self.text.get(..end).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let dashes =
            self.text.get(line_start..end).filter(|before| *before != "---" && is_indentation(before));
        let (mut at, mut blank) = (end, true);
        for (nth, line) in gap.split_inclusive('\n').enumerate() {
            let start = at;
            at += line.len();
            let begins = nth > 0 || dashes.is_some();
            let tab = line.find('\t').filter(|tab| begins && line.get(..*tab).is_some_and(is_indentation));
            // Blanks behind a plain text could belong to it.
            let own = tab.and_then(|tab| line.get(..tab)).unwrap_or(line);
            blank = blank && own.trim().is_empty();
            let in_text = blank && indent.is_some_and(|indent| tab.is_some_and(|tab| tab >= indent));
            if let Some(tab) = tab.filter(|_| !in_text) {
                let span = self.span(&(start + tab..start + tab + 1));
                let draft = self.d.error(Code::Syntax, "a tab in the indentation").label(span, "");
                return Err(draft.help("indent with spaces").emit());
            }
        }
        Ok(())
    }

    /// Refuses what a text in double quotes cannot have: `\/`, and halves of a character beyond U+FFFF.
    pub(super) fn escapes(&mut self, range: &Range<usize>) -> Result<(), Reported> {
        let Some(source) = self.text.get(range.clone()).filter(|source| source.starts_with('"')) else {
            return Ok(());
        };
        let mut at = 0;
        while let Some(offset) = source.get(at..).and_then(|rest| rest.find('\\')) {
            let start = at + offset;
            let escape = source.get(start..).unwrap_or("");
            let length = match escape.as_bytes() {
                [_, b'/', ..] => 2,
                [_, b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => 6,
                _ => {
                    at = start + 1 + escape.chars().nth(1).map_or(1, char::len_utf8);
                    continue;
                }
            };
            let shown = escape.get(..length).unwrap_or(escape);
            let span = self.span(&(range.start + start..range.start + start + shown.len()));
            let draft = self.d.error(Code::Syntax, format!("`{shown}` is no escape")).label(span, "");
            let help = if length == 2 {
                "JSON has it, YAML has not: write `/`"
            } else {
                "JSON has it, YAML has not: write the character, or `\\U` and eight digits"
            };
            return Err(draft.help(help).emit());
        }
        Ok(())
    }
}

/// Whether this could be indentation: blanks, and the signs that begin items, keys and values.
fn is_indentation(before: &str) -> bool {
    before.trim_start_matches('\u{feff}').chars().all(|c| matches!(c, ' ' | '-' | '?' | ':'))
}
