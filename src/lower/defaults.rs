//! What a bundle has that nobody asked for, as tables. Each says whose default it is.

use super::selinux::Part;
use crate::compose::value::security_opt::LabelPart;

/// A mount every container has.
pub struct DefaultMount {
    /// Where it is mounted.
    pub destination: &'static str,
    /// The type of file system.
    pub kind: &'static str,
    /// What the mount table shows as its source.
    pub source: &'static str,
    /// Options, in Docker's order.
    pub options: &'static [&'static str],
    /// What a privileged container gets instead of these options.
    pub privileged_options: Option<&'static [&'static str]>,
}

/// Whose default the mounts are.
pub const MOUNTS_FROM: &str = "Docker's default mounts";

/// Docker's mounts (`oci.DefaultLinuxSpec` of moby), in its order.
pub const MOUNTS: &[DefaultMount] = &[
    DefaultMount {
        destination: "/proc",
        kind: "proc",
        source: "proc",
        options: &["nosuid", "noexec", "nodev"],
        privileged_options: None,
    },
    DefaultMount {
        destination: "/dev",
        kind: "tmpfs",
        source: "tmpfs",
        options: &["nosuid", "strictatime", "mode=755", "size=65536k"],
        privileged_options: None,
    },
    DefaultMount {
        destination: "/dev/pts",
        kind: "devpts",
        source: "devpts",
        options: &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        privileged_options: None,
    },
    DefaultMount {
        destination: "/sys",
        kind: "sysfs",
        source: "sysfs",
        options: &["nosuid", "noexec", "nodev", "ro"],
        privileged_options: Some(&["nosuid", "noexec", "nodev"]),
    },
    DefaultMount {
        destination: "/sys/fs/cgroup",
        kind: "cgroup",
        source: "cgroup",
        options: &["ro", "nosuid", "noexec", "nodev"],
        privileged_options: Some(&["nosuid", "noexec", "nodev"]),
    },
    DefaultMount {
        destination: "/dev/mqueue",
        kind: "mqueue",
        source: "mqueue",
        options: &["nosuid", "noexec", "nodev"],
        privileged_options: None,
    },
    DefaultMount {
        destination: "/dev/shm",
        kind: "tmpfs",
        source: "shm",
        options: &["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"],
        privileged_options: None,
    },
];

/// Whose default the hidden paths are.
pub const PATHS_FROM: &str = "Docker's masked and read-only paths";

/// What a container may not read (`oci.DefaultLinuxSpec` of moby). Docker also masks the `thermal_throttle`
/// directories that the host has; a bundle is for any host.
pub const MASKED_PATHS: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// What a container may not write (`oci.DefaultLinuxSpec` of moby).
pub const READONLY_PATHS: &[&str] =
    &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// The label of a process of which parts are said: user, role, type and level. The policies for containers have the
/// same (`container-selinux`, in its `lxc_contexts`).
pub const PROCESS_LABEL: [Part; 4] = [
    (Some(LabelPart::User), "system_u"),
    (Some(LabelPart::Role), "system_r"),
    (Some(LabelPart::Type), "container_t"),
    (Some(LabelPart::Level), "s0"),
];

/// The label of the files that goes with it; no file has another role.
pub const MOUNT_LABEL: [Part; 4] = [
    (Some(LabelPart::User), "system_u"),
    (None, "object_r"),
    (Some(LabelPart::FileType), "container_file_t"),
    (Some(LabelPart::Level), "s0"),
];

/// Whose default the device rules are.
pub const DEVICES_FROM: &str = "Docker's device rules";

/// Character devices that every container may use: major and minor number. Everything else is denied first.
pub const DEVICES: &[(i64, i64)] = &[
    (1, 3), // null
    (1, 5), // zero
    (1, 8), // random
    (1, 9), // urandom
    (5, 0), // tty
    (5, 1), // console
];

/// Whose default the namespaces are.
pub const NAMESPACES_FROM: &str = "Docker's private namespaces";

/// Whose default the kernel parameters are.
pub const SYSCTL_FROM: &str = "Docker's parameters for a network of its own";

/// Kernel parameters of a network namespace that is the container's own: any user may bind a low port and ping.
pub const NETWORK_SYSCTLS: &[(&str, &str)] =
    &[("net.ipv4.ip_unprivileged_port_start", "0"), ("net.ipv4.ping_group_range", "0 2147483647")];

/// The search path of a container whose image has none (`system.DefaultPathEnv` of moby).
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
