//! The networks of a container: as CNI has them, in words of the hook.
//!
//! The keys are those of the plugins `bridge`, `portmap`, `firewall`, `macvlan` and `ipvlan`, as they are since version
//! 1.1; see <https://www.cni.dev/plugins/current/> and the CNI spec 1.0.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde_json::{Value, json};

use super::Context;
use super::origin::Origin;
use crate::compose::network::Parent;
use crate::diag::{Code, Diagnostics};
use crate::hook::argv;
use crate::project::network::{Attachment, Bridge, Driver, Given, Network, Subnet, way_out};
use crate::project::{Namespace, Published, Service, Settings};
use crate::yaml::Node;

/// The version of the CNI spec. Plugins of Debian 12 know none that is newer.
const CNI_VERSION: &str = "1.0.0";

/// The key of what `labels` says. It is for those who read the list; libraries and plugins leave it alone.
const LABELS: &str = "io.bundlegen.labels";

/// The CNI list of a network, as it stands in `networks/KEY.conflist`; of one that somebody else makes, its name.
pub fn list(network: &Network) -> Value {
    if network.external.is_some() {
        return Value::from(&*network.name);
    }
    let plugins = match &network.driver {
        Driver::Bridge(bridge) => of_bridge(network, bridge),
        Driver::Macvlan(parent) => vec![of_parent(network, "macvlan", parent, Some("mac"))],
        Driver::Ipvlan(parent) => vec![of_parent(network, "ipvlan", parent, None)],
    };
    let labels: serde_json::Map<String, Value> =
        network.labels.iter().map(|(key, value)| (key.to_string(), Value::from(&**value))).collect();
    without_nulls(json!({
        "cniVersion": CNI_VERSION,
        "name": &*network.name,
        "plugins": plugins,
        LABELS: (!labels.is_empty()).then_some(labels),
    }))
}

/// A bridge of the host, as Docker makes it: the host is the gateway, and other bridges are kept out. A network that is
/// internal has no gateway, and no ports that are published.
fn of_bridge(network: &Network, bridge: &Bridge) -> Vec<Value> {
    let out = !network.internal;
    let own = json!({
        "type": "bridge",
        "bridge": &*bridge.interface,
        "mtu": bridge.mtu,
        "isGateway": out,
        "ipMasq": out && bridge.masquerade,
        // With this, a container reaches its own published ports, as it does through Docker's proxy.
        "hairpinMode": true,
        "capabilities": { "mac": true },
        "ipam": ipam(network),
    });
    let portmap = json!({ "type": "portmap", "snat": true, "capabilities": { "portMappings": true } });
    // Plugins before 1.4 know nothing of `isolated`, and refuse it.
    let policy = if bridge.icc { "same-bridge" } else { "isolated" };
    let firewall = json!({ "type": "firewall", "ingressPolicy": policy });
    [Some(own), out.then_some(portmap), Some(firewall)].into_iter().flatten().collect()
}

fn of_parent(network: &Network, kind: &str, parent: &Parent, capability: Option<&str>) -> Value {
    json!({
        "type": kind,
        "master": parent.interface.value.as_str(),
        "mode": &*parent.mode,
        "mtu": parent.mtu,
        "capabilities": capability.map(|name| json!({ name: true })),
        "ipam": ipam(network),
    })
}

/// The addresses are put in by the hook.
fn ipam(network: &Network) -> Value {
    let route = |subnet: &Subnet| match subnet.net {
        IpNet::V4(_) => json!({ "dst": "0.0.0.0/0" }),
        IpNet::V6(_) => json!({ "dst": "::/0" }),
    };
    let routes: Vec<Value> = network.subnets.iter().map(route).collect();
    json!({ "type": "static", "routes": (!network.internal).then_some(routes) })
}

/// Leaves out what has nothing to say. What Docker prints as null was not said either.
pub fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let said = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(said.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        value => value,
    }
}

/// What the hook is told of a network of a container.
pub(super) fn told(attachment: &Attachment) -> argv::Network {
    let network = &attachment.network;
    let addresses = attachment.addresses.iter().filter_map(|given| address(network, given.ip));
    // The subnets of an external network are known only where it is.
    let asked = attachment.addresses.iter().filter(|_| network.external.is_some());
    argv::Network {
        list: with_sysctls(list(network), attachment),
        interface: attachment.interface.value.to_string(),
        addresses: addresses.collect(),
        asked: asked.map(|given| given.ip).collect(),
        link_local: attachment.link_local.iter().filter_map(|ip| link_local(ip.value)).collect(),
        default_route: attachment.default_route,
        mac: attachment.mac.as_ref().map(|mac| mac.value.to_string()),
    }
}

/// The kernel parameters of the interface go to a plugin of their own: crun sets those of `linux.sysctl` before there is
/// an interface. `IFNAME` stands for its name here as it does in Docker.
fn with_sysctls(mut list: Value, attachment: &Attachment) -> Value {
    let pairs = attachment.sysctls.iter().filter_map(|sysctl| sysctl.value.split_once('='));
    let sysctls: serde_json::Map<String, Value> =
        pairs.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    if let Some(Value::Array(plugins)) = list.get_mut("plugins").filter(|_| !sysctls.is_empty()) {
        plugins.push(json!({ "type": "tuning", "sysctl": sysctls }));
    }
    list
}

/// An address with the prefix of its subnet. A network without a way out has no gateway.
fn address(network: &Network, ip: IpAddr) -> Option<argv::Address> {
    let subnet = network.subnets.iter().find(|subnet| subnet.net.contains(&ip))?;
    let address = IpNet::new(ip, subnet.net.prefix_len()).ok()?;
    Some(argv::Address { address, gateway: (!network.internal).then_some(subnet.gateway) })
}

/// The prefixes are those of RFC 3927 and RFC 4291, as in Docker (moby `libnetwork/sandbox.go`).
fn link_local(ip: IpAddr) -> Option<IpNet> {
    IpNet::new(ip, if ip.is_ipv4() { 16 } else { 64 }).ok()
}

/// What the hook is told of ports, with the address of the host where none is written.
pub fn ports(ports: &Published, ip: Option<IpAddr>) -> argv::Ports {
    argv::Ports {
        ip: ports.ip.or(ip),
        host: ports.host,
        container: ports.container,
        count: ports.count,
        protocol: ports.protocol.to_string(),
    }
}

/// Who asked for a network.
pub(super) fn origin(context: &Context, attachment: &Attachment) -> Origin {
    let mode = context.written().network_mode.as_ref();
    if let Some(mode) = mode.filter(|_| attachment.network.default_bridge) {
        return Origin::Written(mode.span);
    }
    if attachment.is_implied() {
        return Origin::Default("Compose's network for services that name none");
    }
    Origin::Written(attachment.name.span)
}

/// Who gave a container its addresses in a network.
pub(super) fn of_addresses(attachment: &Attachment) -> Vec<Origin> {
    let origin = |given: &Given| match (given.written, given.locked) {
        (Some(span), _) => Origin::Written(span),
        (None, Some(span)) => Origin::Lock(span),
        (None, None) => Origin::Default("an address derived from the names of project, network and bundle"),
    };
    attachment.addresses.iter().map(origin).collect()
}

/// The networks that a container is attached to. Without root, nothing attaches it to any.
pub fn attached<'s>(service: &'s Service, settings: &Settings) -> &'s [Attachment] {
    if settings.rootless.is_some() { &[] } else { &service.networks }
}

/// The addresses at which a container reaches the host: the gateways of the bridge that its way out leads through, and
/// on the host's own network the loopback's. There is none where no bridge leads out.
pub fn host_gateways(service: &Service, settings: &Settings) -> Vec<IpAddr> {
    if matches!(service.namespaces.network, Namespace::Host(_)) || settings.proot(service).is_some() {
        return vec![Ipv4Addr::LOCALHOST.into()];
    }
    let out = way_out(attached(service, settings));
    let bridge = out.map(|attachment| &attachment.network).filter(|network| {
        matches!(network.driver, Driver::Bridge(_)) && network.external.is_none() && !network.internal
    });
    bridge.into_iter().flat_map(|network| &network.subnets).map(|subnet| subnet.gateway).collect()
}

/// Says what a service would have with Docker and has not here.
pub(super) fn check(d: &mut Diagnostics, context: &Context) {
    check_resolver(d, context);
    check_links(d, context);
    check_ports(d, context);
    check_sysctls(d, context);
}

/// Docker fills in what is not written from the host's `/etc/resolv.conf`.
fn check_resolver(d: &mut Diagnostics, context: &Context) {
    let written = context.written();
    let search = written.dns_search.first().map(|domain| domain.span);
    let Some(rest) = search.or(written.dns_opt.first().map(|option| option.span)) else { return };
    if !written.dns.is_empty() || context.in_user_network() {
        return;
    }
    let message = "the name servers of the host are known only where the container runs";
    let of_host = context.host_network().or(context.proot().and_then(|_| context.shared_network()));
    let way_out = of_host.or_else(|| {
        let out = way_out(context.attached())?;
        Some(if out.is_implied() { context.service.name.span } else { out.name.span })
    });
    match way_out {
        Some(network) => {
            let draft = d.error(Code::HostDependent, message).label(rest, "nobody to ask");
            draft.label(network, "they are those of this network").help(NAME_THEM).emit();
        }
        None => {
            d.warning(Code::HostDependent, message).label(rest, "nobody to ask").help(NAME_THEM).emit();
        }
    }
}

const NAME_THEM: &str = "write them under `dns`";

/// A link to a service that is in no network of this one gives it a name that leads nowhere, as in Docker.
fn check_links(d: &mut Diagnostics, context: &Context) {
    for link in context.written().links.iter().flat_map(Node::items) {
        let text = link.as_str().unwrap_or_default();
        let target = text.split(':').next().unwrap_or_default();
        let containers = context.surroundings.of_service(target);
        let reached =
            containers.iter().any(|other| context.surroundings.common(context.service, other).is_some());
        if !containers.is_empty() && !context.attached().is_empty() && !reached {
            let name = &context.service.name.value;
            let message =
                format!("the link `{text}` leads nowhere: `{name}` and `{target}` have no network together");
            let draft = d.warning(Code::NoNetwork, message).label(link.span, "");
            draft.help("put both into one network, or remove the link").emit();
        }
    }
}

/// Ports are published where the way out is, and a network that is internal has none. Nor has one of another card.
fn check_ports(d: &mut Diagnostics, context: &Context) {
    let Some(port) = context.service.ports.first() else { return };
    let attached = context.attached();
    let out = way_out(attached);
    let (place, what) = match (out.map(|out| (out, &out.network.driver)), attached.first()) {
        (Some((out, Driver::Macvlan(_) | Driver::Ipvlan(_))), _) => {
            (out.name.span, "its containers have addresses of their own in the network of the host")
        }
        (None, Some(first)) => (first.name.span, "no way leads into it"),
        _ => return,
    };
    let name = &context.service.name.value;
    let draft = d.warning(Code::NoNetwork, format!("nothing publishes the ports of `{name}`"));
    draft
        .label(port.written, "")
        .label(place, what)
        .help("remove them, or add a network of the driver `bridge`")
        .emit();
}

/// The list of an external network is known only where the container runs, and nothing is added to it.
fn check_sysctls(d: &mut Diagnostics, context: &Context) {
    for attachment in context.attached() {
        let Some((sysctl, external)) = attachment.sysctls.first().zip(attachment.network.external) else {
            continue;
        };
        let message = "the interface of an external network gets no kernel parameters";
        let draft = d.error(Code::NotSupported, message).label(sysctl.span, "").label(external, "external");
        draft.help("remove them, or set them in the list of that network").emit();
    }
}
