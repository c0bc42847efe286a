//! Findings about risk: one rule, one file, one folder in `testdata/lint`, one anchor in the manual.
//!
//! A rule looks at a bundle as it will run, not at how it is written. It points at the value of `config.json` that it
//! minds, or at the place where one is missing, and says in one line what that means.

mod control_socket;
pub mod deny;
mod new_privileges;
mod privileged;
pub mod report;
mod unused_allow;

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use super::{Bundles, Made};
pub use crate::compose::value::rule::RuleName;
use crate::diag::Invalid;
use crate::inspect::Bundle;
use crate::nearest::nearest;
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
    /// How much its findings matter.
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
pub const RULES: &[Rule] =
    &[control_socket::RULE, privileged::RULE, new_privileges::RULE, unused_allow::RULE];

/// The rule of a name.
pub fn rule(name: RuleName) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
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
}

impl<'a> Subject<'a> {
    /// The service, where that is known.
    pub fn service(&self) -> Option<&'a Service> {
        self.made?.service(&self.bundle.name)
    }

    /// Whether it is known who runs the process. Without a lock, an image may decide that which nobody has looked into;
    /// the bundle says root then.
    pub fn knows_user(&self) -> bool {
        self.service().is_none_or(|service| service.user.known)
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
        self.findings.push(Finding {
            rule: self.rule.name,
            severity: self.rule.severity,
            bundle: self.bundle.to_owned(),
            pointer: pointer.into(),
            about: about.into(),
            message: message.into(),
            allowed: None,
            at: None,
        });
    }
}

/// Holds bundles to all rules. The findings are in the order of the bundles, the worst first, then of the rules. What is
/// about the project as a whole is last.
pub fn lint(all: &Bundles, made: Option<Made>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for bundle in all.bundles.values() {
        let subject = Subject { bundle, all, made };
        for rule in RULES {
            (rule.check)(&subject, &mut Found { rule, bundle: &bundle.name, findings: &mut findings });
        }
    }
    if let Some(made) = made {
        unused_allow::allow(&mut findings, &made);
    }
    let key =
        |finding: &Finding| (finding.bundle.is_empty(), finding.bundle.clone(), Reverse(finding.severity));
    findings.sort_by_cached_key(key);
    findings
}
