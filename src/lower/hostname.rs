//! `hostname`: the name of the host in the container's UTS namespace.

use super::Context;
use super::origin::{Origin, Origins};
use crate::compose::value::hostname::{self, Hostname};
use crate::source::Spanned;

/// The name that is written, else that of the bundle. Docker has the first twelve digits of a random id there; a bundle
/// has no id before it runs. With the host's network and no name, a container has the host's name, as in Docker:
/// both runtimes leave it alone when the spec has none. Who joins the network of another container has its name too.
pub fn hostname(context: &Context, o: &mut Origins) -> Option<String> {
    let (name, origin) = name(context)?;
    o.set("/hostname", origin);
    Some(name)
}

/// The domain: who joins the network of another container has its domain too, as in Docker.
pub(super) fn domain<'a>(context: &'a Context) -> Option<&'a Spanned<Hostname>> {
    let written = context.written();
    let joined = context.joined_network().filter(|_| written.uts.is_none());
    joined.and_then(|owner| owner.written.domainname.as_ref()).or(written.domainname.as_ref())
}

/// The name and where it comes from, for this section and for `HOSTNAME` in the environment.
pub(super) fn name(context: &Context) -> Option<(String, Origin)> {
    if context.written().uts.is_some() {
        return None;
    }
    let joined = context.joined_network();
    let written = context.written().hostname.as_ref();
    if let Some(written) = joined.and_then(|owner| owner.written.hostname.as_ref()).or(written) {
        return Some((written.value.to_string(), Origin::Written(written.span)));
    }
    if let Some(owner) = joined {
        return Some((hostname::from_service(&owner.bundle), Origin::Written(owner.span)));
    }
    let (bundle, span) = (&context.service.bundle, context.service.name.span);
    context.host_network().is_none().then(|| (hostname::from_service(bundle), Origin::Written(span)))
}
