//! The generated files of a bundle: names and name servers one by one, and other files by how much of them changed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::Group;
use super::facts::{Fact, Facts};
use super::setting::Setting;
use crate::inspect::{Bundle, File};
use crate::lower::annotations::CONTAINER_NAME;
use crate::lower::mounts::{HOSTNAME, HOSTS, RESOLV_CONF};

/// What a file is called that is said as a whole.
pub(super) const FILE: &str = "file";

/// What is said of a file of which the facts say nothing, though its text changed.
pub(super) const SPELLING: &str = "spelling of";

pub(super) fn files(facts: &mut Facts, bundle: &Bundle, setting: &Setting) {
    let mounts = mounts(bundle);
    for (path, file) in &bundle.files {
        let at = mounts.get(path.as_str()).map(|index| format!("/mounts/{index}"));
        let mut add = |fact: Fact| {
            facts.add(match &at {
                Some(at) => fact.at(at),
                None => fact,
            });
        };
        if is_taken_apart(path) {
            let there =
                Fact::new(Group::FileSystem, FILE, path, Value::from(file.executable)).shown("").usual(true);
            add(there.part_of("mount", format!("/{path}")));
        }
        if *path == HOSTS.trim_start_matches('/') {
            hosts(bundle, setting, &file.text, &mut add);
        } else if *path == RESOLV_CONF.trim_start_matches('/') {
            resolver(&file.text, &mut add);
        } else if *path == HOSTNAME.trim_start_matches('/') {
            host_name(bundle, &file.text, &mut add);
        } else {
            whole(path, file, &mut add);
        }
    }
}

fn whole(path: &str, file: &File, add: &mut impl FnMut(Fact)) {
    let exact = json!([file.text, file.executable]);
    let lines = file.text.lines().count();
    let noun = if lines == 1 { "line" } else { "lines" };
    let kind = if file.executable { ", executable" } else { "" };
    add(Fact::new(Group::FileSystem, FILE, path, exact).shown(format!("{lines} {noun}{kind}")));
}

/// The file says the name once more, unless it says something else.
fn host_name(bundle: &Bundle, text: &str, add: &mut impl FnMut(Fact)) {
    let said = bundle.text("/hostname").unwrap_or_default();
    let follows = text.strip_suffix('\n') == Some(said);
    let exact = if follows { Value::Null } else { Value::from(text) };
    let shown = if follows { "the host name" } else { text.trim_end() };
    add(Fact::new(Group::Process, "name in", HOSTNAME, exact)
        .shown(shown)
        .usual(true)
        .part_of("host name", ""));
}

/// The names of the container itself follow from its addresses, and are said once for all of them.
fn hosts(bundle: &Bundle, setting: &Setting, text: &str, add: &mut impl FnMut(Fact)) {
    let own = own_addresses(bundle);
    let known = known_as(bundle);
    let mut own_names: BTreeSet<&str> = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(address) = words.next() else { continue };
        let ip: Option<IpAddr> = address.parse().ok();
        let is_own = ip.is_some_and(|ip| own.contains(&ip));
        let usual = ip.is_some_and(|ip| is_own || is_local(&ip) || setting.is_address(&ip));
        for name in words {
            if is_own && !own_names.insert(name) {
                continue;
            }
            let name = if is_own && Some(name) == known.as_deref() { "of the container" } else { name };
            let shown = if is_own { "its own address" } else { address };
            let fact = Fact::new(Group::Network, "name", name, Value::from(shown)).shown(shown).usual(usual);
            add(fact.part_of(FILE, HOSTS.trim_start_matches('/')));
        }
    }
}

fn is_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_multicast() || matches!(ip.segments(), [0xfe00, ..]),
    }
}

fn resolver(text: &str, add: &mut impl FnMut(Fact)) {
    for line in text.lines() {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let kind = match word {
            "nameserver" => "name server",
            "search" => "search domain",
            "options" | "option" => "resolver option",
            "" => continue,
            _ => {
                add(Fact::new(Group::Network, "line of resolv.conf", line, Value::Bool(true)));
                continue;
            }
        };
        for value in rest.split_whitespace() {
            add(Fact::new(Group::Network, kind, value, Value::Bool(true)));
        }
    }
}

/// The longest texts that are compared line by line, in lines: the time grows with the square of what differs.
const LINES: usize = 2000;

/// How many lines came and went, if the values are those of whole files.
pub(super) fn lines(before: &Value, after: &Value) -> Option<String> {
    let (before, after) = (before.get(0)?.as_str()?, after.get(0)?.as_str()?);
    if before == after || before.lines().count().max(after.lines().count()) > LINES {
        return None;
    }
    let (mut added, mut removed) = (0_usize, 0_usize);
    for change in TextDiff::from_lines(before, after).iter_all_changes() {
        match change.tag() {
            ChangeTag::Insert => added += 1,
            ChangeTag::Delete => removed += 1,
            ChangeTag::Equal => {}
        }
    }
    Some(format!("{added} lines added, {removed} removed"))
}

/// The files whose text is another one, also but for what follows from elsewhere, each with the pointer to its mount.
/// Those that are said as a whole are not among them.
pub(super) fn respelt<'b>(
    before: &'b Bundle,
    after: &'b Bundle,
) -> impl Iterator<Item = (&'b str, Option<String>)> {
    let mounts = mounts(after);
    let differs = |(path, file): &(&String, &File)| {
        let was = before.files.get(*path);
        is_taken_apart(path)
            && was.is_some_and(|was| {
                was.executable != file.executable || normal(before, path, was) != normal(after, path, file)
            })
    };
    let at = move |path: &str| mounts.get(path).map(|index| format!("/mounts/{index}"));
    after.files.iter().filter(differs).map(move |(path, _)| (path.as_str(), at(path)))
}

fn is_taken_apart(path: &str) -> bool {
    [HOSTS, HOSTNAME, RESOLV_CONF].iter().any(|known| known.trim_start_matches('/') == path)
}

/// The text of a file without what follows from the `config.json`.
fn normal(bundle: &Bundle, path: &str, file: &File) -> String {
    if *path == *HOSTNAME.trim_start_matches('/') {
        return file
            .text
            .strip_suffix('\n')
            .filter(|name| Some(*name) != bundle.text("/hostname"))
            .unwrap_or_default()
            .to_owned();
    }
    if *path != *HOSTS.trim_start_matches('/') {
        return file.text.clone();
    }
    let own = own_addresses(bundle);
    let known = known_as(bundle);
    let (mut names, mut rest): (BTreeSet<&str>, Vec<&str>) = (BTreeSet::new(), Vec::new());
    for line in file.text.split('\n').filter(|line| !line.starts_with("# network ")) {
        let mut words = line.split_whitespace();
        match words.next().and_then(|address| address.parse().ok()) {
            Some(address) if own.contains(&address) => {
                names.extend(
                    words.map(|name| if Some(name) == known.as_deref() { "of the container" } else { name }),
                );
            }
            _ => rest.push(line),
        }
    }
    rest.extend(names);
    rest.join("\n")
}

/// The name of the container in its networks, as Docker has it: what `container_name` says, else Compose's.
fn known_as(bundle: &Bundle) -> Option<String> {
    let written = bundle.annotation(CONTAINER_NAME).map(str::to_owned);
    written.or_else(|| Some(format!("{}-{}-1", bundle.told()?.project, bundle.name)))
}

/// The addresses of the container in its networks.
fn own_addresses(bundle: &Bundle) -> BTreeSet<IpAddr> {
    let told = bundle.told();
    let networks = told.iter().flat_map(|told| &told.networks);
    networks.flat_map(|one| &one.addresses).map(|one| one.address.addr()).collect()
}

/// Which mount has which source.
fn mounts(bundle: &Bundle) -> BTreeMap<&str, usize> {
    let mounts = bundle.list("/mounts").iter().enumerate();
    mounts.filter_map(|(index, mount)| Some((mount.get("source")?.as_str()?, index))).collect()
}
