//! What holds for all bundles of a project: what the command line chose, else `x-bundlegen`, else the default.

use std::path::PathBuf;
use std::rc::Rc;

use super::features::{self, Features};
use super::rootless::{Rootless, rootless};
use super::{Options, Service};
use crate::compose::decode::all;
use crate::compose::devices::DeviceNodes;
use crate::compose::value::absolute_path::AbsolutePath;
use crate::compose::value::architecture::Architecture;
use crate::compose::value::cgroup_manager::CgroupManager;
use crate::compose::value::idmap::{HostUser, IdMap};
use crate::compose::value::init::InitPath;
use crate::compose::value::runtime::RuntimeVersion;
use crate::compose::{Allowed, Extension, HOOK, RESOLV_CONF};
use crate::diag::{Code, Diagnostics, Reported};
use crate::image::Platform;
use crate::load::in_project;
use crate::source::{Sources, Span, Spanned};

/// What the command line chose. It goes over `x-bundlegen`.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The platform the bundles are for.
    pub platform: Option<Platform>,
    /// Who makes the control groups.
    pub cgroup_manager: Option<CgroupManager>,
    /// The init process that `init: true` puts in front.
    pub init: Option<InitPath>,
    /// The runtimes the bundles are for.
    pub targets: Vec<RuntimeVersion>,
    /// Files with what `runc features` or `crun features` printed.
    pub features: Vec<PathBuf>,
    /// The user who runs the bundles without root.
    pub rootless: Option<HostUser>,
    /// Users and groups of the containers, and which of the host they are.
    pub userns_map: Vec<IdMap>,
    /// The program that the hooks call.
    pub hook: Option<AbsolutePath>,
    /// The host's file for the resolver.
    pub resolv_conf: Option<AbsolutePath>,
    /// The program that maps ports on the network of the host.
    pub proot: Option<AbsolutePath>,
}

/// What holds for all bundles of a project.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of the project.
    pub project: Rc<str>,
    /// The platform the bundles are for; `linux/amd64` by default, never that of the build host.
    pub platform: Platform,
    /// The architecture of the platform.
    pub architecture: Architecture,
    /// Who makes the control groups, where somebody said so.
    pub cgroup_manager: Option<CgroupManager>,
    /// The init process that `init: true` puts in front.
    pub init: InitPath,
    /// The runtimes that must be able to run them.
    pub runtimes: Vec<RuntimeVersion>,
    /// Further runtimes, by what they say of themselves.
    pub features: Vec<Features>,
    /// Devices whose numbers the file says.
    pub devices: DeviceNodes,
    /// Who runs them, where that is not root.
    pub rootless: Option<Rootless>,
    /// The program that the hooks call.
    pub hook: HostFile,
    /// The host's file for the resolver, of services that name no server.
    pub resolv_conf: HostFile,
    /// The program that maps ports on the network of the host, where the bundles of a user have no other network.
    pub proot: Option<HostFile>,
    /// What `lint` is not to mind in any service.
    pub allow: Vec<Allowed>,
}

/// A file of the host, and who says where it is.
#[derive(Clone, Debug)]
pub struct HostFile {
    /// The absolute path.
    pub path: Rc<str>,
    /// The place, where the Compose file says it.
    pub written: Option<Span>,
    /// Whether the command line says it.
    pub chosen: bool,
}

impl HostFile {
    /// What was chosen, else what is written, else the default.
    fn new(chosen: Option<&AbsolutePath>, written: Option<&Spanned<AbsolutePath>>, default: &str) -> Self {
        let path = chosen.or(written.map(|path| &path.value)).map_or(default, AbsolutePath::as_str);
        let written = written.filter(|_| chosen.is_none()).map(|path| path.span);
        HostFile { path: path.into(), written, chosen: chosen.is_some() }
    }

    /// What was chosen, else what is written, else none.
    fn of(chosen: Option<&AbsolutePath>, written: Option<&Spanned<AbsolutePath>>) -> Option<Self> {
        let path = chosen.or(written.map(|path| &path.value))?;
        Some(HostFile::new(chosen, written, path.as_str()))
    }
}

impl Settings {
    /// Whether systemd makes the control groups.
    pub fn systemd(&self) -> bool {
        self.cgroup_manager == Some(CgroupManager::Systemd)
    }

    /// Whether a container is in the network that a program of the user carries the traffic of.
    pub fn has_user_network(&self, service: &Service) -> bool {
        self.rootless.is_some() && self.proot.is_none() && service.shares_user_network()
    }

    /// The program that maps ports of a container which is in the network of the host for want of one of its own.
    pub fn proot(&self, service: &Service) -> Option<&HostFile> {
        self.proot.as_ref().filter(|_| self.rootless.is_some() && service.shares_user_network())
    }
}

pub(super) fn settings(
    d: &mut Diagnostics,
    sources: &mut Sources,
    extension: &Extension,
    options: &Options,
) -> Result<Settings, Reported> {
    let choices = &options.choices;
    let (platform, architecture) = platform(d, extension.platform.as_ref(), choices.platform.as_ref())?;
    let features = features(d, sources, extension, options)?;
    let rootless = rootless(d, extension, choices)?;
    let proot = HostFile::of(choices.proot.as_ref(), extension.proot.as_ref());
    check_proot(d, proot.as_ref(), rootless.as_ref())?;
    let written = extension.cgroup_manager.map(|manager| manager.value);
    let init = extension.init.as_ref().map(|init| init.value.clone());
    Ok(Settings {
        project: Rc::clone(&options.name),
        platform,
        architecture,
        cgroup_manager: choices.cgroup_manager.or(written),
        init: choices.init.clone().or(init).unwrap_or_default(),
        runtimes: runtimes(extension, choices),
        features,
        devices: extension.devices.clone(),
        rootless,
        hook: HostFile::new(choices.hook.as_ref(), extension.hook.as_ref(), HOOK),
        resolv_conf: HostFile::new(choices.resolv_conf.as_ref(), extension.resolv_conf.as_ref(), RESOLV_CONF),
        proot,
        allow: extension.allow.clone(),
    })
}

/// Root has bridges, where published ports are mapped without it and containers are kept apart.
fn check_proot(
    d: &mut Diagnostics,
    proot: Option<&HostFile>,
    rootless: Option<&Rootless>,
) -> Result<(), Reported> {
    let Some(proot) = proot.filter(|_| rootless.is_none()) else { return Ok(()) };
    let message = "proot maps the ports of containers that a user runs, and these are for root";
    let mut draft = d.error(Code::Conflict, message);
    if let Some(span) = proot.written {
        draft = draft.label(span, "");
    }
    Err(draft.help("remove it, as root has bridges; or say who runs them, with `rootless: UID`").emit())
}

/// What was chosen; else what is written; else the oldest of each.
fn runtimes(extension: &Extension, choices: &Choices) -> Vec<RuntimeVersion> {
    let written = extension.targets.iter().map(|version| version.value);
    let chosen: Vec<_> = if choices.targets.is_empty() { written.collect() } else { choices.targets.clone() };
    if chosen.is_empty() { RuntimeVersion::OLDEST.to_vec() } else { chosen }
}

/// What runtimes said of themselves, in files that the command line and the Compose file name.
fn features(
    d: &mut Diagnostics,
    sources: &mut Sources,
    extension: &Extension,
    options: &Options,
) -> Result<Vec<Features>, Reported> {
    let chosen = options.choices.features.iter().map(|path| (path.clone(), None));
    let written = extension.features.iter();
    let written = written.map(|path| (in_project(&path.value, &options.directory), Some(path.span)));
    all(chosen.chain(written).map(|(path, span)| features::read(d, sources, &path, span)))
}

pub(super) fn platform(
    d: &mut Diagnostics,
    written: Option<&Spanned<Rc<str>>>,
    chosen: Option<&Platform>,
) -> Result<(Platform, Architecture), Reported> {
    let (platform, span) = match (chosen, written) {
        (Some(chosen), _) => (chosen.clone(), None),
        (None, Some(written)) => {
            let parsed = written.value.parse();
            let place = |range| written.at(range);
            (parsed.map_err(|invalid| d.invalid(Code::InvalidValue, invalid, place))?, Some(written.span))
        }
        (None, None) => (Platform::default(), None),
    };
    // An architecture that exists may still be one that no seccomp profile is known for.
    let architecture = platform.architecture().parse::<Architecture>();
    let architecture = architecture.map_err(|invalid| match span {
        Some(span) => d.invalid(Code::InvalidValue, invalid, |_| span),
        None => d.error(Code::InvalidValue, invalid.message).emit(),
    });
    Ok((platform, architecture?))
}
