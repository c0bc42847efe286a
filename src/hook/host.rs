//! What hooks change on the host for all containers of a network: bridges, and the tables of the packet filter. What
//! was there before stays; what was made goes with the last container that needs it.

use std::collections::{BTreeMap, BTreeSet};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::Error;
use super::argv::Network;
use super::directory::Directory;
use super::plugin::Deadline;
use super::record::{Attached, Record};
use super::{netlink, rules};

/// The file that says what was made.
const MADE: &str = ".host.json";

/// Where the plugin `tuning` keeps what it has changed; it removes the files, and not the directories.
const TUNING: [&str; 2] = ["/run/cni/tuning", "/run/cni"];

/// The longest name of an interface.
const LONGEST: usize = 15;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    /// The bridges that were used, and whether they were made.
    bridges: BTreeMap<String, bool>,
    /// The directories that were not there before.
    directories: Vec<String>,
    /// The packet filter as it was before.
    before: rules::Before,
}

impl Made {
    /// Before anything is made.
    fn nothing(until: Deadline) -> Result<Self, Error> {
        let missing = TUNING.into_iter().filter(|path| rustix::fs::lstat(*path).is_err());
        let directories = missing.map(str::to_owned).collect();
        Ok(Made { bridges: BTreeMap::new(), directories, before: rules::Before::look(until)? })
    }
}

/// Removes what the plugin `tuning` keeps of a container, which it leaves where the namespace has gone before.
pub fn forget_tuning(attached: &Attached, cni_id: &str) -> Result<(), Error> {
    let mut plugins = attached.network.plugins().into_iter().flatten();
    let interface = &attached.network.interface;
    let is_tuned = plugins.any(|plugin| plugin.get("type").is_some_and(|kind| kind == "tuning"));
    if !is_tuned || is_interface(interface).is_err() {
        return Ok(());
    }
    let [directory, _] = TUNING;
    match rustix::fs::unlink(format!("{directory}/{cni_id}_{interface}.json")) {
        // Where its name is too long, it could not be made.
        Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => Ok(()),
        Err(error) => Err(Error::system(format!("remove the file of `{interface}` in {directory}"))(error)),
    }
}

/// Makes the bridges that are missing.
pub fn make_ready(directory: &Directory, networks: &[Network]) -> Result<(), Error> {
    if networks.is_empty() {
        return Ok(());
    }
    let mut made = match directory.read::<Made>(MADE)? {
        Some(made) => made,
        None => Made::nothing(directory.until)?,
    };
    for network in networks {
        let Some(bridge) = network.bridge() else { continue };
        is_interface(bridge)
            .map_err(|reason| Error::Network { network: network.name().to_owned(), reason })?;
        if netlink::index(bridge)?.is_none() {
            made.bridges.insert(bridge.to_owned(), true);
        } else if !made.bridges.contains_key(bridge) && !rules::are_of_bridge(bridge, directory.until)? {
            made.bridges.insert(bridge.to_owned(), false);
        }
    }
    directory.write(MADE, &made)?;
    for (bridge, _) in made.bridges.iter().filter(|(_, made)| **made) {
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
        let (needed, idle): (BTreeMap<_, _>, BTreeMap<_, _>) =
            made.bridges.into_iter().partition(|(bridge, _)| needed.contains(&**bridge));
        made.bridges = needed;
        for (bridge, is_ours) in idle {
            if is_ours && !remove_bridge(&bridge)? {
                made.bridges.insert(bridge, is_ours);
            } else {
                rules::forget_bridge(&bridge, directory.until)?;
            }
        }
        if !records.is_empty() || !made.bridges.is_empty() {
            return directory.write(MADE, &made);
        }
        made.before.restore(directory.until)?;
        made.directories.iter().for_each(|directory| {
            // Others may have something there by now.
            let _kept = rustix::fs::rmdir(directory);
        });
        directory.remove(MADE)?;
    }
    if records.is_empty() { directory.dissolve() } else { Ok(()) }
}

/// Whether it is gone. One that others have put something into stays.
fn remove_bridge(bridge: &str) -> Result<bool, Error> {
    let Some(index) = netlink::index(bridge)? else { return Ok(true) };
    if !netlink::ports(index)?.is_empty() {
        return Ok(false);
    }
    netlink::delete(bridge, index).map(|()| true)
}

/// Removes what connects a container to its bridge. The kernel takes its time to remove a namespace that has died, and
/// keeps it for as long as somebody else holds it.
pub fn remove_interfaces(attached: &Attached) -> Result<(), Error> {
    let Some(bridge) = attached.network.bridge().map(netlink::index).transpose()?.flatten() else {
        return Ok(());
    };
    for name in attached.interfaces() {
        if let Some(index) = netlink::index(name)?
            && netlink::ports(bridge)?.contains(&index)
        {
            netlink::delete(name, index)?;
        }
    }
    Ok(())
}

fn is_interface(name: &str) -> Result<(), String> {
    let is_wrong = |c: char| c == '/' || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.len() > LONGEST || matches!(name, "." | "..") || name.contains(is_wrong) {
        return Err(format!("`{name}` cannot be the name of an interface"));
    }
    Ok(())
}
