//! What becomes of a spec when a user without rights runs the bundle.
//!
//! The sections say what Docker does, which runs as root. What is a default and cannot be had without root is changed or
//! left out here; what somebody wrote is an error at its place. All of it was found out by running runc 1.1 and crun 1.8.

mod network;

use std::collections::BTreeSet;

use oci::LinuxNamespaceType as Kind;
use oci_spec::runtime as oci;

use super::origin::{Origin, Origins};
use super::userns::Userns;
use super::{Context, proot};
use crate::compose::namespace::CgroupMode;
use crate::compose::value::runtime::Runtime;
use crate::diag::{Code, Diagnostics};
use crate::project::MountSource;
use crate::source::Span;

/// Puts the container into a user namespace and takes from the spec what root alone can do.
pub fn rootless(d: &mut Diagnostics, context: &Context, o: &mut Origins, spec: &mut oci::Spec) {
    let Some(userns) = &context.userns else { return };
    if let Some(span) = context.privileged() {
        let message = "`privileged` holds in the container's own user namespace, and not on the host";
        let draft = d.warning(Code::Rootless, message).label(span, "");
        draft.help("a bundle for root, without `rootless`, has all of it").emit();
    }
    check_wishes(d, context);
    check_user(d, context, userns);
    check_private(d, context, userns);
    if let Some(process) = spec.process_mut() {
        groups(d, context, userns, o, process);
        oom_score(d, o, process);
    }
    let Some(linux) = spec.linux_mut() else { return };
    joined(d, context, o, linux);
    userns.set(linux, o);
    network::join(context, o, linux);
    ping_groups(d, userns, o, linux);
    devices(d, context);
    limits(d, context, o, linux);
    let shared = Shared::of(linux);
    for (index, mount) in spec.mounts_mut().iter_mut().flatten().enumerate() {
        let at = format!("/mounts/{index}");
        owners(d, userns, o, &at, mount);
        if let Some(origin) = shared.change(context, userns, mount) {
            o.set(at, origin);
        }
    }
}

/// What is the contrary of a user namespace, or a way out of it.
fn check_wishes(d: &mut Diagnostics, context: &Context) {
    let written = context.written();
    if let Some(host) = &written.userns_mode {
        let message = "`userns_mode: host` is no user namespace, and without root there must be one";
        let draft = d.error(Code::Conflict, message).label(host.span, "");
        let rootless = context.settings.rootless.as_ref().and_then(|rootless| rootless.written);
        let draft = match rootless {
            Some(span) => draft.label(span, "without root"),
            None => draft,
        };
        draft.help("remove one of them").emit();
    }
    let cgroup = written.cgroup.filter(|mode| mode.value == CgroupMode::Host).map(|mode| mode.span);
    let writable = context.service.security.writable_cgroups.filter(|writable| writable.value);
    for span in cgroup.into_iter().chain(writable.map(|writable| writable.span)) {
        let message =
            "a user without rights may not have control groups that are the host's or can be written to";
        let draft = d.error(Code::Rootless, message).label(span, "");
        draft.help("remove it: with them, a user namespace has been left (CVE-2023-25809)").emit();
    }
}

/// The user and the group of the process must exist in the container, and for runc so must root.
fn check_user(d: &mut Diagnostics, context: &Context, userns: &Userns) {
    let user = &context.service.user;
    let place = user.written.unwrap_or(context.service.name.span);
    let (uid, gid) = (user.ids.uid, user.ids.gid);
    for (is_mapped, word, id) in [(userns.has_user(uid), "user", uid), (userns.has_group(gid), "group", gid)]
    {
        if !is_mapped {
            let message = format!("the process runs as {word} {id}, which the container does not have");
            let draft = d.error(Code::Rootless, message).label(place, "");
            draft.help("map it with `userns_map`, or run the process as another one").emit();
            return;
        }
    }
    let runc = context.settings.runtimes.iter().find(|version| version.runtime == Runtime::Runc);
    if let Some(runc) = runc.filter(|_| !(userns.has_user(0) && userns.has_group(0))) {
        let message = format!("{runc} starts no container that has no root, and this one has none");
        let draft = d.error(Code::Rootless, message).label(place, "user and group 0 are not mapped");
        let help = "run the process as root, which is nobody but you on the host; or map a range with \
                    `userns_map`; or name crun alone in `targets`";
        draft.help(help).emit();
    }
}

/// The owner of a secret or a configuration. One that is not said is root, and is then who prepares the bundle.
fn check_private(d: &mut Diagnostics, context: &Context, userns: &Userns) {
    for mount in &context.service.mounts {
        let MountSource::Private(file) = &mount.source else { continue };
        let wrong = [
            (file.uid != 0 && !userns.has_user(file.uid), "user", file.uid),
            (file.gid != 0 && !userns.has_group(file.gid), "group", file.gid),
        ];
        for (_, word, id) in wrong.into_iter().filter(|(wrong, ..)| *wrong) {
            let message = format!("the file is to belong to {word} {id}, which the container does not have");
            let draft = d.error(Code::Rootless, message).label(mount.span, "");
            draft.help("map the number with `userns_map`, or name another one").emit();
        }
    }
}

/// Further groups that the image gives its user are left out where none can be had. Docker gives them unasked.
fn groups(
    d: &mut Diagnostics,
    context: &Context,
    userns: &Userns,
    o: &mut Origins,
    process: &mut oci::Process,
) {
    const AT: &str = "/process/user/additionalGids";
    let Some(gids) = process.user().additional_gids().clone() else { return };
    let asked: Vec<Span> = o.written(AT).collect();
    if !userns.may_have_groups(&context.settings.runtimes) {
        for span in asked {
            let message = "a process cannot have further groups where a user without rights runs the bundle";
            let draft = d.error(Code::Rootless, message).label(span, "");
            draft.help("crun alone can give it some, of a range in `userns_map`; or remove it").emit();
        }
        process.user_mut().set_additional_gids(None);
        o.forget(AT);
        return;
    }
    for (index, gid) in gids.iter().enumerate().filter(|(_, gid)| !userns.has_group(**gid)) {
        let user = context.service.user.written.unwrap_or(context.service.name.span);
        let place = match o.of(&format!("{AT}/{index}")) {
            Some(Origin::Written(span)) => *span,
            _ => user,
        };
        let message = format!("the process gets the group {gid}, which the container does not have");
        d.error(Code::Rootless, message).label(place, "").help("map it with `userns_map`").emit();
    }
}

/// Nobody but root can lower it, and the score of a user's session may be higher than 0.
fn oom_score(d: &mut Diagnostics, o: &mut Origins, process: &mut oci::Process) {
    const AT: &str = "/process/oomScoreAdj";
    let Some(Origin::Written(span)) = o.of(AT) else {
        process.set_oom_score_adj(None);
        o.forget(AT);
        return;
    };
    if let Some(score) = process.oom_score_adj().filter(|score| *score < 0) {
        let message = format!("a user without rights cannot set an OOM score of {score}");
        d.error(Code::Rootless, message).label(*span, "").help("0 and more can be set").emit();
    }
}

/// Only the user namespace that owns a namespace can join it, and that is the other container's.
fn joined(d: &mut Diagnostics, context: &Context, o: &Origins, linux: &oci::Linux) {
    for (index, namespace) in linux.namespaces().iter().flatten().enumerate() {
        let is_shared = namespace.typ() == Kind::Network && context.service.shares_user_network();
        if namespace.path().is_some() && !is_shared {
            let place = match o.of(&format!("/linux/namespaces/{index}")) {
                Some(Origin::Written(span)) => *span,
                _ => context.service.name.span,
            };
            let message = "a user without rights cannot join the namespaces of another container";
            d.error(Code::Rootless, message).label(place, "").help("give it one of its own").emit();
        }
    }
}

/// The kernel takes only groups that the container has.
fn ping_groups(d: &mut Diagnostics, userns: &Userns, o: &Origins, linux: &mut oci::Linux) {
    const KEY: &str = "net.ipv4.ping_group_range";
    let Some(range) = linux.sysctl_mut().as_mut().and_then(|all| all.get_mut(KEY)) else { return };
    let (first, last) = userns.groups();
    match o.of(&format!("/linux/sysctl/{KEY}")) {
        Some(Origin::Written(span)) => {
            let unmapped =
                range.split_whitespace().find(|gid| gid.parse().is_ok_and(|gid| !userns.has_group(gid)));
            if let Some(gid) = unmapped {
                let message = format!("the container has no group {gid}");
                let draft = d.error(Code::Rootless, message).label(*span, "");
                draft.help(format!("its groups are {first} to {last}")).emit();
            }
        }
        _ => *range = format!("{first} {last}"),
    }
}

/// crun does not start with them, and runc takes the host's in their place. Rules for devices need root everywhere: a
/// user namespace has the devices that are mounted into it.
fn devices(d: &mut Diagnostics, context: &Context) {
    for device in &context.written().devices {
        let (source, target) = (&device.source.value, &device.target.value);
        let message = format!("a user without rights cannot make the device `{target}`");
        let draft = d.error(Code::Rootless, message).label(device.span, "");
        let help = format!("mount the host's, if that user may use it: `volumes: [\"{source}:{target}\"]`");
        draft.help(help).emit();
    }
    for rule in &context.written().device_cgroup_rules {
        let draft = d.error(Code::Rootless, "rules for devices need root").label(rule.span, "");
        draft.help("remove it: the container has the devices that are mounted into it").emit();
    }
}

/// Limits need a control group that the user was given. systemd gives users theirs; nobody gives them one without.
fn limits(d: &mut Diagnostics, context: &Context, o: &mut Origins, linux: &mut oci::Linux) {
    o.forget("/linux/resources/devices");
    let mut resources = linux.resources().clone().unwrap_or_default();
    resources.set_devices(None);
    let mut nothing = oci::LinuxResources::default();
    nothing.set_devices(None);
    linux.set_resources((resources != nothing).then_some(resources));
    if context.settings.systemd() {
        slice(o, linux);
        return;
    }
    let asked: BTreeSet<Span> =
        ["/linux/resources", "/linux/cgroupsPath"].into_iter().flat_map(|at| o.written(at)).collect();
    for span in asked {
        let message = "a user without rights has no control group to set this in";
        let draft = d.error(Code::Rootless, message).label(span, "");
        let help = "systemd gives users their own: `cgroup_manager: systemd` in `x-bundlegen`; or remove it";
        draft.help(help).emit();
    }
}

/// A user's systemd has no part of the system's slice (runc `libcontainer/cgroups/systemd`).
fn slice(o: &Origins, linux: &mut oci::Linux) {
    let written = matches!(o.of("/linux/cgroupsPath"), Some(Origin::Written(_)));
    let path = linux.cgroups_path().as_ref().and_then(|path| path.to_str());
    if let Some(rest) = path.and_then(|path| path.strip_prefix("system.slice:")).filter(|_| !written) {
        let path = format!("user.slice:{rest}");
        linux.set_cgroups_path(Some(path.into()));
    }
}

/// Options that give a file system to somebody must name somebody that the container has. Docker's own for terminals is
/// left out where there is no such group.
fn owners(d: &mut Diagnostics, userns: &Userns, o: &Origins, at: &str, mount: &mut oci::Mount) {
    let unmapped = |option: &String| {
        let id = |key| option.strip_prefix(key).and_then(|id: &str| id.parse().ok());
        id("uid=").is_some_and(|uid| !userns.has_user(uid))
            || id("gid=").is_some_and(|gid| !userns.has_group(gid))
    };
    let Some(options) = mount.options_mut() else { return };
    if let Some(Origin::Written(span)) = o.of(at) {
        for option in options.iter().filter(|option| unmapped(option)) {
            let message = format!("`{option}` names somebody that the container does not have");
            let draft = d.error(Code::Rootless, message).label(*span, "");
            draft.help("map the number with `userns_map`, or name another one").emit();
        }
    } else {
        options.retain(|option| !unmapped(option));
    }
}

/// What is the host's own: file systems of it are root's to mount, and what the host has mounted is bound instead.
struct Shared {
    network: bool,
    pid: bool,
}

impl Shared {
    fn of(linux: &oci::Linux) -> Self {
        let shared = |kind| linux.namespaces().iter().flatten().all(|namespace| namespace.typ() != kind);
        Shared { network: shared(Kind::Network), pid: shared(Kind::Pid) }
    }

    /// Changes a mount that root alone could make; says why it was.
    fn change(&self, context: &Context, userns: &Userns, mount: &mut oci::Mount) -> Option<Origin> {
        let (path, options): (_, &[&str]) = match mount.typ().as_deref() {
            Some("sysfs") if self.network => ("/sys", &["rbind", "ro", "nosuid", "noexec", "nodev"]),
            Some("proc") if self.pid => ("/proc", &["rbind", "nosuid", "noexec", "nodev"]),
            Some("cgroup") => return read_only(userns, mount),
            _ => return None,
        };
        mount
            .set_typ(Some("bind".to_owned()))
            .set_source(Some(path.into()))
            .set_options(Some(options.iter().map(ToString::to_string).collect()));
        let network = context.host_network().filter(|_| path == "/sys").map(Origin::Written);
        let of_proot = || context.proot().filter(|_| path == "/sys").map(proot::origin);
        Some(network.or_else(of_proot).unwrap_or_else(|| userns.origin.clone()))
    }
}

/// Nobody may write to control groups from a user namespace (CVE-2023-25809).
fn read_only(userns: &Userns, mount: &mut oci::Mount) -> Option<Origin> {
    let options = mount.options_mut().as_mut()?;
    if options.iter().any(|option| option == "ro") {
        return None;
    }
    options.insert(0, "ro".to_owned());
    Some(userns.origin.clone())
}
