//! `root`: the root file system. See the configuration chapter of the runtime spec.

use oci_spec::runtime as oci;

use super::Context;
use super::origin::{Origin, Origins};
use crate::project::Root;

/// Where `prepare` unpacks an image, relative to the bundle.
pub const ROOTFS: &str = "rootfs";

/// The directory and whether it is read-only.
pub fn root(context: &Context, o: &mut Origins) -> oci::Root {
    let (path, origin) = match &context.service.root {
        Root::Image(_) => (ROOTFS, Origin::Default("where `prepare` unpacks the image")),
        Root::Directory(directory) => (directory.value.as_str(), Origin::Written(directory.span)),
    };
    o.set("/root/path", origin);
    let mut root = oci::Root::default();
    root.set_path(path.into()).set_readonly(None);
    if let Some(read_only) = context.written().read_only.filter(|read_only| read_only.value) {
        o.set("/root/readonly", Origin::Written(read_only.span));
        root.set_readonly(Some(true));
    }
    root
}
