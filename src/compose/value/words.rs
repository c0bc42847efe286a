//! `command`, `entrypoint` and a hook's command as a string: split into words, with no shell.
//!
//! Compose uses mattn/go-shellwords (v1.0.12) with its defaults. It is not a shell's grammar: `$(…)` and backticks
//! stay as they are, `#`, `*` and `~` mean nothing, a backslash outside single quotes only protects the character
//! after it, and **everything from the first unquoted `;`, `&`, `|`, `<` or `>` on is lost**.

use std::ops::Range;
use std::str::FromStr;

use crate::diag::Invalid;

/// The words of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The words, without their quotes.
    pub words: Vec<String>,
    /// Where each word stands, with its quotes.
    pub places: Vec<Range<usize>>,
    /// The bytes that are lost because a shell operator begins there.
    pub cut: Option<Range<usize>>,
}

impl FromStr for Words {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        split(text)
    }
}

/// Splits a command line.
pub fn split(text: &str) -> Result<Words, Invalid> {
    let mut splitter = Splitter::default();
    for (at, c) in text.char_indices() {
        if let Some(start) = splitter.character(at, c)? {
            splitter.end_word(start);
            let Splitter { words, places, .. } = splitter;
            return Ok(Words { words, places, cut: Some(start..text.len()) });
        }
    }
    splitter.end_word(text.len());
    splitter.closed()?;
    Ok(Words { words: splitter.words, places: splitter.places, cut: None })
}

/// What is open at some character; each with its place.
#[derive(Default)]
struct Splitter {
    words: Vec<String>,
    places: Vec<Range<usize>>,
    word: Option<(usize, String)>,
    backslash: Option<usize>,
    quote: Option<(usize, char)>,
    backtick: Option<usize>,
    /// `$(`, in which quotes mean nothing.
    substitution: Option<usize>,
}

impl Splitter {
    /// Takes one character; where the rest of the text is lost, the place from which on.
    fn character(&mut self, at: usize, c: char) -> Result<Option<usize>, Invalid> {
        let quoted = self.quote.is_some() || self.substitution.is_some();
        if self.backslash.take().is_some() {
            self.add(at, c);
            return Ok(None);
        }
        match c {
            '\\' if !matches!(self.quote, Some((_, '\''))) => self.backslash = Some(at),
            ' ' | '\t' | '\r' | '\n' if !quoted && self.backtick.is_none() => self.end_word(at),
            '\'' | '"' if self.substitution.is_none() => self.quote(at, c),
            '`' if !quoted => {
                self.backtick = if self.backtick.is_some() { None } else { Some(at) };
                self.add(at, c);
            }
            '(' | ')' if self.quote.is_none() && self.backtick.is_none() => self.parenthesis(at, c)?,
            ';' | '&' | '|' | '<' | '>' if !quoted && self.backtick.is_none() => {
                return Ok(Some(self.cut(at, c)));
            }
            c => self.add(at, c),
        }
        Ok(None)
    }

    fn add(&mut self, at: usize, c: char) {
        self.word.get_or_insert_with(|| (at, String::new())).1.push(c);
    }

    fn end_word(&mut self, end: usize) {
        if let Some((start, word)) = self.word.take() {
            self.words.push(word);
            self.places.push(start..end);
        }
    }

    fn quote(&mut self, at: usize, c: char) {
        match self.quote {
            None => {
                self.quote = Some((at, c));
                self.word.get_or_insert_with(|| (at, String::new()));
            }
            Some((_, open)) if open == c => self.quote = None,
            Some(_) => self.add(at, c),
        }
    }

    fn parenthesis(&mut self, at: usize, c: char) -> Result<(), Invalid> {
        let after_dollar = self.word.as_ref().is_some_and(|(_, word)| word.ends_with('$'));
        match (c, self.substitution) {
            ('(', None) if after_dollar => self.substitution = Some(at),
            (')', Some(_)) => self.substitution = None,
            _ => {
                let message = format!("unquoted `{c}` in a command that no shell reads");
                let help = "quote it, or write `[\"sh\", \"-c\", \"…\"]` where a shell is meant";
                return Err(Invalid::new(at..at + 1, message).help(help));
            }
        }
        self.add(at, c);
        Ok(())
    }

    /// The place from which the text is lost. The number before a `>`, as in `2>`, goes with it.
    fn cut(&mut self, at: usize, c: char) -> usize {
        let numbered = |word: &(usize, String)| c == '>' && word.1.starts_with(|c: char| c.is_ascii_digit());
        self.word.take_if(|word| numbered(word)).map_or(at, |(start, _)| start)
    }

    fn closed(&self) -> Result<(), Invalid> {
        let (at, what) = match (self.backslash, self.quote, self.backtick, self.substitution) {
            (Some(at), ..) => (at, "nothing follows the backslash at the end of the command".to_owned()),
            (_, Some((at, quote)), ..) => (at, format!("the quote `{quote}` is not closed")),
            (_, _, Some(at), _) => (at, "the backtick is not closed".to_owned()),
            (.., Some(at)) => (at, "the parenthesis is not closed".to_owned()),
            (None, None, None, None) => return Ok(()),
        };
        Err(Invalid::new(at..at + 1, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn splits_words() {
        for (text, want) in [
            ("", &[] as &[&str]),
            (" \t\r\n", &[]),
            ("a  b\tc\nd", &["a", "b", "c", "d"]),
            ("sh -c 'a; b | c'", &["sh", "-c", "a; b | c"]),
            ("a\"b c\"d 'e'\"f\"", &["ab cd", "ef"]),
            ("'' \"\" a''", &["", "", "a"]),
            ("a\\ b \\n \\; \\' \\\\", &["a b", "n", ";", "'", "\\"]),
            ("\"a\\\"b\\n\\$\" 'a\\n\\'", &["a\"bn$", "a\\n\\"]),
            ("\"it's\" 'say \"hi\"'", &["it's", "say \"hi\""]),
            ("echo $(date | x '\"') y", &["echo", "$(date | x '\"')", "y"]),
            ("`date > (x)` y", &["`date > (x)`", "y"]),
            ("`a \"b c\" d` e", &["`a b c d`", "e"]),
            ("'(' \")\" \\(x\\)", &["(", ")", "(x)"]),
            ("#a *b ~c d=e !f", &["#a", "*b", "~c", "d=e", "!f"]),
            ("é \"ü x\"", &["é", "ü x"]),
        ] {
            let got = split(text).unwrap();
            assert_eq!((got.words, got.cut), (words(want), None), "{text}");
        }
    }

    #[test]
    fn knows_what_is_lost() {
        for (text, want, cut) in [
            ("a & b", &["a"] as &[&str], "& b"),
            ("a;b", &["a"], ";b"),
            ("a > /tmp/x 2>&1", &["a"], "> /tmp/x 2>&1"),
            ("a 2>&1", &["a"], "2>&1"),
            ("a 3x>y", &["a"], "3x>y"),
            ("a 2<y", &["a", "2"], "<y"),
            ("a \"\" || b", &["a", ""], "|| b"),
            ("&&", &[], "&&"),
            ("a | 'b", &["a"], "| 'b"),
        ] {
            let got = split(text).unwrap();
            assert_eq!((got.words, got.cut.map(|cut| &text[cut])), (words(want), Some(cut)), "{text}");
        }
    }

    #[test]
    fn refuses_with_the_place() {
        for (text, at, message) in [
            ("(a) b", 0, "unquoted `(` in a command that no shell reads"),
            ("a b)", 3, "unquoted `)` in a command that no shell reads"),
            ("$(a $(b))", 5, "unquoted `(` in a command that no shell reads"),
            ("a 'b", 2, "the quote `'` is not closed"),
            ("a \"b'", 2, "the quote `\"` is not closed"),
            ("a `b", 2, "the backtick is not closed"),
            ("a $(b", 3, "the parenthesis is not closed"),
            ("a \\", 2, "nothing follows the backslash at the end of the command"),
        ] {
            let invalid = split(text).unwrap_err();
            assert_eq!((invalid.range, &*invalid.message), (at..at + 1, message), "{text}");
        }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a1 '\"`\\\\$()|>;ß]{0,30}|(?s).{0,20}") {
            let _ = split(&text);
        }
    }
}
