//! `hostname`: the name of the host in the container's UTS namespace.

use super::Context;
use super::origin::{Origin, Origins};
use crate::compose::value::hostname;

/// The name that is written, else the service's. Docker has the first twelve digits of a random id there; a bundle
/// has no id before it runs. With the host's network and no name, a container has the host's name, as in Docker:
/// both runtimes leave it alone when the spec has none.
pub fn hostname(context: &Context, o: &mut Origins) -> Option<String> {
    let (name, origin) = name(context)?;
    o.set("/hostname", origin);
    Some(name)
}

/// The name and where it comes from, for this section and for `HOSTNAME` in the environment.
pub(super) fn name(context: &Context) -> Option<(String, Origin)> {
    if let Some(written) = &context.written().hostname {
        return Some((written.value.to_string(), Origin::Written(written.span)));
    }
    let service = &context.service.name;
    context
        .host_network()
        .is_none()
        .then(|| (hostname::from_service(&service.value), Origin::Written(service.span)))
}
