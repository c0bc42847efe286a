//! The files below `/etc` that a build generates, read back.

use serde_json::Value;

use super::namespaces::Sharing;
use super::{Bundle, Draft, Facts};
use crate::bundle::etc::LOOPBACK;
use crate::compose::value::extra_host::{Address, ExtraHost};

/// What is in a file of the bundle that is mounted. Whoever joins a network has the words of its owner.
pub(super) fn file(draft: &mut Draft, bundle: &Bundle, facts: &Facts, path: &str) {
    if matches!(facts.network, Sharing::Of(_)) {
        return;
    }
    let text = bundle.files.get(path).map(|file| file.text.as_str());
    let said = match path {
        "etc/hosts" => text.and_then(hosts).map(|hosts| {
            for host in hosts {
                draft.push("extra_hosts", host);
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

/// The names behind those that every container knows.
fn hosts(text: &str) -> Option<Vec<Value>> {
    let host = |line: &str| {
        let (address, name) = line.split_once('\t')?;
        let host: ExtraHost = format!("{name}={address}").parse().ok()?;
        let Address::Ip(ip) = host.address else { return None };
        (ip.to_string() == address).then(|| host.to_string().into())
    };
    text.strip_prefix(LOOPBACK)?.lines().map(host).collect()
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
