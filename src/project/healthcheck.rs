//! How to learn whether a container is well.

use std::rc::Rc;

use super::{Root, Service};
use crate::compose;
use crate::compose::dependency::HEALTHY;
use crate::diag::{Code, Diagnostics};
use crate::lock;
use crate::source::{Span, Spanned};
use crate::yaml::{Entry, Node};

/// The healthcheck of a service.
#[derive(Clone, Debug)]
pub struct Healthcheck {
    /// What it is, in Compose's words.
    pub value: Node,
    /// Where it is written; `None` where the image alone has it.
    pub written: Option<Span>,
    /// Whether anything is checked.
    pub state: State,
}

/// Whether a healthcheck checks anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does.
    On,
    /// It says that nothing is to be checked.
    Off,
}

/// The healthcheck of a service over that of its image, field by field. As Docker does it: moby `daemon/commit.go`.
pub(super) fn of_service(
    service: &compose::Service,
    name: &Spanned<Rc<str>>,
    root: &Root,
) -> Option<Healthcheck> {
    let image = match root {
        Root::Image(image) => image.locked.configuration.healthcheck.as_ref(),
        Root::Unknown(_) | Root::Directory(_) => None,
    };
    let own = service.healthcheck.as_ref();
    let span = own.map_or(name.span, |own| own.span);
    let of_image = image.map(|image| fields(image, span)).unwrap_or_default();
    if own.is_none() && of_image.is_empty() {
        return None;
    }
    let own = own.map_or(&[][..], Node::entries);
    let merged = if is_off(own) { own.to_vec() } else { merged(own, of_image) };
    let state = if is_off(&merged) || !merged.iter().any(is_test) { State::Off } else { State::On };
    let written = service.healthcheck.as_ref().map(|own| own.span);
    Some(Healthcheck { value: Node::map(span, merged), written, state })
}

fn merged(own: &[Entry], of_image: Vec<Entry>) -> Vec<Entry> {
    let mut merged: Vec<Entry> = own.iter().filter(|entry| says_something(&entry.value)).cloned().collect();
    for entry in of_image {
        if !merged.iter().any(|own| own.key == entry.key) {
            merged.push(entry);
        }
    }
    merged
}

/// Zero is what Docker takes for nothing.
fn says_something(value: &Node) -> bool {
    match value.as_str() {
        Some(text) => !matches!(text, "" | "0" | "0s" | "false"),
        None => !value.items().is_empty() || !value.entries().is_empty(),
    }
}

fn is_test(entry: &Entry) -> bool {
    &*entry.key == "test" && !entry.value.items().is_empty()
}

fn is_off(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| match &*entry.key {
        "disable" => entry.value.as_str() == Some("true"),
        "test" => entry.value.items().first().and_then(Node::as_str) == Some("NONE"),
        _ => false,
    })
}

fn fields(image: &lock::Healthcheck, span: Span) -> Vec<Entry> {
    let test = image.test.iter().map(|word| Node::text(span, word.as_str())).collect();
    let span_of_time = |time: &Option<String>| time.as_deref().map(|time| Node::text(span, time));
    let fields = [
        ("test", Some(Node::seq(span, test))),
        ("interval", span_of_time(&image.interval)),
        ("timeout", span_of_time(&image.timeout)),
        ("start_period", span_of_time(&image.start_period)),
        ("start_interval", span_of_time(&image.start_interval)),
        ("retries", image.retries.map(|retries| Node::plain(span, retries.to_string()))),
    ];
    fields.into_iter().filter_map(|(key, value)| Some(Entry::new(key, span, value?))).collect()
}

/// Whoever waits for the health of a service without a healthcheck waits in vain.
pub(super) fn check_dependencies(d: &mut Diagnostics, services: &[Service]) {
    let state = |name: &Rc<str>| {
        let service = services.binary_search_by(|service| service.name.value.cmp(name));
        service.ok().and_then(|at| services.get(at)).map(|service| {
            let on = service.healthcheck.as_ref().is_some_and(|check| check.state == State::On);
            // An image that nobody knows may well have one.
            let unsaid = service.healthcheck.is_none() && matches!(service.root, Root::Unknown(_));
            (service.name.span, on || unsaid)
        })
    };
    for service in services {
        for dependency in &service.written.depends_on {
            let waits = &*dependency.condition.value == HEALTHY;
            let Some((span, false)) = state(&dependency.name.value).filter(|_| waits) else { continue };
            let message =
                format!("`{}` has no healthcheck, and could never be healthy", dependency.name.value);
            let draft = d.warning(Code::NoHealthcheck, message).label(dependency.condition.span, "");
            draft.label(span, "give it a healthcheck").emit();
        }
    }
}
