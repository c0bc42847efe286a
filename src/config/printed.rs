//! The tree that is written.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Format;
use crate::compose::Variables;
use crate::compose::schema::{Attribute, FILE, Leaf, Object, Shape};
use crate::model::Model;
use crate::yaml::{Node, Plain, Value};

/// A value that is written, in its place among others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Printed {
    /// Nothing.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A number or a date, as Go spells it.
    Plain(Rc<str>),
    /// A text.
    Text(Rc<str>),
    /// A list.
    List(Vec<Printed>),
    /// A mapping, in the order it is written in.
    Map(Vec<(Rc<str>, Printed)>),
}

impl Printed {
    /// A model.
    pub(super) fn of(model: &Model, format: Format, variables: Variables) -> Printed {
        let mut top = match variables {
            Variables::Replaced => object(&model.root, &FILE, Extensions::of(format)),
            Variables::Kept => sorted(&model.root).map(|(key, node)| (key, any(node))).collect(),
        };
        top.retain(|(key, _)| !matches!(&**key, "name" | "version" | "include"));
        if !top.iter().any(|(key, _)| &**key == "services") {
            top.insert(0, ("services".into(), Printed::Map(Vec::new())));
        }
        top.insert(0, ("name".into(), Printed::Text(Rc::clone(&model.name))));
        Printed::Map(top)
    }

    /// A tree without spans, with `$$` for every `$` of a text. No variable is looked for in a key.
    pub(super) fn of_json(value: &serde_json::Value) -> Printed {
        use serde_json::Value;
        match value {
            Value::Null => Printed::Null,
            Value::Bool(value) => Printed::Bool(*value),
            Value::Number(number) => Printed::Plain(number.to_string().into()),
            Value::String(text) => Printed::Text(text.replace('$', "$$").into()),
            Value::Array(items) => Printed::List(items.iter().map(Printed::of_json).collect()),
            Value::Object(map) => {
                let entries =
                    map.iter().map(|(key, value)| (Rc::from(key.as_str()), Printed::of_json(value)));
                Printed::Map(entries.collect())
            }
        }
    }

    /// A part of a model in JSON.
    pub(super) fn part(node: &Node, shape: &Shape) -> Printed {
        shaped(node, shape, Extensions::LeftOut)
    }

    /// A value under a key.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Printed> {
        match self {
            Printed::Map(entries) => {
                entries.iter_mut().find(|(name, _)| &**name == key).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// Sets a key that is not there yet.
    pub(super) fn get_or_insert(&mut self, key: &str, value: Printed) {
        if self.get_mut(key).is_none()
            && let Printed::Map(entries) = self
        {
            entries.push((key.into(), value));
        }
    }

    /// Takes a key away.
    pub(super) fn remove(&mut self, key: &str) {
        if let Printed::Map(entries) = self {
            entries.retain(|(name, _)| &**name != key);
        }
    }

    /// A text; nothing of what is none.
    pub(super) fn text(&self) -> &str {
        match self {
            Printed::Text(text) => text,
            _ => "",
        }
    }

    /// The values of the mapping under a key; none where there is none.
    pub(super) fn below(&mut self, key: &str) -> impl Iterator<Item = &mut Printed> {
        let entries = match self.get_mut(key) {
            Some(Printed::Map(entries)) => entries.as_mut_slice(),
            _ => &mut [],
        };
        entries.iter_mut().map(|(_, value)| value)
    }

    /// The items of a list; none of what is none.
    pub(super) fn items_mut(&mut self) -> &mut [Printed] {
        match self {
            Printed::List(items) => items,
            _ => &mut [],
        }
    }

    /// Writes `$$` for every `$`: what is printed is read as a Compose file again.
    pub(super) fn double_dollars(&mut self) {
        match self {
            Printed::Null | Printed::Bool(_) | Printed::Plain(_) => {}
            Printed::Text(text) => double_dollars(text),
            Printed::List(items) => items.iter_mut().for_each(Printed::double_dollars),
            Printed::Map(entries) => {
                for (key, value) in entries {
                    double_dollars(key);
                    value.double_dollars();
                }
            }
        }
    }

    /// Whether it says no more than its absence.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Printed::Null | Printed::Bool(false) => true,
            Printed::Bool(true) => false,
            Printed::Plain(text) => text.parse() == Ok(0.0),
            Printed::Text(text) => text.is_empty(),
            Printed::List(items) => items.is_empty(),
            Printed::Map(entries) => entries.is_empty(),
        }
    }
}

fn double_dollars(text: &mut Rc<str>) {
    if text.contains('$') {
        *text = text.replace('$', "$$").into();
    }
}

fn sorted(node: &Node) -> impl Iterator<Item = (Rc<str>, &Node)> {
    let entries: BTreeMap<_, _> =
        node.entries().iter().map(|entry| (Rc::clone(&entry.key), &entry.value)).collect();
    entries.into_iter()
}

/// What becomes of keys that start with `x-` below the top.
#[derive(Clone, Copy)]
enum Extensions {
    Printed,
    LeftOut,
}

impl Extensions {
    /// Docker leaves them out of JSON.
    fn of(format: Format) -> Self {
        match format {
            Format::Yaml => Extensions::Printed,
            Format::Json => Extensions::LeftOut,
        }
    }
}

/// The attributes in the order of the schema, then what is not Compose's.
fn object(node: &Node, object: &Object, below: Extensions) -> Vec<(Rc<str>, Printed)> {
    let mut given: BTreeMap<_, _> = sorted(node).collect();
    let mut out = Vec::with_capacity(given.len());
    for attribute in object.attributes {
        if let Some((key, node)) = given.remove_entry(attribute.key) {
            let value = shaped(node, &attribute.shape, below);
            if says_something(&value, attribute) {
                out.push((key, value));
            }
        }
    }
    if matches!(below, Extensions::Printed) || std::ptr::eq(object, &raw const FILE) {
        let extensions = given.into_iter().filter(|(key, _)| key.starts_with("x-"));
        out.extend(extensions.map(|(key, node)| (key, any(node))));
    }
    out
}

/// An object says something by being there; a list or a mapping of names does not.
fn says_something(value: &Printed, attribute: &Attribute) -> bool {
    if attribute.kept || (matches!(value, Printed::Map(_)) && is_object(&attribute.shape)) {
        return true;
    }
    match (innermost(&attribute.shape), value) {
        (Shape::Leaf(Leaf::Bytes(_)), Printed::Text(text)) if &**text == "0" => false,
        (Shape::Leaf(Leaf::Duration), Printed::Text(text)) if &**text == "0s" => false,
        _ => !value.is_empty(),
    }
}

fn is_object(shape: &Shape) -> bool {
    matches!(innermost(shape), Shape::Object(_))
}

fn innermost(shape: &Shape) -> &Shape {
    match shape {
        Shape::Nullable(inner) | Shape::Short(_, inner) => innermost(inner),
        _ => shape,
    }
}

fn shaped(node: &Node, shape: &Shape, below: Extensions) -> Printed {
    let shape = innermost(shape);
    match (&node.untagged().value, shape) {
        (Value::Map(_), Shape::Object(table)) => Printed::Map(object(node, table, below)),
        (Value::Map(_), Shape::Names(names)) => {
            Printed::Map(sorted(node).map(|(key, node)| (key, shaped(node, &names.value, below))).collect())
        }
        (Value::Seq(items), Shape::List(list)) => {
            Printed::List(items.iter().map(|item| shaped(item, &list.item, below)).collect())
        }
        _ => any(node),
    }
}

/// A value that nothing is known about.
pub(super) fn any(node: &Node) -> Printed {
    match &node.untagged().value {
        Value::Null | Value::Reset | Value::Override(_) | Value::Broken(_) => Printed::Null,
        Value::Seq(items) => Printed::List(items.iter().map(any).collect()),
        Value::Map(_) => Printed::Map(sorted(node).map(|(key, node)| (key, any(node))).collect()),
        Value::Scalar(scalar) => match scalar.resolve() {
            Plain::Null => Printed::Null,
            Plain::Bool(value) => Printed::Bool(value),
            Plain::Int(_) | Plain::Float(_) => Printed::Plain(scalar.go_text().into()),
            Plain::Timestamp => Printed::Plain(time(&scalar.text).into()),
            Plain::Str => Printed::Text(Rc::clone(&scalar.text)),
        },
    }
}

/// A date in the spelling of Go, with a time. What has a time already stays as it is.
fn time(text: &str) -> String {
    let mut parts = text.split('-').map(str::parse::<u32>);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(year)), Some(Ok(month)), Some(Ok(day)), None) => {
            format!("{year:04}-{month:02}-{day:02}T00:00:00Z")
        }
        _ => text.to_owned(),
    }
}
