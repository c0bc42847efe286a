//! What the rules are, for who asks on the command line.

use crate::review::lint::{Elsewhere, RULES, Rule};
use std::fmt::Write as _;

/// A line for each rule.
pub fn list() -> String {
    let width = RULES.iter().map(|rule| rule.name.as_str().len()).max().unwrap_or_default();
    let line = |rule: &Rule| {
        format!("{:width$}  {:8}  {}\n", rule.name.as_str(), rule.severity.as_str(), rule.title)
    };
    RULES.iter().map(line).collect()
}

/// All that is known of a rule.
pub fn explained(rule: &Rule) -> String {
    let Rule { name, severity, title, help, .. } = rule;
    let allow = format!("x-bundlegen: {{allow: {{{name}: \"why this is meant\"}}}}");
    let mut out = format!("{name} ({severity}): {title}\n\n{help}\n\nwhere it is meant: {allow}\n");
    if let Some(elsewhere) = elsewhere(&rule.elsewhere) {
        let _infallible = writeln!(out, "elsewhere: {elsewhere}");
    }
    out
}

/// What others call it.
fn elsewhere(of: &Elsewhere) -> Option<String> {
    let cis = of.cis.map(|section| format!("CIS Docker Benchmark {section}"));
    let kics = of.kics.map(|id| format!("KICS {id}"));
    let compose_lint = (!of.compose_lint.is_empty()).then(|| of.compose_lint.join(", "));
    let compose_lint = compose_lint.map(|ids| format!("compose-lint {ids}"));
    let all: Vec<String> = [cis, kics, compose_lint].into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.join("; "))
}
