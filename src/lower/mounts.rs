//! `mounts`: Docker's file systems, the files we generate, and what the service asks for. See the mounts chapter of
//! the runtime spec.

use std::path::PathBuf;

use oci_spec::runtime as oci;

use super::Context;
use super::defaults::{DefaultMount, MOUNTS, MOUNTS_FROM};
use super::hooks::of_file;
use super::hostname;
use super::namespaces::pinned;
use super::networks::attached;
use super::origin::{Origin, Origins};
use super::{proot, root};
use crate::compose::namespace::IpcMode;
use crate::compose::value::volume::{Propagation, Recursion};
use crate::diag::{Code, Diagnostics};
use crate::hook::argv::Pin;
use crate::project::network::way_out;
use crate::project::{Access, Mount, MountFrom, MountSource, Namespace};
use crate::source::Span;

/// Where a generated file of the bundle is seen in the container. The same path below the bundle is its source.
pub const HOSTS: &str = "/etc/hosts";

/// Where the file with the host name is seen, and its source below the bundle.
pub const HOSTNAME: &str = "/etc/hostname";

/// Where the file for the resolver is seen, and its source below the bundle.
pub const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Where the init process of the host is seen; Docker's place for it.
pub const INIT: &str = "/sbin/docker-init";

/// One mount before its place in the list is known.
struct Planned {
    destination: String,
    kind: String,
    source: String,
    options: Vec<String>,
    origin: Origin,
    size: Option<Span>,
}

/// The mounts, in the order they are made: the defaults, then by depth, so that nothing hides what lies inside it.
/// A mount of the service takes the place of one that it would cover.
pub fn mounts(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Vec<oci::Mount> {
    let own = own(d, context);
    let covered = |mount: &Planned| own.iter().any(|own| covers(&own.destination, &mount.destination));
    let mut all = defaults(d, context);
    all.retain(|mount| !covered(mount));
    let mut later = generated(context);
    later.retain(|mount| !covered(mount));
    later.extend(own);
    later.sort_by_cached_key(|mount| by_depth(&mount.destination));
    all.extend(later);
    let recorded = all.into_iter().enumerate().map(|(index, mount)| {
        let at = format!("/mounts/{index}");
        o.set(at.clone(), mount.origin.clone());
        if let Some(size) = mount.size {
            o.set(format!("{at}/options/{}", mount.options.len() - 1), Origin::Written(size));
        }
        mount.into_oci()
    });
    recorded.collect()
}

impl Planned {
    fn into_oci(self) -> oci::Mount {
        let mut mount = oci::Mount::default();
        mount
            .set_destination(PathBuf::from(self.destination))
            .set_typ(Some(self.kind))
            .set_source(Some(PathBuf::from(self.source)))
            .set_options(Some(self.options))
            .set_uid_mappings(None)
            .set_gid_mappings(None);
        mount
    }
}

/// Whether a mount of the service on `own` leaves one of ours on `path` away. As in Docker, `/dev` also does so for
/// what is below it, while a mount on `/etc` still gets our files into it.
fn covers(own: &str, path: &str) -> bool {
    own == path || (own == "/dev" && path.starts_with("/dev/"))
}

fn by_depth(destination: &str) -> (usize, String) {
    (destination.matches('/').count(), destination.to_owned())
}

fn defaults(d: &mut Diagnostics, context: &Context) -> Vec<Planned> {
    let shared_memory = shared_memory(d, context);
    let mounts = MOUNTS.iter().filter_map(|mount| match &shared_memory {
        SharedMemory::Nowhere if mount.destination == SHM => None,
        // The list of the host's queues is root's to mount, and not every host has it mounted. They work without.
        SharedMemory::Of { .. } if mount.kind == "mqueue" && context.userns.is_some() => None,
        SharedMemory::Of { source, span } if mount.destination == SHM => {
            let options = ["rbind", "rprivate"].map(str::to_owned).to_vec();
            let origin = Origin::Written(*span);
            Some(Planned {
                destination: SHM.into(),
                kind: "bind".to_owned(),
                source: source.clone(),
                options,
                origin,
                size: None,
            })
        }
        _ => Some(default(context, mount)),
    });
    mounts.collect()
}

/// Where shared memory of a container is.
const SHM: &str = "/dev/shm";

/// Whose shared memory a container has.
enum SharedMemory {
    Own,
    /// That of the host or of another container, and where this is written.
    Of {
        source: String,
        span: Span,
    },
    Nowhere,
}

/// `/dev/shm` goes with the IPC namespace, as Docker has it (moby `daemon/oci_linux.go`).
fn shared_memory(d: &mut Diagnostics, context: &Context) -> SharedMemory {
    let ipc = context.written().ipc.as_ref();
    let (shared, place) = match (&context.service.namespaces.ipc, ipc) {
        (Namespace::Host(span), _) => (SharedMemory::Of { source: SHM.to_owned(), span: *span }, *span),
        (Namespace::Of(owner), _) => {
            let source = pinned(context, owner, Pin::Shm);
            (SharedMemory::Of { source, span: owner.span }, owner.span)
        }
        (Namespace::Own, Some(ipc)) if ipc.value == IpcMode::None => (SharedMemory::Nowhere, ipc.span),
        (Namespace::Own, _) => return SharedMemory::Own,
    };
    if let Some(size) = context.written().shm_size.filter(|size| size.value.0 > 0) {
        let draft =
            d.warning(Code::Conflict, "`shm_size` has no effect: `/dev/shm` is not the container's own");
        draft.label(size.span, "").label(place, "says so").help("remove it").emit();
    }
    shared
}

fn default(context: &Context, mount: &DefaultMount) -> Planned {
    let privileged = writable(context, mount).and_then(|span| Some((span, mount.privileged_options?)));
    let (options, origin) = match privileged {
        Some((span, options)) => (options, Origin::Written(span)),
        None => (mount.options, Origin::Default(MOUNTS_FROM)),
    };
    let mut options: Vec<String> = options.iter().map(ToString::to_string).collect();
    let shm_size = context.written().shm_size.filter(|size| mount.destination == SHM && size.value.0 > 0);
    if let Some(size) = shm_size {
        options.retain(|option| !option.starts_with("size="));
        options.push(format!("size={}", size.value.0));
    }
    Planned {
        destination: mount.destination.into(),
        kind: mount.kind.into(),
        source: mount.source.into(),
        options,
        origin,
        size: shm_size.map(|size| size.span),
    }
}

/// Who makes a mount writable that is not: `privileged`, and for control groups `writable-cgroups`, which goes first.
fn writable(context: &Context, mount: &DefaultMount) -> Option<Span> {
    match context.service.security.writable_cgroups.filter(|_| mount.kind == "cgroup") {
        Some(writable) => writable.value.then_some(writable.span),
        None => context.privileged(),
    }
}

/// Whose choice of name servers it is without root.
const FORWARDED: &str = "the hook passes questions on to the name servers of the host";

/// The files Docker generates. They are read-only here: a container that wrote to them would change what was
/// reviewed. On the host's network they are the host's own, unless the service says what is in them.
fn generated(context: &Context) -> Vec<Planned> {
    let owner = context.joined_network();
    let written = owner.map_or(context.written(), |owner| &owner.written);
    let resolver = [written.dns.first().map(|one| one.span), written.dns_search.first().map(|one| one.span)];
    let options = written.dns_opt.first().map(|one| one.span);
    let resolver = resolver.into_iter().flatten().next().or(options);
    let resolv_conf = resolver.map(|span| generated_file(context, RESOLV_CONF, Origin::Written(span)));
    let (hosts, resolv_conf) = match context.host_network() {
        Some(span) => {
            let of_host = |path: &str| bound(path, path.to_owned(), Origin::Written(span));
            let hosts = written.extra_hosts.is_empty().then(|| of_host(HOSTS));
            (hosts, resolv_conf.or_else(|| Some(of_host(RESOLV_CONF))))
        }
        None if context.in_user_network() => (
            None,
            resolv_conf.or_else(|| Some(generated_file(context, RESOLV_CONF, Origin::Default(FORWARDED)))),
        ),
        None if context.proot().is_some() => (None, resolv_conf.or_else(|| Some(of_settings(context)))),
        None => (None, resolv_conf.or_else(|| name_servers(context))),
    };
    let ours = || {
        generated_file(
            context,
            HOSTS,
            Origin::Default("the names by which the container finds the others of the project"),
        )
    };
    let hosts = hosts.unwrap_or_else(ours);
    let files = [Some(hosts), resolv_conf, hostname_file(context), init(context)].into_iter().flatten();
    files.chain(proot(context)).collect()
}

/// The host's name servers, for a container that names none and has a way out. Docker's own server asks them too.
fn name_servers(context: &Context) -> Option<Planned> {
    let owner = context.joined_network().and_then(|owner| context.surroundings.service(&owner.bundle));
    let service = owner.unwrap_or(context.service);
    let has_way_out = way_out(attached(service, context.settings)).is_some();
    let covered = context.joined_network().is_some_and(|owner| owner.mounts_on(RESOLV_CONF));
    (has_way_out && !covered).then(|| of_settings(context))
}

/// The host's file for the resolver.
fn of_settings(context: &Context) -> Planned {
    let file = &context.settings.resolv_conf;
    let origin = of_file(file, "--resolv-conf", "the name servers of the host, as in Docker");
    bound(RESOLV_CONF, file.path.to_string(), origin)
}

/// The options are Docker's: moby `daemon/oci_linux.go`.
fn init(context: &Context) -> Option<Planned> {
    let origin = Origin::Written(context.init()?);
    let options = ["bind", "ro"].map(str::to_owned).to_vec();
    let source = context.settings.init.to_string();
    Some(Planned { destination: INIT.into(), kind: "bind".into(), source, options, origin, size: None })
}

/// The program that maps ports, and a place that it can write to: it puts a loader there for the programs that it runs.
/// The size is that of ctnr, which had this first.
fn proot(context: &Context) -> Vec<Planned> {
    let Some(proot) = proot::wraps(context) else { return Vec::new() };
    let origin = proot::origin(proot);
    let ids = &context.service.user.ids;
    let owner = (ids.uid != 0).then(|| [format!("uid={}", ids.uid), format!("gid={}", ids.gid)]);
    let options = ["nosuid", "nodev", "mode=755", "size=32256k"].map(str::to_owned).into_iter();
    let scratch = Planned {
        destination: proot::PLACE.into(),
        kind: "tmpfs".into(),
        source: "tmpfs".into(),
        options: options.chain(owner.into_iter().flatten()).collect(),
        origin: origin.clone(),
        size: None,
    };
    vec![scratch, bound(proot::PROGRAM, proot.path.to_string(), origin)]
}

fn hostname_file(context: &Context) -> Option<Planned> {
    hostname::name(context).map(|(_, origin)| generated_file(context, HOSTNAME, origin))
}

/// A file of the bundle, or of the bundle whose network is joined: as in Docker, both see one file. Where that one has a
/// mount of its own there, nothing is generated for it.
fn generated_file(context: &Context, path: &str, origin: Origin) -> Planned {
    let own = path.trim_start_matches('/');
    match context.joined_network().filter(|owner| !owner.mounts_on(path)) {
        Some(owner) => bound(path, format!("../{}/{own}", owner.bundle), Origin::Written(owner.span)),
        None => bound(path, own.to_owned(), origin),
    }
}

fn bound(destination: &str, source: String, origin: Origin) -> Planned {
    let options = read_only();
    Planned { destination: destination.into(), kind: "bind".into(), source, options, origin, size: None }
}

/// The mounts of the service and its image, by depth and then by name. One place can have one mount.
fn own(d: &mut Diagnostics, context: &Context) -> Vec<Planned> {
    let mut mounts: Vec<&Mount> = context.service.mounts.iter().collect();
    mounts.sort_by_cached_key(|mount| by_depth(&mount.target));
    for pair in mounts.windows(2) {
        let [first, second] = pair else { continue };
        if first.target == second.target {
            let message = format!("two mounts on `{}`", first.target);
            let draft = d.error(Code::Conflict, message).label(second.span, "");
            draft.label(first.span, "the other one").help("remove one of them").emit();
        }
    }
    // A volume is nobody's to mount things in but the host's, whatever the root is for the sake of another mount.
    let volumes = root::shared(context).map(|_| Propagation::Rslave);
    mounts.into_iter().map(|mount| planned(context, mount, volumes)).collect()
}

fn planned(context: &Context, mount: &Mount, volumes: Option<Propagation>) -> Planned {
    let access = mount.access;
    let (kind, source, options) = match &mount.source {
        MountSource::Bind { path, propagation, recursion, .. } => {
            ("bind", path.to_string(), bind(*recursion, access, Some(*propagation)))
        }
        // As Docker does: what is mounted in the root is what the runtime makes it.
        MountSource::Volume { path, .. } => {
            ("bind", path.to_string(), bind(Recursion::Enabled, access, volumes))
        }
        MountSource::Device { kind, source, options } => (&**kind, source.to_string(), with(options, access)),
        MountSource::Tmpfs { options, .. } => ("tmpfs", "tmpfs".to_owned(), with(options, access)),
        MountSource::Generated(file) => ("bind", file.path.clone(), read_only()),
        MountSource::Private(file) => ("bind", file.path.to_string(), read_only()),
    };
    let (destination, kind) = (mount.target.to_string(), kind.to_owned());
    Planned { destination, kind, source, options, origin: origin(context, mount), size: None }
}

/// Who asked for a mount.
pub(super) fn origin(context: &Context, mount: &Mount) -> Origin {
    match (mount.from, context.service.image()) {
        (MountFrom::Image, Some(image)) => {
            Origin::Image { reference: image.reference.clone(), part: "Volumes" }
        }
        _ => Origin::Written(mount.span),
    }
}

fn bind(recursion: Recursion, access: Access, propagation: Option<Propagation>) -> Vec<String> {
    let bind = if recursion == Recursion::Disabled { "bind" } else { "rbind" };
    let ro = match (access, recursion) {
        (Access::ReadWrite, _) => None,
        (Access::ReadOnly, Recursion::ReadOnly) => Some("rro"),
        (Access::ReadOnly, _) => Some("ro"),
    };
    let fixed = [Some(bind), ro].into_iter().flatten().map(str::to_owned);
    fixed.chain(propagation.map(|propagation| propagation.to_string())).collect()
}

/// The options of a mount that has its own. Where two exclude each other, the last one stays.
fn with(options: &[String], access: Access) -> Vec<String> {
    let mut options = options.to_vec();
    if access == Access::ReadOnly && !options.iter().any(|option| option == "ro") {
        options.retain(|option| option != "rw");
        options.push("ro".to_owned());
    }
    options
}

/// How a file of the bundle is mounted.
fn read_only() -> Vec<String> {
    bind(Recursion::Enabled, Access::ReadOnly, Some(Propagation::Rprivate))
}
