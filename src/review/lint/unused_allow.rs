//! A finding is allowed that there is not: what was meant to be looked away from is gone, or was never there.

use std::collections::{BTreeMap, BTreeSet};

use super::{Elsewhere, Finding, Rule, RuleName, Severity};
use crate::compose::Allowed;
use crate::project::{Root, Service};
use crate::review::Made;
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    name: RuleName::UnusedAllow,
    severity: Severity::Low,
    title: "a finding is allowed that there is not",
    help: "remove it from `allow`, or a finding of this rule that comes later is looked away from",
    elsewhere: Elsewhere::NOWHERE,
    // It looks at what the other rules found: see `allow`.
    check: |_, _| {},
};

/// Marks what the Compose file allows, the service itself or else the project, and adds a finding for each permission that
/// nothing needs. One that is written once and reaches many services, through an anchor or an `extends`, is needed if one
/// of them does.
pub(super) fn allow(findings: &mut Vec<Finding>, made: &Made, services: &BTreeMap<&str, &Service>) {
    let mut used = mark(findings, made, services);
    let first = findings.len();
    findings.extend(unused(made, &used, |rule| rule != RuleName::UnusedAllow));
    // A permission for these is judged once they are known.
    used.extend(mark(findings.get_mut(first..).unwrap_or_default(), made, services));
    findings.extend(unused(made, &used, |rule| rule == RuleName::UnusedAllow));
}

/// The places of the permissions that are needed.
fn mark(findings: &mut [Finding], made: &Made, services: &BTreeMap<&str, &Service>) -> BTreeSet<Span> {
    let mut used = BTreeSet::new();
    for finding in findings {
        let of_service =
            services.get(finding.bundle.as_str()).map(|service| &service.written.extension.allow);
        let mut all = of_service.into_iter().flatten().chain(&made.project.settings.allow);
        let Some(allowed) = all.find(|allowed| allowed.rule.value == finding.rule) else { continue };
        finding.allowed = Some(allowed.reason.value.to_string());
        used.insert(allowed.rule.span);
    }
    used
}

/// Permissions that nobody needs, of the rules that are asked for.
fn unused(made: &Made, used: &BTreeSet<Span>, asked: fn(RuleName) -> bool) -> Vec<Finding> {
    let mut seen: BTreeMap<Span, Option<Finding>> = BTreeMap::new();
    let services = made.project.services.iter();
    for (service, allowed) in
        services.flat_map(|service| service.written.extension.allow.iter().map(move |one| (service, one)))
    {
        let finding = || finding(&service.bundle, allowed, "this service");
        let found = seen.entry(allowed.rule.span).or_insert_with(|| Some(finding()));
        if is_unclear(service) {
            *found = None;
        }
    }
    if !made.project.services.iter().any(is_unclear) {
        let of_project = made.project.settings.allow.iter();
        seen.extend(of_project.map(|allowed| (allowed.rule.span, Some(finding("", allowed, "any service")))));
    }
    let unused = seen.into_iter().filter(|(place, _)| !used.contains(place));
    unused.filter_map(|(_, found)| found.filter(|found| found.about.parse().is_ok_and(asked))).collect()
}

/// Whether more may be found once its image is known.
fn is_unclear(service: &Service) -> bool {
    matches!(service.root, Root::Unknown(_)) || !service.user.known
}

fn finding(bundle: &str, allowed: &Allowed, of: &str) -> Finding {
    let rule = allowed.rule.value;
    Finding {
        rule: RULE.name,
        severity: RULE.severity,
        bundle: bundle.to_owned(),
        pointer: String::new(),
        about: rule.to_string(),
        message: format!("`{rule}` is allowed, and {of} has no such finding"),
        allowed: None,
        at: Some(allowed.rule.span),
    }
}
