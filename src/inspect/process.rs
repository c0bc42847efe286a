//! `process`, `hostname` and `root`: what runs, as whom, and where.

use serde_json::{Map, Value, json};

use super::namespaces::Sharing;
use super::{Bundle, Draft, Facts, texts};
use crate::compose::value::hostname;
use crate::compose::value::rlimit::RlimitKind;
use crate::compose::value::target::clean;
use crate::lower::annotations::IMAGE;
use crate::lower::mounts::INIT;
use crate::lower::root::ROOTFS;

pub(super) fn process(draft: &mut Draft, bundle: &Bundle, facts: &Facts) {
    root(draft, bundle);
    arguments(draft, bundle, facts);
    user(draft, bundle, facts);
    working_dir(draft, bundle, facts);
    if bundle.at("/process/terminal") == Some(&Value::Bool(true)) {
        draft.set("tty", true);
    }
    if let Some(score) = bundle.at("/process/oomScoreAdj").and_then(Value::as_i64).filter(|score| *score != 0)
    {
        draft.set("oom_score_adj", score);
    }
    ulimits(draft, bundle);
    name_of_host(draft, bundle, facts);
}

/// The image, by its name; else the directory.
fn root(draft: &mut Draft, bundle: &Bundle) {
    match (bundle.annotation(IMAGE), bundle.text("/root/path")) {
        (Some(image), Some(path)) if path == ROOTFS || is_shared(bundle, path) => {
            draft.set("image", image.rsplit_once('@').map_or(image, |(name, _)| name));
        }
        (None, Some(path)) => {
            draft.set("x-bundlegen", json!({ "rootfs": super::mounts::in_project(bundle, path) }));
        }
        _ => draft.cannot_say(bundle, "/root/path"),
    }
    if bundle.at("/root/readonly") == Some(&Value::Bool(true)) {
        draft.set("read_only", true);
    }
}

/// Whether a root is that of another bundle, which a build gives those that do not write to it.
fn is_shared(bundle: &Bundle, path: &str) -> bool {
    let of = path.strip_prefix("../").and_then(|path| path.strip_suffix(ROOTFS)?.strip_suffix('/'));
    bundle.at("/root/readonly") == Some(&Value::Bool(true))
        && of.is_some_and(|name| !matches!(name, "" | "." | "..") && !name.contains('/'))
}

/// What the image does not say is a command where its entrypoint stands before it. An `entrypoint` clears both.
fn arguments(draft: &mut Draft, bundle: &Bundle, facts: &Facts) {
    let arguments: Vec<&str> = texts(bundle.list("/process/args")).collect();
    let own = match arguments.as_slice() {
        [INIT, "--", rest @ ..] if super::mounts::init(bundle).is_some() => {
            draft.set("init", true);
            rest
        }
        all => all,
    };
    if own.is_empty() {
        draft.cannot_say(bundle, "/process/args");
    }
    let image = facts.image.locked().map(|image| &image.configuration);
    let entrypoint = image.map(|image| image.entrypoint.iter().map(String::as_str).collect::<Vec<_>>());
    let command = image.map(|image| image.cmd.iter().map(String::as_str).collect::<Vec<_>>());
    match entrypoint.as_deref().and_then(|entrypoint| own.strip_prefix(entrypoint)) {
        Some(rest) if command.as_deref() == Some(rest) => {}
        Some(rest) if !rest.is_empty() => draft.set("command", rest.to_vec()),
        _ => draft.set("entrypoint", own.to_vec()),
    }
}

fn working_dir(draft: &mut Draft, bundle: &Bundle, facts: &Facts) {
    let image = facts.image.locked().and_then(|image| image.configuration.working_dir.as_deref());
    let implied = match (&facts.image, image.filter(|cwd| !cwd.is_empty())) {
        (super::image::Image::Unknown, _) => None,
        (_, Some(cwd)) => Some(clean(cwd)),
        (_, None) => Some("/".to_owned()),
    };
    if bundle.text("/process/cwd") != implied.as_deref() {
        draft.set("working_dir", bundle.text("/process/cwd"));
    }
}

/// Numbers need no table of users. Those of the image's own user are in the lock.
fn user(draft: &mut Draft, bundle: &Bundle, facts: &Facts) {
    let number = |pointer| bundle.at(pointer).and_then(Value::as_u64).unwrap_or_default();
    let (uid, gid) = (number("/process/user/uid"), number("/process/user/gid"));
    let groups: Vec<u64> =
        bundle.list("/process/user/additionalGids").iter().filter_map(Value::as_u64).collect();
    let image = facts.image.locked().and_then(|image| {
        let spec = image.configuration.user.as_deref().unwrap_or_default();
        image.users.get(spec)
    });
    let of_image = image.and_then(|user| {
        let gids: Vec<u64> = user.additional_gids.iter().copied().map(u64::from).collect();
        let same = (u64::from(user.uid), u64::from(user.gid)) == (uid, gid);
        groups.strip_prefix(gids.as_slice()).filter(|_| same)
    });
    let further = if let Some(further) = of_image {
        further
    } else {
        draft.set("user", format!("{uid}:{gid}"));
        // The group of the user itself comes first.
        groups.strip_prefix(&[gid]).unwrap_or(&groups)
    };
    draft.set("group_add", further.iter().map(ToString::to_string).collect::<Vec<_>>());
}

fn ulimits(draft: &mut Draft, bundle: &Bundle) {
    let mut ulimits = Map::new();
    for (index, limit) in bundle.list("/process/rlimits").iter().enumerate() {
        match ulimit(limit) {
            Some((name, limit)) if !ulimits.contains_key(&name) => drop(ulimits.insert(name, limit)),
            _ => draft.cannot_say(bundle, &format!("/process/rlimits/{index}")),
        }
    }
    draft.set("ulimits", ulimits);
}

fn ulimit(limit: &Value) -> Option<(String, Value)> {
    let name = limit.get("type")?.as_str()?;
    let kind = RlimitKind::ALL.iter().find(|kind| kind.spec_name() == name)?;
    let bound = |key: &str| match limit.get(key)?.as_u64()? {
        u64::MAX => Some(-1),
        bound => i64::try_from(bound).ok(),
    };
    Some((kind.to_string(), json!({ "soft": bound("soft")?, "hard": bound("hard")? })))
}

/// The name of the bundle is that of its host, unless it says another one. Who joins a network has its name too.
fn name_of_host(draft: &mut Draft, bundle: &Bundle, facts: &Facts) {
    let name = bundle.text("/hostname");
    let implied = match facts.network {
        _ if !facts.own_uts => None,
        Sharing::Host => None,
        Sharing::Own => Some(hostname::from_service(&bundle.name)),
        Sharing::Of(owner) => match facts.bundles.get(owner).map(|owner| owner.text("/hostname")) {
            Some(name) => name.map(str::to_owned).or_else(|| Some(hostname::from_service(owner))),
            None => name.map(str::to_owned),
        },
    };
    let can_be_said = facts.own_uts && !matches!(facts.network, Sharing::Of(_));
    match name {
        _ if name == implied.as_deref() => {}
        Some(name) if can_be_said && name.parse::<hostname::Hostname>().is_ok() => {
            draft.set("hostname", name);
        }
        _ => draft.cannot_say(bundle, "/hostname"),
    }
}
