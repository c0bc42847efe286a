//! Who has what a container needs: one that died gives it back, one that lives keeps it.

use ipnet::IpNet;

use super::Error;
use super::argv::{Network, Ports};
use super::container::Container;
use super::detach;
use super::directory::Directory;
use super::ports;
use super::record::Record;
use super::task::Task;

/// Undoes what dead containers left that this one needs, and complains of the living.
pub fn resolve(
    directory: &Directory,
    container: &Container,
    task: Task,
    networks: &[Network],
    wanted: &[Ports],
) -> Result<(), Error> {
    let (alive, dead): (Vec<_>, Vec<_>) =
        directory.records()?.into_iter().partition(|record| record.task.is_alive());
    for record in dead {
        let is_in_the_way = record.container.is_of_bundle(container)
            || address(&record, networks).is_some()
            || ports::are_taken(wanted, &[&record]).is_err();
        if is_in_the_way {
            detach::undo(directory, &record)?;
        }
    }
    // What the same container has is replaced.
    let (own, others): (Vec<_>, Vec<_>) =
        alive.into_iter().partition(|record| record.container == *container);
    // Runtimes know nothing of each other, and two of them may run a container of the same name.
    if let Some(record) = own.iter().find(|record| record.task != task) {
        directory.write_record(&Record { refused: true, ..(*record).clone() })?;
        let by = format!(" by process {}, which runs", record.task.pid);
        return Err(Error::InUse { what: format!("the name of {container}"), by });
    }
    for record in &others {
        if let Some(what) = address(record, networks) {
            return Err(Error::InUse { what, by: format!(" by {}", record.container) });
        }
        if let Some((what, theirs)) = subnet(record, networks) {
            return Err(Error::InUse { what, by: format!(" as {theirs} by {}", record.container) });
        }
    }
    ports::are_taken(wanted, &others.iter().collect::<Vec<_>>())?;
    own.iter().try_for_each(|record| detach::undo(directory, record))
}

/// The address that the other one has as well.
fn address(other: &Record, networks: &[Network]) -> Option<String> {
    networks.iter().find_map(|network| {
        let mut ips = network.addresses.iter().map(|given| given.address.addr());
        let ip = ips.find(|ip| other.has(network.name(), *ip))?;
        Some(format!("the address {ip} of network `{}`", network.name()))
    })
}

/// The subnet that lies on one behind another bridge, and that one. The host would have two ways to the same addresses,
/// and take the first. Docker refuses such a network when it is made; here, projects do not know of each other before.
fn subnet(other: &Record, networks: &[Network]) -> Option<(String, String)> {
    let theirs = || other.attached.iter().map(|attached| &attached.network);
    networks.iter().find_map(|network| {
        let bridge = network.bridge()?;
        let others = || theirs().filter(|known| known.bridge().is_some_and(|known| known != bridge));
        routed(network).find_map(|own| {
            others().find_map(|known| {
                let common = |subnet: &IpNet| subnet.contains(&own) || own.contains(subnet);
                let subnet = routed(known).find(common)?;
                let said =
                    |subnet: IpNet, network: &Network| format!("{subnet} of network `{}`", network.name());
                Some((format!("the subnet {}", said(own, network)), said(subnet, known)))
            })
        })
    })
}

/// The subnets of a network to which the host has a way.
fn routed(network: &Network) -> impl Iterator<Item = IpNet> {
    let addresses = network.addresses.iter().filter(|given| given.gateway.is_some());
    addresses.map(|given| given.address.trunc())
}
