//! Hooks: what ours are told, said as what it means, and every other one as it stands.

use serde_json::{Map, Value, json};

use super::facts::{Fact, Facts};
use super::rest::Rest;
use super::setting::Setting;
use super::{Group, networks, words};
use crate::hook::argv::user_network::{BUNDLE, UserNetwork};
use crate::hook::argv::{Arguments, CNI_PATH, Pin, Ports, RUN, Verb};
use crate::hook::argv::{ENVIRONMENT, TIMEOUT};
use crate::inspect::{Bundle, texts};
use crate::lower::origin::escaped;

/// How many of the arguments say what is done, and not to what.
const WORDS: usize = 4;

/// The sections of hooks, and what ours do there.
const SECTIONS: [(&str, Verb); 3] =
    [("createRuntime", Verb::Attach), ("poststart", Verb::Started), ("poststop", Verb::Detach)];

/// What the hooks that a build writes are called.
const HOOKS: &str = "hooks of bundlegen";

/// Where the first arguments are.
const ARGS: &str = "/hooks/createRuntime/0/args";

pub(super) fn hooks(facts: &mut Facts, rest: &mut Rest, bundle: &Bundle, setting: &Setting) {
    let told =
        bundle.told().filter(|told| is_ours(bundle, |verb| told.to_args(verb).ok(), has_started(told)));
    let for_user = of_user(bundle).filter(|told| {
        is_ours(bundle, |verb| Some(told.to_args(verb)), true)
            || is_ours(bundle, |verb| Some(told.to_args(verb)), false)
    });
    let mut published: (&[Ports], usize) = (&[], 0);
    if let Some(told) = &told {
        common(facts, rest, bundle);
        facts.says("/hooks");
        ours(facts, bundle, told);
        let first = WORDS + 4 + told.pins.len();
        networks::networks(facts, setting, told, |index| format!("{ARGS}/{}", first + index));
        published = (&told.ports, first + told.networks.len());
    } else if let Some(told) = &for_user {
        common(facts, rest, bundle);
        let started = bundle.list("/hooks/poststart").is_empty();
        let own = json!([told.run, told.project, told.resolver.to_string(), started]);
        let shown = format!("of {}, run in {}", told.project, told.run);
        facts.add(Fact::new(Group::Network, "network of a user", BUNDLE, own).shown(shown).at(ARGS));
        published = (&told.ports, WORDS + 3);
    } else {
        foreign(facts, rest);
    }
    let (ports, first) = published;
    networks::written(facts, rest, setting, told.as_ref());
    networks::ports(facts, rest, ports, |index| format!("{ARGS}/{}", first + index));
}

fn of_user(bundle: &Bundle) -> Option<UserNetwork> {
    let args = bundle.at(ARGS)?.as_array()?;
    UserNetwork::parse(texts(args).skip(WORDS).map(str::to_owned)).ok()
}

fn has_started(told: &Arguments) -> bool {
    told.pins.contains(&Pin::Shm)
}

/// Whether the hooks are those that a build writes for what they are told, one in each section.
fn is_ours(bundle: &Bundle, args: impl Fn(Verb) -> Option<Vec<String>>, started: bool) -> bool {
    let first = bundle.at("/hooks/createRuntime/0");
    let expected: Option<Map<String, Value>> = SECTIONS
        .iter()
        .filter(|(section, _)| started || *section != "poststart")
        .map(|(section, verb)| {
            let mut hook = first?.as_object()?.clone();
            hook.insert("args".to_owned(), json!(args(*verb)?));
            Some(((*section).to_owned(), json!([hook])))
        })
        .collect();
    let no_list = |hook: &Value| {
        hook.as_object().is_some_and(|hook| {
            hook.keys().all(|key| matches!(key.as_str(), "path" | "args" | "env" | "timeout"))
        })
    };
    first.is_some_and(no_list) && bundle.at("/hooks").and_then(Value::as_object) == expected.as_ref()
}

/// What all of our hooks have alike.
fn common(facts: &mut Facts, rest: &mut Rest, bundle: &Bundle) {
    rest.take("/hooks");
    facts.add(Fact::new(Group::Privileges, HOOKS, "", Value::Bool(true)).at("/hooks").usual(true));
    let hook = bundle.at("/hooks/createRuntime/0").and_then(Value::as_object);
    for (key, value) in hook.into_iter().flatten() {
        let usual = match key.as_str() {
            "env" => *value == json!([ENVIRONMENT]),
            "timeout" => *value == json!(TIMEOUT),
            "path" => true,
            _ => continue,
        };
        let kind = match key.as_str() {
            "env" => "environment of hooks",
            "timeout" => "timeout of hooks",
            _ => "program of hooks",
        };
        let at = format!("/hooks/createRuntime/0/{key}");
        facts.add(
            Fact::new(Group::Privileges, kind, "", value.clone()).at(at).usual(usual).part_of(HOOKS, ""),
        );
    }
}

/// What hooks are told that is not about networks and ports.
fn ours(facts: &mut Facts, bundle: &Bundle, told: &Arguments) {
    let mut says = |kind: &'static str, index: usize, value: &str, usual: bool| {
        let at = format!("{ARGS}/{}", WORDS + index);
        facts.add(
            Fact::new(Group::Other, kind, "", Value::from(value)).at(at).usual(usual).part_of(HOOKS, ""),
        );
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
        let at = format!("{ARGS}/{}", WORDS + 4 + index);
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
