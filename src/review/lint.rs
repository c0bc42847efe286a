//! Findings about risk: one rule, one file, one folder in `testdata/lint`, one anchor in the manual.
//!
//! A rule looks at a bundle as it will run, not at how it is written. It points at the value of `config.json` that it
//! minds, or at the place where one is missing, and says in one line what that means.

mod added_capability;
mod ambient_capability;
mod apparmor_off;
mod control_socket;
mod credential_in_command;
mod credential_in_environment;
mod cwd_in_proc;
mod dangerous_device;
mod default_capabilities;
pub mod deny;
mod env_file_value;
mod executable_tmpfs;
mod foreign_hook;
mod host_cgroup;
mod host_code_capability;
mod host_device;
mod host_ipc;
mod host_network;
mod host_pid;
mod host_sysctl;
mod host_uts;
mod logging_off;
mod mount_over_proc;
mod nested_shared_volume;
mod new_privileges;
mod no_cpu_limit;
mod no_memory_limit;
mod no_pids_limit;
mod port_on_all_interfaces;
mod privileged;
mod privileged_port;
pub mod report;
mod root_equivalent_path;
mod root_user;
mod runtime_annotation;
mod seccomp_off;
mod selinux_off;
mod sensitive_path;
mod shared_propagation;
mod shell_environment;
mod strong_capability;
mod unlocked_root;
mod unmasked_paths;
mod unpinned_image;
mod unused_allow;
mod writable_root;

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use nested_shared_volume::Writers;

use super::view::namespaces::is_for_root;
use super::{Bundles, Made};
use crate::bundle::user_network::PROCESS;
pub use crate::compose::value::rule::RuleName;
use crate::diag::Invalid;
use crate::hook::argv::user_network::BUNDLE;
use crate::inspect::{Bundle, texts};
use crate::nearest::nearest;
use crate::printable::printable_line;
use crate::project::Service;
use crate::source::Span;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A habit that would make an attack harder is missing.
    Low,
    /// An attacker inside the container gets further than need be.
    Medium,
    /// The container reaches beyond itself.
    High,
    /// The container is as good as root on the host.
    Critical,
}

impl Severity {
    /// Every one, the worst first.
    pub const ALL: [Severity; 4] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let known = Severity::ALL.into_iter().find(|severity| severity.as_str() == text);
        known.ok_or_else(|| {
            let invalid = Invalid::whole(text, format!("no severity is called `{text}`"));
            invalid.did_you_mean(nearest(text, Severity::ALL.map(Severity::as_str)))
        })
    }
}

/// What others call what a rule finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The section of the CIS Docker Benchmark.
    pub cis: Option<&'static str>,
    /// The first part of the id of a query of KICS.
    pub kics: Option<&'static str>,
    /// The rules of compose-lint.
    pub compose_lint: &'static [&'static str],
}

impl Elsewhere {
    /// For a rule that nobody else has.
    pub const NOWHERE: Elsewhere = Elsewhere { cis: None, kics: None, compose_lint: &[] };
}

/// A rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name.
    pub name: RuleName,
    /// How much its findings matter at most.
    pub severity: Severity,
    /// What it minds, as a heading: lower case, no full stop.
    pub title: &'static str,
    /// What to do about it, in general: lower case, no full stop.
    pub help: &'static str,
    /// What others call it.
    pub elsewhere: Elsewhere,
    /// Looks at one bundle.
    pub check: fn(&Subject, &mut Found),
}

/// Every rule, in the order of [`RuleName::ALL`].
pub const RULES: &[Rule] = &[
    control_socket::RULE,
    privileged::RULE,
    host_code_capability::RULE,
    strong_capability::RULE,
    added_capability::RULE,
    default_capabilities::RULE,
    ambient_capability::RULE,
    host_network::RULE,
    host_pid::RULE,
    host_ipc::RULE,
    host_uts::RULE,
    host_cgroup::RULE,
    root_equivalent_path::RULE,
    sensitive_path::RULE,
    shared_propagation::RULE,
    mount_over_proc::RULE,
    nested_shared_volume::RULE,
    executable_tmpfs::RULE,
    dangerous_device::RULE,
    host_device::RULE,
    seccomp_off::RULE,
    apparmor_off::RULE,
    selinux_off::RULE,
    unmasked_paths::RULE,
    new_privileges::RULE,
    root_user::RULE,
    writable_root::RULE,
    cwd_in_proc::RULE,
    host_sysctl::RULE,
    port_on_all_interfaces::RULE,
    privileged_port::RULE,
    unpinned_image::RULE,
    unlocked_root::RULE,
    runtime_annotation::RULE,
    foreign_hook::RULE,
    no_memory_limit::RULE,
    no_cpu_limit::RULE,
    no_pids_limit::RULE,
    credential_in_environment::RULE,
    credential_in_command::RULE,
    env_file_value::RULE,
    shell_environment::RULE,
    logging_off::RULE,
    unused_allow::RULE,
];

/// The rule of a name.
pub fn rule(name: RuleName) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

impl Rule {
    /// Whether what it finds is only known where the bundles were just compiled, and never by their files alone.
    pub fn needs_source(&self) -> bool {
        matches!(self.name, RuleName::EnvFileValue | RuleName::ShellEnvironment | RuleName::UnusedAllow)
    }
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The bundle.
    pub bundle: &'a Bundle,
    /// All bundles of the project, this one too.
    pub all: &'a Bundles,
    /// What they were made of, where that is known.
    pub made: Option<Made<'a>>,
    service: Option<&'a Service>,
    /// Who writes where, once a rule has asked.
    writers: &'a OnceCell<Writers<'a>>,
}

impl<'a> Subject<'a> {
    /// The service, where that is known.
    pub fn service(&self) -> Option<&'a Service> {
        self.service
    }

    /// Whether root in the container is root on the host.
    pub fn is_for_root(&self) -> bool {
        is_for_root(self.bundle)
    }

    /// Whether it is the bundle that a build writes for the network of a user: one program that sleeps and listens to
    /// nobody needs no more confinement than being nobody but that user.
    pub fn is_own(&self) -> bool {
        let sleeps = texts(self.bundle.list("/process/args")).eq(PROCESS);
        self.bundle.name == BUNDLE && sleeps && !self.is_for_root()
    }

    /// A place in `config.json`, or the nearest one that can be said of a value that is not there.
    pub fn nearest<'p>(&self, pointer: &'p str) -> &'p str {
        let mut at = pointer;
        while let Some((above, _)) = at.rsplit_once('/') {
            if self.bundle.at(above).is_some() {
                break;
            }
            at = above;
        }
        at
    }

    /// Whether it is known who runs the process. Without a lock, an image may decide that which nobody has looked into;
    /// the bundle says root then.
    pub fn knows_user(&self) -> bool {
        self.service.is_none_or(|service| service.user.known)
    }
}

/// Something that a rule minds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: RuleName,
    /// How much it matters.
    pub severity: Severity,
    /// The bundle; empty for what the project says.
    pub bundle: String,
    /// The value of its `config.json`, as a JSON pointer; also of one that is not there and should be.
    pub pointer: String,
    /// What tells it from other findings of the rule in this bundle, such as a path: it stays the same when other things
    /// change, as an index in a list does not. Empty where there can be but one.
    pub about: String,
    /// What was found, with the value: lower case, no full stop.
    pub message: String,
    /// Why it is allowed, where the Compose file says so.
    pub allowed: Option<String>,
    /// The place, where it is not that of the value but in what the Compose file says to `lint`.
    pub at: Option<Span>,
}

/// The findings of one rule in one bundle.
#[derive(Debug)]
pub struct Found<'a> {
    rule: &'static Rule,
    bundle: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl Found<'_> {
    /// Adds a finding at a JSON pointer. `about` tells it from others of the rule in this bundle.
    pub fn add(&mut self, pointer: impl Into<String>, about: impl Into<String>, message: impl Into<String>) {
        self.add_as(self.rule.severity, pointer, about, message);
    }

    /// The same, of what matters less here than the rule says.
    pub fn add_as(
        &mut self,
        severity: Severity,
        pointer: impl Into<String>,
        about: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.findings.push(Finding {
            rule: self.rule.name,
            severity,
            bundle: self.bundle.to_owned(),
            pointer: pointer.into(),
            about: about.into(),
            message: printable_line(&message.into()).into_owned(),
            allowed: None,
            at: None,
        });
    }
}

/// Holds bundles to all rules. The findings are in the order of the bundles, the worst first, then of the rules. What is
/// about the project as a whole is last.
pub fn lint(all: &Bundles, made: Option<Made>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let writers = OnceCell::new();
    let services = made.iter().flat_map(|made| &made.project.services);
    let services: BTreeMap<&str, &Service> = services.map(|service| (&*service.bundle, service)).collect();
    for bundle in all.bundles.values() {
        let service = services.get(bundle.name.as_str()).copied();
        let subject = Subject { bundle, all, made, service, writers: &writers };
        for rule in RULES {
            (rule.check)(&subject, &mut Found { rule, bundle: &bundle.name, findings: &mut findings });
        }
    }
    if let Some(made) = made {
        unused_allow::allow(&mut findings, &made, &services);
    }
    let key =
        |finding: &Finding| (finding.bundle.is_empty(), finding.bundle.clone(), Reverse(finding.severity));
    findings.sort_by_cached_key(key);
    findings
}
