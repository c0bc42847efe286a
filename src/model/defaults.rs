//! What Compose fills in where nothing is said.

use super::edit::{change, has, with_default};
use crate::compose::Variables;
use crate::source::Span;
use crate::yaml::{Node, Value};

/// The tree with every default that depends on nothing but its place (compose-go: `transform/defaults.go`). While its
/// variables still stand there, it keeps the words of Compose files for everything else.
pub(super) fn fill(root: &Node, variables: Variables) -> Node {
    // The context is the directory of the project that the service belongs to: another one where it was included.
    let root = &change(root, "services.*", &mut |service| {
        let here = Span::start_of(service.span.file);
        change(service, "build", &mut |build| with_default(build, "context", || Node::text(here, ".")))
    });
    let root = &change(root, "services.*.secrets.*", &mut secret_target);
    let root = &set(root, "services.*.ports.*", "protocol", "tcp");
    let root = &set(root, "services.*.ports.*", "mode", "ingress");
    let root = &set_plain(root, "services.*.depends_on.*", "required", "true");
    let mut counted = |request: &Node| all_devices(request, variables);
    let root = &change(root, "services.*.deploy.resources.reservations.devices.*", &mut counted);
    let root = &change(root, "services.*.gpus.*", &mut counted);
    if variables == Variables::Kept {
        return root.clone();
    }
    EMPTY_TEXTS.iter().fold(root.clone(), |root, path| change(&root, path, &mut empty_text))
}

/// What is set to nothing is set to an empty text. `environment` is no such place: there, nothing takes a variable away.
const EMPTY_TEXTS: [&str; 14] = [
    "services.*.annotations.*",
    "services.*.build.labels.*",
    "services.*.deploy.labels.*",
    "services.*.deploy.resources.reservations.devices.*.options.*",
    "services.*.gpus.*.options.*",
    "services.*.labels.*",
    "services.*.logging.options.*",
    "services.*.storage_opt.*",
    "services.*.sysctls.*",
    "services.*.volumes.*.volume.labels.*",
    "networks.*.labels.*",
    "volumes.*.labels.*",
    "secrets.*.labels.*",
    "configs.*.labels.*",
];

fn empty_text(node: &Node) -> Node {
    if node.is_null() { Node::text(node.span, "") } else { node.clone() }
}

fn set(root: &Node, path: &str, key: &str, text: &str) -> Node {
    change(root, path, &mut |node| with_default(node, key, || Node::text(node.span, text)))
}

fn set_plain(root: &Node, path: &str, key: &str, text: &str) -> Node {
    change(root, path, &mut |node| with_default(node, key, || Node::plain(node.span, text)))
}

/// A secret of a service is a file in `/run/secrets`. One of a build has no such default.
fn secret_target(secret: &Node) -> Node {
    match secret.get("source") {
        Some(Node { value: Value::Broken(_), .. }) => secret.clone(),
        source => {
            let name = source.and_then(Node::as_str).unwrap_or_default();
            with_default(secret, "target", || Node::text(secret.span, format!("/run/secrets/{name}")))
        }
    }
}

/// Devices that are neither counted nor named are all there are.
fn all_devices(request: &Node, variables: Variables) -> Node {
    if has(request, "device_ids") {
        return request.clone();
    }
    with_default(request, "count", || match variables {
        Variables::Replaced => Node::plain(request.span, "-1"),
        Variables::Kept => Node::text(request.span, "all"),
    })
}
