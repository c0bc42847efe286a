//! Which services wait for which.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::cycle;
use super::edit::{change, with};
use super::profiles::Services;
use crate::diag::{Code, Diagnostics};
use crate::nearest::nearest;
use crate::source::Span;
use crate::yaml::{Entry, Node, Value};

/// The tree in which a service waits for those whose networks, namespaces or volumes it uses (compose-go:
/// `loader/normalize.go`). What `depends_on` says itself counts.
pub(super) fn imply(root: &Node) -> Node {
    change(root, "services.*", &mut |service| {
        let written = service.get("depends_on");
        let used = used(service);
        if used.is_empty() || written.is_some_and(|node| matches!(node.value, Value::Broken(_))) {
            return service.clone();
        }
        let mut entries = written.map_or(&[][..], Node::entries).to_vec();
        let mut known: BTreeSet<Rc<str>> = entries.iter().map(|entry| Rc::clone(&entry.key)).collect();
        let new = used.into_iter().filter(|entry| known.insert(Rc::clone(&entry.key)));
        entries.extend(new);
        let span = written.map_or(service.span, |node| node.span);
        with(service, Entry::new("depends_on", span, Node::map(span, entries)))
    })
}

/// The attributes that may name a service whose namespace is shared.
const NAMESPACES: [&str; 5] = ["network_mode", "ipc", "pid", "uts", "cgroup"];

/// The services that a service uses, as entries of `depends_on`.
fn used(service: &Node) -> Vec<Entry> {
    let mut used = Vec::new();
    for link in items(service, "links") {
        let text = link.as_str().unwrap_or_default();
        // An alias may follow. With more colons than one, Compose takes all of it for the name.
        let end = if text.matches(':').count() == 1 { text.find(':') } else { None };
        used.push(dependency(&link.part(0..end.unwrap_or(text.len())), true));
    }
    for namespace in NAMESPACES.iter().filter_map(|key| service.get(key)) {
        used.extend(shared(namespace).map(|name| dependency(&name, true)));
    }
    for from in items(service, "volumes_from") {
        let text = from.as_str().unwrap_or_default();
        if !text.starts_with("container:") {
            used.push(dependency(&from.part(0..text.find(':').unwrap_or(text.len())), false));
        }
    }
    used
}

fn items<'n>(service: &'n Node, key: &str) -> impl Iterator<Item = &'n Node> {
    service.get(key).map_or(&[][..], Node::items).iter().filter(|item| item.as_str().is_some())
}

/// The name in `service:NAME`.
fn shared(namespace: &Node) -> Option<Node> {
    let text = namespace.as_str()?;
    let name = text.strip_prefix("service:")?;
    Some(namespace.part(text.len() - name.len()..text.len()))
}

fn dependency(name: &Node, restart: bool) -> Entry {
    let span = name.span;
    let plain = |key, text: &str| Entry::new(key, span, Node::plain(span, text));
    let mut entries = vec![Entry::new("condition", span, Node::text(span, "service_started"))];
    entries.extend(restart.then(|| plain("restart", "true")));
    entries.push(plain("required", "true"));
    Entry::new(name.as_str().unwrap_or_default(), span, Node::map(span, entries))
}

/// Reports dependencies on services that are not there or off, and services that wait for each other (compose-go:
/// `loader/validate.go`, `graph/cycle.go`).
pub(super) fn check(d: &mut Diagnostics, services: &Services) {
    for service in services.enabled() {
        for needed in service.value.get("depends_on").map_or(&[][..], Node::entries) {
            let optional = needed.value.get("required").is_some_and(|node| node.as_str() != Some("true"));
            check_reference(d, services, &needed.key, needed.key_span, optional);
        }
        // `depends_on` may say that the service need not be there, and whoever uses its network needs it all the same.
        let network = service.value.get("network_mode").and_then(shared);
        if let Some(name) = network.filter(|name| services.is_disabled(name.as_str().unwrap_or_default())) {
            check_reference(d, services, name.as_str().unwrap_or_default(), name.span, false);
        }
    }
    cycle::check(d, services);
}

/// Reports a reference to a service that is not there, or off although it is needed.
pub(super) fn check_reference(
    d: &mut Diagnostics,
    services: &Services,
    name: &str,
    span: Span,
    optional: bool,
) {
    match services.get(name) {
        None => {
            let known = if d.has_room() { nearest(name, services.names()) } else { None };
            let draft = d.error(Code::UnknownService, format!("no service is called `{name}`"));
            draft.label(span, "").did_you_mean(known).emit();
        }
        Some(service) if !optional && !services.is_enabled(name) => {
            let message = format!("the service `{name}` is needed, and none of its profiles is on");
            let mut draft = d.error(Code::UnknownService, message).label(span, "needed here");
            let profiles = service.value.get("profiles");
            if let Some(profiles) = profiles {
                draft = draft.label(profiles.span, "its profiles");
            }
            let profile = profiles.and_then(|list| list.items().first()?.as_str());
            draft.help(format!("turn one on: `--profile {}`", profile.unwrap_or("NAME"))).emit();
        }
        Some(_) => {}
    }
}
