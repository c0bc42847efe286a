//! The files below `/etc` that a build generates, read back.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::namespaces::Sharing;
use super::{Bundle, Draft, Facts, annotations};
use crate::bundle::etc::LOOPBACK;
use crate::compose::value::extra_host::{Address, ExtraHost};

/// Names that lead to the host.
const EXTRA_HOSTS: &str = "io.bundlegen.extra-hosts";

/// What is in a file of the bundle that is mounted. Whoever joins a network has the words of its owner.
pub(super) fn file(draft: &mut Draft, bundle: &Bundle, facts: &Facts, path: &str) {
    if matches!(facts.network, Sharing::Of(_)) {
        return;
    }
    let text = bundle.files.get(path).map(|file| file.text.as_str());
    let said = match path {
        "etc/hosts" => text.and_then(hosts).map(|hosts| {
            let to_host = gateways(bundle);
            for host in hosts.into_iter().filter(|host| !to_host.contains(&*host.name)) {
                draft.push("extra_hosts", host.to_string());
            }
        }),
        "etc/resolv.conf" => text.and_then(resolver).map(|words| {
            for (key, words) in words {
                draft.set(key, words);
            }
        }),
        _ => text.filter(|text| text.strip_suffix('\n') == bundle.text("/hostname")).map(|_| ()),
    };
    if said.is_none() {
        draft.cannot_say(bundle, path);
    }
}

/// The names that are written: behind those that every container knows, and before those of its networks.
fn hosts(text: &str) -> Option<Vec<ExtraHost>> {
    let host = |line: &str| {
        let (address, name) = line.split_once('\t')?;
        let host: ExtraHost = format!("{name}={address}").parse().ok()?;
        let Address::Ip(ip) = host.address else { return None };
        (ip.to_string() == address).then_some(host)
    };
    let mut lines = text.strip_prefix(LOOPBACK)?.lines();
    let written = lines.by_ref().take_while(|line| !line.starts_with('#'));
    let written: Option<Vec<ExtraHost>> = written.map(host).collect();
    written.filter(|_| lines.all(is_of_network))
}

/// A heading, or names at an address.
fn is_of_network(line: &str) -> bool {
    let names = line.split_once('\t').filter(|(address, _)| address.parse::<IpAddr>().is_ok());
    line.starts_with("# ") || names.is_some_and(|(_, names)| !names.is_empty())
}

/// The names that lead to the host, which an annotation has.
fn gateways(bundle: &Bundle) -> BTreeSet<String> {
    let list = bundle.annotation(EXTRA_HOSTS).and_then(annotations::list).unwrap_or_default();
    let names = list.iter().filter_map(|host| host.split_once('=')).map(|(name, _)| name.to_owned());
    names.collect()
}

/// What each attribute says, if the lines are those that a build writes.
fn resolver(text: &str) -> Option<Vec<(&'static str, Vec<String>)>> {
    let words = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (mut search, mut servers, mut options) = (Vec::new(), Vec::new(), Vec::new());
    let mut order = Vec::new();
    for line in text.lines() {
        let (key, rest) = line.split_once(' ')?;
        let (place, list) = match key {
            "search" if search.is_empty() => (0, &mut search),
            "nameserver" => (1, &mut servers),
            "options" if options.is_empty() => (2, &mut options),
            _ => return None,
        };
        order.push(place);
        list.extend(words(rest));
    }
    // A single dot says that there is nothing to say.
    if text.is_empty() {
        search.push(".".to_owned());
    }
    let whole = order.is_sorted() && (text.is_empty() || text.ends_with('\n'));
    whole.then(|| vec![("dns_search", search), ("dns", servers), ("dns_opt", options)])
}
