//! Who has what a container needs: one that died gives it back, one that lives keeps it.

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
