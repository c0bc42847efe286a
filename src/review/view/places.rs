//! What is at known paths of a host, and what somebody can do who sees it there.
//!
//! One path is one thing: the first row that fits says what it is.

use crate::review::lint::Severity;

/// What a path of the host is to a container that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A socket, or a directory with one, by which programs are started outside of the container, and by whom.
    Socket(&'static str),
    /// Who can write to it can be root; what it is.
    Root(&'static str),
    /// It tells more than a container should know, or lets it change what is not its own; what it is.
    Sensitive(Severity, &'static str),
    /// A device node.
    Device,
}

/// The sockets by which programs are started, by their names, wherever they lie.
const SOCKETS: &[(&str, &str)] = &[
    ("docker.sock", DAEMON),
    ("podman.sock", DAEMON),
    ("containerd.sock", DAEMON),
    ("crio.sock", DAEMON),
    ("cri-dockerd.sock", DAEMON),
    ("dockershim.sock", DAEMON),
    ("buildkitd.sock", DAEMON),
    ("libvirt-sock", "virtual machines with any file of the host"),
    ("snapd.socket", "programs as root"),
    ("system_bus_socket", "programs as root, through systemd"),
];

const DAEMON: &str = "other containers as root";

/// How much it matters that a container can read a place, or write to it.
#[derive(Clone, Copy)]
enum Weight {
    /// It makes root of who has it.
    Root,
    /// It holds the socket of a daemon, which is no less of use where the mount is read-only.
    Socket(&'static str),
    High,
    Medium,
    Fine,
}

/// The path, which may have `*` for one part and ends in `/**` where what is below means the same; what writing to it
/// and what reading it weighs; and what it is.
struct Place(&'static str, Weight, Weight, &'static str);

use Weight::{Fine, High, Medium, Root, Socket};

#[rustfmt::skip]
const PLACES: &[Place] = &[
    Place("/", Root, Socket(DAEMON), "every file of the host"),

    Place("/run", Socket(DAEMON), Socket(DAEMON), "the sockets of all daemons"),
    Place("/run/docker", Socket(DAEMON), Socket(DAEMON), "the sockets of Docker"),
    Place("/run/containerd", Socket(DAEMON), Socket(DAEMON), "the sockets of containerd"),
    Place("/run/crio", Socket(DAEMON), Socket(DAEMON), "the sockets of CRI-O"),
    Place("/run/podman", Socket(DAEMON), Socket(DAEMON), "the socket of Podman"),
    Place("/run/buildkit", Socket(DAEMON), Socket(DAEMON), "the socket of BuildKit"),
    Place("/run/k3s", Socket(DAEMON), Socket(DAEMON), "the sockets of k3s"),
    Place("/run/k3s/containerd", Socket(DAEMON), Socket(DAEMON), "the sockets of k3s"),
    Place("/run/libvirt", Socket("virtual machines"), Socket("virtual machines"), "the sockets of libvirt"),
    Place("/run/dbus", Socket("programs as root, through systemd"), Socket("programs as root, through systemd"), "the system's bus"),
    Place("/run/systemd", Socket("programs as root"), Socket("programs as root"), "the sockets of systemd"),
    Place("/run/systemd/private", Socket("programs as root"), Socket("programs as root"), "a socket of systemd"),
    Place("/var/lib/lxd/unix.socket", Socket(DAEMON), Socket(DAEMON), "the socket of LXD"),
    Place("/var/snap/lxd/common/lxd/unix.socket", Socket(DAEMON), Socket(DAEMON), "the socket of LXD"),
    Place("/var/lib/incus/unix.socket", Socket(DAEMON), Socket(DAEMON), "the socket of Incus"),
    Place("/run/user", Socket(AS_USER), Socket(AS_USER), "the sockets of everybody who is logged in"),
    Place("/run/user/*", Socket(AS_USER), Socket(AS_USER), "the sockets of a user's session"),
    Place("/run/user/*/podman", Socket(AS_USER), Socket(AS_USER), "the socket of a user's Podman"),
    Place("/run/user/*/bus", Socket(AS_USER), Socket(AS_USER), "the bus of a user's session"),
    Place("/run/user/*/systemd/**", Socket(AS_USER), Socket(AS_USER), "the sockets of a user's systemd"),

    Place("/etc", Root, High, "the configuration of the host, with its users"),
    Place("/etc/shadow", Root, High, "the passwords of the host"),
    Place("/etc/gshadow", Root, High, "the passwords of the host"),
    Place("/etc/passwd", Root, Fine, "the users of the host"),
    Place("/etc/group", Root, Fine, "the groups of the host"),
    Place("/etc/sudoers", Root, Medium, "who may be root on the host"),
    Place("/etc/sudoers.d/**", Root, Medium, "who may be root on the host"),
    Place("/etc/ssh/**", Root, High, "the keys of the host"),
    Place("/etc/pam.d/**", Root, Fine, "who may log in on the host"),
    Place("/etc/security/**", Root, Fine, "who may log in on the host"),
    Place("/etc/crontab", Root, Fine, "programs that the host starts as root"),
    Place("/etc/cron.d/**", Root, Fine, "programs that the host starts as root"),
    Place("/etc/cron.hourly/**", Root, Fine, "programs that the host starts as root"),
    Place("/etc/cron.daily/**", Root, Fine, "programs that the host starts as root"),
    Place("/etc/cron.weekly/**", Root, Fine, "programs that the host starts as root"),
    Place("/etc/cron.monthly/**", Root, Fine, "programs that the host starts as root"),
    Place("/etc/systemd/**", Root, Fine, "programs that the host starts as root"),
    Place("/etc/init.d/**", Root, Fine, "programs that the host starts as root"),
    Place("/etc/rc.local", Root, Fine, "a program that the host starts as root"),
    Place("/etc/udev/**", Root, Fine, "programs that the host starts as root"),
    Place("/etc/modprobe.d/**", Root, Fine, "programs that the host starts as root"),
    Place("/etc/profile", Root, Fine, "commands that root's shell runs"),
    Place("/etc/profile.d/**", Root, Fine, "commands that root's shell runs"),
    Place("/etc/bash.bashrc", Root, Fine, "commands that root's shell runs"),
    Place("/etc/environment", Root, Medium, "variables of every session on the host"),
    Place("/etc/ld.so.preload", Root, Fine, "code that every program of the host loads"),
    Place("/etc/ld.so.conf", Root, Fine, "where programs of the host load code from"),
    Place("/etc/ld.so.conf.d/**", Root, Fine, "where programs of the host load code from"),
    Place("/etc/docker/**", Root, High, "the configuration of Docker, with its keys"),
    Place("/etc/containers/**", Root, Medium, "the configuration of Podman"),
    Place("/etc/containerd/**", Root, Medium, "the configuration of containerd"),
    Place("/etc/kubernetes/**", Root, High, "the keys of Kubernetes"),
    Place("/etc/rancher/**", Root, High, "the keys of Kubernetes"),
    Place("/etc/letsencrypt/**", High, High, "the keys of certificates"),
    Place("/etc/ssl", High, High, "certificates of the host with their keys"),
    Place("/etc/ssl/private/**", High, High, "the keys of certificates"),
    Place("/etc/pki", High, High, "certificates of the host with their keys"),
    Place("/etc/pki/tls/private/**", High, High, "the keys of certificates"),
    Place("/etc/wireguard/**", High, High, "keys of private networks"),
    Place("/etc/openvpn/**", High, High, "keys of private networks"),
    Place("/etc/NetworkManager/**", High, High, "passwords of networks"),
    Place("/etc/krb5.keytab", High, High, "the key of the host"),
    Place("/etc/**", Medium, Fine, "configuration of the host"),

    Place("/root", Root, High, "the home of root"),
    Place("/home", High, High, "the homes of all users"),
    Place("/home/*", High, High, "the home of a user"),

    Place("/boot/**", Root, Medium, "the kernel of the host"),
    Place("/efi/**", Root, Medium, "the kernel of the host"),
    Place("/usr", Root, Fine, "programs of the host"),
    Place("/usr/local", Root, Fine, "programs of the host"),
    Place("/usr/bin/**", Root, Fine, "programs of the host"),
    Place("/usr/sbin/**", Root, Fine, "programs of the host"),
    Place("/usr/lib/**", Root, Fine, "programs of the host"),
    Place("/usr/lib32/**", Root, Fine, "programs of the host"),
    Place("/usr/lib64/**", Root, Fine, "programs of the host"),
    Place("/usr/libexec/**", Root, Fine, "programs of the host"),
    Place("/usr/local/bin/**", Root, Fine, "programs of the host"),
    Place("/usr/local/sbin/**", Root, Fine, "programs of the host"),
    Place("/usr/local/lib/**", Root, Fine, "programs of the host"),
    Place("/bin/**", Root, Fine, "programs of the host"),
    Place("/sbin/**", Root, Fine, "programs of the host"),
    Place("/lib/**", Root, Fine, "libraries and modules of the host"),
    Place("/lib32/**", Root, Fine, "libraries of the host"),
    Place("/lib64/**", Root, Fine, "libraries of the host"),
    Place("/nix/**", Root, Fine, "programs of the host"),
    Place("/snap/**", Root, Fine, "programs of the host"),

    Place("/proc", Root, Medium, "the processes and the kernel of the host"),
    Place("/proc/sys/**", Root, Fine, "the parameters of the kernel"),
    Place("/proc/sysrq-trigger", Root, Fine, "what restarts the host"),
    Place("/proc/kcore", High, High, "the memory of the host"),
    Place("/proc/**", High, Medium, "the processes of the host"),
    Place("/sys", Root, Medium, "the devices and the kernel of the host"),
    Place("/sys/fs/cgroup/**", Root, Medium, "the control groups of the host"),
    Place("/sys/kernel/debug/**", Root, High, "the insides of the kernel"),
    Place("/sys/kernel/tracing/**", Root, High, "the insides of the kernel"),
    Place("/sys/kernel/**", Root, Medium, "the insides of the kernel"),
    Place("/sys/firmware/**", High, Medium, "the firmware of the host"),
    Place("/sys/**", Medium, Fine, "devices of the host"),

    Place("/var", Root, High, "the data of all services of the host"),
    Place("/var/lib", Root, High, "the data of all services of the host"),
    Place("/var/lib/docker", Root, High, "the files and secrets of all containers"),
    Place("/var/lib/docker/volumes/*/**", Medium, Medium, "a volume of another project"),
    Place("/var/lib/docker/containers/**", Root, Medium, "what all containers say"),
    Place("/var/lib/docker/**", Root, High, "the files of all containers"),
    Place("/var/lib/containerd/**", Root, High, "the files of all containers"),
    Place("/var/lib/containers/**", Root, High, "the files of all containers"),
    Place("/var/lib/crio/**", Root, High, "the files of all containers"),
    Place("/var/lib/kubelet/**", Root, High, "the files and secrets of all containers"),
    Place("/var/lib/rancher/**", Root, High, "the files and secrets of all containers"),
    Place("/var/lib/lxd/**", Root, High, "the files of all containers"),
    Place("/var/lib/incus/**", Root, High, "the files of all containers"),
    Place("/var/lib/systemd/**", Root, Fine, "what systemd keeps"),
    Place("/var/spool/**", Root, Medium, "programs that the host starts, and mail"),
    Place("/var/log/**", Medium, Medium, "what the services of the host say"),
    Place("/var/backups/**", High, High, "copies of the host's passwords"),
    Place("/tmp/.X11-unix/**", Medium, Medium, "the screen and the keyboard of who is logged in"),
    Place("/tmp", Medium, Medium, "the temporary files of all users"),
    Place("/var/tmp", Medium, Medium, "the temporary files of all users"),
    Place("/dev", High, High, "every device of the host"),
];

const AS_USER: &str = "programs as that user";

/// Directories and files in a home that hold keys, or that a shell runs.
#[rustfmt::skip]
const IN_A_HOME: &[Place] = &[
    Place(".ssh/**", Root, High, "keys, and who may log in with one"),
    Place(".bashrc", Root, Fine, "commands that a shell runs"),
    Place(".bash_profile", Root, Fine, "commands that a shell runs"),
    Place(".profile", Root, Fine, "commands that a shell runs"),
    Place(".zshrc", Root, Fine, "commands that a shell runs"),
    Place(".gnupg/**", High, High, "keys"),
    Place(".aws/**", High, High, "keys of a cloud"),
    Place(".azure/**", High, High, "keys of a cloud"),
    Place(".config/gcloud/**", High, High, "keys of a cloud"),
    Place(".kube/**", High, High, "keys of Kubernetes"),
    Place(".docker/**", High, High, "passwords of registries"),
    Place(".netrc", High, High, "passwords"),
    Place(".git-credentials", High, High, "passwords"),
    Place(".config", High, High, "the configuration of all programs of a user"),
];

/// Below `/dev` and no devices that matter: every container has the like of its own, or they are no nodes at all.
const NO_DEVICES: &[&str] =
    &["null", "zero", "full", "random", "urandom", "tty", "ptmx", "log", "shm", "pts", "mqueue", "hugepages"];

/// What a clean path of the host is to a container that has it there; nothing where it is nothing special.
pub fn meaning(path: &str, writable: bool) -> Option<Meaning> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let name = parts.last().copied().unwrap_or_default();
    if let Some((_, starts)) = SOCKETS.iter().find(|(socket, _)| *socket == name) {
        let of_user = parts.starts_with(&["run", "user"]);
        return Some(Meaning::Socket(if of_user { AS_USER } else { starts }));
    }
    if let ["dev", name, ..] = *parts.as_slice() {
        return (!NO_DEVICES.contains(&name)).then_some(Meaning::Device);
    }
    let place = in_a_home(&parts).or_else(|| find(PLACES, &parts))?;
    let weight = if writable { place.1 } else { place.2 };
    let is_root = !parts.starts_with(&["home"]);
    Some(match weight {
        Root if is_root => Meaning::Root(place.3),
        Root | High => Meaning::Sensitive(Severity::High, place.3),
        Socket(starts) => Meaning::Socket(starts),
        Medium => Meaning::Sensitive(Severity::Medium, place.3),
        Fine => return None,
    })
}

fn in_a_home(parts: &[&str]) -> Option<&'static Place> {
    match parts {
        ["root", rest @ ..] | ["home", _, rest @ ..] => find(IN_A_HOME, rest),
        _ => None,
    }
}

fn find(places: &'static [Place], parts: &[&str]) -> Option<&'static Place> {
    places.iter().find(|place| fits(place.0, parts))
}

/// Whether a path is one that a pattern stands for.
fn fits(pattern: &str, parts: &[&str]) -> bool {
    let (pattern, is_tree) = pattern.strip_suffix("/**").map_or((pattern, false), |tree| (tree, true));
    let mut parts = parts.iter();
    for wanted in pattern.split('/').filter(|part| !part.is_empty()) {
        match parts.next() {
            Some(part) if wanted == "*" || wanted == *part => {}
            _ => return false,
        }
    }
    is_tree || parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a path is, in a word, where it is writable and where it is not.
    fn words(path: &str) -> [&'static str; 2] {
        [true, false].map(|writable| match meaning(path, writable) {
            Some(Meaning::Socket(AS_USER)) => "user",
            Some(Meaning::Socket(_)) => "socket",
            Some(Meaning::Root(_)) => "root",
            Some(Meaning::Sensitive(severity, _)) => severity.as_str(),
            Some(Meaning::Device) => "device",
            None => "",
        })
    }

    #[test]
    fn paths_and_what_they_are() {
        for (path, want) in [
            ("/", ["root", "socket"]),
            ("/run", ["socket", "socket"]),
            ("/run/docker.sock", ["socket", "socket"]),
            ("/srv/proxy/docker.sock", ["socket", "socket"]),
            ("/run/user/1000/podman/podman.sock", ["user", "user"]),
            ("/run/user/1000", ["user", "user"]),
            ("/run/user/1000/pulse/native", ["", ""]),
            ("/run/bundlegen/shop/web/shm", ["", ""]),
            ("/run/dbus", ["socket", "socket"]),
            ("/etc", ["root", "high"]),
            ("/etc/passwd", ["root", ""]),
            ("/etc/shadow", ["root", "high"]),
            ("/etc/localtime", ["medium", ""]),
            ("/etc/ssh/ssh_host_rsa_key", ["root", "high"]),
            ("/etc/letsencrypt/live", ["high", "high"]),
            ("/root", ["root", "high"]),
            ("/root/.ssh", ["root", "high"]),
            ("/root/app/data", ["", ""]),
            ("/home/me", ["high", "high"]),
            ("/home/me/.ssh/id_rsa", ["high", "high"]),
            ("/home/me/.bashrc", ["high", ""]),
            ("/home/me/.config/gcloud", ["high", "high"]),
            ("/home/me/music", ["", ""]),
            ("/usr", ["root", ""]),
            ("/usr/bin/docker", ["root", ""]),
            ("/usr/share/zoneinfo", ["", ""]),
            ("/lib/modules", ["root", ""]),
            ("/proc", ["root", "medium"]),
            ("/sys/class/gpio", ["medium", ""]),
            ("/var/lib/docker", ["root", "high"]),
            ("/var/lib/docker/volumes/db/_data", ["medium", "medium"]),
            ("/var/lib/docker/volumes", ["root", "high"]),
            ("/var/lib/app", ["", ""]),
            ("/var/log", ["medium", "medium"]),
            ("/dev", ["high", "high"]),
            ("/dev/sda", ["device", "device"]),
            ("/dev/shm", ["", ""]),
            ("/srv/data", ["", ""]),
            ("/mnt", ["", ""]),
        ] {
            assert_eq!(words(path), want, "{path}");
        }
    }

    #[test]
    fn every_place_is_found() {
        for place in PLACES {
            let path = place.0.replace("**", "x").replace('*', "x");
            let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
            let found = find(PLACES, &parts).map(|found| found.0);
            assert_eq!(found, Some(place.0), "a row before it hides it");
        }
    }
}
