//! The keys that somebody wrote, by name, for messages about all of them.

use std::collections::BTreeSet;

use super::schema::{Attribute, Object, SERVICE, Shape};
use crate::yaml::{Entry, Node};

/// The keys of an attribute of a service that were written, at every depth: `` `build.args`, `build.secrets.uid` ``. The
/// attribute itself where there are none.
pub fn written_keys(attribute: &str, node: &Node) -> String {
    let shape = shape_of(&SERVICE, attribute);
    shape.map_or_else(|| format!("`{attribute}`"), |shape| keys_of(attribute, shape, node))
}

/// The same for a value of a shape that stands anywhere.
pub(super) fn keys_of(path: &str, shape: &Shape, node: &Node) -> String {
    let mut found = BTreeSet::new();
    collect(path, shape, node, &mut found);
    let keys: Vec<String> = found.into_iter().map(|key| format!("`{key}`")).collect();
    keys.join(", ")
}

/// The shape of what a path such as `deploy.placement` leads to.
fn shape_of(object: &Object, path: &str) -> Option<&'static Shape> {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    let Attribute { shape, .. } = object.get(key)?;
    match (rest, object_in(shape)) {
        (None, _) => Some(shape),
        (Some(rest), Some(inner)) => shape_of(inner, rest),
        (Some(_), None) => None,
    }
}

/// The mapping with known keys that a shape is, or that the values of a mapping or list are.
fn object_in(shape: &Shape) -> Option<&'static Object> {
    match shape {
        Shape::Nullable(inner) | Shape::Blank(inner) | Shape::Short(_, inner) => object_in(inner),
        Shape::Object(object) => Some(object),
        Shape::Names(names) => object_in(&names.value),
        Shape::List(list) => object_in(&list.item),
        Shape::Any | Shape::Leaf(_) => None,
    }
}

fn collect(path: &str, shape: &Shape, node: &Node, found: &mut BTreeSet<String>) {
    let mut below = false;
    match shape {
        Shape::Nullable(inner) | Shape::Blank(inner) | Shape::Short(_, inner) => {
            return collect(path, inner, node, found);
        }
        Shape::Object(object) => {
            for entry in written(node) {
                if let Some(attribute) = object.get(&entry.key) {
                    below = true;
                    collect(&format!("{path}.{}", entry.key), &attribute.shape, &entry.value, found);
                }
            }
        }
        Shape::Names(names) if object_in(&names.value).is_some() => {
            for entry in written(node) {
                below = true;
                collect(&format!("{path}.{}", entry.key), &names.value, &entry.value, found);
            }
        }
        Shape::List(list) if object_in(&list.item).is_some() => {
            for item in node.items() {
                below = true;
                collect(path, &list.item, item, found);
            }
        }
        Shape::Names(_) | Shape::List(_) | Shape::Any | Shape::Leaf(_) => {}
    }
    if !below {
        found.insert(path.to_owned());
    }
}

/// The entries that stand in the file. Defaults stand where the whole does.
fn written(node: &Node) -> impl Iterator<Item = &Entry> {
    node.entries().iter().filter(|entry| entry.key_span != node.span)
}
