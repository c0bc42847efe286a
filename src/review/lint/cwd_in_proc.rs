//! A working directory below `/proc`: it has been a way out of containers.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::compose::value::target::{clean, kernel_tree};

pub(super) const RULE: Rule = Rule {
    name: RuleName::CwdInProc,
    severity: Severity::High,
    title: "the working directory is in `/proc`",
    help: "start the process somewhere else",
    elsewhere: Elsewhere::NOWHERE,
    check,
};

/// A build refuses it (CVE-2024-21626).
fn check(subject: &Subject, found: &mut Found) {
    const AT: &str = "/process/cwd";
    let cwd = clean(subject.bundle.text(AT).unwrap_or_default());
    if kernel_tree(&cwd) == Some("/proc") {
        found.add(AT, "", format!("the process starts in `{cwd}`, from where it can reach the host's files"));
    }
}
