//! A service: one line per attribute, in the order of the Compose schema.

use std::rc::Rc;

use super::blkio::{Blkio, decode as blkio};
use super::decode::{
    Pair, Table, boolean, integer, list, pairs, text, text_or_number, value, value_or_nothing,
};
use super::dependency::{Dependency, depends_on};
use super::deploy::{Deploy, check_alike, decode as deploy};
use super::devices::{Device, device, no_device_requests};
use super::extension::{ServiceExtension, decode_service as extension};
use super::files::{FileMount, VolumesFrom, service_config, service_secret, volumes_from};
use super::handed_on::{handed_on, restart};
use super::limits::{Sysctl, Ulimit, sysctls, ulimits};
use super::links::{external_links, links};
use super::mount::{Mount, mount};
use super::namespace::{
    CgroupMode, Host, IpcMode, NetworkMode, PidMode, cgroup, check_shared, ipc, network_mode, pid,
    userns_mode, uts,
};
use super::network::{Joined, of_service as networks};
use super::no_place;
use super::ports::{Port, port};
use super::value::bytes::Bytes;
use super::value::capability::CapabilityName;
use super::value::container_name::ContainerName;
use super::value::cpus::Cpus;
use super::value::cpuset::Cpuset;
use super::value::device::DeviceRule;
use super::value::dns::{NameServer, SearchDomain, Word};
use super::value::extra_host::ExtraHost;
use super::value::hostname::Hostname;
use super::value::mac::MacAddress;
use super::value::port::ExposedPort;
use super::value::security_opt::SecurityOpt;
use super::value::signal::Signal;
use super::value::tmpfs::Tmpfs;
use crate::diag::{Diagnostics, Reported};
use crate::source::{Span, Spanned};
use crate::yaml::Node;

/// A service as it was written.
#[derive(Debug, Default)]
pub struct Service {
    /// Metadata handed to the runtime as it is.
    pub annotations: Vec<Pair>,
    /// Whether the output is shown where the services are started.
    pub attach: Option<Node>,
    /// How the image is made, which is done before.
    pub build: Option<Node>,
    /// The share and the limits of disks.
    pub blkio_config: Option<Blkio>,
    /// Capabilities on top of the default ones.
    pub cap_add: Vec<Spanned<CapabilityName>>,
    /// Capabilities to take away.
    pub cap_drop: Vec<Spanned<CapabilityName>>,
    /// Whose control groups the container sees.
    pub cgroup: Option<Spanned<CgroupMode>>,
    /// The control group that its own lies in.
    pub cgroup_parent: Option<Spanned<Rc<str>>>,
    /// What replaces the image's command.
    pub command: Option<Command>,
    /// Files of the project that the container sees.
    pub configs: Vec<FileMount>,
    /// The name the container is known by on its host.
    pub container_name: Option<Spanned<ContainerName>>,
    /// The period that a quota is for, in microseconds; 0 is Docker's.
    pub cpu_period: Option<Spanned<i64>>,
    /// Processor time in a period, in microseconds; 0 and -1 are no limit.
    pub cpu_quota: Option<Spanned<i64>>,
    /// The period of real-time processes, in microseconds.
    pub cpu_rt_period: Option<Spanned<i64>>,
    /// Processor time of real-time processes in a period, in microseconds.
    pub cpu_rt_runtime: Option<Spanned<i64>>,
    /// The weight against others that want processor time; 0 is the kernel's.
    pub cpu_shares: Option<Spanned<i64>>,
    /// The share of processor time.
    pub cpus: Option<Spanned<Cpus>>,
    /// The processors it may run on.
    pub cpuset: Option<Spanned<Cpuset>>,
    /// Services that start first.
    pub depends_on: Vec<Dependency>,
    /// Rules for the devices controller, after those of `devices`.
    pub device_cgroup_rules: Vec<Spanned<DeviceRule>>,
    /// Devices of the host.
    pub devices: Vec<Device>,
    /// How many containers there are, and what they may use.
    pub deploy: Deploy,
    /// The servers that are asked for names.
    pub dns: Vec<Spanned<NameServer>>,
    /// How they are asked.
    pub dns_opt: Vec<Spanned<Word>>,
    /// The domains in which names without a dot are looked up.
    pub dns_search: Vec<Spanned<SearchDomain>>,
    /// The name of the NIS domain.
    pub domainname: Option<Spanned<Hostname>>,
    /// What replaces the image's entrypoint; it clears the image's command too.
    pub entrypoint: Option<Command>,
    /// Variables, over those of the image; those of env files among them.
    pub environment: Vec<Pair>,
    /// Ports the container listens on; nothing is published by it.
    pub expose: Vec<Spanned<ExposedPort>>,
    /// Containers outside of the project that the container talks to.
    pub external_links: Option<Node>,
    /// Names with their addresses.
    pub extra_hosts: Vec<Spanned<ExtraHost>>,
    /// Further groups of the process, by name or number.
    pub group_add: Vec<Spanned<Rc<str>>>,
    /// How to learn whether the container is well.
    pub healthcheck: Option<Node>,
    /// The name of the host in the container.
    pub hostname: Option<Spanned<Hostname>>,
    /// The image the root file system comes from.
    pub image: Option<Spanned<Rc<str>>>,
    /// Whether an init process is put in front.
    pub init: Option<Spanned<bool>>,
    /// Whose message queues and shared memory the container sees.
    pub ipc: Option<Spanned<IpcMode>>,
    /// Metadata.
    pub labels: Vec<Pair>,
    /// Services that the container talks to, by other names.
    pub links: Option<Node>,
    /// Where the output goes.
    pub logging: Option<Node>,
    /// The address of the network card.
    pub mac_address: Option<Spanned<MacAddress>>,
    /// The most memory, in bytes.
    pub mem_limit: Option<Spanned<Bytes>>,
    /// The memory that is left to it when it is scarce, in bytes.
    pub mem_reservation: Option<Spanned<Bytes>>,
    /// How soon the kernel swaps, from 0 to 100; -1 is the kernel's choice.
    pub mem_swappiness: Option<Spanned<i64>>,
    /// The most memory and swap together, in bytes; -1 is no limit.
    pub memswap_limit: Option<Spanned<i64>>,
    /// Whose network the container sees.
    pub network_mode: Option<Spanned<NetworkMode>>,
    /// The networks the container is in.
    pub networks: Vec<Joined>,
    /// Whether nothing is killed when memory is out.
    pub oom_kill_disable: Option<Spanned<bool>>,
    /// Whose processes the container sees, if not its own.
    pub pid: Option<Spanned<PidMode>>,
    /// How soon the kernel ends the process when memory is short.
    pub oom_score_adj: Option<Spanned<i64>>,
    /// The most processes; 0 and -1 are no limit.
    pub pids_limit: Option<Spanned<i64>>,
    /// What the image must be for.
    pub platform: Option<Spanned<Rc<str>>>,
    /// Ports of the host that lead to the container.
    pub ports: Vec<Port>,
    /// Programs that run once the container has started.
    pub post_start: Option<Node>,
    /// Programs that run before the container is stopped.
    pub pre_stop: Option<Node>,
    /// The profiles that the service belongs to. That it is here means that one of them is on.
    pub profiles: Vec<Spanned<Rc<str>>>,
    /// Nearly no confinement.
    pub privileged: Option<Spanned<bool>>,
    /// When the image is fetched.
    pub pull_policy: Option<Node>,
    /// How old a fetched image may be.
    pub pull_refresh_after: Option<Node>,
    /// Whether the root file system is read-only.
    pub read_only: Option<Spanned<bool>>,
    /// When the container is started again.
    pub restart: Option<Node>,
    /// The program that runs the container.
    pub runtime: Option<Node>,
    /// Files that only the container sees.
    pub secrets: Vec<FileMount>,
    /// How many containers there are.
    pub scale: Option<Spanned<i64>>,
    /// Confinement by name.
    pub security_opt: Vec<Spanned<SecurityOpt>>,
    /// The size of `/dev/shm`, in bytes.
    pub shm_size: Option<Spanned<Bytes>>,
    /// Kernel parameters of the container's namespaces.
    pub sysctls: Vec<Sysctl>,
    /// Whether the standard input stays open.
    pub stdin_open: Option<Node>,
    /// How long the container may take to stop.
    pub stop_grace_period: Option<Node>,
    /// The signal that asks the container to stop.
    pub stop_signal: Option<Spanned<Signal>>,
    /// File systems in memory.
    pub tmpfs: Vec<Spanned<Tmpfs>>,
    /// Whether the process has a terminal.
    pub tty: Option<Spanned<bool>>,
    /// Limits of the process.
    pub ulimits: Vec<Ulimit>,
    /// Who runs the process: `user`, `uid`, and a group after a colon.
    pub user: Option<Spanned<Rc<str>>>,
    /// That the user namespace is the host's, as it is anyway.
    pub userns_mode: Option<Spanned<Host>>,
    /// That the names of the host are those of the host it runs on.
    pub uts: Option<Spanned<Host>>,
    /// Mounts.
    pub volumes: Vec<Mount>,
    /// Services whose mounts it has too.
    pub volumes_from: Vec<VolumesFrom>,
    /// Where the process starts.
    pub working_dir: Option<Spanned<Rc<str>>>,
    /// What the file says to `bundlegen`.
    pub extension: ServiceExtension,
}

impl Service {
    /// Where `privileged: true` is written, if it is.
    pub fn privileged(&self) -> Option<Span> {
        self.privileged.filter(|privileged| privileged.value).map(|privileged| privileged.span)
    }
}

pub(super) fn decode(d: &mut Diagnostics, node: &Node) -> (Service, Result<(), Reported>) {
    let mut t = match Table::new(d, node, "a service") {
        Ok(table) => table,
        Err(reported) => return (Service::default(), Err(reported)),
    };
    let service = Service {
        annotations: t.list(d, "annotations", pairs),
        attach: t.opt(d, "attach", handed_on),
        build: t.opt(d, "build", handed_on),
        blkio_config: t.opt(d, "blkio_config", blkio),
        cap_add: t.list(d, "cap_add", list(value)),
        cap_drop: t.list(d, "cap_drop", list(value)),
        cgroup: t.opt(d, "cgroup", cgroup),
        cgroup_parent: t.opt(d, "cgroup_parent", text),
        command: t.opt(d, "command", command).flatten(),
        configs: t.list(d, "configs", list(service_config)),
        container_name: t.opt(d, "container_name", value),
        cpu_period: t.opt(d, "cpu_period", integer),
        cpu_quota: t.opt(d, "cpu_quota", integer),
        cpu_rt_period: t.opt(d, "cpu_rt_period", integer),
        cpu_rt_runtime: t.opt(d, "cpu_rt_runtime", integer),
        cpu_shares: t.opt(d, "cpu_shares", integer),
        cpus: t.opt(d, "cpus", text_or_number),
        cpuset: t.opt(d, "cpuset", value),
        depends_on: t.list(d, "depends_on", depends_on),
        device_cgroup_rules: t.list(d, "device_cgroup_rules", list(value)),
        devices: t.list(d, "devices", list(device)),
        deploy: t.opt(d, "deploy", deploy).unwrap_or_default(),
        dns: t.list(d, "dns", list(value)),
        dns_opt: t.list(d, "dns_opt", list(value)),
        dns_search: t.list(d, "dns_search", list(value)),
        domainname: t.opt(d, "domainname", value_or_nothing).flatten(),
        entrypoint: t.opt(d, "entrypoint", command).flatten(),
        environment: t.list(d, "environment", pairs),
        expose: t.list(d, "expose", list(text_or_number)),
        external_links: t.opt(d, "external_links", external_links),
        extra_hosts: t.list(d, "extra_hosts", list(value)),
        group_add: t.list(d, "group_add", list(text)),
        healthcheck: t.opt(d, "healthcheck", handed_on),
        hostname: t.opt(d, "hostname", value_or_nothing).flatten(),
        image: t.opt(d, "image", text).filter(|image| !image.value.is_empty()),
        ipc: t.opt(d, "ipc", ipc).flatten(),
        init: t.opt(d, "init", boolean),
        labels: t.list(d, "labels", pairs),
        links: t.opt(d, "links", links),
        logging: t.opt(d, "logging", handed_on),
        mac_address: t.opt(d, "mac_address", value_or_nothing).flatten(),
        mem_limit: t.opt(d, "mem_limit", text_or_number),
        mem_reservation: t.opt(d, "mem_reservation", text_or_number),
        mem_swappiness: t.opt(d, "mem_swappiness", integer),
        memswap_limit: t.opt(d, "memswap_limit", integer),
        network_mode: t.opt(d, "network_mode", network_mode).flatten(),
        networks: t.list(d, "networks", networks),
        oom_kill_disable: t.opt(d, "oom_kill_disable", boolean),
        pid: t.opt(d, "pid", pid).flatten(),
        oom_score_adj: t.opt(d, "oom_score_adj", integer),
        pids_limit: t.opt(d, "pids_limit", integer),
        privileged: t.opt(d, "privileged", boolean),
        platform: t.opt(d, "platform", text),
        ports: t.list(d, "ports", list(port)),
        post_start: t.opt(d, "post_start", handed_on),
        pre_stop: t.opt(d, "pre_stop", handed_on),
        profiles: t.list(d, "profiles", list(text)),
        pull_policy: t.opt(d, "pull_policy", handed_on),
        pull_refresh_after: t.opt(d, "pull_refresh_after", handed_on),
        read_only: t.opt(d, "read_only", boolean),
        restart: t.opt(d, "restart", restart),
        runtime: t.opt(d, "runtime", handed_on),
        secrets: t.list(d, "secrets", list(service_secret)),
        scale: t.opt(d, "scale", integer),
        security_opt: t.list(d, "security_opt", list(value)),
        shm_size: t.opt(d, "shm_size", text_or_number),
        sysctls: t.list(d, "sysctls", sysctls),
        stdin_open: t.opt(d, "stdin_open", handed_on),
        stop_grace_period: t.opt(d, "stop_grace_period", handed_on),
        stop_signal: t.opt(d, "stop_signal", value_or_nothing).flatten(),
        tmpfs: t.list(d, "tmpfs", list(value)),
        tty: t.opt(d, "tty", boolean),
        ulimits: t.list(d, "ulimits", ulimits),
        user: t.opt(d, "user", text),
        userns_mode: t.opt(d, "userns_mode", userns_mode).flatten(),
        uts: t.opt(d, "uts", uts).flatten(),
        volumes: t.list(d, "volumes", list(mount)),
        volumes_from: t.list(d, "volumes_from", list(volumes_from)),
        working_dir: t.opt(d, "working_dir", text),
        extension: t.opt(d, "x-bundlegen", extension).unwrap_or_default(),
    };
    t.opt(d, "cpu_count", no_place::of_windows("cpu_count"));
    t.opt(d, "cpu_percent", no_place::of_windows("cpu_percent"));
    t.opt(d, "credential_spec", no_place::credential_spec);
    t.opt(d, "develop", no_place::develop);
    t.opt(d, "gpus", no_device_requests("gpus"));
    t.opt(d, "isolation", no_place::isolation);
    t.opt(d, "models", no_place::models);
    t.opt(d, "provider", no_place::provider);
    t.opt(d, "storage_opt", no_place::storage_opt);
    t.opt(d, "use_api_socket", no_place::use_api_socket);
    let shared = check_shared(d, node);
    let alike = check_alike(d, node, &service);
    let whole = t.finish(d).and(shared).and(alike);
    (service, whole)
}

/// `command` or `entrypoint`, split into words. An empty one clears the image's.
#[derive(Clone, Debug)]
pub struct Command {
    /// The words.
    pub words: Vec<Rc<str>>,
    /// The whole value.
    pub span: Span,
}

/// A list of words; nothing leaves the image's command as it is.
fn command(d: &mut Diagnostics, node: &Node) -> Result<Option<Command>, Reported> {
    if node.is_null() {
        return Ok(None);
    }
    let words = list(text)(d, node)?;
    Ok(Some(Command { words: words.into_iter().map(|word| word.value).collect(), span: node.span }))
}
