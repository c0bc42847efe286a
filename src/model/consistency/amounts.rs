//! Amounts that can be said twice: by the service itself, and by `deploy`.

use crate::diag::{Code, Diagnostics};
use crate::model::edit::entry;
use crate::yaml::{Entry, Node, Value};

/// Checks how often a service runs, and what it may use.
pub(super) fn check(d: &mut Diagnostics, service: &Node) {
    check_scale(d, service);
    check_container_name(d, service);
    for (own, group, limit) in [
        ("cpus", "limits", "cpus"),
        ("mem_limit", "limits", "memory"),
        ("mem_reservation", "reservations", "memory"),
        ("pids_limit", "limits", "pids"),
    ] {
        check_limit(d, service, own, group, limit);
    }
}

fn integer(entry: &Entry) -> Option<i64> {
    entry.value.as_str()?.parse().ok()
}

fn replicas(service: &Node) -> Option<&Entry> {
    entry(service.get("deploy")?, "replicas")
}

fn check_scale(d: &mut Diagnostics, service: &Node) {
    let (scale, replicas) = (entry(service, "scale"), replicas(service));
    for (entry, name) in [(scale, "scale"), (replicas, "deploy.replicas")] {
        if let Some((entry, number)) = entry.and_then(|e| Some((e, integer(e)?))).filter(|(_, n)| *n < 0) {
            let message = format!("`{name}` may not be negative, and is {number}");
            d.error(Code::InvalidValue, message).label(entry.value.span, "").emit();
        }
    }
    if let (Some(scale), Some(replicas)) = (scale, replicas) {
        let numbers = (integer(scale), integer(replicas));
        if let (Some(a), Some(b)) = numbers
            && a != b
        {
            let message = format!("`scale` is {a}, and `deploy.replicas` is {b}");
            let draft = d.error(Code::Conflict, message).label(replicas.value.span, "");
            draft.label(scale.value.span, "the other one").help("remove one of them").emit();
        }
    }
}

/// A name can be that of one container only.
fn check_container_name(d: &mut Diagnostics, service: &Node) {
    let Some(name) = entry(service, "container_name") else { return };
    let Some(scale) = entry(service, "scale").or_else(|| replicas(service)) else { return };
    if let Some(count) = integer(scale).filter(|count| *count > 1) {
        let message = format!("{count} containers cannot have one `container_name`");
        let draft = d.error(Code::Conflict, message).label(name.key_span, "");
        draft.label(scale.value.span, "so many containers").help("remove one of them").emit();
    }
}

/// A limit of the service and that of `deploy` are the same. Where `deploy` has limits and says nothing of this one, it
/// says that there is none.
fn check_limit(d: &mut Diagnostics, service: &Node, own: &str, group: &str, limit: &str) {
    let Some(written) = service.get(own).filter(|written| written.as_str().is_some_and(is_limit)) else {
        return;
    };
    let resources = service.get("deploy").and_then(|deploy| deploy.get("resources"));
    let Some(limits) = resources.and_then(|resources| entry(resources, group)) else { return };
    let text = written.as_str().unwrap_or_default();
    let draft = match limits.value.get(limit) {
        Some(Node { value: Value::Broken(_), .. }) => return,
        Some(other) if same(text, other.as_str().unwrap_or_default()) => return,
        None if !matches!(limits.value.value, Value::Map(_)) => return,
        Some(other) => {
            let there = other.as_str().unwrap_or_default();
            let message = format!("`{own}` is {text}, and `deploy.resources.{group}.{limit}` is {there}");
            d.error(Code::Conflict, message).label(other.span, "")
        }
        None => {
            let message = format!("`{own}` is {text}, and `deploy.resources.{group}` has no `{limit}`");
            d.error(Code::Conflict, message).label(limits.key_span, "")
        }
    };
    let draft = draft.label(written.span, "the other one");
    draft.help(format!("say it once, in `deploy.resources.{group}`")).emit();
}

/// Nothing is no limit.
fn is_limit(text: &str) -> bool {
    !same(text, "0")
}

/// Whether two numbers are equal. Compose keeps numbers of processors in 32 bits.
fn same(a: &str, b: &str) -> bool {
    match (a.parse::<i64>(), b.parse::<i64>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a.parse::<f32>().ok().map(f32::to_bits) == b.parse::<f32>().ok().map(f32::to_bits),
    }
}
