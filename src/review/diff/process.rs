//! What runs, and as whom.

use serde_json::{Map, Value};

use super::facts::{Fact, Facts};
use super::rest::Rest;
use super::{Group, words};

/// What the version of the spec is called.
pub(super) const VERSION: &str = "version of the runtime spec";

/// Values that stand for themselves.
const VALUES: &[(&str, Group, &str)] = &[
    ("/domainname", Group::Process, "domain name"),
    ("/process/cwd", Group::Process, "working directory"),
    ("/process/terminal", Group::Process, "terminal"),
    ("/process/noNewPrivileges", Group::Privileges, "no new privileges"),
    ("/process/apparmorProfile", Group::Privileges, "AppArmor profile"),
    ("/process/selinuxLabel", Group::Privileges, "SELinux label"),
    ("/linux/mountLabel", Group::Privileges, "SELinux label of mounts"),
    ("/linux/rootfsPropagation", Group::FileSystem, "propagation of the root"),
    ("/root/path", Group::FileSystem, "root"),
    ("/root/readonly", Group::FileSystem, "read-only root"),
    ("/ociVersion", Group::Other, VERSION),
];

/// What nearly every container has.
const USUAL: &[(&str, &str)] =
    &[("/process/cwd", "/"), ("/root/path", "rootfs"), ("/ociVersion", "1.0.2"), ("/ociVersion", "1.1.0")];

pub(super) fn process(facts: &mut Facts, rest: &mut Rest) {
    let host_name = rest.take("/hostname");
    if let Some(name) = &host_name {
        let mut fact = Fact::new(Group::Process, "host name", "", name.clone()).at("/hostname").usual(true);
        // `HOSTNAME` changes with it.
        fact.pointers.push("/process/env".to_owned());
        facts.add(fact);
    }
    for (pointer, group, kind) in VALUES {
        if let Some(value) = rest.take(pointer) {
            let usual = USUAL.iter().any(|(at, usual)| at == pointer && value.as_str() == Some(usual));
            facts.add(Fact::new(*group, kind, "", value).at(*pointer).usual(usual));
        }
    }
    if let Some(args) = rest.take("/process/args") {
        let shown = words::command(&args);
        facts.add(Fact::new(Group::Process, "command", "", args).shown(shown).at("/process/args"));
    }
    environment(facts, rest, host_name.as_ref().and_then(Value::as_str));
    user(facts, rest);
}

/// `HOSTNAME` is the host name, unless it is something else.
fn environment(facts: &mut Facts, rest: &mut Rest, host_name: Option<&str>) {
    let mut keys = Vec::new();
    for (at, item) in rest.items("/process/env") {
        let fact = match item.as_str().map(|text| text.split_once('=').ok_or(text)) {
            Some(Ok(("HOSTNAME", value))) if Some(value) == host_name => {
                Fact::new(Group::Process, "variable", "HOSTNAME", Value::Null)
                    .shown("the host name")
                    .usual(true)
                    .part_of("host name", "")
            }
            Some(Ok((name, value))) => {
                let shown = if value.is_empty() { "\"\"" } else { value };
                Fact::new(Group::Process, "variable", name, Value::from(value)).shown(shown)
            }
            Some(Err(name)) => Fact::new(Group::Process, "variable", name, Value::Null),
            None => Fact::new(Group::Process, "variable", item.to_string(), Value::Bool(true)),
        };
        keys.push(facts.add(fact.at(at)));
    }
    facts.order("/process/env", keys);
}

fn user(facts: &mut Facts, rest: &mut Rest) {
    for (at, gid) in rest.items("/process/user/additionalGids") {
        facts.add(Fact::new(Group::Process, "further group", gid.to_string(), Value::Bool(true)).at(at));
    }
    let taken = ["uid", "gid", "username"]
        .map(|key| rest.take(&format!("/process/user/{key}")).map(|value| (key.to_owned(), value)));
    let ids: Map<String, Value> = taken.into_iter().flatten().collect();
    if ids.is_empty() {
        return;
    }
    let part = |key: &str| ids.get(key).map(words::plain).filter(|id| !id.is_empty());
    let shown = ["uid", "gid"].map(|key| part(key).unwrap_or_else(|| "?".to_owned())).join(":");
    let shown = part("username").map_or(shown.clone(), |name| format!("{shown} ({name})"));
    facts.add(Fact::new(Group::Process, "user", "", Value::Object(ids)).shown(shown).at("/process/user"));
}
