//! A root file system that no digest holds: what runs is not what was reviewed.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::lower::annotations::IMAGE;

pub(super) const RULE: Rule = Rule {
    name: RuleName::UnlockedRoot,
    severity: Severity::Low,
    title: "no digest holds the root file system",
    help: "make an image of it, which the lock holds by its digest",
    elsewhere: Elsewhere { cis: None, kics: None, compose_lint: &["CL-0019"] },
    check,
};

/// A directory in the bundle is held by the checksums of the bundles.
fn check(subject: &Subject, found: &mut Found) {
    const AT: &str = "/root/path";
    let path = subject.bundle.text(AT).unwrap_or_default();
    let outside = path.starts_with('/') || path.split('/').any(|part| part == "..");
    if outside || (path == "rootfs" && subject.bundle.annotation(IMAGE).is_none()) {
        found.add(AT, "", format!("what is in `{path}` can change without a review"));
    }
}
