//! `linux.sysctl`: kernel parameters of the container's own namespaces.

use std::collections::BTreeMap;

use super::Context;
use super::defaults::{NETWORK_SYSCTLS, SYSCTL_FROM};
use super::hostname;
use super::origin::{Origin, Origins, escaped};
use crate::compose::value::sysctl::Namespace;
use crate::diag::{Code, Diagnostics};
use crate::source::Span;

/// The parameter that holds `domainname`.
const DOMAINNAME: &str = "kernel.domainname";

/// The parameters of `sysctls`, over those Docker sets in a network of the container's own. A parameter of a namespace
/// that is not the container's own would be set for others too. Both runtimes refuse that for the host's.
pub fn sysctl<M: FromIterator<(String, String)>>(
    d: &mut Diagnostics,
    context: &Context,
    o: &mut Origins,
) -> Option<M> {
    let mut all = BTreeMap::new();
    if context.shared_network().is_none() {
        for (key, value) in NETWORK_SYSCTLS {
            o.set(format!("/linux/sysctl/{}", escaped(key)), Origin::Default(SYSCTL_FROM));
            all.insert((*key).to_owned(), (*value).to_owned());
        }
    }
    // No field of the runtime spec that runc 1.1 knows holds it. As Docker does: moby `daemon/oci_linux.go`.
    if let Some(domain) = hostname::domain(context) {
        o.set(format!("/linux/sysctl/{}", escaped(DOMAINNAME)), Origin::Written(domain.span));
        all.insert(DOMAINNAME.to_owned(), domain.value.to_string());
    }
    let mut written: BTreeMap<&str, Span> = BTreeMap::new();
    for sysctl in &context.written().sysctls {
        let key = sysctl.key.value.name.clone();
        if let Some(first) = written.insert(&sysctl.key.value.name, sysctl.key.span) {
            let draft = d.error(Code::Conflict, format!("the kernel parameter `{key}` is set twice"));
            draft.label(sysctl.key.span, "").label(first, "first here").help("remove one of them").emit();
        }
        if let Some(shared) = shared(context, sysctl.key.value.namespace) {
            let message = format!("`{key}` would be set for others, and not for this container alone");
            let draft = d.error(Code::Conflict, message).label(sysctl.key.span, "");
            draft
                .label(shared, "the namespace is shared")
                .help("set it where the namespace comes from")
                .emit();
        }
        let domain = hostname::domain(context).filter(|_| key == DOMAINNAME);
        if let Some(domain) = domain.filter(|domain| *domain.value.as_str() != *sysctl.value.value) {
            let draft = d.error(Code::Conflict, "the domain of the container has two names");
            let draft = draft.label(sysctl.value.span, "").label(domain.span, "the other one");
            draft.help("remove one of them").emit();
        }
        o.set(format!("/linux/sysctl/{}", escaped(&key)), Origin::Written(sysctl.value.span));
        all.insert(key, sysctl.value.value.to_string());
    }
    (!all.is_empty()).then(|| all.into_iter().collect())
}

/// Where a namespace is shared with the host or with another container, if it is.
fn shared(context: &Context, namespace: Namespace) -> Option<Span> {
    match namespace {
        Namespace::Net => context.shared_network(),
        Namespace::Ipc => context.service.namespaces.ipc.shared(),
        Namespace::Uts => context.written().uts.map(|uts| uts.span),
    }
}
