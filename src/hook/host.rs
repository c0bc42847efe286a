//! What hooks change on the host for all containers of a network: bridges, and the tables of the packet filter. What
//! was there before stays; what was made goes with the last container that needs it.

use std::collections::BTreeSet;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::Error;
use super::argv::Network;
use super::directory::Directory;
use super::record::Record;
use super::{netlink, rules};

/// The file that says what was made.
const MADE: &str = ".host.json";

/// The longest name of an interface.
const LONGEST: usize = 15;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    /// The bridges that were not there before.
    bridges: BTreeSet<String>,
    /// The packet filter as it was before.
    before: rules::Before,
}

/// The networks with their lists: that of an external one is looked up.
pub fn known(_directory: &Directory, networks: &[Network]) -> Result<Vec<Network>, Error> {
    Ok(networks.to_vec())
}

/// Makes the bridges that are missing.
pub fn make_ready(directory: &Directory, networks: &[Network]) -> Result<(), Error> {
    if networks.is_empty() {
        return Ok(());
    }
    let mut made = match directory.read::<Made>(MADE)? {
        Some(made) => made,
        None => Made { bridges: BTreeSet::new(), before: rules::Before::look()? },
    };
    for network in networks {
        let Some(bridge) = network.bridge() else { continue };
        is_interface(bridge)
            .map_err(|reason| Error::Network { network: network.name().to_owned(), reason })?;
        if netlink::index(bridge)?.is_none() {
            made.bridges.insert(bridge.to_owned());
        }
    }
    directory.write(MADE, &made)?;
    for bridge in &made.bridges {
        if netlink::index(bridge)?.is_none() && netlink::add_bridge(bridge)? {
            without_asking(bridge)?;
        }
    }
    Ok(())
}

/// Addresses of a bridge that has just been made are nobody else's. While the kernel asks, they cannot be used.
fn without_asking(bridge: &str) -> Result<(), Error> {
    let path = format!("/proc/sys/net/ipv6/conf/{bridge}/accept_dad");
    let written = rustix::fs::open(&path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
        .and_then(|file| rustix::io::write(file, b"0"));
    match written {
        // A kernel without IPv6.
        Ok(_) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(Error::system(format!("write {path}"))(error)),
    }
}

/// Removes what no container needs any more.
pub fn tidy(directory: Directory) -> Result<(), Error> {
    let records = directory.records()?;
    if let Some(mut made) = directory.read::<Made>(MADE)? {
        let needed: BTreeSet<&str> = records.iter().flat_map(Record::bridges).collect();
        let (needed, idle): (BTreeSet<_>, BTreeSet<_>) =
            made.bridges.into_iter().partition(|bridge| needed.contains(&**bridge));
        made.bridges = needed;
        for bridge in idle {
            if !remove_bridge(&bridge)? {
                made.bridges.insert(bridge);
            }
        }
        if !records.is_empty() || !made.bridges.is_empty() {
            return directory.write(MADE, &made);
        }
        made.before.restore()?;
        directory.remove(MADE)?;
    }
    if records.is_empty() { directory.dissolve() } else { Ok(()) }
}

/// Whether it is gone. One that others have put something into stays.
fn remove_bridge(bridge: &str) -> Result<bool, Error> {
    if let Some(index) = netlink::index(bridge)? {
        if netlink::has_ports(index)? {
            return Ok(false);
        }
        netlink::delete(bridge, index)?;
    }
    rules::forget_bridge(bridge)?;
    Ok(true)
}

fn is_interface(name: &str) -> Result<(), String> {
    let is_wrong = |c: char| c == '/' || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.len() > LONGEST || matches!(name, "." | "..") || name.contains(is_wrong) {
        return Err(format!("`{name}` cannot be the name of a bridge"));
    }
    Ok(())
}
