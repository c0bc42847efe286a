//! Hooks: what ours are told, said as what it means, and every other one as it stands.

use serde_json::{Map, Value, json};

use super::confinement::NAMESPACE;
use super::facts::{Fact, Facts};
use super::rest::Rest;
use super::setting::Setting;
use super::{Group, networks, words};
use crate::compose::HOOK;
use crate::hook::argv::user_network::UserNetwork;
use crate::hook::argv::{Arguments, CNI_PATH, Pin, Ports, RUN, Verb};
use crate::hook::argv::{ENVIRONMENT, TIMEOUT};
use crate::inspect::{Bundle, texts};
use crate::lower::origin::escaped;

/// How many of the arguments say what is done, and not to what.
const WORDS: usize = 4;

/// What the hooks that a build writes are called.
const HOOKS: &str = "hooks of bundlegen";

/// A section of hooks, and what ours does there.
type Does = (&'static str, Verb);

const ATTACH: Does = ("createRuntime", Verb::Attach);
const STARTED: Does = ("poststart", Verb::Started);
const DETACH: Does = ("poststop", Verb::Detach);

pub(super) fn hooks(facts: &mut Facts, rest: &mut Rest, bundle: &Bundle, setting: &Setting) {
    let told = bundle.told().filter(|told| {
        let started = told.pins.contains(&Pin::Shm);
        let sections = if started { &[ATTACH, STARTED, DETACH][..] } else { &[ATTACH, DETACH][..] };
        is_ours(bundle, sections, |verb| told.to_args(verb).ok())
    });
    let for_user =
        of_user(bundle).filter(|told| is_ours(bundle, &[STARTED, DETACH], |verb| Some(told.to_args(verb))));
    let mut published: (&[Ports], String, usize) = (&[], String::new(), 0);
    if let Some(told) = &told {
        let args = common(facts, rest, bundle, ATTACH);
        ours(facts, bundle, told, &args);
        let first = WORDS + 4 + told.pins.len();
        networks::networks(facts, setting, told, |index| format!("{args}/{}", first + index));
        published = (&told.ports, args, first + told.networks.len());
    } else if let Some(told) = &for_user {
        let args = common(facts, rest, bundle, STARTED);
        let own = json!([told.run, told.project, told.resolver.to_string()]);
        let shown = format!("of {}, kept in {}", told.project, told.run);
        facts.add(Fact::new(Group::Network, "network of a user", "", own).shown(shown).at(&args));
        published = (&told.ports, args, WORDS + 3);
    } else {
        foreign(facts, rest);
    }
    let (ports, args, first) = published;
    networks::written(facts, rest, setting, told.as_ref());
    networks::ports(facts, rest, ports, |index| format!("{args}/{}", first + index));
}

fn of_user(bundle: &Bundle) -> Option<UserNetwork> {
    let args = bundle.at("/hooks/poststart/0/args")?.as_array()?;
    UserNetwork::parse(texts(args).skip(WORDS).map(str::to_owned)).ok()
}

/// Whether the hooks are those that a build writes for what they are told: one in each of these sections.
fn is_ours(bundle: &Bundle, sections: &[Does], args: impl Fn(Verb) -> Option<Vec<String>>) -> bool {
    let first =
        sections.first().and_then(|(section, _)| bundle.at(&format!("/hooks/{section}/0"))?.as_object());
    let Some(first) = first else { return false };
    let known = |key: &String| matches!(key.as_str(), "path" | "args" | "env" | "timeout");
    let hook = |(section, verb): &Does| {
        let mut hook = first.clone();
        hook.insert("args".to_owned(), json!(args(*verb)?));
        Some(((*section).to_owned(), json!([hook])))
    };
    let expected: Option<Map<String, Value>> = sections.iter().map(hook).collect();
    first.keys().all(known) && bundle.at("/hooks").and_then(Value::as_object) == expected.as_ref()
}

/// What all of our hooks have alike; returns the pointer to the arguments of the first. What is not as it is by default is
/// said even where the hooks are new: they run with all rights.
fn common(facts: &mut Facts, rest: &mut Rest, bundle: &Bundle, (section, _): Does) -> String {
    rest.take("/hooks");
    facts.says("/hooks");
    let ours =
        Fact::new(Group::Privileges, HOOKS, "", Value::from(section)).shown("").at("/hooks").usual(true);
    facts.add(ours.part_of(NAMESPACE, "network"));
    let first = format!("/hooks/{section}/0");
    for (key, kind, default) in [
        ("env", "environment of hooks", json!([ENVIRONMENT])),
        ("path", "program of hooks", json!(HOOK)),
        ("timeout", "timeout of hooks", json!(TIMEOUT)),
    ] {
        let at = format!("{first}/{key}");
        if let Some(value) = bundle.at(&at) {
            facts.add(part(Group::Privileges, kind, value.clone(), *value == default).at(at));
        }
    }
    format!("{first}/args")
}

fn part(group: Group, kind: &'static str, value: Value, usual: bool) -> Fact {
    let fact = Fact::new(group, kind, "", value).usual(usual);
    if usual { fact.part_of(HOOKS, "") } else { fact }
}

/// What hooks are told that is not about networks and ports.
fn ours(facts: &mut Facts, bundle: &Bundle, told: &Arguments, args: &str) {
    let mut says = |kind: &'static str, index: usize, value: &str, usual: bool| {
        let at = format!("{args}/{}", WORDS + index);
        facts.add(part(Group::Other, kind, Value::from(value), usual).at(at));
    };
    says("directory of what runs", 0, &told.run, told.run == RUN);
    says("directories of plugins", 1, &told.cni_path, told.cni_path == CNI_PATH);
    says("project", 2, &told.project, true);
    if told.bundle != bundle.name {
        says("name for hooks", 3, &told.bundle, false);
    }
    for (index, pin) in told.pins.iter().enumerate() {
        // Shared memory goes with the queues, if those are shared.
        if *pin == Pin::Shm && told.pins.contains(&Pin::Ipc) {
            continue;
        }
        let group = if *pin == Pin::Net { Group::Network } else { Group::Privileges };
        let at = format!("{args}/{}", WORDS + 4 + index);
        let exact = json!(*pin == Pin::Ipc && told.pins.contains(&Pin::Shm));
        let fact = Fact::new(group, "shares with others its", format!("{pin} namespace"), exact);
        facts.add(fact.shown("").at(at));
    }
}

/// Hooks that a build does not write run with all rights, and so are privileges.
fn foreign(facts: &mut Facts, rest: &mut Rest) {
    const SECTIONS: [&str; 6] =
        ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
    for section in SECTIONS {
        let list = format!("/hooks/{}", escaped(section));
        for (at, hook) in rest.items(&list) {
            let shown = hook.get("args").map_or_else(|| hook.to_string(), words::command);
            let name = format!("{section} {}", words::field(&hook, "path"));
            facts.add(Fact::new(Group::Privileges, "hook", name.trim_end(), hook).shown(shown).at(at));
        }
    }
}
