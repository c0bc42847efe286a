//! `linux.namespaces`: what the container has of its own.

use oci::LinuxNamespaceType as Kind;
use oci_spec::runtime as oci;

use super::Context;
use super::defaults::NAMESPACES_FROM;
use super::networks;
use super::origin::{Origin, Origins};
use crate::compose::namespace::CgroupMode;
use crate::diag::{Code, Diagnostics};
use crate::project::{Namespace, Owner};
use crate::source::Span;

/// The directory in which whoever starts the containers pins their namespaces: `PROJECT/BUNDLE/net` below it, `pid`,
/// `ipc`, and `shm` for the `/dev/shm` that belongs to the latter.
pub const PINNED: &str = "/run/bundlegen";

/// Namespaces of the container's own, but for those that `network_mode`, `pid`, `ipc` and `uts` leave to the host or
/// take from another container, and for the cgroups of a privileged container, which sees the host's as in Docker. Docker
/// on a host with cgroup v1 shares the cgroup namespace too; on one with v2 it does not, and a bundle does not know its
/// host.
pub fn namespaces(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Vec<oci::LinuxNamespace> {
    let shared = &context.service.namespaces;
    let mut list = List { namespaces: Vec::new(), o };
    list.add(Kind::Mount, None);
    if context.written().uts.is_none() {
        list.add(Kind::Uts, None);
    }
    for (kind, file, namespace) in [
        (Kind::Ipc, "ipc", &shared.ipc),
        (Kind::Pid, "pid", &shared.pid),
        (Kind::Network, "net", &shared.network),
    ] {
        match namespace {
            Namespace::Own => list.add(kind, None),
            Namespace::Host(_) => {}
            Namespace::Of(owner) => {
                let path = pinned(context, owner, file);
                warn_not_pinned(d, owner, &path);
                list.add(kind, Some((path, owner.span)));
            }
        }
    }
    if has_own_cgroups(context) {
        list.add(Kind::Cgroup, None);
    }
    networks::warn(d, context);
    let namespaces = list.namespaces;
    o.set("/linux/namespaces", Origin::Default(NAMESPACES_FROM));
    namespaces
}

/// Where a namespace of another container, or its `/dev/shm`, is pinned.
pub(super) fn pinned(context: &Context, owner: &Owner, file: &str) -> String {
    format!("{PINNED}/{}/{}/{file}", context.settings.project, owner.bundle)
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

/// A path below `/proc` is of no use: the number of a process is not known before it runs.
fn warn_not_pinned(d: &mut Diagnostics, owner: &Owner, path: &str) {
    let message = format!(
        "a namespace of `{}` is joined at `{path}`, and nothing in a bundle puts it there",
        owner.bundle
    );
    let draft = d.warning(Code::NamespacePin, message).label(owner.span, "");
    draft.help(format!("once `{}` runs, bind its `/proc/PID/ns/…` to that path", owner.bundle)).emit();
}
