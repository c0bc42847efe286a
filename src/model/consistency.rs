//! Whether a project makes sense as a whole (compose-go: `loader/validate.go`). Only services that are on are looked at.

mod amounts;
mod image;
mod mounts;
mod names;
mod references;
mod service;

use super::profiles::Services;
use crate::diag::{Code, Diagnostics};
use crate::yaml::{Entry, Node};

pub(super) use names::check_container_names;

/// Reports everything that does not fit together.
pub(super) fn check(d: &mut Diagnostics, root: &Node, services: &Services) {
    let declared = references::Declared::new(root);
    for service in services.enabled() {
        image::check(d, service, services);
        references::check(d, &service.value, &declared);
        service::check(d, &service.value);
        amounts::check(d, &service.value);
        mounts::check(d, &service.value);
    }
    references::check_secrets(d, root);
}

/// Reports two attributes of which there may be one.
fn exclude(d: &mut Diagnostics, first: &Entry, second: &Entry) {
    let message = format!("`{}` and `{}` exclude each other", first.key, second.key);
    let draft = d.error(Code::Conflict, message).label(second.key_span, "");
    draft.label(first.key_span, "the other one").help("remove one of them").emit();
}
