//! Limits, and the control group they belong to.

use serde_json::{Value, json};

use super::confinement::NAMESPACE;
use super::facts::{Fact, Facts};
use super::rest::Rest;
use super::{Group, words};

/// How a value is shown.
type Shown = fn(&Value) -> String;

/// Values that stand for themselves.
const VALUES: &[(&str, &str, Shown)] = &[
    ("/linux/cgroupsPath", "control group", words::plain),
    ("/linux/resources/memory/limit", "memory", words::bytes),
    ("/linux/resources/memory/reservation", "reserved memory", words::bytes),
    ("/linux/resources/memory/swap", "memory and swap", words::bytes),
    ("/linux/resources/memory/swappiness", "swappiness", words::plain),
    ("/linux/resources/memory/disableOOMKiller", "no OOM killer", words::plain),
    ("/linux/resources/cpu/shares", "CPU shares", words::plain),
    ("/linux/resources/cpu/cpus", "set of CPUs", words::plain),
    ("/linux/resources/cpu/mems", "set of memory nodes", words::plain),
    ("/linux/resources/cpu/realtimePeriod", "real-time period", words::plain),
    ("/linux/resources/cpu/realtimeRuntime", "real-time runtime", words::plain),
    ("/linux/resources/blockIO/weight", "weight of disks", words::plain),
    ("/process/oomScoreAdj", "OOM score", words::plain),
];

/// Lists of what is allowed for each device.
const DEVICES: &[(&str, &str)] = &[
    ("/linux/resources/blockIO/weightDevice", "weight of disk"),
    ("/linux/resources/blockIO/throttleReadBpsDevice", "bytes read a second from disk"),
    ("/linux/resources/blockIO/throttleWriteBpsDevice", "bytes written a second to disk"),
    ("/linux/resources/blockIO/throttleReadIOPSDevice", "reads a second from disk"),
    ("/linux/resources/blockIO/throttleWriteIOPSDevice", "writes a second to disk"),
];

pub(super) fn resources(facts: &mut Facts, rest: &mut Rest) {
    for (pointer, kind, shown) in VALUES {
        if let Some(value) = rest.take(pointer) {
            let shown = shown(&value);
            let usual = *pointer == "/process/oomScoreAdj" && value == json!(0);
            facts.add(Fact::new(Group::Resources, kind, "", value).shown(shown).at(*pointer).usual(usual));
        }
    }
    cpus(facts, rest);
    processes(facts, rest);
    for (pointer, kind) in DEVICES {
        for (at, item) in rest.items(pointer) {
            let number = |key: &str| item.get(key).map(ToString::to_string).unwrap_or_default();
            let name = format!("{}:{}", number("major"), number("minor"));
            let amount = item.get("rate").or_else(|| item.get("weight"));
            let in_bytes = pointer.ends_with("BpsDevice");
            let shown =
                amount.map(|amount| if in_bytes { words::bytes(amount) } else { words::plain(amount) });
            let fact = Fact::new(Group::Resources, kind, name, item.clone()).at(at);
            facts.add(fact.shown(shown.unwrap_or_default()));
        }
    }
    for (at, item) in rest.items("/process/rlimits") {
        let name = words::field(&item, "type").trim_start_matches("RLIMIT_").to_lowercase();
        let part = |key: &str| item.get(key).map_or_else(|| "?".to_owned(), limit);
        let (soft, hard) = (part("soft"), part("hard"));
        let shown = if soft == hard { soft } else { format!("{soft}, at most {hard}") };
        facts.add(Fact::new(Group::Resources, "ulimit", name, item).shown(shown).at(at));
    }
    for (at, key, value) in rest.entries("/linux/sysctl") {
        let (group, usual) =
            if key.starts_with("net.") { (Group::Network, &value) } else { (Group::Process, &Value::Null) };
        let usual = crate::lower::defaults::NETWORK_SYSCTLS
            .iter()
            .any(|(name, common)| *name == key && usual == common);
        facts.add(Fact::new(group, "sysctl", key, value).at(at).usual(usual).part_of(NAMESPACE, "network"));
    }
}

/// The quota says with the period how many processors there are.
fn cpus(facts: &mut Facts, rest: &mut Rest) {
    const QUOTA: &str = "/linux/resources/cpu/quota";
    const PERIOD: &str = "/linux/resources/cpu/period";
    let (quota, period) = (rest.take(QUOTA), rest.take(PERIOD));
    if quota.is_none() && period.is_none() {
        return;
    }
    let numbers = quota.as_ref().and_then(Value::as_i64).zip(period.as_ref().and_then(Value::as_i64));
    let shown = match numbers {
        Some((quota, period)) if quota > 0 && period > 0 => thousandths(quota, period),
        _ => {
            let part =
                |word: &str, value: &Option<Value>| value.as_ref().map(|value| format!("{word} {value} µs"));
            let parts = [part("quota", &quota), part("period", &period)];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
    };
    let fact = Fact::new(Group::Resources, "CPUs", "", json!({ "quota": quota, "period": period }));
    facts.add(fact.shown(shown).at(QUOTA).at(PERIOD));
}

/// A fraction, with up to three places.
fn thousandths(quota: i64, period: i64) -> String {
    let (whole, rest) = (quota / period, quota % period);
    let rest = i128::from(rest) * 1000 / i128::from(period);
    let text = format!("{whole}.{rest:03}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn processes(facts: &mut Facts, rest: &mut Rest) {
    const AT: &str = "/linux/resources/pids/limit";
    if let Some(value) = rest.take(AT) {
        let shown = limit(&value);
        facts.add(Fact::new(Group::Resources, "processes", "", value).shown(shown).at(AT));
    }
}

/// What the kernel calls infinity is none.
fn limit(value: &Value) -> String {
    match value.as_i64() {
        Some(-1) => "unlimited".to_owned(),
        _ if value.as_u64() == Some(u64::MAX) => "unlimited".to_owned(),
        _ => words::plain(value),
    }
}
