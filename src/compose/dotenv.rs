//! Env files: `.env`, `--env-file`, `env_file` and `label_file`, in the dialect of compose-go's `dotenv`.
//!
//! It is not a shell's: `KEY: value` and blanks around `=` are allowed, quotes may span lines, a quoted value ends
//! the statement but not the line, and a bare `KEY` takes its value from outside. Three things that Compose lets
//! pass are different here: a nameless `=value` and a tab inside a name are errors, and a bare `KEY` at the end of
//! the file means the same with and without a final line feed.

mod raw;
mod value;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::diag::Invalid;
use crate::yaml::Giver;
use crate::yaml::template::{Lookup, Use};

pub use raw::parse_raw;

/// How many bytes all values of one file may have together. Values may contain earlier values, so that without a
/// limit a short file could fill the memory.
const MAX_VALUES: usize = 16 * 1024 * 1024;

/// How many mistakes of one file are looked for; nobody reads more.
const MAX_PROBLEMS: usize = 100;

/// What an env file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Every statement in the order of the file; of several with one name the last that has a value counts.
    pub entries: Vec<Entry>,
    /// The variables that values refer to although they are not set; each became nothing.
    pub unset: Vec<Use>,
    /// The variables that values refer to, set or not, in the order of the file.
    pub used: Vec<Use>,
}

/// One statement of an env file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The variable's name.
    pub name: String,
    /// Its value; none for a bare `KEY` that is not set outside.
    pub value: Option<String>,
    /// Where the name stands.
    pub name_range: Range<usize>,
    /// Where the value stands, with its quotes; the place of the name for a bare `KEY`.
    pub value_range: Range<usize>,
}

impl Parsed {
    /// The variables and their values.
    pub fn values(&self) -> BTreeMap<String, String> {
        let values = self.entries.iter().filter_map(|e| Some((e.name.clone(), e.value.clone()?)));
        values.collect()
    }
}

/// The syntax of an env file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvFormat {
    /// Compose's own, with quotes and variables.
    Compose,
    /// `docker run --env-file`: every line as it is.
    Raw,
}

/// Reads an env file. A variable in a value is looked up in `outer` first, then in the statements before it.
pub fn parse(text: &str, outer: &dyn Lookup) -> Result<Parsed, Vec<Invalid>> {
    let mut parser = Parser::new(text, outer);
    let mut at = usize::from(text.starts_with('\u{feff}')) * '\u{feff}'.len_utf8();
    while let Some(start) = parser.statement(at).filter(|_| parser.problems.len() < MAX_PROBLEMS) {
        at = parser.entry(start).unwrap_or_else(|invalid| parser.skip(invalid));
    }
    if parser.problems.is_empty() { Ok(parser.parsed) } else { Err(parser.problems) }
}

struct Parser<'a> {
    text: &'a str,
    outer: &'a dyn Lookup,
    earlier: BTreeMap<String, String>,
    size: usize,
    parsed: Parsed,
    problems: Vec<Invalid>,
}

/// A mistake and where the next statement may begin.
struct Broken {
    problems: Vec<Invalid>,
    next: usize,
}

/// The outer variables, the earlier statements, and what was known before them.
struct Scope<'a>(&'a dyn Lookup, &'a BTreeMap<String, String>);

impl Lookup for Scope<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.get(name).or_else(|| Lookup::get(self.1, name)).or_else(|| self.0.before(name))
    }

    fn giver(&self, name: &str) -> Giver {
        self.0.giver(name)
    }
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, outer: &'a dyn Lookup) -> Self {
        let (parsed, problems) = (Parsed::default(), Vec::new());
        Parser { text, outer, earlier: BTreeMap::new(), size: 0, parsed, problems }
    }

    fn after(&self, at: usize) -> &'a str {
        self.text.get(at..).unwrap_or("")
    }

    fn line_end(&self, at: usize) -> usize {
        self.after(at).find('\n').map_or(self.text.len(), |offset| at + offset)
    }

    /// The next character that is not a blank, a line feed or in a comment.
    fn statement(&self, mut at: usize) -> Option<usize> {
        loop {
            let rest = self.after(at);
            at += rest.find(|c: char| !c.is_whitespace())?;
            if !self.after(at).starts_with('#') {
                return Some(at);
            }
            at = self.line_end(at);
        }
    }

    /// One statement; the position after it.
    fn entry(&mut self, start: usize) -> Result<usize, Broken> {
        let start = start + exported(self.after(start));
        let end = self.name_end(start)?;
        let name_range = start..start + self.text.get(start..end).map_or(0, |name| name.trim_end().len());
        let name = self.text.get(name_range.clone()).unwrap_or("");
        let bare = matches!(self.after(end).chars().next(), None | Some('\n'));
        if name.is_empty() && !bare {
            let message = "a name is missing before the value".to_owned();
            return Err(self.broken(Invalid::new(end..end + 1, message)));
        }
        if let Some((offset, blank)) = name.char_indices().find(|(_, c)| c.is_whitespace()) {
            let range = start + offset..start + offset + blank.len_utf8();
            let help = "write `NAME=value`, one on a line";
            return Err(
                self.broken(Invalid::new(range, format!("the name `{name}` contains a blank")).help(help))
            );
        }
        if bare {
            self.inherit(name, name_range);
            return Ok(end);
        }
        let begin = end + 1 + blanks(self.after(end + 1));
        let found = value::scan(self.text, begin)
            .map_err(|invalid| Broken { problems: vec![invalid], next: self.text.len() })?;
        let (value_range, next) = (found.range.clone(), found.next);
        let value = self.value(found)?;
        self.earlier.insert(name.to_owned(), value.clone());
        self.parsed.entries.push(Entry {
            name: name.to_owned(),
            value: Some(value),
            name_range,
            value_range,
        });
        Ok(next)
    }

    /// The position of the `=`, `:` or line feed that ends the name at `start`.
    fn name_end(&self, start: usize) -> Result<usize, Broken> {
        for (offset, c) in self.after(start).char_indices() {
            match c {
                '=' | ':' | '\n' => return Ok(start + offset),
                '_' | '.' | '-' | '[' | ']' => {}
                c if c.is_alphanumeric() || is_blank(c) => {}
                c => {
                    let at = start + offset;
                    let message = format!("unexpected `{}` in a variable name", c.escape_debug());
                    let help = "names have letters, digits, `_`, `.`, `-`, `[` and `]`";
                    return Err(self.broken(Invalid::new(at..at + c.len_utf8(), message).help(help)));
                }
            }
        }
        Ok(self.text.len())
    }

    fn inherit(&mut self, name: &str, range: Range<usize>) {
        if name.is_empty() {
            return;
        }
        let value = self.outer.get(name).map(Cow::into_owned);
        if let Some(value) = &value {
            self.earlier.insert(name.to_owned(), value.clone());
        }
        self.parsed.used.push(Use { range: range.clone(), name: name.to_owned() });
        let (name_range, value_range) = (range.clone(), range);
        self.parsed.entries.push(Entry { name: name.to_owned(), value, name_range, value_range });
    }

    /// Replaces the variables in what was scanned, unless it stood in single quotes.
    fn value(&mut self, found: value::Scanned) -> Result<String, Broken> {
        let next = found.next;
        let expanded = found.expand(&Scope(self.outer, &self.earlier));
        let expanded = expanded.map_err(|problems| Broken { problems, next })?;
        let value = expanded.text;
        self.parsed.unset.extend(expanded.unset);
        self.parsed.used.extend(expanded.used);
        self.size += value.len();
        if self.size > MAX_VALUES {
            let message = format!("the values of this file are larger than {MAX_VALUES} bytes together");
            return Err(Broken { problems: vec![Invalid::new(next..next, message)], next: self.text.len() });
        }
        Ok(value)
    }

    /// A mistake after which the next line is read.
    fn broken(&self, invalid: Invalid) -> Broken {
        let next = self.line_end(invalid.range.end);
        Broken { problems: vec![invalid], next }
    }

    fn skip(&mut self, broken: Broken) -> usize {
        self.problems.extend(broken.problems);
        broken.next
    }
}

/// The length of `export` and the blanks after it.
fn exported(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("export") else { return 0 };
    let follows = rest.starts_with(['\t', '\n', '\x0c', '\r', ' ']);
    if follows { text.len() - rest.len() + blanks(rest) } else { 0 }
}

/// The length of the blanks at the start of `text`.
fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches(is_blank).len()
}

/// White space that does not end a line; a lone carriage return does not.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\x0b' | '\x0c' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outer() -> BTreeMap<String, String> {
        [("OUT", "o"), ("A", "outer a")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    }

    fn written(text: &str) -> Vec<(String, Option<String>)> {
        let parsed = parse(text, &outer()).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        parsed.entries.into_iter().map(|e| (e.name, e.value)).collect()
    }

    #[test]
    fn reads_statements() {
        for (text, want) in [
            ("", &[] as &[(&str, Option<&str>)]),
            ("\u{feff}B=1", &[("B", Some("1"))]),
            (" B = 2 \r\n\r\n  # c\nC=3", &[("B", Some("2")), ("C", Some("3"))]),
            (
                "export D=4\nexport   E: 5\nexport=6",
                &[("D", Some("4")), ("E", Some("5")), ("export", Some("6"))],
            ),
            ("F=a=b=c\nG=\nH=  x y  ", &[("F", Some("a=b=c")), ("G", Some("")), ("H", Some("x y"))]),
            ("J:yaml\nK: http://x:1", &[("J", Some("yaml")), ("K", Some("http://x:1"))]),
            ("1A=x\na.b-c[0]=y\nß=z", &[("1A", Some("x")), ("a.b-c[0]", Some("y")), ("ß", Some("z"))]),
            ("OUT\nNO\nexport OUT", &[("OUT", Some("o")), ("NO", None), ("OUT", Some("o"))]),
            ("B=x # c\nC=x# d\nD=x\t# e", &[("B", Some("x")), ("C", Some("x# d")), ("D", Some("x\t# e"))]),
            ("B=raw\\nnot\nC=C:\\Users\\new", &[("B", Some("raw\\nnot")), ("C", Some("C:\\Users\\new"))]),
            ("B=x\ry\nC='1\r\n2'", &[("B", Some("x\ry")), ("C", Some("1\r\n2"))]),
            ("B=\"x\" # c\nC='y' OUT", &[("B", Some("x")), ("C", Some("y")), ("OUT", Some("o"))]),
            (
                "B='{\"k\":\"v\"}'\nC={\"k\": [1]}",
                &[("B", Some("{\"k\":\"v\"}")), ("C", Some("{\"k\": [1]}"))],
            ),
            ("export\nB=1", &[("B", Some("1"))]),
        ] {
            let want: Vec<_> = want.iter().map(|(k, v)| ((*k).to_owned(), v.map(str::to_owned))).collect();
            assert_eq!(written(text), want, "{text}");
        }
    }

    #[test]
    fn reads_values() {
        for (value, want) in [
            ("'single $B \\n'", "single $B \\n"),
            ("'it\\'s'", "it's"),
            ("\"say \\\"hi\\\"\"", "say \"hi\""),
            ("\"tab\\there\\nline\"", "tab\there\nline"),
            ("\"a\\\\b\\q\\c\"", "a\\b\\q\\c"),
            ("\"\\a\\b\\f\\r\\v\"", "\x07\x08\x0c\r\x0b"),
            ("\"oct\\0101\\0377\\01\\0999\\0777\"", "octA\u{ff}\\1\\999\\777"),
            ("\"\\$A $$A ${A}\"", "$A $A outer a"),
            ("\"l1\nl2\"", "l1\nl2"),
            ("''", ""),
            ("\"\"", ""),
            ("a${A}$$ ${U:-d}$", "aouter a$ d$"),
            ("a\"b'c", "a\"b'c"),
            ("\\$OUT", "\\o"),
        ] {
            assert_eq!(written(&format!("X={value}"))[0].1.as_deref(), Some(want), "{value}");
        }
    }

    #[test]
    fn looks_up_outside_first_then_before() {
        let text = "A=1\nB=1\nB=2\nC=$A$B\nB=3\nD=${C}$NOPE\nOUT\nNO=1\nNO";
        let parsed = parse(text, &outer()).unwrap();
        let values = parsed.values();
        assert_eq!((&*values["C"], &*values["D"]), ("outer a2", "outer a2"));
        assert_eq!((&*values["A"], &*values["B"], &*values["NO"]), ("1", "3", "1"));
        assert_eq!(&text[parsed.unset[0].range.clone()], "$NOPE");
        let used: Vec<_> = parsed.used.iter().map(|used| (&*used.name, &text[used.range.clone()])).collect();
        let want = [("A", "$A"), ("B", "$B"), ("C", "${C}"), ("NOPE", "$NOPE"), ("OUT", "OUT"), ("NO", "NO")];
        assert_eq!(used, want);
    }

    #[test]
    fn knows_the_places() {
        let text = "# c\nexport B = 'x y' # d\nC=z # e\nOUT";
        let entries = parse(text, &outer()).unwrap().entries;
        let places = entries.iter().map(|e| (&text[e.name_range.clone()], &text[e.value_range.clone()]));
        assert_eq!(places.collect::<Vec<_>>(), [("B", "'x y'"), ("C", "z"), ("OUT", "OUT")]);
    }

    #[test]
    fn refuses_with_the_place() {
        for (text, at, message) in [
            ("B%=1", 1..2, "unexpected `%` in a variable name"),
            ("A$B=1", 1..2, "unexpected `$` in a variable name"),
            ("A B=1", 1..2, "the name `A B` contains a blank"),
            ("A\tB", 1..2, "the name `A\tB` contains a blank"),
            ("=1", 0..1, "a name is missing before the value"),
            ("A='abc\nB=1", 2..3, "the quoted value has no end"),
            ("A=\"abc\\\"", 2..3, "the quoted value has no end"),
            ("A=1\nB=${}", 6..9, "`${}` names no variable"),
            ("B=\"\\t\\\"${U?no}\"", 7..14, "the required variable `U` is not set: no"),
            ("A=\"${X:-\"d\"}\"", 3..6, "`${X` is not closed on its line"),
            ("A=\"x\" j;k", 7..8, "unexpected `;` in a variable name"),
            ("A=\"a\\0000\"", 4..9, "a value cannot contain a NUL character"),
        ] {
            let problems = parse(text, &outer()).unwrap_err();
            assert_eq!((problems[0].range.clone(), &*problems[0].message), (at, message), "{text}");
        }
    }

    #[test]
    fn reports_every_mistake() {
        let problems = parse("A B=1\nC%\nD=${}\nE=1\nF='", &outer()).unwrap_err();
        assert_eq!(problems.len(), 4);
    }

    #[test]
    fn is_limited_in_size() {
        let mut text = "B=xxxxxxxxxxxxxxxx\n".to_owned();
        text += &"B=$B$B\n".repeat(15);
        text += &"C=$B\n".repeat(100);
        let problems = parse(&text, &BTreeMap::new()).unwrap_err();
        assert!(problems[0].message.contains("together"), "{problems:?}");
    }

    proptest! {
        #[test]
        fn never_panics(text in "[A-B=: '\"\\\\\\$\\{\\}#\n\r0-9ß;]{0,60}|(?s).{0,40}") {
            match parse(&text, &outer()) {
                Ok(parsed) => for e in parsed.entries {
                    prop_assert!(text.get(e.name_range).is_some() && text.get(e.value_range).is_some());
                },
                Err(problems) => for problem in problems {
                    prop_assert!(text.get(problem.range).is_some());
                },
            }
            let _ = parse_raw(&text, &outer());
        }
    }
}
