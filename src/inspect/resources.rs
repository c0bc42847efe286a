//! `linux.resources`: limits of the control group.

use serde_json::{Map, Value, json};

use super::{Bundle, Draft};
use crate::compose::value::block_device::BlockDevice;

/// The numbers that an attribute gives as they are.
const NUMBERS: &[(&str, &str)] = &[
    ("/linux/resources/memory/limit", "mem_limit"),
    ("/linux/resources/memory/reservation", "mem_reservation"),
    ("/linux/resources/memory/swappiness", "mem_swappiness"),
    ("/linux/resources/memory/disableOOMKiller", "oom_kill_disable"),
    ("/linux/resources/cpu/shares", "cpu_shares"),
    ("/linux/resources/cpu/quota", "cpu_quota"),
    ("/linux/resources/cpu/period", "cpu_period"),
    ("/linux/resources/cpu/realtimeRuntime", "cpu_rt_runtime"),
    ("/linux/resources/cpu/realtimePeriod", "cpu_rt_period"),
    ("/linux/resources/cpu/cpus", "cpuset"),
    ("/linux/resources/pids/limit", "pids_limit"),
];

pub(super) fn resources(draft: &mut Draft, bundle: &Bundle) {
    for (at, attribute) in NUMBERS {
        match bundle.at(at) {
            // A build takes 0 for nothing, and leaves it out.
            Some(value) if *value == json!(0) => draft.cannot_say(bundle, at),
            Some(value) => draft.set(attribute, value.clone()),
            None => {}
        }
    }
    swap(draft, bundle);
    block_io(draft, bundle);
}

/// Twice the limit of memory is what there is where nothing is said.
fn swap(draft: &mut Draft, bundle: &Bundle) {
    let at = "/linux/resources/memory/swap";
    let limit = bundle.at("/linux/resources/memory/limit").and_then(Value::as_i64);
    let swap = bundle.at(at).map(Value::as_i64);
    match (limit, swap) {
        (None, None) => {}
        (Some(_), None) => draft.set("memswap_limit", -1),
        (Some(limit), Some(Some(swap))) if swap == limit.saturating_mul(2) => {}
        (Some(limit), Some(Some(swap))) if swap >= limit => draft.set("memswap_limit", swap),
        _ => draft.cannot_say(bundle, at),
    }
}

/// The lists of limits of disks, with the attribute that each is.
const RATES: [(&str, &str); 4] = [
    ("throttleReadBpsDevice", "device_read_bps"),
    ("throttleReadIOPSDevice", "device_read_iops"),
    ("throttleWriteBpsDevice", "device_write_bps"),
    ("throttleWriteIOPSDevice", "device_write_iops"),
];

fn block_io(draft: &mut Draft, bundle: &Bundle) {
    let at = "/linux/resources/blockIO";
    let mut config = Map::new();
    if let Some(weight) = bundle.at(&format!("{at}/weight")) {
        config.insert("weight".into(), weight.clone());
    }
    let lists = [("weightDevice", "weight_device", "weight")].into_iter();
    for (list, key, number) in lists.chain(RATES.map(|(list, key)| (list, key, "rate"))) {
        let at = format!("{at}/{list}");
        let mut devices = Vec::new();
        for (index, device) in bundle.list(&at).iter().enumerate() {
            match disk(device, number) {
                Some(device) => devices.push(device),
                None => draft.cannot_say(bundle, &format!("{at}/{index}")),
            }
        }
        if !devices.is_empty() {
            config.insert(key.into(), Value::Array(devices));
        }
    }
    draft.set("blkio_config", config);
}

/// What holds for a disk, by a path that it has on every host.
fn disk(device: &Value, number: &str) -> Option<Value> {
    let of = |key: &str| device.get(key)?.as_i64();
    let path = BlockDevice { major: of("major")?, minor: of("minor")? }.path()?;
    Some(json!({ "path": path, number: device.get(number)? }))
}
