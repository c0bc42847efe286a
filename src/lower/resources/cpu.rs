//! `linux.resources.cpu`. What is refused is what Docker refuses (moby `daemon/daemon_unix.go`).

use oci_spec::runtime as oci;

use super::{exclude, too_small, warn_v1};
use crate::compose::value::cpus::{MIN_QUOTA, PERIOD, Quota};
use crate::diag::{Code, Diagnostics};
use crate::lower::Context;
use crate::lower::origin::{Origin, Origins};
use crate::source::Spanned;

/// The lengths of a period that the kernel takes, in microseconds.
const PERIODS: std::ops::RangeInclusive<u64> = 1_000..=1_000_000;

/// The shares that the kernel takes; runc starts no container with others.
const SHARES: std::ops::RangeInclusive<u64> = 2..=262_144;

/// Parts of [`oci::LinuxCpu`], each with its place.
#[derive(Default)]
struct Cpu {
    shares: Option<Spanned<u64>>,
    quota: Option<Spanned<i64>>,
    period: Option<Spanned<u64>>,
    realtime_runtime: Option<Spanned<i64>>,
    realtime_period: Option<Spanned<u64>>,
    cpus: Option<Spanned<String>>,
}

pub(super) fn cpu(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Option<oci::LinuxCpu> {
    let written = context.written();
    let mut cpu = Cpu {
        shares: shares(d, written.cpu_shares),
        quota: quota(d, written.cpu_quota),
        period: period(d, written.cpu_period),
        cpus: written
            .cpuset
            .as_ref()
            .filter(|set| !set.value.is_empty())
            .map(|set| Spanned { value: set.value.to_string(), span: set.span }),
        ..Cpu::default()
    };
    limit(d, context, &mut cpu);
    realtime(d, context, &mut cpu);
    recorded(cpu, o)
}

/// Adds `cpus`, which is a quota and a period.
fn limit(d: &mut Diagnostics, context: &Context, cpu: &mut Cpu) {
    let Some(limit) = context.written().cpu_limit() else { return };
    let span = limit.span;
    let others = [("cpu_quota", cpu.quota.map(|q| q.span)), ("cpu_period", cpu.period.map(|p| p.span))];
    for (key, other) in others.into_iter().filter_map(|(key, other)| Some((key, other?))) {
        let message = format!("`{key}` says how much `cpus` is, and there is a limit of `cpus` too");
        exclude(d, message, other, span, "remove one of them");
    }
    match limit.value.quota() {
        Quota::Unlimited => {}
        Quota::Microseconds(quota) => {
            cpu.quota = Some(Spanned { value: quota, span });
            cpu.period = Some(Spanned { value: PERIOD, span });
        }
        Quota::TooSmall => {
            let message =
                format!("{} of a processor is too little: the kernel takes 0.01 and more", limit.value);
            too_small(d, message, span);
        }
    }
}

/// A number above 0; none for 0.
fn natural(d: &mut Diagnostics, key: &str, number: Option<Spanned<i64>>) -> Option<Spanned<u64>> {
    let number = number.filter(|number| number.value != 0)?;
    let Ok(value) = u64::try_from(number.value) else {
        let message = format!("`{key}` may not be negative, and is {}", number.value);
        d.error(Code::InvalidValue, message).label(number.span, "").emit();
        return None;
    };
    Some(Spanned { value, span: number.span })
}

/// 0 is no share of its own.
fn shares(d: &mut Diagnostics, shares: Option<Spanned<i64>>) -> Option<Spanned<u64>> {
    let shares = natural(d, "cpu_shares", shares)?;
    if SHARES.contains(&shares.value) {
        return Some(shares);
    }
    let range = format!("{} to {}", SHARES.start(), SHARES.end());
    let message = format!("`cpu_shares` is from {range}, and this is {}", shares.value);
    d.error(Code::InvalidValue, message).label(shares.span, "").emit();
    None
}

/// -1 is no limit, and stands there as in Docker.
fn quota(d: &mut Diagnostics, quota: Option<Spanned<i64>>) -> Option<Spanned<i64>> {
    let quota = quota.filter(|quota| quota.value != 0)?;
    if quota.value != -1 && quota.value < MIN_QUOTA {
        let message = format!(
            "`cpu_quota` is in microseconds, {MIN_QUOTA} of them at least, and this is {}",
            quota.value
        );
        d.error(Code::InvalidValue, message).label(quota.span, "").help("-1 is no limit").emit();
        return None;
    }
    Some(quota)
}

fn period(d: &mut Diagnostics, written: Option<Spanned<i64>>) -> Option<Spanned<u64>> {
    let period = natural(d, "cpu_period", written)?;
    if !PERIODS.contains(&period.value) {
        let (first, last) = (PERIODS.start(), PERIODS.end());
        let message =
            format!("`cpu_period` is from {first} to {last} microseconds, and this is {}", period.value);
        too_small(d, message, period.span);
        return None;
    }
    Some(period)
}

fn realtime(d: &mut Diagnostics, context: &Context, cpu: &mut Cpu) {
    let written = context.written();
    let period = natural(d, "cpu_rt_period", written.cpu_rt_period);
    let runtime = natural(d, "cpu_rt_runtime", written.cpu_rt_runtime);
    if let (Some(period), Some(runtime)) = (period, runtime)
        && runtime.value > period.value
    {
        let message =
            format!("`cpu_rt_runtime` is {}, and `cpu_rt_period` only {}", runtime.value, period.value);
        exclude(d, message, runtime.span, period.span, "a part of the period is what can be had");
    }
    let signed = |runtime: Spanned<u64>| Spanned {
        value: i64::try_from(runtime.value).unwrap_or(i64::MAX),
        span: runtime.span,
    };
    for (key, span) in
        [("cpu_rt_period", period.map(|period| period.span)), ("cpu_rt_runtime", runtime.map(|r| r.span))]
    {
        if let Some(span) = span {
            warn_v1(d, key, span);
        }
    }
    cpu.realtime_period = period;
    cpu.realtime_runtime = runtime.map(signed);
}

fn recorded(cpu: Cpu, o: &mut Origins) -> Option<oci::LinuxCpu> {
    let mut any = false;
    let mut record = |key: &str, span| {
        any = true;
        o.set(format!("/linux/resources/cpu/{key}"), Origin::Written(span));
    };
    let mut spec = oci::LinuxCpu::default();
    if let Some(shares) = cpu.shares {
        record("shares", shares.span);
        spec.set_shares(Some(shares.value));
    }
    if let Some(quota) = cpu.quota {
        record("quota", quota.span);
        spec.set_quota(Some(quota.value));
    }
    if let Some(period) = cpu.period {
        record("period", period.span);
        spec.set_period(Some(period.value));
    }
    if let Some(runtime) = cpu.realtime_runtime {
        record("realtimeRuntime", runtime.span);
        spec.set_realtime_runtime(Some(runtime.value));
    }
    if let Some(period) = cpu.realtime_period {
        record("realtimePeriod", period.span);
        spec.set_realtime_period(Some(period.value));
    }
    if let Some(cpus) = cpu.cpus {
        record("cpus", cpus.span);
        spec.set_cpus(Some(cpus.value));
    }
    any.then_some(spec)
}
