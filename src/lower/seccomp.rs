//! `linux.seccomp`: which system calls a container may make. See the seccomp chapter of the runtime spec.
//!
//! The default profile depends on the container's final capabilities and the target architecture and on nothing else,
//! so it is decided last and is the same on every machine that builds.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use oci_spec::runtime as oci;

use crate::compose::value::architecture::Architecture;
use crate::compose::value::capability::Capability;
use crate::diag::{Code, Diagnostics, Reported};
use crate::project::Seccomp;
use crate::source::Span;

use super::Context;
use super::origin::{Origin, Origins};

mod architecture;
mod kernel;
mod profile;
mod table;

pub use kernel::KernelVersion;
pub use profile::parse_profile;

use table::{ALWAYS, Argument, BY_ARCHITECTURE, BY_ARGUMENT, BY_CAPABILITY, CLONE_NAMESPACES};

/// The default profiles of one run, by the capabilities they follow. The architecture is the same for all.
#[derive(Default)]
pub struct Profiles(BTreeMap<BTreeSet<Capability>, Rc<oci::LinuxSeccomp>>);

impl Profiles {
    fn default_for(&mut self, context: &Context) -> Rc<oci::LinuxSeccomp> {
        if let Some(known) = self.0.get(&context.capabilities) {
            return Rc::clone(known);
        }
        let profile = Rc::new(default_profile(&context.capabilities, context.settings.architecture));
        self.0.insert(context.capabilities.clone(), Rc::clone(&profile));
        profile
    }
}

/// The filter of a service: the profile it names; none where it says `unconfined`, or is privileged and says nothing,
/// as in Docker; else the default profile.
pub fn seccomp(
    d: &mut Diagnostics,
    context: &Context,
    o: &mut Origins,
    profiles: &mut Profiles,
) -> Option<Rc<oci::LinuxSeccomp>> {
    let mut default = || profiles.default_for(context);
    let (profile, origin) = match (&context.service.security.seccomp, context.privileged()) {
        (Seccomp::Unconfined(_), _) | (Seccomp::Unsaid, Some(_)) => return None,
        (Seccomp::Unsaid, None) => (default(), Origin::Default("Docker's seccomp profile")),
        (Seccomp::Builtin(span), _) => (default(), Origin::Written(*span)),
        (Seccomp::File { text, file, span }, _) => {
            let place = |range: Range<usize>| Span::new(*file, range.start, range.end);
            (Rc::new(written(d, context, text, place).ok()?), Origin::Written(*span))
        }
        (Seccomp::Inline(profile), _) => {
            let place = |range: Range<usize>| profile.at(range);
            (Rc::new(written(d, context, &profile.value, place).ok()?), Origin::Written(profile.span))
        }
    };
    o.set("/linux/seccomp", origin);
    Some(profile)
}

fn written(
    d: &mut Diagnostics,
    context: &Context,
    text: &str,
    place: impl Fn(Range<usize>) -> Span,
) -> Result<oci::LinuxSeccomp, Reported> {
    parse_profile(text, &context.capabilities, context.settings.architecture, KernelVersion::OLDEST)
        .map_err(|invalid| d.invalid(Code::SeccompProfile, invalid, place))
}

/// Whether a text is a profile that stands for itself: one that was read before is the same when it is read again.
pub fn is_profile(text: &str, capabilities: &BTreeSet<Capability>) -> bool {
    let read = |architecture| parse_profile(text, capabilities, architecture, KernelVersion::OLDEST);
    Architecture::ALL.first().is_some_and(|architecture| read(*architecture).is_ok())
}

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

/// The profile of a container that names none. `capabilities` are those of the bounding set. The rules stand in a
/// fixed order, one for each condition that holds: always, by argument, by architecture, by capability in the
/// kernel's order, and without `SYS_ADMIN`.
pub fn default_profile(capabilities: &BTreeSet<Capability>, architecture: Architecture) -> oci::LinuxSeccomp {
    let mut rules = vec![allowed(ALWAYS)];
    rules.extend(BY_ARGUMENT.iter().map(allowed_with));
    rules.extend(
        BY_ARCHITECTURE
            .iter()
            .filter(|(architectures, _)| architectures.contains(&architecture))
            .map(|(_, calls)| allowed(calls)),
    );
    rules.extend(
        BY_CAPABILITY
            .iter()
            .filter(|(capability, _)| capabilities.contains(capability))
            .map(|(_, calls)| allowed(calls)),
    );
    if !capabilities.contains(&Capability::SysAdmin) {
        rules.extend(without_new_namespaces(architecture));
    }
    let mut profile = oci::LinuxSeccomp::default();
    profile
        .set_default_action(oci::LinuxSeccompAction::ScmpActErrno)
        .set_default_errno_ret(Some(EPERM))
        .set_architectures(Some(architecture::filtered(architecture).to_vec()))
        .set_syscalls(Some(rules));
    profile
}

/// Threads and processes, but no namespaces. The flags of clone3(2) are in memory, where a filter cannot look: it
/// does not exist, so that the C library falls back to clone(2).
fn without_new_namespaces(architecture: Architecture) -> [oci::LinuxSyscall; 2] {
    // On s390 the stack comes first and the flags second.
    let index = usize::from(architecture == Architecture::S390x);
    let operator = oci::LinuxSeccompOperator::ScmpCmpMaskedEq;
    let clone = allowed_with(&Argument { call: "clone", index, operator, value: CLONE_NAMESPACES });
    let mut clone3 = rule(&["clone3"], oci::LinuxSeccompAction::ScmpActErrno);
    clone3.set_errno_ret(Some(ENOSYS));
    [clone, clone3]
}

fn allowed(calls: &[&str]) -> oci::LinuxSyscall {
    rule(calls, oci::LinuxSeccompAction::ScmpActAllow)
}

fn allowed_with(given: &Argument) -> oci::LinuxSyscall {
    let mut rule = allowed(&[given.call]);
    rule.set_args(Some(vec![argument(given.index, given.operator, given.value, 0)]));
    rule
}

/// The condition that an argument compares to `value`; `value_two` is what a masked argument must be equal to.
fn argument(
    index: usize,
    operator: oci::LinuxSeccompOperator,
    value: u64,
    value_two: u64,
) -> oci::LinuxSeccompArg {
    let builder = oci::LinuxSeccompArgBuilder::default().index(index).op(operator).value(value);
    let builder = if value_two == 0 { builder } else { builder.value_two(value_two) };
    // Every field has a default, so the builder cannot fail.
    builder.build().unwrap_or_default()
}

fn rule(calls: &[&str], action: oci::LinuxSeccompAction) -> oci::LinuxSyscall {
    let mut rule = oci::LinuxSyscall::default();
    rule.set_names(calls.iter().map(|&call| call.to_owned()).collect()).set_action(action);
    rule
}

#[cfg(test)]
mod tests;
