//! `linux.namespaces`: what the container has of its own.

use oci::LinuxNamespaceType as Kind;
use oci_spec::runtime as oci;

use super::Context;
use super::defaults::NAMESPACES_FROM;
use super::networks;
use super::origin::{Origin, Origins};
use crate::diag::Diagnostics;

/// Namespaces of the container's own, but for `network_mode: host`, and for the cgroups of a privileged container,
/// which sees the host's as in Docker. Docker on a host with cgroup v1 shares the cgroup namespace too; on one with
/// v2 it does not, and a bundle does not know its host.
pub fn namespaces(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Vec<oci::LinuxNamespace> {
    let mut kinds = vec![Kind::Mount, Kind::Uts, Kind::Ipc, Kind::Pid];
    if context.host_network().is_none() {
        kinds.push(Kind::Network);
    }
    if context.privileged().is_none() {
        kinds.push(Kind::Cgroup);
    }
    networks::warn(d, context);
    o.set("/linux/namespaces", Origin::Default(NAMESPACES_FROM));
    kinds.into_iter().map(namespace).collect()
}

fn namespace(kind: Kind) -> oci::LinuxNamespace {
    let mut namespace = oci::LinuxNamespace::default();
    namespace.set_typ(kind).set_path(None);
    namespace
}
