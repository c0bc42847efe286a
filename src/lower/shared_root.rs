//! `root.path` of bundles that can have one root between them: nobody writes to it, so one copy of the image is enough.
//!
//! Runtimes make what is missing in a root for the mounts, the working directory and the devices of a container. So
//! only bundles share one in which all of that is the same, and none where a process may mount: it could make its root
//! writable again.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use oci_spec::runtime as oci;

use super::Lowered;
use super::origin::Origin;
use super::root::ROOTFS;
use crate::project::Service;

/// Who has a root that others may have too.
#[derive(Debug, Default)]
pub struct SharedRoots(BTreeMap<Use, Rc<str>>);

/// What a runtime finds and leaves in a root.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    manifest: String,
    mounts: BTreeSet<String>,
    devices: BTreeSet<String>,
    working_dir: String,
    mappings: Vec<(u32, u32, u32)>,
    label: Option<String>,
}

impl SharedRoots {
    /// Gives a bundle the root of the first one that uses the image as it does. That one keeps its own, so that a
    /// further container changes no other bundle.
    pub fn share(&mut self, service: &Service, lowered: &mut Lowered) {
        let Some(written) = service.written.read_only.filter(|read_only| read_only.value) else { return };
        let Some(wanted) = wanted(service, &lowered.spec) else { return };
        let Some(lender) = self.0.get(&wanted) else {
            self.0.insert(wanted, Rc::clone(&service.bundle));
            return;
        };
        if let Some(root) = lowered.spec.root_mut() {
            root.set_path(format!("../{lender}/{ROOTFS}").into());
            lowered.origins.set("/root/path", Origin::Written(written.span));
        }
    }
}

/// How a bundle uses its image, if others may use the same root.
fn wanted(service: &Service, spec: &oci::Spec) -> Option<Use> {
    let (image, process, linux) = (service.image()?, spec.process().as_ref()?, spec.linux().as_ref()?);
    let may_mount = process.capabilities().as_ref().and_then(|sets| sets.bounding().as_ref());
    let may_mount = may_mount.is_some_and(|set| set.contains(&oci::Capability::SysAdmin));
    // What is mounted in a root that is shared with the host is seen by all who have the root.
    if may_mount || linux.rootfs_propagation().is_some() {
        return None;
    }
    let mappings = [linux.uid_mappings(), linux.gid_mappings()].into_iter().flat_map(|mappings| {
        let numbers =
            |mapping: &oci::LinuxIdMapping| (mapping.container_id(), mapping.host_id(), mapping.size());
        // The two lists are told apart by what stands between them.
        mappings.iter().flatten().map(numbers).chain([(0, 0, 0)]).collect::<Vec<_>>()
    });
    Some(Use {
        manifest: image.locked.manifest.digest.clone(),
        mounts: spec.mounts().iter().flatten().map(mount_point).collect(),
        devices: linux.devices().iter().flatten().map(|device| device.path().display().to_string()).collect(),
        working_dir: process.cwd().display().to_string(),
        mappings: mappings.collect(),
        label: linux.mount_label().clone(),
    })
}

/// What a runtime makes for a mount: a directory or a file, as its source is one; and the mode of a file system in
/// memory is that of the directory that is found. All volumes are directories.
fn mount_point(mount: &oci::Mount) -> String {
    let source = mount.source().as_ref().map(|source| source.display().to_string()).unwrap_or_default();
    let is_volume = source.strip_prefix("../volumes/").is_some_and(|name| !name.contains('/'));
    let kind = mount.typ().as_deref().unwrap_or_default();
    let options = mount.options().as_deref().filter(|_| kind == "tmpfs").unwrap_or_default();
    let source = if is_volume { "a volume" } else { &source };
    format!("{}\0{kind}\0{source}\0{}", mount.destination().display(), options.join(","))
}
