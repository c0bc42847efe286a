//! `deploy`: what `docker compose up` takes from it. The rest speaks to a swarm.

use super::decode::{Table, integer, text_or_number};
use super::devices::no_device_requests;
use super::handed_on::handed_on;
use super::service::Service;
use super::value::bytes::Bytes;
use super::value::cpus::Cpus;
use super::written::written_keys;
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{Span, Spanned};
use crate::yaml::Node;

/// `deploy`.
#[derive(Debug, Default)]
pub struct Deploy {
    /// How many containers the service has.
    pub replicas: Option<Spanned<i64>>,
    /// The share of processor time.
    pub cpus: Option<Spanned<Cpus>>,
    /// The most memory, in bytes.
    pub memory: Option<Spanned<Bytes>>,
    /// The most processes.
    pub pids: Option<Spanned<i64>>,
    /// The memory that is left to the service when it is scarce, in bytes.
    pub reserved_memory: Option<Spanned<Bytes>>,
    /// When a container is started again, where `restart` does not say it.
    pub restart_policy: Option<Node>,
}

/// What speaks to a swarm alone, and what about.
const SWARM: [(&str, &str); 6] = [
    ("endpoint_mode", "how others reach its containers"),
    ("labels", "what it is called; labels of containers stand under `labels` of the service"),
    ("mode", "how it spreads containers"),
    ("placement", "where its containers run"),
    ("rollback_config", "how it goes back to what was before"),
    ("update_config", "how it replaces containers"),
];

/// As Docker Compose does (`pkg/compose/create.go`): limits, memory that is reserved, and replicas.
pub(super) fn decode(d: &mut Diagnostics, node: &Node) -> Result<Deploy, Reported> {
    if node.is_null() {
        return Ok(Deploy::default());
    }
    let mut t = Table::new(d, node, "`deploy`")?;
    let mut deploy = t.opt(d, "resources", resources).unwrap_or_default();
    deploy.replicas = t.opt(d, "replicas", integer);
    deploy.restart_policy = t.opt(d, "restart_policy", handed_on);
    for (key, about) in SWARM {
        t.opt(d, key, swarm(&format!("deploy.{key}"), about));
    }
    t.finish(d)?;
    Ok(deploy)
}

/// What tells a swarm something, and a bundle nothing.
fn swarm<'a>(
    path: &'a str,
    about: &'a str,
) -> impl FnOnce(&mut Diagnostics, &Node) -> Result<(), Reported> + 'a {
    move |d, node| {
        let message = format!("{}: a bundle has no place for it", written_keys(path, node));
        let draft = d.warning(Code::NoPlace, message);
        draft
            .label(node.span, format!("tells a swarm {about}"))
            .help("remove it, or keep it for a swarm")
            .emit();
        Ok(())
    }
}

fn resources(d: &mut Diagnostics, node: &Node) -> Result<Deploy, Reported> {
    let mut t = Table::new(d, node, "`resources`")?;
    let mut deploy = t.opt(d, "limits", limits).unwrap_or_default();
    deploy.reserved_memory = t.opt(d, "reservations", reservations).flatten();
    t.finish(d)?;
    Ok(deploy)
}

fn limits(d: &mut Diagnostics, node: &Node) -> Result<Deploy, Reported> {
    let mut t = Table::new(d, node, "limits of resources")?;
    let deploy = Deploy {
        cpus: t.opt(d, "cpus", text_or_number),
        memory: t.opt(d, "memory", text_or_number),
        pids: t.opt(d, "pids", integer),
        ..Deploy::default()
    };
    t.finish(d)?;
    Ok(deploy)
}

fn reservations(d: &mut Diagnostics, node: &Node) -> Result<Option<Spanned<Bytes>>, Reported> {
    let mut t = Table::new(d, node, "reservations of resources")?;
    let memory = t.opt(d, "memory", text_or_number);
    for (key, about) in
        [("cpus", "which node has enough of them free"), ("generic_resources", "which node has them")]
    {
        t.opt(d, key, swarm(&format!("deploy.resources.reservations.{key}"), about));
    }
    t.opt(d, "devices", no_device_requests("deploy.resources.reservations.devices"));
    t.finish(d)?;
    Ok(memory)
}

/// Reports what only one of several containers could have: a port of the host, an address. A name of its own is one too,
/// which the model has looked at.
pub(super) fn check_alike(d: &mut Diagnostics, node: &Node, service: &Service) -> Result<(), Reported> {
    let Some(replicas) = service.replicas().filter(|replicas| replicas.value > 1) else { return Ok(()) };
    let mut failed = None;
    for (what, place) in alone(node, service, replicas.value) {
        let message = format!("{} containers cannot have {what}", replicas.value);
        let draft = d.error(Code::Conflict, message).label(place, "");
        failed = Some(draft.label(replicas.span, "so many containers").help("remove one of them").emit());
    }
    failed.map_or(Ok(()), Err)
}

/// What there can be one of, and where it is written.
fn alone(node: &Node, service: &Service, replicas: i64) -> Vec<(&'static str, Span)> {
    let published = service.ports.iter().filter_map(|port| port.published);
    let too_few = published.filter(|ports| i64::try_from(ports.value.count()).is_ok_and(|n| n < replicas));
    let mut found: Vec<_> = too_few.map(|ports| ("one port of the host", ports.span)).collect();
    let networks = node.get("networks").map_or(&[][..], Node::entries);
    let networks = networks.iter().map(|network| &network.value);
    for (key, what) in
        [("ipv4_address", "one address"), ("ipv6_address", "one address"), ("mac_address", "one MAC address")]
    {
        let written = networks.clone().filter_map(|network| network.get(key));
        let written =
            written.chain(node.get(key)).filter(|node| node.as_str().is_some_and(|text| !text.is_empty()));
        found.extend(written.map(|node| (what, node.span)));
    }
    found
}

impl Service {
    /// How many containers there are, where that is said. The model has checked that both places agree.
    pub fn replicas(&self) -> Option<Spanned<i64>> {
        self.scale.or(self.deploy.replicas)
    }

    /// The share of processor time, wherever it is written. 0 stands for nothing, here and below.
    pub fn cpu_limit(&self) -> Option<Spanned<Cpus>> {
        let limit = self.deploy.cpus.filter(|limit| !limit.value.is_zero());
        limit.or(self.cpus.filter(|limit| !limit.value.is_zero()))
    }

    /// The most memory.
    pub fn memory_limit(&self) -> Option<Spanned<Bytes>> {
        let limit = self.deploy.memory.filter(|limit| limit.value.0 != 0);
        limit.or(self.mem_limit.filter(|limit| limit.value.0 != 0))
    }

    /// The memory that is left to the container when it is scarce.
    pub fn memory_reservation(&self) -> Option<Spanned<Bytes>> {
        let reserved = self.deploy.reserved_memory.filter(|reserved| reserved.value.0 != 0);
        reserved.or(self.mem_reservation.filter(|reserved| reserved.value.0 != 0))
    }

    /// The most processes; none where 0 or -1 is written.
    pub fn process_limit(&self) -> Option<Spanned<i64>> {
        let limit = self.deploy.pids.filter(|limit| limit.value > 0);
        limit.or(self.pids_limit.filter(|limit| limit.value > 0))
    }
}
