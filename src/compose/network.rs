//! Networks at the top of the file. What they come to in a project is a question for `project`.

mod driver;
mod ipam;
mod joined;

use std::collections::BTreeMap;
use std::rc::Rc;

use super::decode::{Pair, Table, boolean, pairs, text};
use super::handed_on::handed_on;
use super::no_place;
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{Span, Spanned};
use crate::yaml::{Entry, Node, Value};

pub use driver::{Bridge, Driver, Parent};
pub use ipam::Pool;
pub use joined::{Joined, of_service};

/// A network as it was written.
#[derive(Debug)]
pub struct Network {
    /// The name it is known by on the host.
    pub name: Option<Spanned<Rc<str>>>,
    /// Who makes it, and how.
    pub driver: Driver,
    /// Where the driver is written.
    pub driver_written: Option<Span>,
    /// What the names of interfaces in containers begin with.
    pub prefix: Option<Rc<str>>,
    /// Where it says that nothing leads out of it.
    pub internal: Option<Span>,
    /// Where it says that it is made elsewhere.
    pub external: Option<Span>,
    /// Whether it has addresses of IPv4.
    pub ipv4: Option<Spanned<bool>>,
    /// Whether it has addresses of IPv6.
    pub ipv6: Option<Spanned<bool>>,
    /// Its addresses, as far as they are written.
    pub pools: Vec<Pool>,
    /// Metadata.
    pub labels: BTreeMap<Rc<str>, Rc<str>>,
    /// All that is written of it, without a name that says no more than its key.
    pub written: Node,
}

impl Network {
    fn empty(span: Span) -> Self {
        Network {
            name: None,
            driver: Driver::default(),
            driver_written: None,
            prefix: None,
            internal: None,
            external: None,
            ipv4: None,
            ipv6: None,
            pools: Vec::new(),
            labels: BTreeMap::new(),
            written: Node::map(span, Vec::new()),
        }
    }
}

/// What is there under a key where anything was wrong, for those who refer to it.
pub(super) fn decode(d: &mut Diagnostics, node: &Node) -> (Network, Result<(), Reported>) {
    match decoded(d, node) {
        Ok(network) => (network, Ok(())),
        Err(reported) => (Network::empty(node.span), Err(reported)),
    }
}

/// A network is often declared with nothing after its name.
fn decoded(d: &mut Diagnostics, node: &Node) -> Result<Network, Reported> {
    if matches!(node.value, Value::Null) {
        return Ok(Network::empty(node.span));
    }
    let written = handed_on(d, node)?;
    let mut t = Table::new(d, node, "a network")?;
    let name = t.opt(d, "name", text);
    let external = t.opt(d, "external", boolean).filter(|external| external.value);
    let kind = match (&external, &name) {
        (Some(_), Some(name)) => driver::of_external(&name.value),
        (Some(_), None) => driver::Kind::Bridge,
        (None, _) => t.opt(d, "driver", driver::kind).unwrap_or_default(),
    };
    let options = match external {
        Some(external) => {
            pass_over(d, node, external.span);
            None
        }
        None => t.opt(d, "driver_opts", driver::options(kind)),
    };
    let (driver, prefix) = match options {
        Some(options) => (options.driver, options.prefix),
        // What was wrong with the options was reported.
        None if external.is_some() || node.get("driver_opts").is_some() => (driver::unknown(kind), None),
        None => (driver::without_options(d, node, kind)?, None),
    };
    let mut network = Network {
        driver,
        prefix,
        driver_written: node.get("driver").map(|driver| driver.span),
        internal: t.opt(d, "internal", boolean).filter(|internal| internal.value).map(|one| one.span),
        external: external.map(|external| external.span),
        ipv4: t.opt(d, "enable_ipv4", boolean),
        ipv6: t.opt(d, "enable_ipv6", boolean),
        pools: t.list(d, "ipam", ipam::decode),
        labels: t.list(d, "labels", pairs).into_iter().map(label).collect(),
        name,
        written,
    };
    if network.external.is_some() {
        network = Network { internal: None, ipv4: None, ipv6: None, pools: Vec::new(), ..network };
    }
    t.opt(d, "driver", text);
    t.opt(d, "driver_opts", pairs);
    t.opt(d, "attachable", no_place::attachable);
    t.finish(d)?;
    Ok(network)
}

fn label(Pair { key, value }: Pair) -> (Rc<str>, Rc<str>) {
    (key.value, value.map_or_else(|| "".into(), |value| value.value))
}

/// A network that is made elsewhere is described elsewhere. Docker Compose drops the rest.
fn pass_over(d: &mut Diagnostics, node: &Node, external: Span) {
    let allowed =
        |key: &str| matches!(key, "name" | "external" | "labels" | "attachable") || key.starts_with("x-");
    for Entry { key, key_span, .. } in node.entries().iter().filter(|entry| !allowed(&entry.key)) {
        let message = format!("`{key}` has no meaning for a network with `external: true`");
        let draft =
            d.warning(Code::ValueDropped, message).label(*key_span, "dropped, as Docker Compose does");
        draft.label(external, "made elsewhere").help("remove one of them").emit();
    }
}

/// Without a name that says no more than the key: what is printed must not depend on the name of the project.
pub(super) fn without_implied_name(network: &mut Network, key: &str, project: &str) {
    let implied = format!("{project}_{key}");
    let says_more = |entry: &&Entry| &*entry.key != "name" || entry.value.as_str() != Some(implied.as_str());
    let entries = network.written.entries().iter().filter(says_more).cloned().collect();
    network.written = Node::map(network.written.span, entries);
}
