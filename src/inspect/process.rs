//! `process`, `hostname` and `root`: what runs, as whom, and where.

use serde_json::{Map, Value, json};

use super::{Bundle, Draft, texts};
use crate::lower::annotations::IMAGE;

/// What `init: true` puts in front of the arguments.
const INIT: [&str; 2] = ["/sbin/docker-init", "--"];

pub(super) fn process(draft: &mut Draft, bundle: &Bundle) {
    root(draft, bundle);
    arguments(draft, bundle);
    environment(draft, bundle);
    user(draft, bundle);
    draft.set("working_dir", bundle.text("/process/cwd"));
    if bundle.at("/process/terminal") == Some(&Value::Bool(true)) {
        draft.set("tty", true);
    }
    if let Some(score) = bundle.at("/process/oomScoreAdj").and_then(Value::as_i64).filter(|score| *score != 0)
    {
        draft.set("oom_score_adj", score);
    }
    draft.set("ulimits", ulimits(bundle));
    draft.set("hostname", bundle.text("/hostname"));
    draft.set("domainname", bundle.text("/domainname"));
}

/// The image, by its name; else the directory.
fn root(draft: &mut Draft, bundle: &Bundle) {
    let image =
        bundle.at("/annotations").and_then(|annotations| annotations.get(IMAGE)).and_then(Value::as_str);
    match (image, bundle.text("/root/path")) {
        (Some(image), _) => draft.set("image", image.rsplit_once('@').map_or(image, |(name, _)| name)),
        (None, Some(path)) => draft.set("x-bundlegen", json!({ "rootfs": super::mounts::in_project(path) })),
        (None, None) => draft.cannot_say(bundle, "/root"),
    }
    if bundle.at("/root/readonly") == Some(&Value::Bool(true)) {
        draft.set("read_only", true);
    }
}

/// An `entrypoint` clears the command of the image too.
fn arguments(draft: &mut Draft, bundle: &Bundle) {
    let arguments: Vec<&str> = texts(bundle.list("/process/args")).collect();
    let own = match arguments.strip_prefix(&INIT) {
        Some(rest) if super::mounts::init(bundle).is_some() => {
            draft.set("init", true);
            rest
        }
        _ => &arguments[..],
    };
    draft.set("entrypoint", own.to_vec());
}

fn environment(draft: &mut Draft, bundle: &Bundle) {
    let variables = texts(bundle.list("/process/env")).filter_map(|variable| variable.split_once('='));
    let variables: Map<String, Value> =
        variables.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    draft.set("environment", variables);
}

/// Numbers need no table of users. The first of the further groups is that of the user itself.
fn user(draft: &mut Draft, bundle: &Bundle) {
    let number = |pointer| bundle.at(pointer).and_then(Value::as_u64).unwrap_or_default();
    let (uid, gid) = (number("/process/user/uid"), number("/process/user/gid"));
    draft.set("user", format!("{uid}:{gid}"));
    let groups = bundle.list("/process/user/additionalGids").iter().filter_map(Value::as_u64);
    let further: Vec<Value> =
        groups.filter(|group| *group != gid).map(|group| group.to_string().into()).collect();
    draft.set("group_add", further);
}

fn ulimits(bundle: &Bundle) -> Map<String, Value> {
    let limits = bundle.list("/process/rlimits").iter().filter_map(|limit| {
        let name = limit.get("type")?.as_str()?.strip_prefix("RLIMIT_")?.to_lowercase();
        let bound = |key: &str| {
            limit.get(key).and_then(Value::as_u64).map(|bound| i64::try_from(bound).unwrap_or(-1))
        };
        Some((name, json!({ "soft": bound("soft")?, "hard": bound("hard")? })))
    });
    limits.collect()
}
