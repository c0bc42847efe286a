//! `networks/KEY.conflist`: the CNI list of each network, for those who read it and for other programs that know CNI. The
//! hooks are told the same.

use std::collections::BTreeMap;

use super::json;
use crate::lower::networks::{attached, list};
use crate::project::Project;
use crate::project::network::Network;

/// The directory of the lists.
pub const DIRECTORY: &str = "networks";

/// The paths and the texts of the lists of the networks that containers are attached to, but for those that somebody
/// else makes.
pub(super) fn lists(project: &Project) -> Vec<(String, Vec<u8>)> {
    let attached = project.services.iter().flat_map(|service| attached(service, &project.settings));
    let networks: BTreeMap<&str, &Network> =
        attached.map(|attachment| (&*attachment.network.key.value, &*attachment.network)).collect();
    let own = networks.into_iter().filter(|(_, network)| network.external.is_none());
    own.map(|(key, network)| (path(key), json::canonical(&list(network)))).collect()
}

/// Where the list of a network is, by its key.
pub fn path(key: &str) -> String {
    format!("{DIRECTORY}/{key}.conflist")
}
