//! A user's profile, as `security_opt: [seccomp=FILE]` names it.
//!
//! Two formats are read: the runtime spec's, and Docker's, which adds conditions on capabilities, architecture and
//! kernel. A runtime ignores the conditions, so that a rule meant for one capability would hold for all containers;
//! they are decided here, and what is left is the runtime spec's format. Anything unknown is an error: a rule
//! that is dropped may be the one that confines.

use std::collections::BTreeSet;

use oci_spec::runtime as oci;

use super::{KernelVersion, architecture, argument};
use crate::compose::value::architecture::Architecture;
use crate::compose::value::capability::Capability;
use crate::diag::Invalid;

mod place;
mod written;

use written::{ArchMapEntry, ArchitectureText, Argument, Condition, Rule, Written};

/// Reads a profile and decides its conditions, as Docker does (`seccomp.LoadProfile`) for a host of this
/// `architecture` whose kernel is at least `kernel`. `capabilities` are those of the bounding set.
pub fn parse_profile(
    text: &str,
    capabilities: &BTreeSet<Capability>,
    architecture: Architecture,
    kernel: KernelVersion,
) -> Result<oci::LinuxSeccomp, Invalid> {
    let written = written::read(text).map_err(|error| place::invalid(text, &error))?;
    if written.architectures.is_some() && written.arch_map.is_some() {
        return Err(twice(text));
    }
    let target = Target { capabilities, architecture, kernel };
    Ok(written.decided(&target))
}

fn twice(text: &str) -> Invalid {
    let key = "\"archMap\"";
    let start = text.find(key).unwrap_or(0);
    Invalid::new(start..text.len().min(start + key.len()), "both `architectures` and `archMap` are given")
        .help("remove one of them")
}

/// What conditions are about.
struct Target<'a> {
    capabilities: &'a BTreeSet<Capability>,
    architecture: Architecture,
    kernel: KernelVersion,
}

impl Written {
    fn decided(self, target: &Target) -> oci::LinuxSeccomp {
        let architectures = self.architectures.or_else(|| Some(mapped(&self.arch_map?, target.architecture)));
        let rules = self.syscalls.unwrap_or_default();
        let rules: Vec<_> =
            rules.into_iter().filter(|rule| rule.applies(target)).map(Rule::into_oci).collect();
        let mut profile = oci::LinuxSeccomp::default();
        profile
            .set_default_action(self.default_action)
            .set_default_errno_ret(self.default_errno_ret.map(|errno| errno.0))
            .set_architectures(filled(architectures.unwrap_or_default()))
            .set_flags(filled(self.flags.unwrap_or_default()))
            .set_listener_path(self.listener_path)
            .set_listener_metadata(self.listener_metadata)
            .set_syscalls(filled(rules));
        profile
    }
}

/// The architectures that the map gives for the target; the target alone if it gives none.
fn mapped(map: &[ArchMapEntry], target: Architecture) -> Vec<oci::Arch> {
    let own = architecture::own(target);
    let subordinate = map.iter().find(|entry| entry.architecture == own);
    let subordinate = subordinate.and_then(|entry| entry.sub_architectures.as_deref()).unwrap_or_default();
    [&[own], subordinate].concat()
}

/// The schema of the runtime spec wants an absent list rather than an empty one.
fn filled<T>(list: Vec<T>) -> Option<Vec<T>> {
    if list.is_empty() { None } else { Some(list) }
}

impl Rule {
    fn applies(&self, target: &Target) -> bool {
        self.includes.includes(target) && !self.excludes.excludes(target)
    }

    fn into_oci(self) -> oci::LinuxSyscall {
        let mut rule = oci::LinuxSyscall::default();
        rule.set_names(self.names)
            .set_action(self.action)
            .set_errno_ret(self.errno_ret.map(|errno| errno.0))
            .set_args(filled(self.args.iter().map(Argument::to_oci).collect()));
        rule
    }
}

impl Argument {
    fn to_oci(&self) -> oci::LinuxSeccompArg {
        argument(self.index.0, self.op, self.value, self.value_two.unwrap_or(0))
    }
}

impl Condition {
    /// Every kind of condition that is given must hold, all its capabilities included.
    fn includes(&self, target: &Target) -> bool {
        let caps = self.caps.iter().flatten().all(|cap| target.capabilities.contains(&cap.0));
        let arches = self.arches.as_ref().is_none_or(|arches| arches.is_empty() || target.is_one_of(arches));
        let kernel = self.min_kernel.as_ref().is_none_or(|least| target.kernel >= least.0);
        caps && arches && kernel
    }

    /// One that holds is enough.
    fn excludes(&self, target: &Target) -> bool {
        self.caps.iter().flatten().any(|cap| target.capabilities.contains(&cap.0))
            || self.arches.as_ref().is_some_and(|arches| target.is_one_of(arches))
            || self.min_kernel.as_ref().is_some_and(|least| target.kernel >= least.0)
    }
}

impl Target<'_> {
    fn is_one_of(&self, names: &[ArchitectureText]) -> bool {
        names.iter().any(|name| architecture::is_named(self.architecture, &name.0))
    }
}

#[cfg(test)]
mod tests;
