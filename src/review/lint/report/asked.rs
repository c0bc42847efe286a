//! Where a service asks for what its bundle lacks: nothing in `config.json` says that a namespace is the host's, so that
//! nothing there has a place either.

use crate::compose;
use crate::compose::value::security_opt::SecurityOpt;
use crate::review::lint::RuleName;
use crate::source::Span;

/// The attribute that a finding of a rule is about, where it is one that takes something away.
pub(super) fn asked(service: &compose::Service, rule: RuleName) -> Option<Span> {
    let network = || service.network_mode.as_ref().map(|mode| mode.span);
    let option = |wanted: fn(&SecurityOpt) -> bool| {
        service.security_opt.iter().find(|option| wanted(&option.value)).map(|option| option.span)
    };
    match rule {
        RuleName::HostNetwork => network(),
        RuleName::HostPid => service.pid.as_ref().map(|mode| mode.span),
        RuleName::HostIpc => service.ipc.as_ref().map(|mode| mode.span),
        // The host's network has the host's name with it.
        RuleName::HostUts => service.uts.as_ref().map(|mode| mode.span).or_else(network),
        RuleName::HostCgroup => service.cgroup.as_ref().map(|mode| mode.span),
        RuleName::SeccompOff => option(|option| matches!(option, SecurityOpt::Seccomp(_))),
        RuleName::ApparmorOff => option(|option| matches!(option, SecurityOpt::Apparmor(_))),
        RuleName::SelinuxOff => option(|option| matches!(option, SecurityOpt::Label(_))),
        RuleName::UnmaskedPaths => option(|option| matches!(option, SecurityOpt::SystemPaths)),
        RuleName::NewPrivileges => option(|option| matches!(option, SecurityOpt::NoNewPrivileges(false))),
        _ => None,
    }
}
