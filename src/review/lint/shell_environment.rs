//! A value that whoever builds has in the environment: somebody else builds another bundle.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use std::collections::BTreeMap;

pub(super) const RULE: Rule = Rule {
    name: RuleName::ShellEnvironment,
    severity: Severity::Medium,
    title: "the bundle depends on who builds it",
    help: "write the value into `.env`, or say that it is meant: `--env NAME`",
    elsewhere: Elsewhere::NOWHERE,
    check,
};

/// One finding for each variable, at the first value that has it.
fn check(subject: &Subject, found: &mut Found) {
    let (Some(made), bundle) = (subject.made, subject.bundle) else { return };
    let Some(origins) = made.origins(&bundle.name) else { return };
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for (pointer, _) in origins.iter() {
        for name in made.from_shell(&bundle.name, pointer) {
            names.entry(name).or_insert(pointer);
        }
    }
    for (name, pointer) in names {
        let message = format!(
            "`{name}` is taken from the environment of who builds: another one builds another bundle"
        );
        found.add(pointer, name, message);
    }
}
