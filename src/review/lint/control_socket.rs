//! The socket of a daemon that starts programs: whoever can talk to it does what the daemon can do.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::host_path::of_host;
use crate::review::view::mounts::{Mount, mounts};
use crate::review::view::places::{Meaning, meaning};

pub(super) const RULE: Rule = Rule {
    name: RuleName::ControlSocket,
    severity: Severity::Critical,
    title: "the container can start programs outside of itself",
    help: "do not mount the socket; where it must be, put a proxy in front that allows single requests",
    elsewhere: Elsewhere { cis: Some("5.32"), kics: Some("d6355c88"), compose_lint: &["CL-0001"] },
    check,
};

/// A socket has the same name wherever it lies, also in the project.
fn check(subject: &Subject, found: &mut Found) {
    for mount in mounts(subject.bundle).filter(Mount::is_bind) {
        let path = of_host(mount.source).unwrap_or_else(|| mount.source.to_owned());
        if let Some(Meaning::Socket(starts)) = meaning(&path, mount.is_writable()) {
            let read_only = if mount.is_writable() { "" } else { ", and read-only makes no difference" };
            let message = format!("through `{}` the container can start {starts}{read_only}", mount.source);
            found.add(mount.pointer(), mount.destination, message);
        }
    }
}
