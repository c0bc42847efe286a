//! Ambient and inheritable capabilities: every program that the container starts gets them.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::inspect::texts;

pub(super) const RULE: Rule = Rule {
    name: RuleName::AmbientCapability,
    severity: Severity::Medium,
    title: "programs inherit capabilities",
    help: "take them out of these sets; who needs them as another user than root can have them on the file of the program",
    elsewhere: Elsewhere::NOWHERE,
    check,
};

/// Runtimes that gave containers inheritable capabilities let programs gain privileges (CVE-2022-24769, CVE-2022-29162).
fn check(subject: &Subject, found: &mut Found) {
    for set in ["ambient", "inheritable"] {
        let at = format!("/process/capabilities/{set}");
        let names: Vec<&str> = texts(subject.bundle.list(&at)).collect();
        if let [first, more @ ..] = names.as_slice() {
            let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
            found.add(at, set, format!("every program that it starts has `{first}`{more}: the set is {set}"));
        }
    }
}
