//! Where a document begins, and what may stand before it.

use std::ops::Range;

use super::parse::Builder;
use super::syntax::VERSION;
use crate::diag::{Code, Reported};

impl Builder<'_> {
    /// A document begins at `range`, where its `---` stands if it is `explicit`.
    pub(super) fn begin_document(&mut self, explicit: bool, range: Range<usize>) -> Result<(), Reported> {
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
}
