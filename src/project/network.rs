//! A network of a project, and what a container is in it: all that is decided before anything runs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use ipnet::IpNet;

use crate::compose::network::Parent;
use crate::source::{Span, Spanned};
use crate::yaml::Node;

/// A network that some container is in.
#[derive(Debug)]
pub struct Network {
    /// Its key in the Compose file; `bridge` for `network_mode: bridge`.
    pub key: Spanned<Rc<str>>,
    /// Its name on the host: `PROJECT_KEY`, or what `name` says.
    pub name: Rc<str>,
    /// Who makes it, and how.
    pub driver: Driver,
    /// No way out, and no way in from the host.
    pub internal: bool,
    /// Made by somebody else; its list is looked up where the container runs.
    pub external: Option<Span>,
    /// At most one of each family, that of IPv4 first. An external network may have none.
    pub subnets: Vec<Subnet>,
    /// Whether it is Docker's own, of `network_mode: bridge`. As there, nobody finds others by their names in it.
    pub default_bridge: bool,
    /// What `labels` says.
    pub labels: BTreeMap<Rc<str>, Rc<str>>,
    /// What the project says of it; nothing of one that is no more than declared.
    pub written: Option<Node>,
}

/// Who makes a network. `host` and `none` are none: services in them have the host's network, or an empty one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driver {
    /// A bridge of the host.
    Bridge(Bridge),
    /// Further cards of a network card of the host, with addresses of their own.
    Macvlan(Parent),
    /// Further cards of a network card of the host, with the address of that.
    Ipvlan(Parent),
}

/// A bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The name of its interface on the host: at most 15 characters.
    pub interface: Rc<str>,
    /// In bytes; the kernel's own where there is none.
    pub mtu: Option<u32>,
    /// Whether containers speak to the world with the address of the host.
    pub masquerade: bool,
    /// Whether containers may speak to each other.
    pub icc: bool,
    /// Where ports are published that name no address.
    pub host_ip: Option<IpAddr>,
}

/// The addresses of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// All of them.
    pub net: IpNet,
    /// Whose address leads out.
    pub gateway: IpAddr,
    /// Where `subnet` is written; it was derived from the name where there is none.
    pub written: Option<Span>,
    /// Those that containers get which ask for none.
    pub range: IpNet,
    /// Addresses that nobody gets, by what has them.
    pub aux: BTreeMap<Rc<str>, IpAddr>,
}

/// A network that a container is in.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The name that the service knows it by.
    pub name: Spanned<Rc<str>>,
    /// What the service says of it.
    pub service: Node,
    /// The network.
    pub network: Rc<Network>,
    /// Further names of the container in it, without repetition.
    pub aliases: Vec<Spanned<Rc<str>>>,
    /// One for each subnet, in their order; of an external network, those that are written.
    pub addresses: Vec<Given>,
    /// Addresses of links.
    pub link_local: Vec<Spanned<IpAddr>>,
    /// The address of the network card, in lower case with colons.
    pub mac: Option<Spanned<Rc<str>>>,
    /// The name of the interface in the container: what is written, else `eth` and the first number that is free.
    pub interface: Spanned<Rc<str>>,
    /// Kernel parameters of the interface, as `NAME=VALUE`; `IFNAME` stands for the name of the interface.
    pub sysctls: Vec<Spanned<Rc<str>>>,
    /// Whether the way out leads through it.
    pub default_route: bool,
}

impl Attachment {
    /// Whether it is the network that every service is in which names none, and nothing is said of it.
    pub fn is_implied(&self) -> bool {
        let implied = &*self.name.value == "default" || self.network.default_bridge;
        implied && self.service.entries().is_empty() && self.network.written.is_none()
    }

    /// The bridge that it is attached to. An external network may have one too.
    pub fn bridge(&self) -> Option<&Bridge> {
        match &self.network.driver {
            Driver::Bridge(bridge) => Some(bridge),
            Driver::Macvlan(_) | Driver::Ipvlan(_) => None,
        }
    }
}

/// The network that the way out of a container leads through.
pub fn way_out(attached: &[Attachment]) -> Option<&Attachment> {
    attached.iter().find(|attachment| attachment.default_route)
}

/// An address of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The address.
    pub ip: IpAddr,
    /// Where it is written, if it is.
    pub written: Option<Span>,
    /// Where the lock says it, if it does; it was derived where it stands neither here nor there.
    pub locked: Option<Span>,
}
