//! The names of kernel parameters that a container can have for itself.
//!
//! The list is that of runc (`libcontainer/configs/validate`) and crun: a parameter must belong to a namespace, for
//! what belongs to none would change the host.

use std::str::FromStr;

use crate::diag::Invalid;

/// A kernel parameter of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sysctl {
    /// The name with dots between its parts.
    pub name: String,
    /// The namespace that the container must have for itself.
    pub namespace: Namespace,
}

/// The kind of namespace a kernel parameter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Namespace {
    /// `net.*`
    Net,
    /// Message queues, semaphores and shared memory.
    Ipc,
    /// `kernel.domainname`
    Uts,
}

const IPC: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

impl FromStr for Sysctl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Some((at, c)) = text.char_indices().find(|(_, c)| !is_allowed(*c)) {
            let message = format!("`{}` cannot stand in the name of a kernel parameter", c.escape_debug());
            return Err(Invalid::new(at..at + c.len_utf8(), message));
        }
        let name = dotted(text);
        if name.split(['.', '/']).any(str::is_empty) {
            return Err(Invalid::whole(text, format!("`{text}` is no name of a kernel parameter")));
        }
        let namespace = namespace(&name).ok_or_else(|| refused(text, &name))?;
        Ok(Sysctl { name, namespace })
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@')
}

/// As in sysctl(8), the parts may be separated by `/`; a dot then belongs to a part, as in `eth0.100`.
fn dotted(text: &str) -> String {
    if text.find(['.', '/']).is_none_or(|at| text.get(at..).is_some_and(|rest| rest.starts_with('.'))) {
        return text.to_owned();
    }
    let swapped = |c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    };
    text.chars().map(swapped).collect()
}

fn namespace(name: &str) -> Option<Namespace> {
    match name {
        name if name.starts_with("net.") => Some(Namespace::Net),
        name if name.starts_with("fs.mqueue.") || IPC.contains(&name) => Some(Namespace::Ipc),
        "kernel.domainname" => Some(Namespace::Uts),
        _ => None,
    }
}

fn refused(text: &str, name: &str) -> Invalid {
    if name == "kernel.hostname" {
        return Invalid::whole(text, "the host name is no kernel parameter here").help("use `hostname`");
    }
    let message = format!("`{text}` is a kernel parameter of the whole host, not of a container");
    Invalid::whole(text, message).help(format!("set it on the host: `sysctl {name}=…`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_namespaces() {
        for (text, name, namespace) in [
            ("net.ipv4.tcp_syncookies", "net.ipv4.tcp_syncookies", Namespace::Net),
            ("net/ipv4/conf/eno2.100/rp_filter", "net.ipv4.conf.eno2/100.rp_filter", Namespace::Net),
            ("net.ipv4.conf.eno2/100.rp_filter", "net.ipv4.conf.eno2/100.rp_filter", Namespace::Net),
            ("kernel.shmmax", "kernel.shmmax", Namespace::Ipc),
            ("kernel/shm_rmid_forced", "kernel.shm_rmid_forced", Namespace::Ipc),
            ("fs.mqueue.msg_max", "fs.mqueue.msg_max", Namespace::Ipc),
            ("kernel.domainname", "kernel.domainname", Namespace::Uts),
        ] {
            assert_eq!(text.parse(), Ok(Sysctl { name: name.into(), namespace }), "{text}");
        }
    }

    #[test]
    fn refuses_with_the_place() {
        for (text, at, message) in [
            ("", 0..0, "`` is no name of a kernel parameter"),
            ("net.", 0..4, "`net.` is no name of a kernel parameter"),
            (
                "net/../kernel/core_pattern",
                0..26,
                "`net/../kernel/core_pattern` is no name of a kernel parameter",
            ),
            ("net..x", 0..6, "`net..x` is no name of a kernel parameter"),
            ("net.a b", 5..6, "` ` cannot stand in the name of a kernel parameter"),
            ("net", 0..3, "`net` is a kernel parameter of the whole host, not of a container"),
            (
                "vm.swappiness",
                0..13,
                "`vm.swappiness` is a kernel parameter of the whole host, not of a container",
            ),
            (
                "kernel.shmfoo",
                0..13,
                "`kernel.shmfoo` is a kernel parameter of the whole host, not of a container",
            ),
            ("kernel.hostname", 0..15, "the host name is no kernel parameter here"),
        ] {
            let invalid = text.parse::<Sysctl>().unwrap_err();
            assert_eq!((invalid.range, &*invalid.message), (at, message), "{text}");
        }
    }
}
