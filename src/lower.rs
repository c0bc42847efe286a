//! From a [`Service`] to the runtime spec: the index of attributes.
//!
//! [`lower`] takes a service apart, with the section that reads each attribute beside it, then puts the sections
//! together in the order of the runtime spec. One section, one file: it reads the service, returns its part of the
//! spec and says where every value came from. Nothing here reads a file or looks at the host.

pub mod abilities;
pub mod annotations;
pub mod capabilities;
pub mod cgroup;
pub mod defaults;
pub mod devices;
pub mod hooks;
pub mod hostname;
pub mod mounts;
pub mod namespaces;
pub mod networks;
pub mod origin;
pub mod paths;
pub mod process;
pub mod proot;
pub mod resources;
pub mod rlimits;
pub mod root;
pub mod rootless;
pub mod seccomp;
pub mod selinux;
pub mod shared_root;
mod supervision;
pub mod surroundings;
pub mod sysctl;
pub mod userns;

use std::collections::BTreeSet;
use std::rc::Rc;

use oci_spec::runtime as oci;
use serde_json::json;

use crate::compose::value::capability::Capability;
use crate::compose::{self, value::capability::CapabilityName};
use crate::diag::{Code, Diagnostics, Reported};
use crate::hook::argv::Ports;
use crate::project::network::{Attachment, way_out};
use crate::project::{HostFile, Namespace, Owner, Service, Settings};
use crate::source::{Span, Spanned};
use capabilities::Privilege;
use origin::{Origin, Origins};
use seccomp::Profiles;
use surroundings::Surroundings;
use userns::Userns;

/// A spec and where each of its values came from.
#[derive(Debug)]
pub struct Lowered {
    /// What becomes `config.json`, but for the filter of system calls.
    pub spec: oci::Spec,
    /// `linux.seccomp`. Two thirds of a `config.json` are this, and most services of a project share one, so it is
    /// made and written out once.
    pub seccomp: Option<Rc<oci::LinuxSeccomp>>,
    /// By JSON pointer.
    pub origins: Origins,
}

/// The version of the runtime spec where nothing newer is used.
const OCI_VERSION: &str = "1.0.2";

/// The first version with `errnoRet` and `defaultErrnoRet` in seccomp profiles. crun 1.8 takes no version above it
/// but a patch.
const OCI_VERSION_ERRNO: &str = "1.1.0";

/// Lowers one service. Fails when something in it contradicts something else, or has no place in a bundle.
pub fn lower(
    d: &mut Diagnostics,
    service: &Service,
    surroundings: &Surroundings,
    profiles: &mut Profiles,
) -> Result<Lowered, Reported> {
    index(&service.written);
    let before = d.errors();
    let context = Context {
        service,
        settings: surroundings.settings,
        surroundings,
        capabilities: final_capabilities(service),
        userns: userns::userns(service, surroundings.settings),
    };
    let mut o = Origins::default();
    let mut spec = empty_spec(d)?;
    o.set("/ociVersion", Origin::Default("the oldest version that has all we use"));
    spec.set_root(root::root(d, &context, &mut o).ok())
        .set_process(process::process(d, &context, &mut o).ok())
        .set_hostname(hostname::hostname(&context, &mut o))
        .set_mounts(Some(mounts::mounts(d, &context, &mut o)))
        .set_hooks(hooks::hooks(d, &context, &mut o))
        .set_annotations(annotations::annotations(d, &context, &mut o).ok())
        .set_linux(Some(linux(d, &context, &mut o)));
    networks::check(d, &context);
    proot::check(d, &context);
    rootless::rootless(d, &context, &mut o, &mut spec);
    // The profile follows the final capabilities.
    let seccomp = seccomp::seccomp(d, &context, &mut o, profiles);
    spec.set_version(version(seccomp.as_deref()).to_owned());
    if d.errors() > before {
        d.failed()?;
    }
    Ok(Lowered { spec, seccomp, origins: o })
}

/// Every attribute has a section that reads it, named beside it: a new one does not compile until it has a home here.
fn index(service: &compose::Service) {
    let compose::Service {
        annotations: _,         // annotations
        attach: _,              // supervision
        blkio_config: _,        // resources
        build: _,               // nothing: the image is there before
        cap_add: _,             // capabilities, seccomp
        cap_drop: _,            // capabilities, seccomp
        cgroup: _,              // namespaces
        cgroup_parent: _,       // cgroup
        command: _,             // process
        configs: _,             // mounts, annotations, through the project's mounts
        container_name: _,      // annotations, the generated files
        cpu_period: _,          // resources
        cpu_quota: _,           // resources
        cpu_rt_period: _,       // resources
        cpu_rt_runtime: _,      // resources
        cpu_shares: _,          // resources
        cpus: _,                // resources
        cpuset: _,              // resources
        depends_on: _,          // supervision
        deploy: _,              // resources, supervision
        device_cgroup_rules: _, // devices
        devices: _,             // devices
        dns: _,                 // the generated files, mounts
        dns_opt: _,             // the generated files, mounts
        dns_search: _,          // the generated files, mounts
        domainname: _,          // sysctl, the generated files
        entrypoint: _,          // process
        environment: _,         // process, through the project's environment
        expose: _,              // annotations
        external_links: _,      // supervision
        extra_hosts: _,         // the generated files, supervision
        group_add: _,           // process, through the user
        healthcheck: _,         // supervision, over that of the image
        hostname: _,            // hostname, the generated files
        image: _,               // root, annotations
        init: _,                // process, mounts
        ipc: _,                 // namespaces, mounts, sysctl, hooks
        labels: _,              // annotations
        links: _,               // the generated files, supervision, networks
        logging: _,             // supervision
        mac_address: _,         // hooks, through the project's networks, supervision
        mem_limit: _,           // resources
        mem_reservation: _,     // resources
        mem_swappiness: _,      // resources
        memswap_limit: _,       // resources
        network_mode: _,        // namespaces, mounts, sysctl, hooks
        networks: _,            // hooks and the generated files, through the project's networks, supervision
        oom_kill_disable: _,    // resources
        oom_score_adj: _,       // process
        pid: _,                 // namespaces, hooks
        pids_limit: _,          // resources
        platform: _,            // root
        ports: _,               // hooks, supervision
        post_start: _,          // supervision
        pre_stop: _,            // supervision
        privileged: _,          // capabilities, mounts, devices, seccomp, paths, namespaces
        profiles: _,            // nowhere: `model` left the service out, or in
        pull_policy: _,         // supervision
        pull_refresh_after: _,  // supervision
        read_only: _,           // root, shared_root
        restart: _,             // supervision
        runtime: _,             // supervision
        scale: _,               // nowhere: `project` made so many services of it
        secrets: _,             // mounts, annotations, through the project's mounts
        security_opt: _,        // process, selinux, seccomp, paths, mounts
        shm_size: _,            // mounts
        stdin_open: _,          // supervision
        stop_grace_period: _,   // supervision
        stop_signal: _,         // annotations
        sysctls: _,             // sysctl
        tmpfs: _,               // mounts
        tty: _,                 // process
        ulimits: _,             // rlimits
        user: _,                // process, capabilities
        userns_mode: _,         // nowhere: there is no other user namespace
        uts: _,                 // namespaces, hostname, sysctl
        volumes: _,             // mounts, root, annotations
        volumes_from: _,        // mounts, through the project's mounts
        working_dir: _,         // process
        extension: _,           // root
    } = service;
}

fn version(seccomp: Option<&oci::LinuxSeccomp>) -> &'static str {
    let newer = |seccomp: &oci::LinuxSeccomp| {
        let rules = seccomp.syscalls().iter().flatten();
        seccomp.default_errno_ret().is_some() || rules.into_iter().any(|rule| rule.errno_ret().is_some())
    };
    if seccomp.is_some_and(newer) { OCI_VERSION_ERRNO } else { OCI_VERSION }
}

fn linux(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> oci::Linux {
    let (masked, readonly) = paths::paths(context, o);
    let (devices, rules) = devices::devices(d, context, o);
    let mut linux = oci::Linux::default();
    linux
        .set_uid_mappings(None)
        .set_gid_mappings(None)
        .set_sysctl(sysctl::sysctl(d, context, o))
        .set_resources(Some(resources::resources(d, context, o, rules)))
        .set_cgroups_path(cgroup::cgroup(d, context, o))
        .set_namespaces(Some(namespaces::namespaces(context, o)))
        .set_devices(devices)
        .set_seccomp(None)
        .set_rootfs_propagation(root::propagation(context, o))
        .set_masked_paths(masked)
        .set_readonly_paths(readonly)
        .set_mount_label(selinux::mount_label(context, o))
        .set_intel_rdt(None);
    linux
}

/// `Spec::default()` brings the host name `youki` and seven mounts of its own; an empty object brings nothing.
fn empty_spec(d: &mut Diagnostics) -> Result<oci::Spec, Reported> {
    serde_json::from_value(json!({ "ociVersion": OCI_VERSION }))
        .map_err(|error| d.error(Code::Internal, format!("no empty spec: {error}")).emit())
}

/// What the sections read.
pub struct Context<'a> {
    /// The service.
    pub service: &'a Service,
    /// What holds for all bundles of the project.
    pub settings: &'a Settings,
    /// The other services of the project.
    pub surroundings: &'a Surroundings<'a>,
    /// The bounding set, which the default seccomp profile depends on too.
    pub capabilities: BTreeSet<Capability>,
    /// The user namespace, where a user without rights runs the bundle.
    pub userns: Option<Userns>,
}

impl Context<'_> {
    /// The attributes as they were written.
    pub fn written(&self) -> &compose::Service {
        &self.service.written
    }

    /// Where `privileged: true` is written, if it is.
    pub fn privileged(&self) -> Option<Span> {
        self.service.written.privileged()
    }

    /// Where `init: true` is written, if it is and the process is the first of a PID namespace. As Docker does: moby
    /// `daemon/oci_linux.go`.
    pub fn init(&self) -> Option<Span> {
        let written = self.service.written.init.filter(|init| init.value);
        written.filter(|_| self.service.namespaces.pid.shared().is_none()).map(|init| init.span)
    }

    /// Where it is said that the network is the host's, if it is.
    pub fn host_network(&self) -> Option<Span> {
        match self.service.namespaces.network {
            Namespace::Host(span) => Some(span),
            Namespace::Own | Namespace::Of(_) => None,
        }
    }

    /// The networks that the container is attached to.
    pub fn attached(&self) -> &[Attachment] {
        networks::attached(self.service, self.settings)
    }

    /// The ports that are published, each with its place. Those that name no address of the host are at that of the
    /// network, if it has one.
    pub fn published(&self) -> impl Iterator<Item = (Ports, Span)> {
        let bridge = way_out(self.attached()).and_then(Attachment::bridge);
        bridge.into_iter().flat_map(|bridge| {
            let ports = self.service.ports.iter();
            ports.map(|port| (networks::ports(port, bridge.host_ip), port.written))
        })
    }

    /// Whether it is in the network that the containers of a project share without root.
    pub fn in_user_network(&self) -> bool {
        self.settings.has_user_network(self.service)
    }

    /// The program that maps ports, where it is in the network of the host for want of one of its own.
    pub fn proot(&self) -> Option<&HostFile> {
        self.settings.proot(self.service)
    }

    /// Where it is said that others are in the network too, if they are.
    pub fn shared_network(&self) -> Option<Span> {
        let of_host = self.proot().map(|proot| proot.written.unwrap_or(self.service.name.span));
        self.service.namespaces.network.shared().or(of_host)
    }

    /// The container whose network is joined, if one is.
    pub fn joined_network(&self) -> Option<&Owner> {
        match &self.service.namespaces.network {
            Namespace::Of(owner) => Some(owner),
            Namespace::Own | Namespace::Host(_) => None,
        }
    }
}

fn final_capabilities(service: &Service) -> BTreeSet<Capability> {
    let written = &service.written;
    let names = |list: &[Spanned<CapabilityName>]| list.iter().map(|name| name.value).collect::<Vec<_>>();
    let privilege = if written.privileged().is_some() { Privilege::Privileged } else { Privilege::Ordinary };
    let mut set = capabilities::effective_set(&names(&written.cap_add), &names(&written.cap_drop), privilege);
    set.extend(proot::capability(service));
    set
}
