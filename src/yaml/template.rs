//! `${VAR}` in a text, as Compose replaces it.
//!
//! The grammar is the regular expression of compose-go's `template` package with its rule for braces. Two things
//! are different from `docker compose` 2.40: a default that is not used is not looked into (as in newer versions),
//! and `{}` in a default is counted, where Compose lets `${A:-{}}` take the rest of its line with it. Values are
//! put in as they are and never read again.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::references::Giver;
use crate::diag::Invalid;

/// How many bytes an expansion may add to its text. Variables that hold variables cannot grow one text beyond
/// this.
pub const MAX_GROWTH: usize = 1024 * 1024;

/// How deep defaults may stand in defaults. Real files use two levels.
const MAX_DEPTH: usize = 64;

/// How many mistakes of one text are reported; nobody reads more.
const MAX_PROBLEMS: usize = 100;

/// Where the values of variables come from.
pub trait Lookup {
    /// The value, if the variable is set.
    fn get(&self, name: &str) -> Option<Cow<'_, str>>;

    /// The value where what is being read says nothing itself: that of an env file before it.
    fn before(&self, _name: &str) -> Option<Cow<'_, str>> {
        None
    }

    /// Who gave the variable its value.
    fn giver(&self, name: &str) -> Giver;
}

impl Lookup for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        BTreeMap::get(self, name).map(|value| Cow::Borrowed(value.as_str()))
    }

    fn giver(&self, name: &str) -> Giver {
        if self.contains_key(name) { Giver::Process { meant: false } } else { Giver::Nobody }
    }
}

/// A text whose variables are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// The text with the values in it.
    pub text: String,
    /// The `$NAME` and `${NAME}` of variables that are not set: each became nothing.
    pub unset: Vec<Use>,
    /// Every variable the result depends on, set or not, in the order of looking.
    pub used: Vec<Use>,
}

/// A variable at a place of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The bytes of the whole reference, from `$` to the name's end or the closing brace.
    pub range: Range<usize>,
    /// The variable's name.
    pub name: String,
}

/// Whether `text` may contain something to replace.
pub fn has_variable(text: &str) -> bool {
    text.contains('$')
}

/// Replaces the variables of `text`. All mistakes are reported, each with its place in `text`.
pub fn expand(text: &str, variables: &dyn Lookup) -> Result<Expanded, Vec<Invalid>> {
    let mut run = Run { text, variables, found: Expanded::default(), problems: Vec::new(), full: false };
    let mut out = String::with_capacity(text.len());
    run.part(0..text.len(), 0, &mut out);
    if run.problems.is_empty() { Ok(Expanded { text: out, ..run.found }) } else { Err(run.problems) }
}

/// One call of [`expand`]. All positions are in the whole text, also inside defaults.
struct Run<'a> {
    text: &'a str,
    variables: &'a dyn Lookup,
    found: Expanded,
    problems: Vec<Invalid>,
    full: bool,
}

/// What is done with the word after the operator in `${NAME:-word}`.
#[derive(Clone, Copy)]
enum Operator {
    Default,
    Replacement,
    Required,
}

/// `${NAME:-word}`
struct Conditional {
    whole: Range<usize>,
    name: Range<usize>,
    operator: Operator,
    /// With `:` in front of the operator an empty value counts as none.
    colon: bool,
    word: Range<usize>,
}

impl<'a> Run<'a> {
    fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or("")
    }

    /// Expands the bytes of `range` onto `out`.
    fn part(&mut self, range: Range<usize>, depth: usize, out: &mut String) {
        let mut at = range.start;
        while let Some(offset) = self.slice(at..range.end).find('$') {
            if self.problems.len() >= MAX_PROBLEMS {
                return;
            }
            let dollar = at + offset;
            self.push(self.slice(at..dollar), at..dollar, out);
            at = self.reference(dollar, range.end, depth, out);
        }
        self.push(self.slice(at..range.end), at..range.end, out);
    }

    /// What begins with the `$` at `dollar`; the position after it.
    fn reference(&mut self, dollar: usize, end: usize, depth: usize, out: &mut String) -> usize {
        let after = self.slice(dollar + 1..end);
        if after.starts_with('{') {
            return self.braced(dollar, end, depth, out);
        }
        let length = name_length(after);
        let whole = dollar..dollar + 1 + length;
        if length > 0 {
            self.plain(whole.clone(), self.slice(dollar + 1..whole.end), out);
            return whole.end;
        }
        // A `$` before anything else stands for itself: `5$ only`, `$(date)`.
        out.push('$');
        if after.starts_with('$') { whole.end + 1 } else { whole.end }
    }

    /// `${…}`; the position after it.
    fn braced(&mut self, dollar: usize, end: usize, depth: usize, out: &mut String) -> usize {
        let start = dollar + 2;
        let name = start..start + name_length(self.slice(start..end));
        let after = self.slice(name.end..end);
        if !name.is_empty() && after.starts_with('}') {
            self.plain(dollar..name.end + 1, self.slice(name.clone()), out);
            return name.end + 1;
        }
        let colon = after.starts_with(':');
        let sign = name.end + usize::from(colon);
        let operator = match self.slice(sign..end).chars().next() {
            Some('-') => Operator::Default,
            Some('+') => Operator::Replacement,
            Some('?') => Operator::Required,
            _ => return self.malformed(dollar, &name, end),
        };
        if name.is_empty() {
            return self.malformed(dollar, &name, end);
        }
        let close = match closing_brace(self.slice(dollar..end)) {
            Ok(length) => dollar + length,
            Err(length) => {
                self.unclosed(dollar..name.end);
                return dollar + length;
            }
        };
        let whole = dollar..close + 1;
        self.conditional(&Conditional { whole, name, operator, colon, word: sign + 1..close }, depth, out);
        close + 1
    }

    fn plain(&mut self, range: Range<usize>, name: &str, out: &mut String) {
        let used = Use { range: range.clone(), name: name.to_owned() };
        match self.variables.get(name) {
            Some(value) => self.push(&value, range, out),
            None => self.found.unset.push(used.clone()),
        }
        self.found.used.push(used);
    }

    fn conditional(&mut self, c: &Conditional, depth: usize, out: &mut String) {
        if depth == MAX_DEPTH {
            let message = format!("defaults are nested more than {MAX_DEPTH} deep");
            self.problems.push(Invalid::new(c.whole.clone(), message));
            return;
        }
        let name = self.slice(c.name.clone());
        self.found.used.push(Use { range: c.whole.clone(), name: name.to_owned() });
        let value = self.variables.get(name);
        let usable = value.as_ref().is_some_and(|value| !(c.colon && value.is_empty()));
        match c.operator {
            Operator::Default | Operator::Required if usable => {
                self.push(&value.unwrap_or_default(), c.whole.clone(), out);
            }
            Operator::Default => self.part(c.word.clone(), depth + 1, out),
            Operator::Replacement if usable => self.part(c.word.clone(), depth + 1, out),
            Operator::Replacement => {}
            Operator::Required => {
                let state = if value.is_some() { "empty" } else { "not set" };
                self.required(c, state, depth);
            }
        }
    }

    fn required(&mut self, c: &Conditional, state: &str, depth: usize) {
        let mut reason = String::new();
        self.part(c.word.clone(), depth + 1, &mut reason);
        let name = self.slice(c.name.clone());
        let colon = if reason.is_empty() { "" } else { ": " };
        let message = format!("the required variable `{name}` is {state}{colon}{reason}");
        self.problems.push(
            Invalid::new(c.whole.clone(), message)
                .label("the value is required here")
                .help(format!("set `{name}` in the environment or in the `.env` file")),
        );
    }

    /// Appends to the result, unless it grows too large by it; `range` is what the text stands for.
    fn push(&mut self, text: &str, range: Range<usize>, out: &mut String) {
        if self.full {
            return;
        }
        if out.len() + text.len() > self.text.len() + MAX_GROWTH {
            self.full = true;
            let message =
                format!("the text grows by more than {MAX_GROWTH} bytes when its variables are replaced");
            self.problems.push(Invalid::new(range, message).label("too large from here on"));
            return;
        }
        out.push_str(text);
    }

    /// Nothing on the rest of the line can close another brace either, so this is the only report for it.
    fn unclosed(&mut self, range: Range<usize>) {
        let message = format!("`{}` is not closed on its line", self.slice(range.clone()));
        self.problems.push(Invalid::new(range, message).label("opened here").help(WRITE));
    }

    /// Reports `${` with something else than a variable after it; the position to go on from.
    fn malformed(&mut self, dollar: usize, name: &Range<usize>, end: usize) -> usize {
        let after = self.slice(name.end..end);
        let stop = after.find(['}', '$', '\n']).map_or(end, |offset| name.end + offset);
        let closed = self.slice(stop..end).starts_with('}');
        let bad = after.chars().next().filter(|c| *c != '\n');
        let bad_range = name.end..name.end + bad.map_or(0, char::len_utf8);
        match bad {
            Some('}') => self.problem(dollar..name.end + 1, "`${}` names no variable".to_owned()),
            Some(c) if name.is_empty() => {
                self.problem(bad_range, format!("a variable's name cannot start with {}", Shown(c)));
            }
            Some(_) if !closed => self.unclosed(dollar..name.end),
            Some(c) => {
                let name = self.slice(name.clone());
                self.problem(bad_range, format!("{} cannot follow the variable's name `{name}`", Shown(c)));
            }
            None => self.unclosed(dollar..name.end),
        }
        stop + usize::from(closed)
    }

    fn problem(&mut self, range: Range<usize>, message: String) {
        self.problems.push(Invalid::new(range, message).help(WRITE));
    }
}

const WRITE: &str = "write `${NAME}` or `${NAME:-default}`, and `$${` for `${` itself";

/// A character in a message.
struct Shown(char);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            ' ' => f.write_str("a blank"),
            c if c.is_control() => write!(f, "`{}`", c.escape_default()),
            c => write!(f, "`{c}`"),
        }
    }
}

/// The number of bytes of the variable name that `text` begins with.
fn name_length(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count()
}

/// The position of the brace that closes the first one in `text`, or the length of the line if there is none.
/// Where braces do not balance, the last `}` of the line counts, as in Compose: so `${A:-{}` works.
fn closing_brace(text: &str) -> Result<usize, usize> {
    let mut open = 0usize;
    let mut last = None;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\n' => return last.ok_or(at),
            b'{' => open += 1,
            b'}' if open <= 1 => return Ok(at),
            b'}' => {
                open -= 1;
                last = Some(at);
            }
            _ => {}
        }
    }
    last.ok_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn variables() -> BTreeMap<String, String> {
        [("A", "a"), ("EMPTY", ""), ("D", "$A ${B}"), ("_x9", "x")].map(|(k, v)| (k.into(), v.into())).into()
    }

    fn names(uses: &[Use]) -> Vec<&str> {
        uses.iter().map(|used| used.name.as_str()).collect()
    }

    #[test]
    fn replaces_variables() {
        for (text, want) in [
            ("", ""),
            ("plain", "plain"),
            ("$A-${A}", "a-a"),
            ("$Ab", ""),
            ("$A.b$_x9", "a.bx"),
            ("$$A $${A} $$$A", "$A ${A} $a"),
            ("5$ only $1 $(date) $é $", "5$ only $1 $(date) $é $"),
            ("${A:-x}${EMPTY:-x}${U:-x}", "axx"),
            ("${A-x}${EMPTY-x}${U-x}", "ax"),
            ("${A:+x}${EMPTY:+x}${U:+x}", "x"),
            ("${A+x}${EMPTY+x}${U+x}", "xx"),
            ("${A:?m}${A?m}${EMPTY?m}", "aa"),
            ("${U-a:-b} ${U:-a?b} ${U--} ${U:-}", "a:-b a?b - "),
            ("${U:-${V:-$A}} ${U:-$$x} ${U:-$${y}}", "a $x ${y}"),
            ("${U:-{}}", "{}"),
            ("${U:-{}", "{"),
            ("${U:-{x}} ${A}", "{x} a"),
            ("${U:-{{x}}} ${A:-{{x}}}", "{{x}} a"),
            ("{x: ${A:-{}}, y: ${U:-{}}}", "{x: a, y: {}}"),
            ("${U:-a b:c/d} }", "a b:c/d }"),
            ("${D}", "$A ${B}"),
            ("${U:-x}\n${U:-y}", "x\ny"),
            ("${A:-${}} ${A:+b}", "a b"),
            ("${A:-${U:?gone}}", "a"),
        ] {
            assert_eq!(expand(text, &variables()).unwrap().text, want, "{text}");
        }
    }

    #[test]
    fn knows_what_was_used_and_what_is_unset() {
        let got = expand("$A ${U} ${V:-$W} ${X:+$Y} ${A:-$Z} $U", &variables()).unwrap();
        assert_eq!(names(&got.unset), ["U", "W", "U"]);
        assert_eq!(names(&got.used), ["A", "U", "V", "W", "X", "A", "U"]);
        assert_eq!(got.unset[0].range, 3..7);
        assert_eq!(got.unset[1].range, 13..15);
    }

    #[test]
    fn refuses_with_the_place() {
        for (text, at, message) in [
            ("a ${}", "${}", "`${}` names no variable"),
            ("${1A}", "1", "a variable's name cannot start with `1`"),
            ("${ A }", " ", "a variable's name cannot start with a blank"),
            ("${#A}", "#", "a variable's name cannot start with `#`"),
            ("${:-x}", ":", "a variable's name cannot start with `:`"),
            ("${-x}", "-", "a variable's name cannot start with `-`"),
            ("${a.b}", ".", "`.` cannot follow the variable's name `a`"),
            ("${A:}", ":", "`:` cannot follow the variable's name `A`"),
            ("${A!x}", "!", "`!` cannot follow the variable's name `A`"),
            ("${A/x/y}", "/", "`/` cannot follow the variable's name `A`"),
            ("${A^^}", "^", "`^` cannot follow the variable's name `A`"),
            ("${A", "${A", "`${A` is not closed on its line"),
            ("${A x", "${A", "`${A` is not closed on its line"),
            ("${", "${", "`${` is not closed on its line"),
            ("${A:-x\n}", "${A", "`${A` is not closed on its line"),
            ("${U:?}", "${U:?}", "the required variable `U` is not set"),
            ("${U?set $A}", "${U?set $A}", "the required variable `U` is not set: set a"),
            ("${EMPTY:?no}", "${EMPTY:?no}", "the required variable `EMPTY` is empty: no"),
            ("${U:-${V?v}}", "${V?v}", "the required variable `V` is not set: v"),
        ] {
            let problems = expand(text, &variables()).unwrap_err();
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert_eq!((&text[problems[0].range.clone()], &*problems[0].message), (at, message), "{text}");
        }
    }

    #[test]
    fn reports_every_mistake() {
        let problems = expand("${} ${U?} ${a.b} ok ${A", &variables()).unwrap_err();
        assert_eq!(problems.len(), 4);
        assert_eq!(expand(&"${}".repeat(1000), &variables()).unwrap_err().len(), MAX_PROBLEMS);
    }

    #[test]
    fn is_limited_in_depth_and_size() {
        let deep = "${U:-".repeat(100) + &"}".repeat(100);
        assert!(expand(&deep, &variables()).unwrap_err()[0].message.contains("more than 64 deep"));
        let big = BTreeMap::from([("B".to_owned(), "x".repeat(MAX_GROWTH / 2))]);
        assert!(expand("$B$B", &big).is_ok());
        let problems = expand("$B$B$B$B", &big).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].range, 4..6);
    }

    #[test]
    fn takes_linear_time() {
        for hostile in ["${A:-{", "${A:-", "${A", "${A:-}", "${A:-{}", "$", "{", "${A:-{}} ${", "${A:-\n"] {
            let text = hostile.repeat(200_000);
            let _ = expand(&text, &variables());
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[\\$\\{\\}:?+\\-AU \nß]{0,40}|.{0,40}") {
            if let Err(problems) = expand(&text, &variables()) {
                for problem in problems {
                    prop_assert!(text.get(problem.range).is_some());
                }
            }
        }

        #[test]
        fn leaves_other_text_alone(text in "[^$]*") {
            prop_assert_eq!(expand(&text, &variables()).unwrap().text, text);
        }
    }
}
