//! What a service waits for.

use std::rc::Rc;

use super::decode::{Expected, Table, all, boolean, text, wrong_type};
use super::handed_on::handed_on;
use crate::diag::{Diagnostics, Reported};
use crate::source::Spanned;
use crate::yaml::{Entry, Node, Value};

/// A service that starts first.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// Its name.
    pub name: Spanned<Rc<str>>,
    /// How far it must have come.
    pub condition: Spanned<Rc<str>>,
    /// All that is said of it. Whoever supervises the containers waits for more than a start.
    pub written: Node,
}

/// The condition that asks for a healthcheck.
pub const HEALTHY: &str = "service_healthy";

pub(super) fn depends_on(d: &mut Diagnostics, node: &Node) -> Result<Vec<Dependency>, Reported> {
    match &node.value {
        Value::Map(entries) => all(entries.iter().map(|entry| dependency(d, entry))),
        _ => Err(wrong_type(d, node, Expected::ListOrMapping)),
    }
}

fn dependency(d: &mut Diagnostics, entry: &Entry) -> Result<Dependency, Reported> {
    let mut t = Table::new(d, &entry.value, "a dependency")?;
    let condition = t.required(d, "condition", text);
    // Whether the service must be there was asked when the project was completed.
    t.opt(d, "required", boolean);
    t.opt(d, "restart", boolean);
    t.finish(d)?;
    let name = Spanned { value: Rc::clone(&entry.key), span: entry.key_span };
    Ok(Dependency { name, condition: condition?, written: handed_on(d, &entry.value)? })
}
