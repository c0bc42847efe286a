//! How proot wraps a process, so that `bind` and `connect` mean the ports that are published on the network of the host.
//!
//! It is the way of ctnr (`model/oci/ocitransform.go`), for users who have no program that carries the traffic of a network
//! of their own. The options are those of proot since version 5.2: its `src/cli/proot.h`.

use super::Context;
use super::hooks::of_file;
use super::origin::Origin;
use crate::compose::value::capability::{Capability, CapabilityName};
use crate::compose::value::target::clean;
use crate::diag::{Code, Diagnostics, Reported};
use crate::project::{HostFile, Service};

/// Where proot has a place of its own.
pub const PLACE: &str = "/dev/proot";

/// Where proot is in the container.
pub const PROGRAM: &str = "/dev/proot/proot";

/// What it is told besides ports: to leave nobody behind when the process ends.
pub const KILL_ON_EXIT: &str = "--kill-on-exit";

/// What it is told before each pair of ports.
pub const PORT: &str = "-p";

/// What it is told by its environment: where it can write, and that the filter of system calls is not its own.
pub const VARIABLES: [(&str, &str); 2] = [("PROOT_NO_SECCOMP", "1"), ("PROOT_TMP_DIR", PLACE)];

/// The program, if it has something to map for the process.
pub fn wraps<'a>(context: &'a Context) -> Option<&'a HostFile> {
    context.proot().filter(|_| !context.service.mapped.is_empty())
}

/// What it takes to trace processes that have changed their user. The default filter follows it.
pub fn capability(service: &Service) -> Option<Capability> {
    (!service.mapped.is_empty()).then_some(Capability::SysPtrace)
}

/// Where the program comes from.
pub fn origin(proot: &HostFile) -> Origin {
    of_file(proot, "--proot", "proot")
}

/// The words before those of the process. proot takes all words with a dash for its own, up to the first without.
pub fn front(
    d: &mut Diagnostics,
    context: &Context,
    first: Option<&(String, Origin)>,
) -> Result<Vec<(String, Origin)>, Reported> {
    let Some(proot) = wraps(context) else { return Ok(Vec::new()) };
    if let Some((word, from)) = first.filter(|(word, _)| word.starts_with('-')) {
        let message = format!("proot would take `{}` for an option of its own", word.escape_debug());
        let place = match from {
            Origin::Written(span) => *span,
            _ => context.service.name.span,
        };
        let draft = d.error(Code::Rootless, message).label(place, "the program to run");
        return Err(draft.help("name the program by its path").emit());
    }
    let mut words = vec![(PROGRAM.to_owned(), origin(proot)), (KILL_ON_EXIT.to_owned(), origin(proot))];
    for mapped in &context.service.mapped {
        let from = || Origin::Written(mapped.written);
        words.push((PORT.to_owned(), from()));
        words.push((format!("{}:{}", mapped.container, mapped.host), from()));
    }
    Ok(words)
}

/// What is written against what proot needs.
pub(super) fn check(d: &mut Diagnostics, context: &Context) {
    if wraps(context).is_none() {
        return;
    }
    let is_needed = CapabilityName::One(Capability::SysPtrace);
    if let Some(dropped) = context.written().cap_drop.iter().find(|name| name.value == is_needed) {
        let draft = d.error(Code::Conflict, "proot maps no ports without the capability `SYS_PTRACE`");
        draft.label(dropped.span, "").help("remove it from `cap_drop`, or publish no ports").emit();
    }
    let covers = |target: &str| {
        let target = clean(target);
        target == "/dev" || target == PLACE || target.starts_with("/dev/proot/")
    };
    if let Some(mount) = context.service.mounts.iter().find(|mount| covers(&mount.target)) {
        let message = format!("a mount on `{}` is in the way of proot, which has `{PLACE}`", mount.target);
        d.error(Code::Conflict, message).label(mount.span, "").help("mount it at another place").emit();
    }
}
