//! A program that the runtime starts on the host, and that bundlegen did not write there.

use serde_json::Value;

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::hook::argv::user_network::UserNetwork;
use crate::hook::argv::{Arguments, ENVIRONMENT};
use crate::inspect::texts;
use crate::lower::origin::escaped;

pub(super) const RULE: Rule = Rule {
    name: RuleName::ForeignHook,
    severity: Severity::High,
    title: "the runtime starts a program on the host",
    help: "remove the hook; where the program of the hooks is not the usual one, put it where root alone can write",
    elsewhere: Elsewhere::NOWHERE,
    check,
};

/// Where anybody can put a program.
const OPEN: &[&str] = &["/tmp/", "/var/tmp/", "/dev/shm/"];

fn check(subject: &Subject, found: &mut Found) {
    for (section, hooks) in subject.bundle.map("/hooks") {
        let hooks = hooks.as_array().map_or(&[][..], Vec::as_slice);
        for (index, hook) in hooks.iter().enumerate() {
            let path = hook.get("path").and_then(Value::as_str).unwrap_or_default();
            if let Some(wrong) = wrong(path, hook) {
                let at = format!("/hooks/{}/{index}", escaped(section));
                found.add(at, format!("{section} {path}"), format!("`{path}` {wrong}"));
            }
        }
    }
}

fn wrong(path: &str, hook: &Value) -> Option<&'static str> {
    if !path.starts_with('/') {
        return Some("is started on the host, from wherever the runtime finds it");
    }
    if OPEN.iter().any(|open| path.starts_with(open)) {
        return Some("is started on the host, and anybody can put another program in its place");
    }
    if !is_ours(hook) {
        return Some("is started on the host, with the rights of who runs the container");
    }
    let env = hook.get("env").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    (!texts(env).eq([ENVIRONMENT]))
        .then_some("is started on the host with variables that bundlegen does not write")
}

/// Whether a hook is told what bundlegen tells its own.
fn is_ours(hook: &Value) -> bool {
    let args = hook.get("args").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let words: Vec<&str> = texts(args).collect();
    let told = || words.iter().skip(4).map(ToString::to_string);
    match words.get(..4) {
        Some(["bundlegen", "hook", "network", "attach" | "started" | "detach"]) => {
            Arguments::parse(told()).is_ok()
        }
        Some(["bundlegen", "hook", "user-network", "started" | "detach"]) => {
            UserNetwork::parse(told()).is_ok()
        }
        _ => false,
    }
}
