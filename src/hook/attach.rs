//! `createRuntime`: attaches a container to its networks, publishes its ports, and pins what others join.

use super::Error;
use super::argv::{Arguments, Network, Ports};
use super::cni::Attachment;
use super::container::Container;
use super::directory::Directory;
use super::namespace::Namespace;
use super::record::{Attached, Record};
use super::state::State;
use super::task::Task;
use super::{conflict, detach, external, host, netlink, pins, ports};

/// Does all that the arguments ask for, or nothing.
pub fn attach(arguments: &Arguments, state: &State) -> Result<(), Error> {
    let container = Container::new(arguments, state)?;
    let task = Task::find(state.pid)?;
    let namespace = Namespace::of(task, "net")?;
    is_fit(arguments, task, &namespace)?;
    let mut directory = Directory::make(&arguments.run)?;
    let mut record = Record::new(container, task, namespace.inode, arguments);
    let networks = match free(&directory, &record, arguments) {
        Ok(Some(networks)) => networks,
        Ok(None) => return Ok(()),
        // Nothing was done yet, and a record of that name is not of this container.
        Err(error) => {
            directory.begin_to_undo();
            return Err(error.and(host::tidy(directory)));
        }
    };
    attach_all(&directory, &mut record, &namespace, &networks, arguments).map_err(|error| {
        directory.begin_to_undo();
        let undone = detach::undo(&directory, &record).and_then(|()| host::tidy(directory));
        error.and(undone)
    })
}

/// The networks with their lists, once nobody has what the container needs; nothing where all of it was done before.
fn free(directory: &Directory, new: &Record, arguments: &Arguments) -> Result<Option<Vec<Network>>, Error> {
    let networks = external::known(directory, &arguments.networks)?;
    if is_attached(directory, new, &networks, arguments)? {
        return Ok(None);
    }
    conflict::resolve(directory, &new.container, new.task, &networks, &arguments.ports)?;
    Ok(Some(networks))
}

/// What no arguments of the compiler ask for.
fn is_fit(arguments: &Arguments, task: Task, namespace: &Namespace) -> Result<(), Error> {
    let needs = !arguments.networks.is_empty();
    if needs && namespace.inode == Namespace::own("net")?.inode {
        return Err(Error::Process { pid: task.pid, reason: "has the network of the host" });
    }
    let ways = arguments.networks.iter().filter(|network| network.default_route).count();
    let reason = match (ways, arguments.ports.first()) {
        (0, Some(_)) => "no network has the way out",
        (0 | 1, _) => return Ok(()),
        _ => "several networks have the way out",
    };
    let port = arguments.ports.first().map_or_else(|| "of none".to_owned(), ToString::to_string);
    Err(Error::Port { port, reason: reason.to_owned() })
}

/// Whether all of it was done before, for the same process.
fn is_attached(
    directory: &Directory,
    new: &Record,
    networks: &[Network],
    arguments: &Arguments,
) -> Result<bool, Error> {
    let Some(old) = directory.record(&new.container)? else { return Ok(false) };
    let same = old.attached.iter().map(|attached| &attached.network).eq(networks) && old.ports == new.ports;
    Ok(old.complete && same && pins::is_of(new.task, &old, &arguments.pins))
}

fn attach_all(
    directory: &Directory,
    record: &mut Record,
    namespace: &Namespace,
    networks: &[Network],
    arguments: &Arguments,
) -> Result<(), Error> {
    let ipv6 = networks.iter().filter(|network| network.default_route).any(has_ipv6);
    ports::are_free(&arguments.ports, ipv6)?;
    let cni_id = record.container.cni_id();
    let attachment = |network| Attachment {
        cni_id: &cni_id,
        cni_path: &arguments.cni_path,
        network,
        ports: published(network, &arguments.ports),
        until: directory.until,
    };
    networks.iter().try_for_each(|network| attachment(network).check())?;
    directory.write_record(record)?;
    host::make_ready(directory, networks)?;
    namespace.inside(|| turn_on("lo"))?;
    for network in networks {
        record.attached.push(Attached { network: network.clone(), result: None });
        directory.write_record(record)?;
        attachment(network).add(&namespace.path(), &mut |result| {
            if let Some(attached) = record.attached.last_mut() {
                attached.result = Some(result.clone());
            }
            directory.write_record(record)
        })?;
        namespace.inside(|| add_link_addresses(network))?;
    }
    pins::pin_namespaces(directory, record, &arguments.pins)?;
    record.complete = true;
    directory.write_record(record)
}

fn published<'p>(network: &Network, ports: &'p [Ports]) -> &'p [Ports] {
    if network.default_route { ports } else { &[] }
}

fn has_ipv6(network: &Network) -> bool {
    network.addresses.iter().any(|given| given.address.addr().is_ipv6())
}

/// The addresses of links, which no plugin of distributions sets.
fn add_link_addresses(network: &Network) -> Result<(), Error> {
    if network.link_local.is_empty() {
        return Ok(());
    }
    let name = &network.interface;
    let missing = || Error::Network {
        network: network.name().to_owned(),
        reason: format!("made no interface `{name}`"),
    };
    let index = netlink::index(name)?.ok_or_else(missing)?;
    network.link_local.iter().try_for_each(|address| netlink::add_address(name, index, address))
}

fn turn_on(name: &str) -> Result<(), Error> {
    match netlink::index(name)? {
        Some(index) => netlink::up(name, index),
        None => Ok(()),
    }
}
