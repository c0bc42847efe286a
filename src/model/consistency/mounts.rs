//! Mounts in each other's place.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostics};
use crate::source::Span;
use crate::yaml::Node;

/// Reports two mounts on one place in the container.
pub(super) fn check(d: &mut Diagnostics, service: &Node) {
    let list = |key| service.get(key).map_or(&[][..], Node::items).iter();
    let tmpfs = list("tmpfs").filter_map(|tmpfs| {
        let path = tmpfs.as_str()?.split(':').next()?;
        Some((path, tmpfs.content()))
    });
    let volumes = list("volumes").filter_map(|mount| Some((mount.get("target")?.as_str()?, mount.span)));
    let mut targets: BTreeMap<&str, Span> = BTreeMap::new();
    for (target, span) in volumes.chain(tmpfs) {
        let Some(first) = targets.insert(target, span) else { continue };
        let draft = d.error(Code::Conflict, format!("two mounts on `{target}`")).label(span, "");
        draft.label(first, "the other one").help("remove one of them").emit();
    }
}
