//! What a place in a file is called: the keys that lead to it there, and its line and column.
//!
//! A tree that was merged, extended and included has lost the keys of its values, and kept their places. So the file is
//! parsed once more, when somebody asks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::diag::Diagnostics;
use crate::source::{FileId, Sources, Span};
use crate::yaml::{self, Node};

/// The outlines of files, each made when it is asked for first.
#[derive(Debug, Default)]
pub struct Outlines(RefCell<BTreeMap<FileId, Rc<Outline>>>);

impl Outlines {
    /// That of a file.
    pub fn of(&self, sources: &Sources, file: FileId) -> Rc<Outline> {
        let mut known = self.0.take();
        let outline = known.entry(file).or_insert_with(|| Rc::new(Outline::new(sources, file)));
        let outline = Rc::clone(outline);
        self.0.replace(known);
        outline
    }
}

/// The keys of a file, and its lines.
#[derive(Debug, Default)]
pub struct Outline {
    /// From outside in, and in the order of the file.
    keys: Vec<Key>,
    marks: Vec<Mark>,
}

/// A key, from its first character to the end of its value.
#[derive(Debug)]
struct Key {
    start: u32,
    end: u32,
    name: Rc<str>,
    /// The key that it is below.
    parent: Option<usize>,
}

/// What is known of some characters of a file, so that nobody counts from its start each time.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: usize,
    line: usize,
    column: usize,
}

/// How many bytes there are from one mark to the next one, at least.
const STEP: usize = 512;

impl Outline {
    fn new(sources: &Sources, file: FileId) -> Self {
        let text = sources.text(file);
        let mut outline = Outline { keys: Vec::new(), marks: marks(&text) };
        // Whatever is wrong with the file was reported when it was read first.
        let documents = yaml::documents(&mut Diagnostics::default(), file, &text);
        documents.iter().flatten().for_each(|document| outline.add(document, None));
        outline
    }

    /// What stands elsewhere, because an alias or `<<` brought it in, is found there.
    fn add(&mut self, node: &Node, parent: Option<usize>) {
        for entry in node.entries() {
            let start = entry.key_span.start;
            if self.keys.last().is_some_and(|last| start < last.start) {
                continue;
            }
            let here = entry.value.span.start >= start;
            let end = if here { entry.value.span.end.max(entry.key_span.end) } else { entry.key_span.end };
            self.keys.push(Key { start, end, name: Rc::clone(&entry.key), parent });
            if here {
                self.add(&entry.value, self.keys.len().checked_sub(1));
            }
        }
        for item in node.items() {
            if self.keys.last().is_none_or(|last| item.span.start >= last.start) {
                self.add(item, parent);
            }
        }
    }

    /// The keys that lead to a place, with dots between them; nothing for what is below no key.
    pub fn attribute(&self, place: Span) -> Option<String> {
        let mut at = self.keys.partition_point(|key| key.start <= place.start).checked_sub(1);
        let mut names = Vec::new();
        while let Some(key) = at.and_then(|at| self.keys.get(at)) {
            if place.end <= key.end {
                names.push(&*key.name);
            }
            at = key.parent;
        }
        names.reverse();
        (!names.is_empty()).then(|| names.join("."))
    }

    /// The line and the column where a place begins, both from one, in characters.
    pub fn position(&self, sources: &Sources, place: Span) -> (usize, usize) {
        let at = place.start as usize;
        let mark = self.marks.partition_point(|mark| mark.at <= at).checked_sub(1);
        let Some(mark) = mark.and_then(|mark| self.marks.get(mark)) else { return (1, 1) };
        let text = sources.text(place.file);
        text.get(mark.at..at).unwrap_or_default().chars().fold((mark.line, mark.column), after)
    }
}

fn marks(text: &str) -> Vec<Mark> {
    let (mut line, mut column) = (1, 1);
    let mut marks = vec![Mark { at: 0, line, column }];
    for (at, c) in text.char_indices() {
        if marks.last().is_some_and(|last| at >= last.at + STEP) {
            marks.push(Mark { at, line, column });
        }
        (line, column) = after((line, column), c);
    }
    marks
}

/// The position behind a character.
fn after((line, column): (usize, usize), c: char) -> (usize, usize) {
    if c == '\n' { (line + 1, 1) } else { (line, column + 1) }
}

/// The name of the variable that an env file sets to what begins at a place.
pub fn variable(sources: &Sources, place: Span) -> Option<String> {
    let text = sources.text(place.file);
    let before = text.get(..place.start as usize)?;
    let line = before.rsplit('\n').next()?.trim();
    // Of a name without a value, the place is that of the name.
    let Some(name) = line.strip_suffix(['=', ':']) else { return Some(sources.slice(place).to_owned()) };
    let name = name.trim();
    let name =
        name.strip_prefix("export").filter(|rest| rest.starts_with(char::is_whitespace)).unwrap_or(name);
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(text: &str, part: &str) -> Option<String> {
        let mut sources = Sources::default();
        let file = sources.add("f".into(), text.into());
        let start = text.find(part).unwrap();
        let place = Span::new(file, start, start + part.len());
        let outline = Outline::new(&sources, file);
        assert_eq!(outline.position(&sources, place), sources.position(place), "{part}");
        outline.attribute(place)
    }

    #[test]
    fn keys_lead_to_a_place() {
        let text = "x-a: &a {user: me, <<: {tty: yes}}\nservices:\n  web:\n    <<: *a\n    cap_add: [ONE, TWO]\n    \
                    environment:\n      - A=b\n    labels: {a.b: c}\n    command: &c\n      - run\n  db:\n    command: *c\n";
        for (part, want) in [
            ("me", "x-a.user"),
            ("ONE", "services.web.cap_add"),
            ("[ONE, TWO]", "services.web.cap_add"),
            ("TWO", "services.web.cap_add"),
            ("A=b", "services.web.environment"),
            ("a.b", "services.web.labels.a.b"),
            ("run", "services.web.command"),
            ("db", "services.db"),
            ("web", "services.web"),
        ] {
            assert_eq!(attribute(text, part).as_deref(), Some(want), "{part}");
        }
        assert_eq!(attribute("# é\n- a\n- {b: 1}\n", "a").as_deref(), None);
        assert_eq!(attribute("# é\n- a\n- {b: é1}\n", "1").as_deref(), Some("b"));
    }

    #[test]
    fn positions_are_those_of_a_count() {
        let line = "a: ééé\n";
        let text = line.repeat(500) + &format!("b: \"{}\"\nend: here\n", "é".repeat(3000));
        assert_eq!(attribute(&text, "here").as_deref(), Some("end"));
    }

    #[test]
    fn variables_are_named_before_their_value() {
        for text in ["A.b=v", "x=1\n export A.b = v", "A.b: v", "A.b"] {
            let mut sources = Sources::default();
            let file = sources.add("f".into(), text.into());
            let start = text.find('v').unwrap_or_default();
            let place = Span::new(file, start, text.len());
            assert_eq!(variable(&sources, place).as_deref(), Some("A.b"), "{text}");
        }
    }
}
