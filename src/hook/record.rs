//! What was done for a container: all that is needed to undo it, and nothing that is asked of anybody again.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::argv::{Arguments, Network, Ports};
use super::container::Container;
use super::namespace::Inode;
use super::task::Task;

/// What was done for a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub container: Container,
    /// Its process.
    pub task: Task,
    /// Its network namespace.
    pub namespace: Inode,
    /// Where the plugins are.
    pub cni_path: String,
    /// The networks that were begun with, in their order.
    pub attached: Vec<Attached>,
    /// The ports that are published.
    pub ports: Vec<String>,
    /// The namespaces that are pinned, and which they are.
    pub pins: BTreeMap<String, Inode>,
    /// Whether all was done.
    pub complete: bool,
    /// Whether another container of that name was refused. A runtime that was refused calls `poststop` all the same.
    #[serde(default)]
    pub refused: bool,
}

/// A network that the container was attached to, at least in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attached {
    pub network: Network,
    /// What the last plugin said that came to its end.
    pub result: Option<Value>,
}

impl Record {
    /// Of a container for which nothing has been done yet.
    pub fn new(container: Container, task: Task, namespace: Inode, arguments: &Arguments) -> Self {
        Record {
            container,
            task,
            namespace,
            cni_path: arguments.cni_path.clone(),
            attached: Vec::new(),
            ports: arguments.ports.iter().map(ToString::to_string).collect(),
            pins: BTreeMap::new(),
            complete: false,
            refused: false,
        }
    }

    /// The ports that are published. This program wrote them; what cannot be read names no port.
    pub fn ports(&self) -> Vec<Ports> {
        self.ports.iter().filter_map(|ports| ports.parse().ok()).collect()
    }

    /// Whether it has the address in the network.
    pub fn has(&self, network: &str, ip: IpAddr) -> bool {
        let attached = self.attached.iter().filter(|attached| attached.network.name() == network);
        attached.flat_map(|attached| attached.network.addresses.iter()).any(|has| has.address.addr() == ip)
    }

    /// The bridges that it needs.
    pub fn bridges(&self) -> impl Iterator<Item = &str> {
        self.attached.iter().filter_map(|attached| attached.network.bridge())
    }
}

impl Attached {
    /// The interfaces of the host that plugins have made for the container.
    pub fn interfaces(&self) -> impl Iterator<Item = &str> {
        let all = self.result.as_ref().and_then(|result| result.get("interfaces")?.as_array());
        let of_host = all.into_iter().flatten().filter(|interface| {
            let sandbox = interface.get("sandbox").and_then(Value::as_str);
            sandbox.is_none_or(str::is_empty)
        });
        of_host.filter_map(|interface| interface.get("name")?.as_str())
    }
}

impl Network {
    /// Its name on the host.
    pub(super) fn name(&self) -> &str {
        let name = self.list.get("name").unwrap_or(&self.list);
        name.as_str().unwrap_or_default()
    }

    /// The configurations of its plugins; of an external network, nothing.
    pub(super) fn plugins(&self) -> Option<&Vec<Value>> {
        self.list.get("plugins")?.as_array()
    }

    /// The bridge that its first plugin makes where there is none.
    pub(super) fn bridge(&self) -> Option<&str> {
        let first = self.plugins()?.first()?;
        let is_bridge = first.get("type").is_some_and(|kind| kind == "bridge");
        is_bridge.then(|| first.get("bridge").and_then(Value::as_str).unwrap_or("cni0"))
    }
}
