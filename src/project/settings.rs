//! What holds for all bundles of a project: what the command line chose, else `x-bundlegen`, else the default.

use std::rc::Rc;

use crate::compose::Extension;
use crate::compose::value::architecture::Architecture;
use crate::compose::value::cgroup_manager::CgroupManager;
use crate::diag::{Code, Diagnostics, Reported};
use crate::image::Platform;
use crate::source::Spanned;

/// What the command line chose. It goes over `x-bundlegen`.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The platform the bundles are for.
    pub platform: Option<Platform>,
    /// Who makes the control groups.
    pub cgroup_manager: Option<CgroupManager>,
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
}

pub(super) fn settings(
    d: &mut Diagnostics,
    project: &Rc<str>,
    extension: &Extension,
    choices: &Choices,
) -> Result<Settings, Reported> {
    let (platform, architecture) = platform(d, extension.platform.as_ref(), choices.platform.as_ref())?;
    let written = extension.cgroup_manager.map(|manager| manager.value);
    Ok(Settings {
        project: Rc::clone(project),
        platform,
        architecture,
        cgroup_manager: choices.cgroup_manager.or(written),
    })
}

fn platform(
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
