//! The value of a statement: where it ends, its escapes, and its variables.

use std::ops::Range;

use crate::diag::Invalid;
use crate::yaml::template::{self, Expanded, Lookup, Use};

/// A value as it was written, without quotes, comment and escapes.
pub(super) struct Scanned {
    text: Mapped,
    literal: bool,
    /// Where the value stands in the file, with its quotes.
    pub(super) range: Range<usize>,
    /// Where the next statement may begin.
    pub(super) next: usize,
}

/// A text made of pieces of another one.
#[derive(Default)]
struct Mapped {
    text: String,
    /// Where each piece begins, here and in the file.
    pieces: Vec<(usize, usize)>,
}

impl Mapped {
    /// Appends what stands for the bytes of the file from `place` on.
    fn push(&mut self, piece: &str, place: usize) {
        self.pieces.push((self.text.len(), place));
        self.text.push_str(piece);
    }

    fn place(&self, at: usize) -> usize {
        let piece = self.pieces.partition_point(|(here, _)| *here <= at).checked_sub(1);
        let (here, place) = piece.and_then(|piece| self.pieces.get(piece)).copied().unwrap_or_default();
        place + (at - here)
    }

    fn range(&self, range: &Range<usize>) -> Range<usize> {
        self.place(range.start)..self.place(range.end)
    }
}

/// Scans the value that begins at `begin` of the file.
pub(super) fn scan(file: &str, begin: usize) -> Result<Scanned, Invalid> {
    let rest = file.get(begin..).unwrap_or("");
    let mut text = Mapped::default();
    if let Some(quote @ ('\'' | '"')) = rest.chars().next() {
        let close = closing_quote(rest, quote).ok_or_else(|| {
            Invalid::new(begin..begin + 1, "the quoted value has no end").label("opened here")
        })?;
        unescape(rest.get(1..close).unwrap_or(""), begin + 1, quote, &mut text);
        text.pieces.push((text.text.len(), begin + close));
        return Ok(Scanned {
            text,
            literal: quote == '\'',
            range: begin..begin + close + 1,
            next: begin + close + 1,
        });
    }
    let line = rest.split('\n').next().unwrap_or("");
    let value = line.split(" #").next().unwrap_or("").trim_end();
    text.push(value, begin);
    Ok(Scanned { text, literal: false, range: begin..begin + value.len(), next: begin + line.len() })
}

/// The quote that ends the one `text` begins with.
fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}

/// Resolves the escapes of a quoted text: `\'` in single quotes; in double quotes `\"`, Go's one-letter escapes,
/// octal `\0123`, and `\$`, which becomes the `$$` that the expansion knows. Any other stays as it is.
fn unescape(quoted: &str, begin: usize, quote: char, out: &mut Mapped) {
    let mut at = 0;
    while let Some(offset) = quoted.get(at..).and_then(|rest| rest.find('\\')) {
        let backslash = at + offset;
        out.push(quoted.get(at..backslash).unwrap_or(""), begin + at);
        let after = quoted.get(backslash + 1..).unwrap_or("");
        let (length, value) = escape(after, quote);
        out.push(&value, begin + backslash);
        at = backslash + 1 + length;
    }
    out.push(quoted.get(at..).unwrap_or(""), begin + at);
}

/// What a backslash before `after` means: how many bytes of `after` belong to it, and their value.
fn escape(after: &str, quote: char) -> (usize, String) {
    let Some(c) = after.chars().next() else { return (0, "\\".to_owned()) };
    let value = match (quote, c) {
        (_, c) if c == quote => c.to_string(),
        ('"', '0') => return octal(after),
        ('"', 'a') => "\x07".to_owned(),
        ('"', 'b') => "\x08".to_owned(),
        ('"', 'f') => "\x0c".to_owned(),
        ('"', 'n') => "\n".to_owned(),
        ('"', 'r') => "\r".to_owned(),
        ('"', 't') => "\t".to_owned(),
        ('"', 'v') => "\x0b".to_owned(),
        ('"', '\\') => "\\".to_owned(),
        ('"', '$') => "$$".to_owned(),
        (_, c) => format!("\\{c}"),
    };
    (c.len_utf8(), value)
}

/// `0` and up to three digits. As in Compose, what is not three octal digits of at most 255 only loses its zero.
fn octal(after: &str) -> (usize, String) {
    let digits = after.bytes().skip(1).take(3).take_while(u8::is_ascii_digit).count();
    let number = after.get(1..1 + digits).unwrap_or("");
    let value = match u8::from_str_radix(number, 8) {
        Ok(value) if digits == 3 => char::from(value).to_string(),
        _ => format!("\\{number}"),
    };
    (1 + digits, value)
}

impl Scanned {
    /// The value with its variables replaced; all places are in the file.
    pub(super) fn expand(self, scope: &dyn Lookup) -> Result<Expanded, Vec<Invalid>> {
        if let Some(at) = self.text.text.find('\0') {
            let range = self.text.range(&(at..at + 1));
            return Err(vec![Invalid::new(range, "a value cannot contain a NUL character")]);
        }
        if self.literal {
            return Ok(Expanded { text: self.text.text, ..Expanded::default() });
        }
        match template::expand(&self.text.text, scope) {
            Ok(expanded) => {
                let moved = |used: Use| Use { range: self.text.range(&used.range), ..used };
                let all = |uses: Vec<Use>| uses.into_iter().map(moved).collect();
                Ok(Expanded { text: expanded.text, unset: all(expanded.unset), used: all(expanded.used) })
            }
            Err(problems) => {
                let moved = |problem: Invalid| Invalid { range: self.text.range(&problem.range), ..problem };
                Err(problems.into_iter().map(moved).collect())
            }
        }
    }
}
