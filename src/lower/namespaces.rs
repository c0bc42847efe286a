//! `linux.namespaces`: what the container has of its own.

use oci::LinuxNamespaceType as Kind;
use oci_spec::runtime as oci;

use super::Context;
use super::defaults::NAMESPACES_FROM;
use super::origin::{Origin, Origins};
use crate::compose::namespace::CgroupMode;
use crate::hook::argv::{Pin, RUN};
use crate::project::{Namespace, Owner};
use crate::source::Span;

/// Namespaces of the container's own, but for those that `network_mode`, `pid`, `ipc` and `uts` leave to the host or
/// take from another container, for the network where there is none but
/// the host's, and for the cgroups of a privileged container, which sees the host's as in Docker. Docker
/// on a host with cgroup v1 shares the cgroup namespace too; on one with v2 it does not, and a bundle does not know its
/// host.
pub fn namespaces(context: &Context, o: &mut Origins) -> Vec<oci::LinuxNamespace> {
    let shared = &context.service.namespaces;
    let mut list = List { namespaces: Vec::new(), o };
    let mut given_up: Vec<Span> = context.written().uts.iter().map(|uts| uts.span).collect();
    list.add(Kind::Mount, None);
    if context.written().uts.is_none() {
        list.add(Kind::Uts, None);
    }
    for (kind, pin, namespace) in [
        (Kind::Ipc, Pin::Ipc, &shared.ipc),
        (Kind::Pid, Pin::Pid, &shared.pid),
        (Kind::Network, Pin::Net, &shared.network),
    ] {
        match namespace {
            _ if kind == Kind::Network && context.proot().is_some() => {}
            Namespace::Own => list.add(kind, None),
            Namespace::Host(span) => given_up.push(*span),
            Namespace::Of(owner) => {
                let path = pinned(context, owner, pin);
                list.add(kind, Some((path, owner.span)));
            }
        }
    }
    if has_own_cgroups(context) {
        list.add(Kind::Cgroup, None);
    } else {
        given_up.extend(context.written().cgroup.map(|mode| mode.span).or(context.privileged()));
    }
    let namespaces = list.namespaces;
    o.set("/linux/namespaces", Origin::Default(NAMESPACES_FROM));
    // What is not there has no pointer of its own.
    for span in given_up {
        o.also("/linux/namespaces", Origin::Written(span));
    }
    namespaces
}

/// Where the hook of another container pins its namespace, or its `/dev/shm`. A path below `/proc` is of no use: the
/// number of a process is not known before it runs.
pub(super) fn pinned(context: &Context, owner: &Owner, pin: Pin) -> String {
    format!("{RUN}/{}/{}/{pin}", context.settings.project, owner.bundle)
}

struct List<'a> {
    namespaces: Vec<oci::LinuxNamespace>,
    o: &'a mut Origins,
}

impl List<'_> {
    fn add(&mut self, kind: Kind, path: Option<(String, Span)>) {
        let mut namespace = oci::LinuxNamespace::default();
        if let Some((_, span)) = &path {
            let index = self.namespaces.len();
            self.o.set(format!("/linux/namespaces/{index}"), Origin::Written(*span));
        }
        namespace.set_typ(kind).set_path(path.map(|(path, _)| path.into()));
        self.namespaces.push(namespace);
    }
}

/// What is written goes over what `privileged` implies.
fn has_own_cgroups(context: &Context) -> bool {
    match context.written().cgroup {
        Some(mode) => mode.value == CgroupMode::Private,
        None => context.privileged().is_none(),
    }
}
