//! Names that only one container can have.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostics};
use crate::model::edit::text;
use crate::source::Span;
use crate::yaml::Node;

/// Reports containers with one name, among the services that were selected (compose-go: `CheckContainerNameUnicity` in
/// `types/project.go`).
pub(in crate::model) fn check_container_names(d: &mut Diagnostics, root: &Node) {
    let mut names: BTreeMap<&str, Span> = BTreeMap::new();
    for service in root.get("services").map_or(&[][..], Node::entries) {
        let Some(name) = text(&service.value, "container_name") else { continue };
        let written = name.as_str().unwrap_or_default();
        if let Some(first) = names.insert(written, name.content()) {
            let draft = d.error(Code::Conflict, format!("two containers are called `{written}`"));
            let draft = draft.label(name.content(), "").label(first, "the other one");
            draft.help("give each a name of its own, or none").emit();
        }
    }
}
