//! What a service says of a network that it is in.

use std::rc::Rc;

use crate::compose::decode::{
    Expected, Pair, Table, all, integer, list, pairs, value, value_or_nothing, wrong_type,
};
use crate::compose::handed_on::handed_on;
use crate::compose::value::address::{Ipv4, Ipv6, LinkLocal};
use crate::compose::value::alias::Alias;
use crate::compose::value::interface::InterfaceName;
use crate::compose::value::mac::MacAddress;
use crate::diag::{Code, Diagnostics, Reported};
use crate::nearest::nearest;
use crate::source::Spanned;
use crate::yaml::{Entry, Node, Value};

/// A network that a service is in.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Its key.
    pub name: Spanned<Rc<str>>,
    /// All that is written of it.
    pub written: Node,
    /// Further names of the container in it.
    pub aliases: Vec<Spanned<Alias>>,
    /// The container's address.
    pub ipv4_address: Option<Spanned<Ipv4>>,
    /// The container's address of IPv6.
    pub ipv6_address: Option<Spanned<Ipv6>>,
    /// Further addresses, that mean something on the link alone.
    pub link_local_ips: Vec<Spanned<LinkLocal>>,
    /// The address of the network card.
    pub mac_address: Option<Spanned<MacAddress>>,
    /// The name of the interface in the container.
    pub interface_name: Option<Spanned<InterfaceName>>,
    /// Kernel parameters of the interface, as `NAME=VALUE` with `IFNAME` for its name.
    pub sysctls: Vec<Spanned<Rc<str>>>,
    /// Those with the higher one are attached to first.
    pub priority: i64,
    /// The way out leads through the one with the highest.
    pub gw_priority: i64,
}

/// The networks of a service.
pub fn of_service(d: &mut Diagnostics, node: &Node) -> Result<Vec<Joined>, Reported> {
    match &node.untagged().value {
        Value::Map(entries) => all(entries.iter().map(|entry| joined(d, entry))),
        _ => Err(wrong_type(d, node, Expected::ListOrMapping)),
    }
}

fn joined(d: &mut Diagnostics, entry: &Entry) -> Result<Joined, Reported> {
    let written = handed_on(d, &entry.value)?;
    let empty = Node::map(entry.value.span, Vec::new());
    let node = if entry.value.is_null() { &empty } else { &entry.value };
    let mut t = Table::new(d, node, "a network of a service")?;
    let mut joined = Joined {
        name: Spanned { value: Rc::clone(&entry.key), span: entry.key_span },
        written,
        aliases: t.list(d, "aliases", list(value)),
        ipv4_address: t.opt(d, "ipv4_address", value_or_nothing).flatten(),
        ipv6_address: t.opt(d, "ipv6_address", value_or_nothing).flatten(),
        link_local_ips: t.list(d, "link_local_ips", list(value)),
        mac_address: t.opt(d, "mac_address", value_or_nothing).flatten(),
        interface_name: t.opt(d, "interface_name", value_or_nothing).flatten(),
        sysctls: Vec::new(),
        priority: t.opt(d, "priority", integer).map_or(0, |priority| priority.value),
        gw_priority: t.opt(d, "gw_priority", integer).map_or(0, |priority| priority.value),
    };
    if let Some(options) = t.opt(d, "driver_opts", pairs) {
        all(options.iter().map(|option| joined.option(d, option)))?;
    }
    t.finish(d)?;
    Ok(joined)
}

const SYSCTLS: &str = "com.docker.network.endpoint.sysctls";
const NAME: &str = "com.docker.network.endpoint.ifname";

impl Joined {
    /// An option of the driver. Docker Compose hands `interface_name` to Docker as one.
    fn option(&mut self, d: &mut Diagnostics, Pair { key, value }: &Pair) -> Result<(), Reported> {
        let value = value.clone().unwrap_or(Spanned { value: "".into(), span: key.span });
        match &*key.value {
            SYSCTLS => {
                let words = value.value.split(',').filter(|word| !word.is_empty());
                self.sysctls = words.map(|word| Spanned { value: word.into(), span: value.span }).collect();
            }
            NAME if self.interface_name.is_none() => {
                let name = value.value.parse();
                let name = name.map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |_| value.span))?;
                self.interface_name = Some(Spanned { value: name, span: value.span });
            }
            NAME => {
                let draft = d.error(Code::Conflict, "the interface has two names").label(value.span, "");
                let other = self.interface_name.as_ref().map_or(key.span, |name| name.span);
                return Err(draft.label(other, "the other one").help("remove one of them").emit());
            }
            other => {
                let message = format!("no network has the option `{}` for a container", other.escape_debug());
                let draft =
                    d.warning(Code::ValueDropped, message).label(key.span, "Docker passes over it too");
                let known = nearest(other, [SYSCTLS, NAME]);
                draft.help("remove it").did_you_mean(known).emit();
            }
        }
        Ok(())
    }
}
