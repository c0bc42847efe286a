//! The host's shared memory: what programs keep there is protected by file modes alone.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::mounts::of_the_host;
use crate::review::view::namespaces::shares_host;

pub(super) const RULE: Rule = Rule {
    name: RuleName::HostIpc,
    severity: Severity::Medium,
    title: "the container has the host's shared memory",
    help: "remove `ipc: host`; `ipc: service:NAME` shares that of one other service",
    elsewhere: Elsewhere { cis: Some("5.17"), kics: Some("baa3890f"), compose_lint: &["CL-0010"] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    let message = "it has the shared memory of the host's programs, and their queues and semaphores";
    if shares_host(subject.bundle, "ipc") {
        return found.add("/linux/namespaces", "", message);
    }
    let shared = of_the_host(subject.bundle).filter(|(_, path)| path == "/dev/shm" || path == "/dev/mqueue");
    for (mount, path) in shared {
        let message =
            format!("`{path}` of the host is mounted: it is the shared memory of the host's programs");
        found.add(mount.pointer(), mount.destination, message);
    }
}
