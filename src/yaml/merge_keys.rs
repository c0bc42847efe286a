//! The keys of a mapping: texts that stand once, and `<<`, which brings in what the mapping does not say itself.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::parse::Builder;
use super::{Entry, Node, Plain, Value, tags};
use crate::diag::{Code, Reported};
use crate::source::Span;

/// A key as it was read.
pub(super) struct Key {
    /// What stands there.
    pub(super) node: Node,
    /// Whether it is `<<`. An alias to such a text is not.
    pub(super) merges: bool,
}

/// Where each key of a mapping stands, and at which index of its entries; `<<` is none of them.
type Seen = BTreeMap<Rc<str>, (Span, usize)>;

impl Builder<'_> {
    /// Keys must be texts and stand once; `<<` brings in what the mapping does not say itself.
    pub(super) fn mapping(&mut self, pairs: Vec<(Key, Node)>) -> Value {
        let mut entries: Vec<Entry> = Vec::with_capacity(pairs.len());
        let mut seen = Seen::new();
        let (mut merge, mut broken) = (None, None);
        for (key, value) in pairs {
            let text = match self.key(&key.node) {
                Ok(text) => text,
                Err(reported) => {
                    // A key that is no scalar at all is not a mistake in a mapping, but one about what it is.
                    let scalar = matches!(key.node.value, Value::Scalar(_));
                    broken = broken.or(Some(reported).filter(|_| !scalar));
                    continue;
                }
            };
            let span = key.node.span;
            if let Some((first, _)) = seen.get(&text) {
                let message = format!("the key `{text}` stands twice");
                let draft = self.d.error(Code::DuplicateKey, message).label(span, "again here");
                draft.label(*first, "first here").help("keep one of them").emit();
                continue;
            }
            let at = if key.merges { usize::MAX } else { entries.len() };
            seen.insert(Rc::clone(&text), (span, at));
            if key.merges {
                merge = Some((span, value));
            } else {
                entries.push(Entry { key: text, key_span: span, value });
            }
        }
        if let Some((span, value)) = merge {
            broken = self.merge(&mut entries, &mut seen, span, &value).err().or(broken);
        }
        // What a mapping lacks that was to be merged into it must not be missed once more.
        broken.map_or_else(|| Value::Map(entries.into()), Value::Broken)
    }

    /// The text of a key.
    fn key(&mut self, node: &Node) -> Result<Rc<str>, Reported> {
        let template = self.text.get(..node.span.start as usize).is_some_and(|text| text.ends_with('{'));
        let (message, help) = match &node.untagged().value {
            Value::Broken(reported) => return Err(*reported),
            Value::Scalar(scalar) if scalar.resolve() == Plain::Str => return Ok(Rc::clone(&scalar.text)),
            Value::Scalar(scalar) => (
                format!("the key `{}` is {} and not a text", scalar.text, node.kind()),
                Some(format!("quote it: `\"{}\"`", scalar.text)),
            ),
            other => {
                let help = match other {
                    Value::Null => Some("write the key; `\"~\"` and `\"null\"` are texts"),
                    Value::Map(_) if template => {
                        Some("`{{…}}` is a mapping to YAML: fill in the template, or put it in quotes")
                    }
                    _ => None,
                };
                (format!("a key must be a text, and this is {}", node.kind()), help.map(str::to_owned))
            }
        };
        let draft = self.d.error(Code::KeyType, message).label(node.span, "");
        Err(match help {
            Some(help) => draft.help(help).emit(),
            None => draft.emit(),
        })
    }

    fn merge(
        &mut self,
        entries: &mut Vec<Entry>,
        seen: &mut Seen,
        key: Span,
        value: &Node,
    ) -> Result<(), Reported> {
        if let Value::Reset | Value::Override(_) = value.value {
            let message = "what `<<` brings in may have no `!reset` and no `!override` itself";
            let draft =
                self.d.error(Code::Tag, message).label(key, "merged here").label(value.span, "tagged");
            return Err(draft.help("put the tag on the keys that it is meant for").emit());
        }
        let single = std::slice::from_ref(value);
        let sources = if let Value::Seq(items) = &value.value { items } else { single };
        let mut merged = Ok(());
        for source in sources {
            match &source.value {
                Value::Map(map) => map.iter().for_each(|entry| bring_in(entries, seen, entry)),
                Value::Broken(reported) => merged = Err(*reported),
                _ => {
                    let kind = source.kind();
                    let message = format!("`<<` takes a mapping or a list of them, and this is {kind}");
                    let draft = self.d.error(Code::Merge, message).label(key, "merged here");
                    merged = Err(draft.label(source.span, kind).emit());
                }
            }
        }
        merged
    }
}

/// Adds a key that the mapping does not have. Compose notes the place of a tag before it merges, and drops what has
/// `!reset`: so a tag on either side is one on what is left.
fn bring_in(entries: &mut Vec<Entry>, seen: &mut Seen, entry: &Entry) {
    let Some((_, at)) = seen.get(&entry.key) else {
        seen.insert(Rc::clone(&entry.key), (entry.key_span, entries.len()));
        entries.push(entry.clone());
        return;
    };
    let Some(present) = entries.get_mut(*at) else { return };
    let tagged = |node: &Node| matches!(node.value, Value::Reset | Value::Override(_));
    match (&present.value.value, &entry.value.value) {
        (Value::Reset, Value::Reset) => {}
        (Value::Reset, Value::Override(_)) => *present = entry.clone(),
        (Value::Reset, _) => {
            *present = Entry { value: tags::overriding(entry.value.clone()), ..entry.clone() };
        }
        (_, Value::Reset | Value::Override(_)) if !tagged(&present.value) => {
            present.value = tags::overriding(present.value.clone());
        }
        _ => {}
    }
}
