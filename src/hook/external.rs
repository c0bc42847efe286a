//! Networks that somebody else makes: what the host knows of them, which the compiler did not.

use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;

use ipnet::IpNet;
use rustix::fs::{Dir, Mode, OFlags};
use serde_json::Value;

use super::Error;
use super::argv::{Address, Network};
use super::directory::Directory;

/// Where lists of networks are for all runtimes of a host.
const LISTS: &str = "/etc/cni/net.d";

/// More than any list has, in bytes.
const LONGEST_LIST: u64 = 1 << 20;

/// A subnet, and who leads out of it.
type Subnet = (IpNet, Option<IpAddr>);

/// The networks with their lists. That of an external network is the one of a container that runs, else that of the host.
pub fn known(directory: &Directory, networks: &[Network]) -> Result<Vec<Network>, Error> {
    let mut networks = networks.to_vec();
    for network in networks.iter_mut().filter(|network| network.plugins().is_none()) {
        let name = network.name().to_owned();
        let (list, subnets) = if let Some(running) = running(directory, &name)? {
            running
        } else {
            let list = written(&name)?;
            let subnets = given_out(&list);
            (list, subnets)
        };
        network.list = list;
        for ip in std::mem::take(&mut network.asked) {
            network.addresses.push(address(&name, ip, &subnets)?);
        }
    }
    Ok(networks)
}

fn address(network: &str, ip: IpAddr, subnets: &[Subnet]) -> Result<Address, Error> {
    let found = subnets.iter().find(|(subnet, _)| subnet.contains(&ip));
    let address = found.and_then(|(subnet, gateway)| {
        Some(Address { address: IpNet::new(ip, subnet.prefix_len()).ok()?, gateway: *gateway })
    });
    address.ok_or_else(|| {
        let all = subnets.iter().map(|(subnet, _)| subnet.to_string()).collect::<Vec<_>>().join(", ");
        let has = if all.is_empty() { "its list names none".to_owned() } else { format!("it has {all}") };
        let reason = format!("the address {ip} lies in no subnet of it: {has}");
        Error::Network { network: network.to_owned(), reason }
    })
}

/// What the containers that run in it were told.
fn running(directory: &Directory, name: &str) -> Result<Option<(Value, Vec<Subnet>)>, Error> {
    let records = directory.records()?;
    let attached =
        records.into_iter().filter(|record| record.task.is_alive()).flat_map(|record| record.attached);
    let mut found: Option<(Value, Vec<Subnet>)> = None;
    for attached in attached.filter(|attached| attached.network.name() == name) {
        let Network { list, addresses, .. } = attached.network;
        let (_, subnets) = found.get_or_insert_with(|| {
            let subnets = given_out(&list);
            (list, subnets)
        });
        for given in addresses {
            let subnet = (given.address.trunc(), given.gateway);
            if !subnets.contains(&subnet) {
                subnets.push(subnet);
            }
        }
    }
    Ok(found)
}

/// The subnets that the plugin `host-local` gives addresses of (<https://www.cni.dev/plugins/current/ipam/host-local/>).
fn given_out(list: &Value) -> Vec<Subnet> {
    let plugins = list.get("plugins").and_then(Value::as_array);
    let ipams = plugins.into_iter().flatten().filter_map(|plugin| plugin.get("ipam"));
    let ranges = ipams.flat_map(|ipam| {
        let sets = ipam.get("ranges").and_then(Value::as_array);
        let ranges = sets.into_iter().flatten().filter_map(Value::as_array).flatten();
        std::iter::once(ipam).chain(ranges)
    });
    let text = |range: &Value, key: &str| range.get(key).and_then(Value::as_str).map(str::to_owned);
    let subnet = |range: &Value| {
        let subnet: IpNet = text(range, "subnet")?.parse().ok()?;
        Some((subnet.trunc(), text(range, "gateway").and_then(|gateway| gateway.parse().ok())))
    };
    ranges.filter_map(subnet).collect()
}
/// Looks among the lists that were written for all runtimes of the host.
fn written(name: &str) -> Result<Value, Error> {
    let failed = |reason| Error::Network { network: name.to_owned(), reason };
    let missing = || {
        failed(format!(
            "it is external, no container that runs is in it, and no list in {LISTS} has its name"
        ))
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(LISTS, flags, Mode::empty()).map_err(|_| missing())?;
    let read = |error| Error::system(format!("list {LISTS}"))(error);
    let mut names = Vec::new();
    for entry in Dir::read_from(&directory).map_err(read)? {
        names.push(entry.map_err(read)?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name.ends_with(".conflist"));
    names.sort();
    let open = |file: &String| {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = File::from(rustix::fs::openat(&directory, &**file, flags, Mode::empty()).ok()?);
        serde_json::from_reader::<_, Value>(file.take(LONGEST_LIST)).ok()
    };
    // Those that cannot be read are of other networks, for all that is known.
    names
        .iter()
        .filter_map(open)
        .find(|list| list.get("name").is_some_and(|has| has == name))
        .ok_or_else(missing)
}
