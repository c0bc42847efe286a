//! `linux.resources`: limits of the container's control group.

use oci_spec::runtime as oci;

use super::Context;
use super::origin::{Origin, Origins};
use crate::compose::value::cpus::{PERIOD, Quota};
use crate::diag::{Code, Diagnostics};

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
        .set_memory(memory(d, context, o))
        .set_cpu(cpu(d, context, o))
        .set_pids(pids(context, o));
    resources
}

/// Docker refuses less than 6 MiB, with which no container starts.
const LEAST_MEMORY: u64 = 6 * 1024 * 1024;

/// `mem_limit`, with as much swap again: `swap` counts memory and swap together.
fn memory(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Option<oci::LinuxMemory> {
    let limit = context.written().mem_limit.filter(|limit| limit.value.0 != 0)?;
    let bytes = limit.value.0;
    if bytes < LEAST_MEMORY {
        let message = format!("{bytes} bytes of memory are too few: Docker refuses less than 6 MiB");
        d.error(Code::InvalidValue, message).label(limit.span, "").emit();
    }
    o.set("/linux/resources/memory/limit", Origin::Written(limit.span));
    o.set("/linux/resources/memory/swap", Origin::Written(limit.span));
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let mut memory = oci::LinuxMemory::default();
    memory.set_limit(Some(signed(bytes))).set_swap(Some(signed(bytes.saturating_mul(2))));
    Some(memory)
}

fn cpu(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Option<oci::LinuxCpu> {
    let cpus = context.written().cpus?;
    let quota = match cpus.value.quota() {
        Quota::Unlimited => return None,
        Quota::Microseconds(quota) => quota,
        Quota::TooSmall => {
            let message =
                format!("{} of a processor is too little: the kernel takes 0.01 and more", cpus.value);
            d.error(Code::InvalidValue, message).label(cpus.span, "").emit();
            return None;
        }
    };
    o.set("/linux/resources/cpu", Origin::Written(cpus.span));
    let mut cpu = oci::LinuxCpu::default();
    cpu.set_quota(Some(quota)).set_period(Some(PERIOD));
    Some(cpu)
}

/// 0 and -1 are no limit, as in Docker.
fn pids(context: &Context, o: &mut Origins) -> Option<oci::LinuxPids> {
    let limit = context.written().pids_limit.filter(|limit| limit.value > 0)?;
    o.set("/linux/resources/pids", Origin::Written(limit.span));
    let mut pids = oci::LinuxPids::default();
    pids.set_limit(limit.value);
    Some(pids)
}
