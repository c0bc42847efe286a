//! Linux capabilities as `cap_add` and `cap_drop` name them. See capabilities(7).

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;
use crate::nearest::nearest;

macro_rules! capabilities {
    ($($variant:ident = $name:literal,)*) => {
        /// A capability, ordered by the kernel's number (`linux/capability.h`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "capabilities(7) documents them")]
        pub enum Capability { $($variant,)* }

        impl Capability {
            /// Every capability up to Linux 5.9; none was added since.
            pub const ALL: &[Capability] = &[$(Capability::$variant,)*];

            /// The name that the runtime spec and the kernel use, such as `CAP_NET_ADMIN`.
            pub const fn name(self) -> &'static str {
                match self { $(Capability::$variant => $name,)* }
            }
        }
    };
}

capabilities! {
    Chown = "CAP_CHOWN",
    DacOverride = "CAP_DAC_OVERRIDE",
    DacReadSearch = "CAP_DAC_READ_SEARCH",
    Fowner = "CAP_FOWNER",
    Fsetid = "CAP_FSETID",
    Kill = "CAP_KILL",
    Setgid = "CAP_SETGID",
    Setuid = "CAP_SETUID",
    Setpcap = "CAP_SETPCAP",
    LinuxImmutable = "CAP_LINUX_IMMUTABLE",
    NetBindService = "CAP_NET_BIND_SERVICE",
    NetBroadcast = "CAP_NET_BROADCAST",
    NetAdmin = "CAP_NET_ADMIN",
    NetRaw = "CAP_NET_RAW",
    IpcLock = "CAP_IPC_LOCK",
    IpcOwner = "CAP_IPC_OWNER",
    SysModule = "CAP_SYS_MODULE",
    SysRawio = "CAP_SYS_RAWIO",
    SysChroot = "CAP_SYS_CHROOT",
    SysPtrace = "CAP_SYS_PTRACE",
    SysPacct = "CAP_SYS_PACCT",
    SysAdmin = "CAP_SYS_ADMIN",
    SysBoot = "CAP_SYS_BOOT",
    SysNice = "CAP_SYS_NICE",
    SysResource = "CAP_SYS_RESOURCE",
    SysTime = "CAP_SYS_TIME",
    SysTtyConfig = "CAP_SYS_TTY_CONFIG",
    Mknod = "CAP_MKNOD",
    Lease = "CAP_LEASE",
    AuditWrite = "CAP_AUDIT_WRITE",
    AuditControl = "CAP_AUDIT_CONTROL",
    Setfcap = "CAP_SETFCAP",
    MacOverride = "CAP_MAC_OVERRIDE",
    MacAdmin = "CAP_MAC_ADMIN",
    Syslog = "CAP_SYSLOG",
    WakeAlarm = "CAP_WAKE_ALARM",
    BlockSuspend = "CAP_BLOCK_SUSPEND",
    AuditRead = "CAP_AUDIT_READ",
    Perfmon = "CAP_PERFMON",
    Bpf = "CAP_BPF",
    CheckpointRestore = "CAP_CHECKPOINT_RESTORE",
}

/// An entry of `cap_add` or `cap_drop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapabilityName {
    /// `ALL`: every capability there is.
    All,
    /// One capability.
    One(Capability),
}

const PREFIX: &str = "CAP_";
const ALL: &str = "ALL";

/// The name without its prefix: what people write in a Compose file, and what is compared.
fn bare(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

fn known(text: &str) -> Option<Capability> {
    let upper = text.to_ascii_uppercase();
    Capability::ALL.iter().copied().find(|capability| bare(capability.name()) == bare(&upper))
}

/// An unknown name, with the nearest of `known` spelled as the user spells names: with or without the prefix.
fn unknown<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Invalid {
    let upper = text.to_ascii_uppercase();
    if text.is_empty() {
        return Invalid::whole(text, "the name of a capability is missing");
    }
    let invalid = Invalid::whole(text, format!("unknown capability `{text}`"));
    let prefix = if upper.starts_with(PREFIX) { PREFIX } else { "" };
    match nearest(upper.trim_start_matches(PREFIX), known) {
        Some(ALL) => invalid.help("did you mean `ALL`?"),
        Some(name) => invalid.help(format!("did you mean `{prefix}{name}`?")),
        None => invalid,
    }
}

impl FromStr for Capability {
    type Err = Invalid;

    /// As Docker does (`caps.NormalizeLegacyCapabilities`): any case, with or without one `CAP_`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        known(text).ok_or_else(|| unknown(text, Capability::ALL.iter().map(|c| bare(c.name()))))
    }
}

impl FromStr for CapabilityName {
    type Err = Invalid;

    /// As [`Capability`], and `ALL` in any case. Docker refuses `CAP_ALL`, and so do we.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.eq_ignore_ascii_case(ALL) {
            return Ok(CapabilityName::All);
        }
        let names = || std::iter::once(ALL).chain(Capability::ALL.iter().map(|c| bare(c.name())));
        known(text).map(CapabilityName::One).ok_or_else(|| unknown(text, names()))
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for CapabilityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CapabilityName::All => f.write_str(ALL),
            CapabilityName::One(capability) => capability.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_order() {
        assert_eq!(Capability::ALL.len(), 41);
        assert!(Capability::ALL.is_sorted());
        for (number, capability) in [
            (0, Capability::Chown),
            (12, Capability::NetAdmin),
            (21, Capability::SysAdmin),
            (40, Capability::CheckpointRestore),
        ] {
            assert_eq!(Capability::ALL[number], capability);
        }
    }

    #[test]
    fn every_name_reads_back() {
        for capability in Capability::ALL {
            let name = capability.name();
            assert_eq!(name.parse(), Ok(*capability));
            assert_eq!(name.to_lowercase().parse(), Ok(*capability));
            assert_eq!(bare(name).parse(), Ok(CapabilityName::One(*capability)));
        }
    }

    #[test]
    fn spellings() {
        for text in ["NET_ADMIN", "net_admin", "Net_Admin", "CAP_NET_ADMIN", "cap_net_admin"] {
            assert_eq!(text.parse(), Ok(CapabilityName::One(Capability::NetAdmin)), "{text}");
        }
        for text in ["ALL", "all", "All"] {
            assert_eq!(text.parse(), Ok(CapabilityName::All), "{text}");
        }
    }

    #[test]
    fn unknown_names() {
        for (text, help) in [
            ("NET_ADMN", Some("did you mean `NET_ADMIN`?")),
            ("net-admin", Some("did you mean `NET_ADMIN`?")),
            ("CAP_SYS_PTRCE", Some("did you mean `CAP_SYS_PTRACE`?")),
            ("CAP_CAP_NET_ADMIN", Some("did you mean `CAP_NET_ADMIN`?")),
            ("cap_cap_chown", Some("did you mean `CAP_CHOWN`?")),
            ("CAP_ALL", Some("did you mean `ALL`?")),
            ("FOO", None),
            ("NET_ADMIN ", Some("did you mean `NET_ADMIN`?")),
            ("CAP_", None),
        ] {
            let invalid = text.parse::<CapabilityName>().unwrap_err();
            assert_eq!(invalid.message, format!("unknown capability `{text}`"));
            assert_eq!(invalid.help.as_deref(), help, "{text}");
            assert_eq!(invalid.range, 0..text.len());
        }
        assert!("ALL".parse::<Capability>().is_err());
    }
}
