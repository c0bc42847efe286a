//! `root`: the root file system. See the configuration chapter of the runtime spec.

use oci_spec::runtime as oci;

use super::Context;
use super::origin::{Origin, Origins};
use crate::compose::value::volume::Propagation;
use crate::diag::{Code, Diagnostics, Reported};
use crate::image::Platform;
use crate::project::{MountSource, Root};
use crate::source::Span;

/// Where `prepare` unpacks an image, relative to the bundle.
pub const ROOTFS: &str = "rootfs";

/// The directory and whether it is read-only.
pub fn root(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Result<oci::Root, Reported> {
    check_platform(d, context)?;
    let (path, origin) = match &context.service.root {
        Root::Image(_) | Root::Unknown(_) => (ROOTFS, Origin::Default("where `prepare` unpacks the image")),
        Root::Directory(directory) => (directory.value.as_str(), Origin::Written(directory.span)),
    };
    o.set("/root/path", origin);
    let mut root = oci::Root::default();
    root.set_path(path.into()).set_readonly(None);
    if let Some(read_only) = context.written().read_only.filter(|read_only| read_only.value) {
        o.set("/root/readonly", Origin::Written(read_only.span));
        root.set_readonly(Some(true));
    }
    Ok(root)
}

/// All bundles of a build are for one platform.
fn check_platform(d: &mut Diagnostics, context: &Context) -> Result<(), Reported> {
    let written = context.written().platform.as_ref().filter(|platform| !platform.value.is_empty());
    let Some(written) = written else { return Ok(()) };
    let platform = written.value.parse::<Platform>();
    let platform =
        platform.map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |range| written.at(range)))?;
    let all = &context.settings.platform;
    if platform == *all {
        return Ok(());
    }
    let message = format!("the service is for `{platform}`, and the bundles are for `{all}`");
    let draft = d.error(Code::Conflict, message).label(written.span, "");
    Err(draft.help(format!("build with `--platform {platform}`, or remove it")).emit())
}

/// How the root passes mounts on, where a mount of the service is to be shared with the host: it can be no more shared
/// than what it lies in. As Docker does (`daemon/oci_linux.go` of moby), in words that the runtime spec has.
pub fn propagation(context: &Context, o: &mut Origins) -> Option<String> {
    let (propagation, span) = shared(context)?;
    o.set("/linux/rootfsPropagation", Origin::Written(span));
    Some(propagation.to_owned())
}

/// What the root must be, and the mount that is the reason.
pub fn shared(context: &Context) -> Option<(&'static str, Span)> {
    use Propagation::{Rshared, Rslave, Shared, Slave};
    let first = |wanted: [Propagation; 2]| -> Option<Span> {
        let is_wanted = |source: &MountSource| match source {
            MountSource::Bind { propagation, .. } => wanted.contains(propagation),
            _ => false,
        };
        context.service.mounts.iter().find(|mount| is_wanted(&mount.source)).map(|mount| mount.span)
    };
    let shared = first([Shared, Rshared]).map(|span| ("shared", span));
    shared.or_else(|| first([Slave, Rslave]).map(|span| ("slave", span)))
}
