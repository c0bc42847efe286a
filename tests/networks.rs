//! What bundles say of networks agrees with itself: the hooks, the lists beside them, and the names in `/etc/hosts`.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use bundlegen::bundle::tree::{Entry, Tree};
use bundlegen::hook::argv::{Arguments, Pin};
use serde_json::Value;

#[path = "support/cases.rs"]
mod cases;

/// The words before the arguments that say to what something is done.
const WORDS: usize = 4;

/// What a hook of a bundle is told.
fn told(config: &Value, section: &str) -> Option<Arguments> {
    let hook = config.pointer(&format!("/hooks/{section}/0"))?;
    let args: Vec<String> = serde_json::from_value(hook["args"].clone()).unwrap();
    assert_eq!(args[..WORDS - 1], ["bundlegen", "hook", "network"]);
    assert_eq!(hook["path"].as_str().unwrap().chars().next(), Some('/'));
    assert_eq!(
        hook["env"],
        serde_json::json!(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
    );
    assert!(hook["timeout"].as_i64().unwrap() > 0);
    Some(Arguments::parse(args.into_iter().skip(WORDS)).unwrap())
}

/// The texts of a tree, by path.
fn texts(tree: &Tree) -> BTreeMap<String, String> {
    let text = tree.iter().filter_map(|(path, entry)| match entry {
        Entry::File { bytes, .. } => {
            Some((path.as_str().to_owned(), String::from_utf8_lossy(bytes).into_owned()))
        }
        Entry::Link(_) => None,
    });
    text.collect()
}

/// The list of a network without what only one container has in it.
fn common(list: &Value) -> Value {
    let mut list = list.clone();
    if let Some(plugins) = list["plugins"].as_array_mut() {
        plugins.retain(|plugin| plugin["type"] != "tuning");
    }
    list
}

#[test]
fn what_one_hook_does_the_other_undoes() {
    let (mut hooked, mut started) = (0, 0);
    for case in cases::all() {
        for (service, config) in cases::configs_of(&case.compiled().0.tree) {
            let name = format!("{}/{service}", case.name);
            let Some(attach) = told(&config, "createRuntime") else {
                assert_eq!(config.get("hooks"), None, "{name}");
                continue;
            };
            hooked += 1;
            assert_eq!(told(&config, "poststop").as_ref(), Some(&attach), "{name}");
            let shares_memory = attach.pins.contains(&Pin::Shm);
            started += usize::from(shares_memory);
            let poststart = told(&config, "poststart");
            assert_eq!(poststart.as_ref(), shares_memory.then_some(&attach), "{name}");
            assert_eq!(attach.bundle, service, "{name}");
        }
    }
    assert!(hooked > 10 && started > 0, "{hooked} {started}");
}

#[test]
fn the_lists_beside_the_bundles_are_those_that_hooks_are_told() {
    let mut compared = 0;
    for case in cases::all() {
        let tree = case.compiled().0.tree;
        let is_list = |path: &String| path.starts_with("networks/");
        let files: BTreeMap<String, Value> = texts(&tree)
            .into_iter()
            .filter(|(path, _)| is_list(path))
            .map(|(path, text)| (path, serde_json::from_str(&text).unwrap()))
            .collect();
        let mut lists: BTreeMap<String, Value> = BTreeMap::new();
        for told in cases::configs_of(&tree).values().filter_map(|config| told(config, "createRuntime")) {
            let networks = told.networks.into_iter().filter(|network| network.list.is_object());
            lists.extend(networks.map(|network| (network.list["name"].to_string(), common(&network.list))));
        }
        let beside = files.values().map(|list| (list["name"].to_string(), list.clone())).collect();
        assert_eq!(lists, beside, "{}", case.name);
        assert_eq!(lists.len(), files.len(), "{}", case.name);
        compared += files.len();
    }
    assert!(compared > 5, "{compared}");
}

/// The addresses behind each name of a file.
fn names(hosts: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in hosts.lines().filter(|line| !line.starts_with('#')) {
        let (address, list) = line.split_once('\t').unwrap();
        for name in list.split(' ') {
            assert!(!name.is_empty(), "{line:?}");
            names.entry(name.to_owned()).or_default().insert(address.to_owned());
        }
    }
    names
}

/// Compiles a Compose file, and returns what each bundle has in a file.
fn files(compose: &str, file: &str) -> BTreeMap<String, String> {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("shop");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("compose.yaml"), compose).unwrap();
    let outcome = cases::compiled(Path::new(&dir));
    let tree = outcome.compiled.unwrap_or_else(|_| panic!("{}", outcome.rendered)).tree;
    let end = format!("/{file}");
    let texts = texts(&tree).into_iter();
    texts.filter_map(|(path, text)| Some((path.strip_suffix(&end)?.to_owned(), text))).collect()
}

const HEAD: &str = "
name: shop
x-one: &one {x-bundlegen: {rootfs: .}, command: [sh]}
networks:
  front: {ipam: {config: [{subnet: 192.0.2.0/24}]}}
  back: {ipam: {config: [{subnet: 198.51.100.0/24}, {subnet: 2001:db8::/64}]}, enable_ipv6: true}
services:
";

fn hosts(services: &str) -> BTreeMap<String, String> {
    files(&format!("{HEAD}{services}"), "etc/hosts")
}

#[test]
fn names_lead_where_dockers_name_server_would_say() {
    let all = hosts(
        "
  web: {<<: *one, networks: {front: {ipv4_address: 192.0.2.10, aliases: [www]}}, links: ['db:store']}
  db:
    <<: *one
    hostname: data
    domainname: example.test
    container_name: the-db
    networks:
      front: {ipv4_address: 192.0.2.11}
      back: {ipv4_address: 198.51.100.11, ipv6_address: '2001:db8::11', aliases: [inside]}
  sidecar: {<<: *one, network_mode: 'service:db'}
  other: {<<: *one, networks: {back: {ipv4_address: 198.51.100.12, ipv6_address: '2001:db8::12'}}}
",
    );
    let of = |service: &str, name: &str| -> Vec<String> {
        names(&all[service]).remove(name).unwrap_or_default().into_iter().collect()
    };
    let db = ["db", "the-db", "data", "sidecar", "shop-sidecar-1"];
    for name in db.iter().chain(&["store", "db-1", "shop-db-1"]) {
        assert_eq!(of("web", name), ["192.0.2.11"], "{name}\n{}", all["web"]);
    }
    for name in ["web", "www", "shop-web-1"] {
        assert_eq!(of("web", name), ["192.0.2.10"], "{name}");
        assert_eq!(of("db", name), ["192.0.2.10"], "{name}");
        assert_eq!(of("other", name), [""; 0], "{name}");
    }
    for name in db.iter().chain(&["inside"]) {
        assert_eq!(of("other", name), ["198.51.100.11", "2001:db8::11"], "{name}\n{}", all["other"]);
    }
    // Its own name is at all its addresses, and an alias in the network that gives it.
    for name in ["data", "data.example.test"] {
        assert_eq!(of("db", name), ["192.0.2.11", "198.51.100.11", "2001:db8::11"], "{name}");
    }
    assert_eq!(of("web", "inside"), [""; 0]);
    assert_eq!(of("web", "store").len() + of("db", "store").len(), 1, "a link is the container's own");
    assert!(!all.contains_key("sidecar"), "it sees the file of `db`");
}

#[test]
fn all_containers_of_a_service_have_its_name_and_what_is_written_goes_first() {
    let all = hosts(
        "
  web: {<<: *one, scale: 3, networks: [front]}
  db: {<<: *one, networks: [front, back], extra_hosts: ['WEB=203.0.113.9', 'far=203.0.113.1', 'far=2001:db8::9']}
  lone: {<<: *one, network_mode: none, extra_hosts: ['far=203.0.113.1']}
  plain: {<<: *one, network_mode: bridge}
  other: {<<: *one, network_mode: bridge}
",
    );
    for bundle in ["web", "web-2", "web-3"] {
        let own = names(&all[bundle]);
        assert_eq!(own["web"].len(), 3, "{}", all[bundle]);
        assert_eq!(own["shop-web-2"], own["web-2"]);
        assert!(own["web"].is_superset(&own["shop-web-3"]));
    }
    let db = names(&all["db"]);
    assert_eq!(db.get("web"), None, "{}", all["db"]);
    assert_eq!(db["WEB"].len(), 1);
    assert_eq!(db["far"].len(), 2);
    assert!(db.contains_key("shop-web-1"));
    assert_eq!(names(&all["lone"]).get("db"), None);
    assert!(all["lone"].ends_with("203.0.113.1\tfar\n"), "{}", all["lone"]);
    // Nobody answers for names in Docker's own network.
    assert_eq!(names(&all["plain"]).get("other"), None);
    assert!(names(&all["plain"]).contains_key("plain"));
}
