//! Through which network the way out of a container leads.

use std::cmp::Reverse;

use super::interfaces::Said;
use crate::project::network::Attachment;

/// The one with the highest `gw_priority`, then that with both families, then by name; none that is internal. As Docker
/// (moby: `Endpoint.Less` in `daemon/libnetwork/sandbox.go`).
pub(super) fn choose(attached: &mut [Attachment], said: &Said) {
    let priority = |one: &Attachment| said.of_one(one).map_or(0, |said| said.gw_priority);
    let out = attached.iter_mut().filter(|one| !one.network.internal);
    let first = out.min_by_key(|one| {
        let families = one.network.subnets.len();
        (Reverse(priority(one)), Reverse(families), one.network.name.clone())
    });
    if let Some(first) = first {
        first.default_route = true;
    }
}
