//! Replaces `${NAME}` in every value of a tree; keys are left alone, as in Compose.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::references::References;
use super::template::{Expanded, Lookup, Use, expand, has_variable};
use super::{Entry, Node, Scalar, Style, Value};
use crate::diag::{Code, Diagnostics, Reported};

/// How the variables of a file are replaced.
#[derive(Clone, Copy)]
pub struct Interpolation<'a> {
    /// Where their values come from.
    pub variables: &'a dyn Lookup,
    /// What one is that is not set and has no default.
    pub unset: Unset,
}

/// What a variable is that is not set and has no default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unset {
    /// An error: an output that is checked in must not depend on what somebody forgot.
    #[default]
    Refused,
    /// Nothing, with a warning the first time, as in Docker Compose.
    Empty,
}

/// The variables that texts made use of, over any number of calls.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// Each reference that was replaced.
    pub references: References,
    /// Those that a warning was given for.
    warned: BTreeSet<String>,
}

/// The tree with its variables replaced. Reports every malformed variable, every `${NAME:?…}` that is not met, and
/// every variable that is not set and has no default. A value with an error is [`Value::Broken`].
pub fn interpolate(d: &mut Diagnostics, node: &Node, how: Interpolation<'_>, uses: &mut Uses) -> Node {
    Walk { d, how, uses, size: 0 }.node(node)
}

struct Walk<'a> {
    d: &'a mut Diagnostics,
    how: Interpolation<'a>,
    uses: &'a mut Uses,
    /// How long all texts with variables are by now.
    size: usize,
}

/// How many bytes all texts with variables may have together: a short file can name a long variable many times.
const MAX_SIZE: usize = 64 * 1024 * 1024;

impl Walk<'_> {
    fn node(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Scalar(scalar) if has_variable(&scalar.text) => match self.scalar(node, scalar) {
                Ok(scalar) => Value::Scalar(scalar),
                Err(reported) => Value::Broken(reported),
            },
            Value::Null | Value::Broken(_) | Value::Reset | Value::Scalar(_) => node.value.clone(),
            Value::Override(inner) => Value::Override(Rc::new(self.node(inner))),
            Value::Seq(items) => Value::Seq(items.iter().map(|item| self.node(item)).collect()),
            Value::Map(entries) => Value::Map(entries.iter().map(|entry| self.entry(entry)).collect()),
        };
        Node { span: node.span, value }
    }

    fn entry(&mut self, entry: &Entry) -> Entry {
        Entry { key: Rc::clone(&entry.key), key_span: entry.key_span, value: self.node(&entry.value) }
    }

    fn scalar(&mut self, node: &Node, scalar: &Scalar) -> Result<Scalar, Reported> {
        let mut failed = None;
        if self.size > MAX_SIZE {
            self.d.failed()?;
        }
        let expanded = match expand(&scalar.text, self.how.variables) {
            Ok(expanded) => expanded,
            Err(problems) => {
                for invalid in problems {
                    failed = Some(self.d.invalid(Code::Interpolation, invalid, |range| node.at(range)));
                }
                Expanded::default()
            }
        };
        self.size += expanded.text.len();
        if self.size > MAX_SIZE {
            let message = format!("the values of variables make more than {MAX_SIZE} bytes of this file");
            failed = Some(self.d.error(Code::Interpolation, message).label(node.span, "up to here").emit());
        }
        self.note(node, &expanded.used);
        for unset in &expanded.unset {
            failed = self.unset(node, unset).err().or(failed);
        }
        let scalar = Scalar { text: expanded.text.into(), style: Style::Interpolated, parts: Rc::from([]) };
        failed.map_or(Ok(scalar), Err)
    }

    fn note(&mut self, node: &Node, used: &[Use]) {
        for used in used {
            self.uses.references.look_up(node.at(used.range.clone()), &used.name, self.how.variables);
        }
    }

    fn unset(&mut self, node: &Node, unset: &Use) -> Result<(), Reported> {
        let Use { name, range } = unset;
        let span = node.at(range.clone());
        match self.how.unset {
            Unset::Refused => {
                let draft = self.d.error(Code::UnsetVariable, format!("the variable `{name}` is not set"));
                let help = format!("set it in `.env`, or give a default: `${{{name}:-}}` is an empty text");
                Err(draft.label(span, "").help(help).emit())
            }
            Unset::Empty => {
                if self.uses.warned.insert(name.clone()) {
                    let message = format!("the variable `{name}` is not set, and is taken for an empty text");
                    self.d.warning(Code::UnsetVariable, message).label(span, "").emit();
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Giver, documents};
    use super::*;
    use crate::source::Sources;

    const TEXT: &str = "a: $SET $NOT\nb: !override [\"${NOT}\", \"x${SET:-$NEVER}\"]\nc: ${OTHER:-$ALSO}\nd: !reset $GONE\n$KEY: 1\n";

    fn run(text: &str, unset: Unset, uses: &mut Uses) -> (Vec<Node>, Diagnostics, Sources) {
        let variables = BTreeMap::from([("SET".to_owned(), "1".to_owned())]);
        let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
        let file = sources.add("f".into(), text.into());
        let how = Interpolation { variables: &variables, unset };
        let nodes = documents(&mut d, file, text).unwrap();
        let nodes = nodes.iter().map(|node| interpolate(&mut d, node, how, uses)).collect();
        (nodes, d, sources)
    }

    #[test]
    fn an_unset_variable_is_refused_or_nothing() {
        let (nodes, d, _) = run(TEXT, Unset::Refused, &mut Uses::default());
        let messages: Vec<_> = d.sorted().iter().map(|found| found.message.clone()).collect();
        let want = |name: &str| format!("the variable `{name}` is not set");
        assert_eq!(messages, [want("NOT"), want("NOT"), want("ALSO")]);
        assert!(matches!(nodes[0].get("a").unwrap().value, Value::Broken(_)));

        let (nodes, d, sources) = run(TEXT, Unset::Empty, &mut Uses::default());
        assert_eq!((d.errors(), d.warnings()), (0, 2), "once for a name");
        let first = d.sorted()[0];
        assert_eq!(first.message, "the variable `NOT` is not set, and is taken for an empty text");
        assert_eq!(sources.slice(first.labels[0].span), "$NOT");
        assert_eq!(nodes[0].get("a").unwrap().as_str(), Some("1 "));
        let b = nodes[0].get("b").unwrap();
        assert!(matches!(b.value, Value::Override(_)));
        assert_eq!(b.items().iter().map(Node::as_str).collect::<Vec<_>>(), [Some(""), Some("x1")]);
        assert!(nodes[0].get("$KEY").is_some());
    }

    #[test]
    fn uses_are_collected_over_calls() {
        let mut uses = Uses::default();
        let text = "a: x$SET\n---\nb: $SET $NOT\n---\nc: ${NOT:-$SET}\n";
        let (_, d, sources) = run(text, Unset::Empty, &mut uses);
        assert_eq!(d.warnings(), 1);
        let found = uses.references.iter();
        let found: Vec<_> =
            found.map(|found| (&*found.name, found.giver, sources.slice(found.place))).collect();
        let set = Giver::Process { meant: false };
        let want = [
            ("SET", set, "$SET"),
            ("SET", set, "$SET"),
            ("NOT", Giver::Nobody, "$NOT"),
            ("NOT", Giver::Nobody, "${NOT:-$SET}"),
            ("SET", set, "$SET"),
        ];
        assert_eq!(found, want);
        let (_, d, _) = run("a: $NOT\n", Unset::Empty, &mut uses);
        assert_eq!(d.warnings(), 0);
    }

    #[test]
    fn a_default_ends_with_its_line() {
        for text in ["a: |\n  ${NOT:-a\n  b}\n", "a: \"${SET:-a\\nb}\"\n"] {
            let (_, d, _) = run(text, Unset::Empty, &mut Uses::default());
            assert!(d.sorted()[0].message.ends_with("is not closed on its line"), "{text}");
        }
        let (nodes, _, _) = run("a: >\n  ${NOT:-a\n  b}\n", Unset::Empty, &mut Uses::default());
        assert_eq!(nodes[0].get("a").unwrap().as_str(), Some("a b\n"));
    }
}
