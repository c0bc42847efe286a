//! `process`: what runs, as whom, and where. See the process chapter of the runtime spec.

use std::collections::BTreeMap;

use oci_spec::runtime as oci;
use serde_json::json;

use super::Context;
use super::capabilities::{self, RunsAs};
use super::defaults::PATH;
use super::hostname;
use super::mounts::INIT;
use super::origin::{Origin, Origins};
use super::proot;
use super::rlimits::rlimits;
use super::selinux;
use crate::compose::service::Command;
use crate::compose::value::capability::{Capability, CapabilityName};
use crate::compose::value::target::{clean, kernel_tree};
use crate::diag::{Code, Diagnostics, Reported};
use crate::lock::Configuration;
use crate::project::{Image, Root};
use crate::source::Spanned;

/// What makes an init pass signals on to all of its children. tini and catatonit know it.
pub const GROUP: &str = "-g";

/// The process. Fails when there is nothing to run or nowhere to run it.
pub fn process(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Result<oci::Process, Reported> {
    let args = args(d, context, o);
    let env = env(d, context, o);
    let cwd = cwd(d, context, o);
    let rlimits = rlimits(d, context, o);
    let mut process = empty(d)?;
    process
        .set_terminal(terminal(context, o))
        .set_user(user(context, o))
        .set_args(Some(args?))
        .set_env(Some(env))
        .set_cwd(cwd?.into())
        .set_capabilities(Some(bounded(context, o)))
        .set_rlimits(rlimits?)
        .set_no_new_privileges(no_new_privileges(context, o))
        .set_apparmor_profile(apparmor(context, o))
        .set_selinux_label(selinux::process_label(context, o))
        .set_oom_score_adj(Some(oom_score_adj(context, o)));
    Ok(process)
}

/// The schema knows no number outside of -1000 to 1000.
fn oom_score_adj(context: &Context, o: &mut Origins) -> i32 {
    let (score, origin) = match context.written().oom_score_adj {
        Some(written) => (written.value, Origin::Written(written.span)),
        None => (0, Origin::Default("Docker's: the score of the runtime's caller is not inherited")),
    };
    o.set("/process/oomScoreAdj", origin);
    i32::try_from(score).unwrap_or(0)
}

/// `ProcessBuilder` brings limits and capabilities of its own; the least the type accepts brings nothing.
fn empty(d: &mut Diagnostics) -> Result<oci::Process, Reported> {
    serde_json::from_value(json!({ "user": { "uid": 0, "gid": 0 }, "cwd": "/" }))
        .map_err(|error| d.error(Code::Internal, format!("no empty process: {error}")).emit())
}

/// What the image says, or why nothing does.
fn of_image<'a>(context: &'a Context) -> Option<(&'a Configuration, impl Fn(&'static str) -> Origin)> {
    let image = context.service.image()?;
    let origin = |part| Origin::Image { reference: image.reference.clone(), part };
    Some((&image.locked.configuration, origin))
}

/// `entrypoint` and `command`, else the image's. An `entrypoint` clears the image's command too, and an empty one
/// of either stands for none: the rules of the Compose specification. An empty word alone is an empty entrypoint, as in
/// Docker: moby `daemon/commit.go`.
fn args(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Result<Vec<String>, Reported> {
    let written = context.written();
    let image = of_image(context);
    let mut args: Vec<(String, Origin)> = Vec::new();
    let from_image = |args: &mut Vec<_>, pick: fn(&Configuration) -> &Vec<String>, part| {
        if let Some((configuration, origin)) = &image {
            args.extend(pick(configuration).iter().map(|word| (word.clone(), origin(part))));
        }
    };
    let own = |args: &mut Vec<_>, command: &Command| {
        args.extend(command.words.iter().map(|word| (word.to_string(), Origin::Written(command.span))));
    };
    match &written.entrypoint {
        Some(entrypoint) if matches!(&*entrypoint.words, [word] if word.is_empty()) => {}
        Some(entrypoint) => own(&mut args, entrypoint),
        None => from_image(&mut args, |configuration| &configuration.entrypoint, "Entrypoint"),
    }
    match (&written.command, &written.entrypoint) {
        (Some(command), _) => own(&mut args, command),
        (None, Some(_)) => {}
        (None, None) => from_image(&mut args, |configuration| &configuration.cmd, "Cmd"),
    }
    if args.is_empty() && !matches!(context.service.root, Root::Unknown(_)) {
        let name = &context.service.name;
        let draft = d.error(Code::NoCommand, format!("service `{}` has nothing to run", name.value));
        let draft = draft.label(name.span, "neither an entrypoint nor a command");
        return Err(draft.help("give it a `command`").emit());
    }
    if let Some((word, _)) = args.iter().find(|(word, _)| word.contains('\0')) {
        let message = format!("the image would run `{}`, which has a NUL character", word.escape_debug());
        let draft = d.error(Code::Image, message).label(context.service.name.span, "with this image");
        return Err(draft.help("give the service an `entrypoint` and a `command`").emit());
    }
    warn_no_init(d, context);
    args.splice(0..0, proot::front(d, context, args.first())?);
    if let Some(init) = context.init() {
        // What is under proot is a child of it, and proot passes no signal on.
        let group = proot::wraps(context).map(|_| GROUP);
        let front = [Some(INIT), group, Some("--")].into_iter().flatten();
        args.splice(0..0, front.map(|word| (word.to_owned(), Origin::Written(init))).collect::<Vec<_>>());
    }
    let recorded = args.into_iter().enumerate().map(|(index, (word, origin))| {
        o.set(format!("/process/args/{index}"), origin);
        word
    });
    Ok(recorded.collect())
}

/// An init process looks after a PID namespace, which has one already where it is shared.
fn warn_no_init(d: &mut Diagnostics, context: &Context) {
    let written = context.written().init.filter(|init| init.value);
    let (Some(init), Some(pid)) = (written, context.service.namespaces.pid.shared()) else { return };
    let draft = d.warning(Code::NoPlace, "`init` does nothing in a PID namespace that is shared");
    let draft = draft.label(init.span, "left out, as in Docker").label(pid, "the namespace is shared");
    draft.help("remove one of them").emit();
}

/// The variables of the image, over Docker's own, and over them those of the service; sorted by name.
fn env(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Vec<String> {
    let mut env: BTreeMap<String, (String, Origin)> = BTreeMap::new();
    let path = Origin::Default("Docker's search path for an image without one");
    env.insert("PATH".into(), (PATH.into(), path));
    if let Some((name, origin)) = hostname::name(context) {
        env.insert("HOSTNAME".into(), (name, origin));
    }
    if let Some(tty) = context.written().tty.filter(|tty| tty.value) {
        env.insert("TERM".into(), ("xterm".into(), Origin::Written(tty.span)));
    }
    if let Some((configuration, origin)) = of_image(context) {
        for variable in &configuration.env {
            match variable.split_once('=') {
                Some((name, value)) if !name.is_empty() && !variable.contains('\0') => {
                    env.insert(name.into(), (value.into(), origin("Env")));
                }
                _ => warn_no_variable(d, context, variable),
            }
        }
    }
    if let Some(proot) = proot::wraps(context) {
        let variable = |(name, value): (&str, &str)| (name.into(), (value.into(), proot::origin(proot)));
        env.extend(proot::VARIABLES.map(variable));
    }
    for (name, variable) in &context.service.environment {
        match &variable.value {
            Some(value) => env.insert(name.to_string(), (value.to_string(), Origin::Written(variable.span))),
            None => env.remove(&**name),
        };
    }
    let recorded = env.into_iter().enumerate().map(|(index, (name, (value, origin)))| {
        o.set(format!("/process/env/{index}"), origin);
        format!("{name}={value}")
    });
    recorded.collect()
}

fn warn_no_variable(d: &mut Diagnostics, context: &Context, variable: &str) {
    let message = format!("`{}` in the image is no variable", variable.escape_debug());
    let draft = d.warning(Code::Image, message).label(context.service.name.span, "with this image");
    draft.help("it is left out: a variable is `NAME=VALUE`, without a NUL character").emit();
}

/// `working_dir`, else the image's, else `/`. A place under `/proc` has let containers escape (CVE-2024-21626).
fn cwd(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Result<String, Reported> {
    let written = context.written().working_dir.as_ref().filter(|cwd| !cwd.value.is_empty());
    let image = of_image(context).and_then(|(configuration, origin)| {
        let cwd = configuration.working_dir.as_deref().filter(|cwd| !cwd.is_empty())?;
        Some((cwd.to_owned(), origin("WorkingDir")))
    });
    let (cwd, origin) = match (written, image) {
        (Some(Spanned { value, span }), _) => (value.to_string(), Origin::Written(*span)),
        (None, Some(image)) => image,
        (None, None) => ("/".into(), Origin::Default("Docker's: the root directory")),
    };
    let clean = clean(&cwd);
    let wrong = match cwd.as_str() {
        path if path.contains('\0') => Some("may not hold a NUL character"),
        path if !path.starts_with('/') => Some("must be an absolute path"),
        _ if kernel_tree(&clean) == Some("/proc") => Some("may not lie in /proc"),
        _ => None,
    };
    if let Some(wrong) = wrong {
        let place = match origin {
            Origin::Written(span) => span,
            _ => context.service.name.span,
        };
        let message = format!("the working directory `{}` {wrong}", cwd.escape_debug());
        return Err(d.error(Code::InvalidValue, message).label(place, "").emit());
    }
    o.set("/process/cwd", origin);
    Ok(clean)
}

fn user(context: &Context, o: &mut Origins) -> oci::User {
    let user = &context.service.user;
    let origin = match (user.written, context.service.image()) {
        (Some(span), _) => Origin::Written(span),
        (None, Some(image)) if names_a_user(image) => {
            Origin::Image { reference: image.reference.clone(), part: "User" }
        }
        (None, _) => Origin::Default("Docker's: root"),
    };
    o.set("/process/user", origin);
    let mut gids = user.ids.additional_gids.clone();
    if let Some(image) = context.service.image().filter(|_| !gids.is_empty()) {
        let origin = Origin::Image { reference: image.reference.clone(), part: "/etc/group" };
        o.set("/process/user/additionalGids", origin);
    }
    for group in &user.groups {
        o.set(format!("/process/user/additionalGids/{}", gids.len()), Origin::Written(group.span));
        gids.push(group.value);
    }
    let mut result = oci::User::default();
    result
        .set_uid(user.ids.uid)
        .set_gid(user.ids.gid)
        .set_umask(None)
        .set_additional_gids((!gids.is_empty()).then_some(gids))
        .set_username(None);
    result
}

fn names_a_user(image: &Image) -> bool {
    image.locked.configuration.user.as_deref().is_some_and(|user| !user.is_empty())
}

fn terminal(context: &Context, o: &mut Origins) -> Option<bool> {
    let tty = context.written().tty.filter(|tty| tty.value)?;
    o.set("/process/terminal", Origin::Written(tty.span));
    Some(true)
}

/// The sets, each with the origins of its members in the order they are written out: by name.
fn bounded(context: &Context, o: &mut Origins) -> oci::LinuxCapabilities {
    let (runs_as, sets): (_, &[&str]) = match context.service.user.ids.uid {
        0 => (RunsAs::Root, &["bounding", "effective", "permitted"]),
        _ => (RunsAs::Other, &["bounding"]),
    };
    let mut names: Vec<_> = context.capabilities.iter().copied().collect();
    names.sort_by_key(ToString::to_string);
    for (index, capability) in names.into_iter().enumerate() {
        let asked = |name: &&Spanned<CapabilityName>| match name.value {
            CapabilityName::All => true,
            CapabilityName::One(one) => one == capability,
        };
        let written = context.written().cap_add.iter().find(asked).map(|name| name.span);
        let proot = proot::wraps(context).filter(|_| capability == Capability::SysPtrace);
        let origin = match (context.privileged().or(written), proot) {
            (Some(span), _) => Origin::Written(span),
            (None, Some(proot)) => proot::origin(proot),
            (None, None) => Origin::Default("Docker's 14 capabilities"),
        };
        for set in sets {
            o.set(format!("/process/capabilities/{set}/{index}"), origin.clone());
        }
    }
    // What is not there has no pointer: the sets have the origin of what was taken out of them.
    let dropped = context.written().cap_drop.iter().filter(|_| context.privileged().is_none());
    for (index, dropped) in dropped.enumerate() {
        match index {
            0 => o.set("/process/capabilities", Origin::Written(dropped.span)),
            _ => o.also("/process/capabilities", Origin::Written(dropped.span)),
        }
    }
    capabilities::capabilities(&context.capabilities, runs_as)
}

/// `false` is what holds without it, and left out as in Docker.
fn no_new_privileges(context: &Context, o: &mut Origins) -> Option<bool> {
    let written = context.service.security.no_new_privileges.filter(|written| written.value)?;
    o.set("/process/noNewPrivileges", Origin::Written(written.span));
    Some(written.value)
}

/// A bundle has no AppArmor profile unless it is asked for one: `docker-default` is an object of Docker's hosts. So
/// `unconfined` says what is the case anyway, and naming it would keep hosts without AppArmor from starting it.
fn apparmor(context: &Context, o: &mut Origins) -> Option<String> {
    let written = context.service.security.apparmor.as_ref();
    let written = written.filter(|name| &*name.value != "unconfined")?;
    o.set("/process/apparmorProfile", Origin::Written(written.span));
    Some(written.value.to_string())
}
