//! `hooks`: what they are told, if they are those that a build writes.

use serde_json::Value;

use super::known::pointed;
use super::{Bundle, Draft, texts};
use crate::hook::argv::{Arguments, CNI_PATH, ENVIRONMENT, Pin, RUN, TIMEOUT, Verb};

/// What the hooks are told. Every hook that a build would not write is reported.
pub(super) fn hooks(draft: &mut Draft, bundle: &Bundle) -> Option<Arguments> {
    let all: Vec<(&String, &Value)> = bundle.map("/hooks").collect();
    let first = bundle.list("/hooks/createRuntime").first();
    let Some((first, told)) = first.zip(told(bundle)) else {
        for (section, _) in all {
            draft.cannot_say(bundle, &format!("/hooks/{}", pointed(section)));
        }
        return None;
    };
    let usual = usual(&told)?;
    for (section, list) in &all {
        let known = usual.iter().find(|(known, _)| known == section).map(|(_, args)| args);
        let same = |hook: &Value| {
            let args = hook.get("args").and_then(Value::as_array).map(|args| texts(args).collect::<Vec<_>>());
            let env = hook.get("env").and_then(Value::as_array).map(|env| texts(env).collect::<Vec<_>>());
            args.as_deref().zip(known).is_some_and(|(args, known)| args == known)
                && env.as_deref() == Some(&[ENVIRONMENT])
                && hook.get("timeout").and_then(Value::as_i64) == Some(i64::from(TIMEOUT))
                && hook.get("path") == first.get("path")
        };
        if !matches!(list.as_array().map(Vec::as_slice), Some([hook]) if same(hook)) {
            draft.cannot_say(bundle, &format!("/hooks/{}", pointed(section)));
        }
    }
    for (section, _) in usual.iter().filter(|(section, _)| all.iter().all(|(known, _)| known != section)) {
        draft.cannot_say(bundle, &format!("/hooks, without {section}"));
    }
    say(draft, bundle, first, &told);
    Some(told)
}

/// What all the hooks of a container would be told.
fn usual(told: &Arguments) -> Option<Vec<(&'static str, Vec<String>)>> {
    let started = told.pins.contains(&Pin::Shm);
    let sections = [
        ("createRuntime", Verb::Attach, true),
        ("poststart", Verb::Started, started),
        ("poststop", Verb::Detach, true),
    ];
    let there = sections.into_iter().filter(|(.., there)| *there);
    there.map(|(section, verb, _)| Some((section, told.to_args(verb).ok()?))).collect()
}

/// What the hooks of a bundle are told, if they are told it in words that a build writes.
pub(super) fn told(bundle: &Bundle) -> Option<Arguments> {
    let args = bundle.at("/hooks/createRuntime/0/args")?.as_array()?;
    Arguments::of_hook(texts(args))
}

fn say(draft: &mut Draft, bundle: &Bundle, hook: &Value, told: &Arguments) {
    const AT: &str = "/hooks/createRuntime/0";
    draft.project(bundle, AT, &told.project);
    match hook.get("path").and_then(Value::as_str) {
        Some(path) => draft.extend(bundle, &format!("{AT}/path"), "hook", path),
        None => draft.cannot_say(bundle, AT),
    }
    if (told.run.as_str(), told.cni_path.as_str(), told.bundle.as_str()) != (RUN, CNI_PATH, &bundle.name) {
        draft.cannot_say(bundle, AT);
    }
}
