//! `linux.resources.memory`. What is refused is what Docker refuses (moby `daemon/daemon_unix.go`).

use oci_spec::runtime as oci;

use super::{exclude, too_small, warn_v1};
use crate::compose::value::bytes::Bytes;
use crate::diag::{Code, Diagnostics};
use crate::lower::Context;
use crate::lower::origin::{Origin, Origins};
use crate::source::Spanned;

/// Docker refuses less than 6 MiB, with which no container starts.
const LEAST: u64 = 6 * 1024 * 1024;

pub(super) fn memory(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Option<oci::LinuxMemory> {
    let limit = context.written().memory_limit();
    let reservation = context.written().memory_reservation();
    if let Some(limit) = limit.filter(|limit| limit.value.0 < LEAST) {
        let message = format!("{} bytes of memory are too few: Docker refuses less than 6 MiB", limit.value);
        too_small(d, message, limit.span);
    }
    check_reservation(d, limit, reservation);
    let swap = swap(d, context, limit);
    let swappiness = swappiness(d, context);
    let oom_kill_disable = oom_kill_disable(d, context, limit);
    let any = limit.is_some() || reservation.is_some() || swappiness.is_some() || oom_kill_disable.is_some();
    let mut record = |key: &str, span| {
        o.set(format!("/linux/resources/memory/{key}"), Origin::Written(span));
    };
    let mut memory = oci::LinuxMemory::default();
    memory
        .set_limit(limit.map(|limit| {
            record("limit", limit.span);
            signed(limit.value)
        }))
        .set_reservation(reservation.map(|reservation| {
            record("reservation", reservation.span);
            signed(reservation.value)
        }))
        .set_swap(swap.map(|swap| {
            record("swap", swap.span);
            swap.value
        }))
        .set_swappiness(swappiness.map(|swappiness| {
            record("swappiness", swappiness.span);
            swappiness.value
        }))
        .set_disable_oom_killer(oom_kill_disable.map(|disabled| {
            record("disableOOMKiller", disabled.span);
            true
        }));
    any.then_some(memory)
}

fn signed(bytes: Bytes) -> i64 {
    i64::try_from(bytes.0).unwrap_or(i64::MAX)
}

fn check_reservation(
    d: &mut Diagnostics,
    limit: Option<Spanned<Bytes>>,
    reservation: Option<Spanned<Bytes>>,
) {
    let Some(reservation) = reservation else { return };
    if reservation.value.0 < LEAST {
        let message = format!(
            "{} bytes of reserved memory are too few: Docker refuses less than 6 MiB",
            reservation.value
        );
        too_small(d, message, reservation.span);
    }
    if let Some(limit) = limit.filter(|limit| limit.value < reservation.value) {
        let message = format!("{} bytes are reserved, and {} are the limit", reservation.value, limit.value);
        exclude(d, message, reservation.span, limit.span, "reserve no more than the limit");
    }
}

/// Memory and swap together: what `memswap_limit` says, else twice the limit, as in Docker. -1 is no limit, and is left
/// out like one.
fn swap(d: &mut Diagnostics, context: &Context, limit: Option<Spanned<Bytes>>) -> Option<Spanned<i64>> {
    let Some(swap) = context.written().memswap_limit.filter(|swap| swap.value != 0) else {
        let twice = |limit: Bytes| i64::try_from(limit.0.saturating_mul(2)).unwrap_or(i64::MAX);
        return limit.map(|limit| Spanned { value: twice(limit.value), span: limit.span });
    };
    match limit {
        _ if swap.value == -1 => return None,
        _ if swap.value < 0 => {
            let message = format!("`memswap_limit` may not be {}", swap.value);
            d.error(Code::InvalidValue, message).label(swap.span, "").help("-1 is no limit").emit();
        }
        None => {
            let draft = d.error(Code::Conflict, "`memswap_limit` counts memory too, and memory has no limit");
            draft.label(swap.span, "").help("write a `mem_limit` that is no larger").emit();
        }
        Some(limit) if swap.value < signed(limit.value) => {
            let message = format!(
                "`memswap_limit` counts memory too: it is {}, and the limit of memory {}",
                swap.value, limit.value
            );
            exclude(d, message, swap.span, limit.span, "write the sum of memory and swap");
        }
        Some(_) => return Some(swap),
    }
    None
}

/// -1 is what Docker has where nothing is said.
fn swappiness(d: &mut Diagnostics, context: &Context) -> Option<Spanned<u64>> {
    let swappiness = context.written().mem_swappiness.filter(|swappiness| swappiness.value != -1)?;
    let span = swappiness.span;
    match u64::try_from(swappiness.value) {
        Ok(0) => {
            let draft = d.warning(Code::ValueDropped, "Compose drops `mem_swappiness: 0`");
            draft.label(span, "").help("to use no swap, make `memswap_limit` as large as `mem_limit`").emit();
            None
        }
        Ok(value @ 1..=100) => {
            warn_v1(d, "mem_swappiness", span);
            Some(Spanned { value, span })
        }
        _ => {
            let message = format!("`mem_swappiness` is from 0 to 100, and this is {}", swappiness.value);
            d.error(Code::InvalidValue, message).label(span, "").emit();
            None
        }
    }
}

fn oom_kill_disable(
    d: &mut Diagnostics,
    context: &Context,
    limit: Option<Spanned<Bytes>>,
) -> Option<Spanned<bool>> {
    let disabled = context.written().oom_kill_disable.filter(|disabled| disabled.value)?;
    warn_v1(d, "oom_kill_disable", disabled.span);
    if limit.is_none() {
        let message = "nothing is killed when memory is out, and memory has no limit";
        let draft = d.warning(Code::Conflict, message).label(disabled.span, "the host may come to a stop");
        draft.help("write a `mem_limit`").emit();
    }
    Some(disabled)
}
