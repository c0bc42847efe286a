//! A root file system that no digest holds: what runs is not what was reviewed.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::lower::annotations::IMAGE;
use crate::lower::root::ROOTFS;

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
    let is_unpacked = path == ROOTFS || is_lent(subject, path);
    let is_held = is_unpacked && subject.bundle.annotation(IMAGE).is_some();
    if !is_held && (outside || path == ROOTFS) {
        found.add(AT, "", format!("what is in `{path}` can change without a review"));
    }
}

/// Whether it is the root of another bundle: those that are alike share the one that is unpacked.
fn is_lent(subject: &Subject, path: &str) -> bool {
    let lender = path.strip_prefix("../").and_then(|path| path.strip_suffix(ROOTFS)?.strip_suffix('/'));
    lender.is_some_and(|name| subject.all.bundles.contains_key(name))
}
