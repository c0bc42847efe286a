//! The user namespace of a container that a user without rights runs: whom its users and groups are on the host.

use oci_spec::runtime as oci;

use super::origin::{Origin, Origins};
use crate::compose::value::idmap::{HostUser, IdRange};
use crate::compose::value::runtime::{Runtime, RuntimeVersion};
use crate::project::{Mapping, Service, Settings};

/// The users and groups of one container.
#[derive(Debug)]
pub struct Userns {
    /// Who they are on the host.
    pub mapping: Mapping,
    /// Where it is said who runs the bundles.
    pub origin: Origin,
}

/// The given ranges, else the one user and the one group that the process has: without ranges nobody can be anybody
/// else than who runs the bundle.
pub fn userns(service: &Service, settings: &Settings) -> Option<Userns> {
    let rootless = settings.rootless.as_ref()?;
    let HostUser { uid, gid } = rootless.user;
    let one = |container, host| vec![IdRange { container, host, size: 1 }];
    let ids = &service.user.ids;
    let mapping = rootless.mapping.clone();
    let mapping = mapping.unwrap_or_else(|| Mapping { users: one(ids.uid, uid), groups: one(ids.gid, gid) });
    let origin = rootless.written.map_or(Origin::Option("--rootless"), Origin::Written);
    Some(Userns { mapping, origin })
}

impl Userns {
    /// Whether the container has a user.
    pub fn has_user(&self, uid: u32) -> bool {
        self.mapping.users.iter().any(|range| range.contains(uid))
    }

    /// Whether the container has a group.
    pub fn has_group(&self, gid: u32) -> bool {
        self.mapping.groups.iter().any(|range| range.contains(gid))
    }

    /// The first and the last group.
    pub fn groups(&self) -> (u32, u32) {
        let ranges = &self.mapping.groups;
        let (first, last) = (ranges.first(), ranges.last());
        (first.map_or(0, |range| range.container), last.map_or(0, |range| range.last()))
    }

    /// Whether a process may have further groups: the kernel forbids it where a user has mapped nothing but himself, and
    /// runc wherever it is not root who calls it (`setupUser` in its `libcontainer/init_linux.go`).
    pub fn may_have_groups(&self, runtimes: &[RuntimeVersion]) -> bool {
        let several = self.mapping.groups.iter().map(|range| u64::from(range.size)).sum::<u64>() > 1;
        several && !runtimes.iter().any(|runtime| runtime.runtime == Runtime::Runc)
    }

    /// Writes the namespace into the spec. The cgroup namespace goes with it, also where a privileged container would
    /// have none: with the host's groups in sight a user namespace has been left (CVE-2023-25809).
    pub fn set(&self, linux: &mut oci::Linux, o: &mut Origins) {
        let mapped = |ranges: &[IdRange]| ranges.iter().filter_map(mapped).collect::<Vec<_>>();
        linux
            .set_uid_mappings(Some(mapped(&self.mapping.users)))
            .set_gid_mappings(Some(mapped(&self.mapping.groups)));
        o.set("/linux/uidMappings", self.origin.clone());
        o.set("/linux/gidMappings", self.origin.clone());
        let mut namespaces = linux.namespaces().clone().unwrap_or_default();
        for kind in [oci::LinuxNamespaceType::Cgroup, oci::LinuxNamespaceType::User] {
            if namespaces.iter().all(|namespace| namespace.typ() != kind) {
                let mut namespace = oci::LinuxNamespace::default();
                namespace.set_typ(kind).set_path(None);
                o.set(format!("/linux/namespaces/{}", namespaces.len()), self.origin.clone());
                namespaces.push(namespace);
            }
        }
        linux.set_namespaces(Some(namespaces));
    }
}

/// There are no setters; the builder fails where a field is missing, and none is.
fn mapped(range: &IdRange) -> Option<oci::LinuxIdMapping> {
    let mapping = oci::LinuxIdMappingBuilder::default();
    mapping.container_id(range.container).host_id(range.host).size(range.size).build().ok()
}
