//! Whether two nodes say the same, wherever they stand.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Entry, Node, Plain, Scalar, Value};

impl Node {
    /// Whether both mean the same value: scalars of the same type and value however they are written, lists in the
    /// same order, mappings in any. Places make no difference.
    pub fn same(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null)
            | (Value::Reset, Value::Reset)
            // Both were reported, and whichever is kept makes no difference.
            | (Value::Broken(_), Value::Broken(_)) => true,
            (Value::Override(a), Value::Override(b)) => a.same(b),
            (Value::Scalar(a), Value::Scalar(b)) => same_scalar(a, b),
            (Value::Seq(a), Value::Seq(b)) => {
                Rc::ptr_eq(a, b) || (a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.same(b)))
            }
            (Value::Map(a), Value::Map(b)) => Rc::ptr_eq(a, b) || (a.len() == b.len() && same_entries(a, b)),
            _ => false,
        }
    }
}

fn same_entries(a: &[Entry], b: &[Entry]) -> bool {
    let b: BTreeMap<&str, &Node> = b.iter().map(|entry| (&*entry.key, &entry.value)).collect();
    a.iter().all(|entry| b.get(&*entry.key).is_some_and(|value| entry.value.same(value)))
}

fn same_scalar(a: &Scalar, b: &Scalar) -> bool {
    match (a.resolve(), b.resolve()) {
        (Plain::Str, Plain::Str) | (Plain::Timestamp, Plain::Timestamp) => a.text == b.text,
        // What is no number is the same as itself here. Adding nothing takes the sign off zero.
        (Plain::Float(a), Plain::Float(b)) => (a + 0.0).total_cmp(&(b + 0.0)).is_eq(),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use crate::diag::Diagnostics;
    use crate::source::Sources;

    #[test]
    fn values_are_the_same_by_what_they_mean() {
        for (a, b, want) in [
            ("~", "null", true),
            ("~", "''", false),
            ("a", "'a'", true),
            ("1", "'1'", false),
            ("0x10", "16", true),
            ("1", "1.0", false),
            (".nan", ".NaN", true),
            ("0.0", "-0.0", true),
            ("1.5", "1.50", true),
            ("1.5", "1.6", false),
            ("2001-01-01", "2001-01-01", true),
            ("2001-01-01", "2001-01-02", false),
            ("[1, 2]", "- 1\n- 2", true),
            ("[1, 2]", "[2, 1]", false),
            ("[1]", "[1, 1]", false),
            ("{a: 1, b: [x]}", "{b: ['x'], a: 0x1}", true),
            ("{a: 1}", "{a: 1, b: 2}", false),
            ("{a: 1}", "{b: 1}", false),
            ("{a: 1}", "[a, 1]", false),
        ] {
            let mut sources = Sources::default();
            let mut parse = |text: &str| {
                let file = sources.add("f".into(), text.into());
                super::super::parse(&mut Diagnostics::default(), file, text).unwrap()
            };
            let (left, right) = (parse(a), parse(b));
            assert_eq!((left.same(&right), right.same(&left)), (want, want), "{a} and {b}");
        }
    }
}
