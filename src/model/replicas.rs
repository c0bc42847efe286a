//! How often a service runs.

use super::edit::{change, with};
use crate::yaml::{Entry, Node, Value};

/// The tree in which `scale` is said by `deploy` too, where there is one (compose-go: `loader/validate.go`).
pub(super) fn fill(root: &Node) -> Node {
    change(root, "services.*", &mut |service| {
        let scale = service.get("scale").filter(|scale| scale.as_str().is_some());
        let Some(scale) = scale else { return service.clone() };
        let replicas = || Entry::new("replicas", scale.span, scale.clone());
        change(service, "deploy", &mut |deploy| match deploy.get("replicas") {
            Some(Node { value: Value::Broken(_), .. }) => deploy.clone(),
            _ => with(deploy, replicas()),
        })
    })
}
