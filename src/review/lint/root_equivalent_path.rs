//! A path of the host that the container can write to, and that leads to root on the host.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::mounts::of_the_host;
use crate::review::view::places::{Meaning, meaning};

pub(super) const RULE: Rule = Rule {
    name: RuleName::RootEquivalentPath,
    severity: Severity::Critical,
    title: "the container can write to what makes root of it on the host",
    help: "mount the one file or directory that it needs, and read-only: `:ro`",
    elsewhere: Elsewhere { cis: Some("5.6"), kics: Some("1c1325ff"), compose_lint: &["CL-0025"] },
    check,
};

/// Who is not root on the host can write to nothing of this; see the rule `sensitive-path` for what is left.
fn check(subject: &Subject, found: &mut Found) {
    if !subject.is_for_root() {
        return;
    }
    for (mount, path) in of_the_host(subject.bundle).filter(|(mount, _)| mount.is_writable()) {
        if let Some(Meaning::Root(what)) = meaning(&path, true) {
            let message = format!("the container can write to `{path}` of the host: {what}");
            found.add(mount.pointer(), mount.destination, message);
        }
    }
}
