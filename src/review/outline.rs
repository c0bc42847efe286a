//! What a place in a file is called: the keys that lead to it there.
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

/// The keys of a file.
#[derive(Debug, Default)]
pub struct Outline {
    /// From outside in, and in the order of the file.
    keys: Vec<Key>,
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

impl Outline {
    fn new(sources: &Sources, file: FileId) -> Self {
        let text = sources.text(file);
        let mut outline = Outline::default();
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
    fn long_lines_hide_nothing() {
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
