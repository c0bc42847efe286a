//! The addresses that a build gives out: nobody's changes when somebody else comes or goes.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use bundlegen::diag::Diagnostics;
use bundlegen::load::Environment;
use bundlegen::lock::Lock;
use bundlegen::render::{Colour, render};
use bundlegen::source::Sources;
use bundlegen::{Input, compile};
use ipnet::IpNet;
use proptest::prelude::*;
use serde_yaml::Value;

/// The addresses by network and bundle.
type Addresses = BTreeMap<(String, String), Vec<IpAddr>>;

/// A project: the number of containers of each service, which is in the networks of its own number's bits.
type Services = BTreeMap<u8, u8>;

const NETWORKS: [&str; 3] = ["back", "front", "six"];

fn text(services: &Services, more: &str) -> String {
    let mut text = String::from("services:\n");
    for (name, scale) in services {
        let networks = NETWORKS.iter().enumerate().filter(|(bit, _)| name >> bit & 1 == 1);
        let networks: Vec<&str> = networks.map(|(_, network)| *network).collect();
        writeln!(text, "  s{name}:\n    x-bundlegen: {{rootfs: .}}\n    command: [sh]").unwrap();
        writeln!(text, "    scale: {scale}\n    networks: [{}]", networks.join(", ")).unwrap();
    }
    text + "networks:\n  front:\n  six: {enable_ipv6: true, ipam: {config: [{subnet: 10.200.0.0/24}]}}\n  back: "
        + more
}

/// Compiles in a directory and leaves the lock there, as `build` does.
fn build(dir: &Path, text: &str) -> Result<String, String> {
    fs::write(dir.join("compose.yaml"), text).unwrap();
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let environment = Environment::load(&mut d, &mut sources, BTreeMap::new(), &[dir.to_owned()]).unwrap();
    let input = Input::new(vec![dir.join("compose.yaml")], dir.to_owned(), environment);
    match compile(&mut d, &mut sources, &input) {
        Ok(compiled) => {
            let lock = compiled.lock.unwrap_or_default();
            fs::write(dir.join("bundlegen.lock"), &lock).unwrap();
            Ok(lock)
        }
        Err(_) => Err(render(&d, &sources, 100, Colour::None)),
    }
}

fn addresses(lock: &str) -> Addresses {
    let lock: Lock = serde_yaml::from_str(lock).unwrap();
    let of = |(network, locked): (&String, &bundlegen::lock::LockedNetwork)| {
        let network = network.clone();
        let one = move |(bundle, ips): (&String, &bundlegen::lock::Addresses)| {
            ((network.clone(), bundle.clone()), ips.0.clone())
        };
        locked.addresses.iter().map(one).collect::<Vec<_>>()
    };
    lock.networks.iter().flat_map(of).collect()
}

fn subnets(lock: &str, network: &str) -> Vec<IpNet> {
    let lock: Lock = serde_yaml::from_str(lock).unwrap();
    lock.networks.get(network).map(|locked| locked.subnets.clone()).unwrap_or_default()
}

fn services() -> impl Strategy<Value = Services> {
    proptest::collection::btree_map(0..64_u8, 1..6_u8, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn who_comes_or_goes_changes_nobody_else(first in services(), second in services()) {
        let dir = tempfile::tempdir().unwrap();
        let before = addresses(&build(dir.path(), &text(&first, "")).unwrap());
        let after = addresses(&build(dir.path(), &text(&second, "")).unwrap());
        for (whose, ips) in &after {
            if let Some(known) = before.get(whose) {
                prop_assert_eq!(known, ips, "{:?}", whose);
            }
        }
    }

    #[test]
    fn no_two_are_alike(services in services()) {
        let dir = tempfile::tempdir().unwrap();
        let lock = build(dir.path(), &text(&services, "")).unwrap();
        let mut seen = BTreeSet::new();
        for ((network, bundle), ips) in addresses(&lock) {
            prop_assert_eq!(ips.len(), if network == "six" { 2 } else { 1 });
            for ip in ips {
                let mut nets = subnets(&lock, &network);
                nets.extend((network == "six").then(|| "10.200.0.0/24".parse::<IpNet>().unwrap()));
                let net = nets.iter().find(|net| net.contains(&ip));
                prop_assert!(net.is_some(), "{} of {} in {}", ip, bundle, network);
                let gateway = net.unwrap().hosts().next().unwrap();
                prop_assert!(ip != gateway && ip != net.unwrap().network() && ip != net.unwrap().broadcast());
                prop_assert!(seen.insert(ip), "{} twice", ip);
            }
        }
    }

    #[test]
    fn another_directory_makes_no_difference(services in services()) {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        prop_assert_eq!(build(one.path(), &text(&services, "")), build(other.path(), &text(&services, "")));
    }
}

#[test]
fn a_subnet_has_room_for_many() {
    let dir = tempfile::tempdir().unwrap();
    let many = |count: u32| {
        format!("services: {{s: {{x-bundlegen: {{rootfs: .}}, command: [sh], scale: {count}}}}}\n")
    };
    let few = addresses(&build(dir.path(), &many(3)).unwrap());
    let all = addresses(&build(dir.path(), &many(253)).unwrap());
    assert_eq!(all.len(), 253);
    assert_eq!(all.values().flatten().collect::<BTreeSet<_>>().len(), 253);
    assert!(few.iter().all(|(whose, ips)| all[whose] == *ips));
    let error = build(dir.path(), &many(254)).unwrap_err();
    assert!(error.contains("has room for 253 of the 254 containers"), "{error}");
}

#[test]
fn what_is_written_goes_over_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    let services = Services::from([(1, 2), (2, 2), (3, 1)]);
    let before = build(dir.path(), &text(&services, "")).unwrap();
    let (front, back) = (subnets(&before, "front")[0], subnets(&before, "back")[0]);
    let written = format!("{{ipam: {{config: [{{subnet: {front}}}]}}}}\n");
    let after = build(dir.path(), &text(&services, &written)).unwrap();
    assert_ne!(subnets(&after, "front"), [front]);
    assert_eq!(subnets(&after, "back"), []);
    assert_ne!(front, back);
    assert!(addresses(&after).iter().all(|((network, _), ips)| network != "back" || front.contains(&ips[0])));
}

/// Whoever changes the lock gets an answer, and never two containers with one address.
#[test]
fn a_changed_lock_is_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let services = Services::from([(1, 3)]);
    let lock = build(dir.path(), &text(&services, "")).unwrap();
    let mut value: Value = serde_yaml::from_str(&lock).unwrap();
    let first = value["networks"]["back"]["addresses"]["s1"].clone();
    value["networks"]["back"]["addresses"]["s1-2"] = first;
    value["networks"]["back"]["addresses"]["s1-3"] = "192.0.2.1 ::1".into();
    fs::write(dir.path().join("bundlegen.lock"), serde_yaml::to_string(&value).unwrap()).unwrap();
    let mended = build(dir.path(), &text(&services, "")).unwrap();
    assert_eq!(addresses(&mended), addresses(&lock));
}
