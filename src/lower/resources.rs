//! `linux.resources`: limits of the container's control group.

mod block_io;
mod cpu;
mod memory;

use oci_spec::runtime as oci;

use super::Context;
use super::origin::{Origin, Origins};
use crate::diag::{Code, Diagnostics};
use crate::source::Span;

/// What is limited, and the device rules. What is not limited is left out: a zero is a value to some controllers.
pub fn resources(
    d: &mut Diagnostics,
    context: &Context,
    o: &mut Origins,
    devices: Vec<oci::LinuxDeviceCgroup>,
) -> oci::LinuxResources {
    let mut resources = oci::LinuxResources::default();
    resources
        .set_devices(Some(devices))
        .set_memory(memory::memory(d, context, o))
        .set_cpu(cpu::cpu(d, context, o))
        .set_block_io(block_io::block_io(d, context, o))
        .set_pids(pids(context, o));
    resources
}

/// 0 and -1 are no limit, as in Docker.
fn pids(context: &Context, o: &mut Origins) -> Option<oci::LinuxPids> {
    let limit = context.written().process_limit()?;
    o.set("/linux/resources/pids", Origin::Written(limit.span));
    let mut pids = oci::LinuxPids::default();
    pids.set_limit(limit.value);
    Some(pids)
}

/// Warns about what only the controllers of cgroup v1 have. On a host with v2 runc passes it over, and crun does not
/// start the container; Docker drops it there, with a warning.
fn warn_v1(d: &mut Diagnostics, key: &str, span: Span) {
    let message = format!("`{key}` is for hosts with cgroup v1");
    let draft = d.warning(Code::HostDependent, message).label(span, "with v2, crun refuses to run it");
    draft.help("remove it, unless the bundle is for such a host").emit();
}

/// Reports two limits of which there may be one.
fn exclude(d: &mut Diagnostics, message: String, this: Span, other: Span, help: &str) {
    d.error(Code::Conflict, message).label(this, "").label(other, "the other one").help(help).emit();
}

fn too_small(d: &mut Diagnostics, message: String, span: Span) {
    d.error(Code::InvalidValue, message).label(span, "").emit();
}
