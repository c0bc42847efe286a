//! How a later file meets an earlier one, attribute by attribute.
//!
//! The rules are those of compose-go's `override` package; the table of attributes says which one holds where. Both
//! sides have their short forms written out, so that a list of networks meets a mapping of them.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::schema::{Equal, List, Merge, Names, Shape};
use crate::diag::{Code, Diagnostics};
use crate::yaml::{Entry, Node, Value};

/// The earlier tree with the later one laid over it. `!reset` and `!override` stay in the result, as they act on
/// what is below it too; [`settle`] takes them out at last.
pub fn merge(d: &mut Diagnostics, base: &Node, over: &Node, shape: &Shape) -> Node {
    value(d, base, over, shape, Merge::Deep)
}

fn value(d: &mut Diagnostics, base: &Node, over: &Node, shape: &Shape, rule: Merge) -> Node {
    match (&base.value, &over.value) {
        (_, Value::Reset | Value::Override(_) | Value::Broken(_)) | (Value::Null, _) => over.clone(),
        // What was taken away stays away from what is below, and the later value stands alone.
        (Value::Reset, _) => Node { span: over.span, value: Value::Override(Rc::new(over.clone())) },
        (Value::Override(base), _) => {
            let merged = value(d, base, over, shape, rule);
            Node { span: merged.span, value: Value::Override(Rc::new(merged)) }
        }
        (_, Value::Null) if matches!(rule, Merge::Deep | Merge::SameDriver | Merge::BySubnet) => base.clone(),
        _ if rule == Merge::Replaced || (rule == Merge::SameDriver && other_driver(base, over)) => {
            over.clone()
        }
        _ => collections(d, base, over, shape, rule),
    }
}

/// Options of one log driver mean nothing to another one.
fn other_driver(base: &Node, over: &Node) -> bool {
    let driver = |node: &Node| node.get("driver").and_then(|driver| driver.as_str().map(str::to_owned));
    matches!((driver(base), driver(over)), (Some(base), Some(over)) if base != over)
}

fn collections(d: &mut Diagnostics, base: &Node, over: &Node, shape: &Shape, rule: Merge) -> Node {
    let value = match (&base.value, &over.value) {
        (Value::Map(earlier), Value::Map(later)) => {
            Value::Map(entries(d, earlier, later, inner(shape)).into())
        }
        (Value::Seq(earlier), Value::Seq(later)) if rule == Merge::BySubnet => {
            Value::Seq(by_subnet(d, earlier, later, inner(shape)).into())
        }
        (Value::Seq(earlier), Value::Seq(later)) => {
            Value::Seq(earlier.iter().chain(&**later).cloned().collect())
        }
        (Value::Map(_) | Value::Seq(_), _) => {
            let (was, is) = (base.kind(), over.kind());
            let draft = d.error(Code::Conflict, format!("{is} cannot be merged onto {was}"));
            let draft = draft.label(over.span, is).label(base.span, format!("{was} from before"));
            let reported = draft.help("write both alike, or replace the first with `!override`").emit();
            Value::Broken(reported)
        }
        _ => return over.clone(),
    };
    Node { span: over.span, value }
}

/// The shape of a value whose short forms are written out.
fn inner(shape: &Shape) -> &Shape {
    match shape {
        Shape::Short(_, shape) | Shape::Nullable(shape) => inner(shape),
        _ => shape,
    }
}

/// Key by key, at the place of the earlier one; new keys come last.
fn entries(d: &mut Diagnostics, earlier: &[Entry], later: &[Entry], shape: &Shape) -> Vec<Entry> {
    let mut places: BTreeMap<Rc<str>, usize> = BTreeMap::new();
    places.extend(earlier.iter().enumerate().map(|(at, entry)| (Rc::clone(&entry.key), at)));
    let mut merged = earlier.to_vec();
    for entry in later {
        let Some(base) = places.get(&entry.key).and_then(|at| merged.get_mut(*at)) else {
            merged.push(entry.clone());
            continue;
        };
        let (shape, rule) = attribute(shape, &entry.key);
        base.value = value(d, &base.value, &entry.value, shape, rule);
        base.key_span = entry.key_span;
    }
    merged
}

/// What the schema says of a key.
fn attribute<'s>(shape: &'s Shape, key: &str) -> (&'s Shape, Merge) {
    match shape {
        Shape::Object(object) => {
            let known = object.get(key);
            known.map_or((&Shape::Any, Merge::Deep), |attribute| (&attribute.shape, attribute.merge))
        }
        Shape::Names(Names { value, merge, .. }) => (value, *merge),
        _ => (&Shape::Any, Merge::Deep),
    }
}

/// Pools of addresses: those of one subnet are one pool.
fn by_subnet(d: &mut Diagnostics, earlier: &[Node], later: &[Node], shape: &Shape) -> Vec<Node> {
    let item = match shape {
        Shape::List(List { item, .. }) => item,
        _ => &Shape::Any,
    };
    let mut pools = earlier.to_vec();
    for pool in later {
        let subnet = |node: &Node| node.get("subnet").and_then(|subnet| subnet.as_str().map(str::to_owned));
        let same = pools.iter_mut().find(|known| subnet(known) == subnet(pool));
        match same {
            Some(known) => *known = merge(d, known, pool, item),
            None => pools.push(pool.clone()),
        }
    }
    pools
}

/// The tree without `!reset`, `!override` and what they took away.
pub fn settle(node: &Node) -> Node {
    if !has_tags(node) {
        return node.clone();
    }
    let value = match &node.value {
        Value::Override(node) => return settle(node),
        Value::Map(entries) => {
            let kept = entries.iter().filter(|entry| !matches!(entry.value.value, Value::Reset));
            Value::Map(kept.map(|entry| Entry { value: settle(&entry.value), ..entry.clone() }).collect())
        }
        Value::Seq(items) => {
            let kept = items.iter().filter(|item| !matches!(item.value, Value::Reset));
            Value::Seq(kept.map(settle).collect())
        }
        Value::Reset => Value::Null,
        Value::Null | Value::Scalar(_) | Value::Broken(_) => node.value.clone(),
    };
    Node { span: node.span, value }
}

fn has_tags(node: &Node) -> bool {
    match &node.value {
        Value::Reset | Value::Override(_) => true,
        Value::Map(entries) => entries.iter().any(|entry| has_tags(&entry.value)),
        Value::Seq(items) => items.iter().any(has_tags),
        Value::Null | Value::Scalar(_) | Value::Broken(_) => false,
    }
}

/// The tree in which an item of a list stands for those before it that are the same by the rule of the list, at the
/// place of the first.
pub fn distinct(node: &Node, shape: &Shape) -> Node {
    let shape = inner(shape);
    let value = match (&node.value, shape) {
        (Value::Map(entries), Shape::Object(_) | Shape::Names(_)) => {
            let own = |entry: &Entry| distinct(&entry.value, attribute(shape, &entry.key).0);
            Value::Map(entries.iter().map(|entry| Entry { value: own(entry), ..entry.clone() }).collect())
        }
        (Value::Seq(items), Shape::List(List { item, equal })) => {
            let items = items.iter().map(|node| distinct(node, item));
            Value::Seq(match equal {
                Equal::Replaced(key) => last_of_each(items, *key).into(),
                Equal::Allowed | Equal::Refused => items.collect(),
            })
        }
        _ => return node.clone(),
    };
    Node { span: node.span, value }
}

/// Finds the items of a document that a later item of the same list stands for, as Compose drops them in silence. That
/// an item of a later file stands for one of an earlier file is what merging is for.
pub fn find_dropped(d: &mut Diagnostics, node: &Node, shape: &Shape) {
    let shape = inner(shape);
    match (&node.value, shape) {
        (Value::Map(entries), Shape::Object(_) | Shape::Names(_)) => {
            for entry in entries.iter() {
                find_dropped(d, &entry.value, attribute(shape, &entry.key).0);
            }
        }
        (Value::Seq(items), Shape::List(List { equal: Equal::Replaced(key), .. })) => {
            let mut earlier: BTreeMap<String, &Node> = BTreeMap::new();
            for (name, item) in items.iter().filter_map(|item| Some((key(item)?, item))) {
                let before = earlier.insert(name, item).filter(|before| !before.same(item));
                if let Some(before) = before.filter(|_| d.has_room()) {
                    let message = "Compose drops this item, as a later one is for the same thing";
                    let draft = d.doubt(Code::ValueDropped, message).label(before.span, "dropped");
                    draft.label(item.span, "the one that counts").help("remove one of them").emit();
                }
            }
        }
        _ => {}
    }
}

fn last_of_each(items: impl Iterator<Item = Node>, key: fn(&Node) -> Option<String>) -> Vec<Node> {
    let mut places = BTreeMap::new();
    let mut kept: Vec<Node> = Vec::new();
    for item in items {
        let Some(key) = key(&item) else {
            kept.push(item);
            continue;
        };
        let at = *places.entry(key).or_insert(kept.len());
        match kept.get_mut(at) {
            Some(earlier) => *earlier = item,
            None => kept.push(item),
        }
    }
    kept
}

/// What must be equal for an item to replace an earlier one: a text up to its `=`.
pub fn name(item: &Node) -> Option<String> {
    let text = item.as_str()?;
    Some(text.split_once('=').map_or(text, |(name, _)| name).to_owned())
}

/// The whole text.
pub fn whole(item: &Node) -> Option<String> {
    item.as_str().map(str::to_owned)
}

/// Where a volume or device is seen in the container.
pub fn target(item: &Node) -> Option<String> {
    text_of(item, "target")
}

/// The path of an env file.
pub fn path(item: &Node) -> Option<String> {
    text_of(item, "path")
}

/// Where a config is seen in the container.
pub fn config_target(item: &Node) -> Option<String> {
    text_of(item, "target").or_else(|| Some(format!("/{}", text_of(item, "source")?)))
}

/// Where a secret is seen in the container.
pub fn secret_target(item: &Node) -> Option<String> {
    text_of(item, "target").or_else(|| Some(format!("/run/secrets/{}", text_of(item, "source")?)))
}

/// Both ends of a port.
pub fn port(item: &Node) -> Option<String> {
    let target = text_of(item, "target")?;
    let part = |key, default: &str| text_of(item, key).unwrap_or_else(|| default.to_owned());
    let (host, protocol) = (part("host_ip", "0.0.0.0"), part("protocol", "tcp"));
    Some(format!("{host}:{}:{target}/{protocol}", part("published", "")))
}

fn text_of(item: &Node, key: &str) -> Option<String> {
    item.get(key)?.as_str().map(str::to_owned)
}
