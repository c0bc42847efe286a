//! A path of the host that tells a container more than it should know, or lets it change what is not its own.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::mounts::of_the_host;
use crate::review::view::places::{Meaning, meaning};

pub(super) const RULE: Rule = Rule {
    name: RuleName::SensitivePath,
    severity: Severity::High,
    title: "the container has files of the host that are not its own",
    help: "mount the one file or directory that it needs, and read-only: `:ro`",
    elsewhere: Elsewhere { cis: Some("5.6"), kics: Some("1c1325ff"), compose_lint: &["CL-0013"] },
    check,
};

/// A mount that another rule speaks of is not said twice. Without root, what is the host's is read and written as far as
/// the user may.
fn check(subject: &Subject, found: &mut Found) {
    for (mount, path) in of_the_host(subject.bundle) {
        let (severity, what) = match meaning(&path, mount.is_writable()) {
            Some(Meaning::Sensitive(severity, what)) => (severity, what),
            Some(Meaning::Root(what)) if !subject.is_for_root() => (Severity::Medium, what),
            _ => continue,
        };
        let can = if mount.is_writable() { "write to" } else { "read" };
        let message = format!("the container can {can} `{path}` of the host: {what}");
        found.add_as(severity, mount.pointer(), mount.destination, message);
    }
}
