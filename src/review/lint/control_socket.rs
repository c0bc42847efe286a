//! The socket of a daemon that starts containers: whoever can write to it is root on the host.

use serde_json::Value;

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};

pub(super) const RULE: Rule = Rule {
    name: RuleName::ControlSocket,
    severity: Severity::Critical,
    title: "the container can start others as root",
    help: "do not mount the socket; where it must be, put a proxy in front that allows single requests",
    elsewhere: Elsewhere { cis: Some("5.32"), kics: Some("d6355c88"), compose_lint: &["CL-0001"] },
    check,
};

/// The names of such sockets, wherever they lie.
const SOCKETS: &[&str] =
    &["docker.sock", "podman.sock", "containerd.sock", "crio.sock", "buildkitd.sock", "dockershim.sock"];

fn check(subject: &Subject, found: &mut Found) {
    for (index, mount) in subject.bundle.list("/mounts").iter().enumerate() {
        let source = mount.get("source").and_then(Value::as_str).unwrap_or_default();
        if SOCKETS.iter().any(|socket| source.rsplit('/').next() == Some(socket)) {
            let message = format!("`{source}` is mounted: with it the container starts others as root");
            found.add(format!("/mounts/{index}"), source, message);
        }
    }
}
