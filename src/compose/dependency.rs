//! What a service waits for.

use std::rc::Rc;

use super::decode::{Expected, Table, all, boolean, text, wrong_type};
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::Spanned;
use crate::yaml::{Entry, Node, Value};

/// The services to start first. Conditions beyond "started" are for whoever supervises the containers.
pub(super) fn depends_on(d: &mut Diagnostics, node: &Node) -> Result<Vec<Spanned<Rc<str>>>, Reported> {
    match &node.value {
        Value::Map(entries) => all(entries.iter().map(|entry| dependency(d, entry))),
        _ => Err(wrong_type(d, node, Expected::ListOrMapping)),
    }
}

fn dependency(d: &mut Diagnostics, entry: &Entry) -> Result<Spanned<Rc<str>>, Reported> {
    let mut t = Table::new(d, &entry.value, "a dependency")?;
    let condition = t.required(d, "condition", text);
    // Whether the service must be there was asked when the project was completed.
    t.opt(d, "required", boolean);
    t.opt(d, "restart", |d, node| restart_with(d, entry, node));
    let rest = t.finish(d, &[]);
    let condition = condition?;
    if &*condition.value != "service_started" {
        let message = format!("the condition `{}` is not supported yet", condition.value);
        let draft = d.error(Code::NotSupported, message).label(condition.span, "");
        return Err(draft.help("`service_started` orders the services").emit());
    }
    rest?;
    Ok(Spanned { value: Rc::clone(&entry.key), span: entry.key_span })
}

/// Docker Compose restarts a service when it replaces what the service depends on, and a bundle is not replaced while it
/// runs. A dependency that another attribute brings along says so too, where nobody wrote it.
fn restart_with(d: &mut Diagnostics, dependency: &Entry, node: &Node) -> Result<(), Reported> {
    let restart = boolean(d, node)?;
    if restart.value && dependency.key_span != node.span {
        let draft = d.warning(Code::NotSupported, "`restart` of a dependency has no place in a bundle");
        draft.label(node.span, "for whoever starts the bundles").help("remove it").emit();
    }
    Ok(())
}
