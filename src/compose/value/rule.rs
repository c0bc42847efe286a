//! The names of the rules that `lint` holds bundles to.
//!
//! What a rule looks for is in `review::lint`, in a file of the rule's name; the names are here, because a Compose file
//! can say that a finding is meant.

#[cfg(test)]
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;
use crate::nearest::nearest;

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A rule of `lint`. Its name is also the folder of its test and its anchor in the manual.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RuleName { $($(#[$doc])* $variant,)* }

        impl RuleName {
            /// Every rule, in the order of the manual.
            pub const ALL: &[RuleName] = &[$(RuleName::$variant,)*];

            /// The name that is shown and documented.
            pub fn as_str(self) -> &'static str {
                match self { $(RuleName::$variant => $name,)* }
            }
        }
    };
}

rules! {
    /// The socket of a daemon that starts containers as root.
    ControlSocket = "control-socket",
    /// `privileged: true`.
    Privileged = "privileged",
    /// A capability that is as good as root on the host.
    HostCodeCapability = "host-code-capability",
    /// A capability that Docker does not give, and that reaches beyond the container.
    StrongCapability = "strong-capability",
    /// Another capability that Docker does not give.
    AddedCapability = "added-capability",
    /// Docker's default capabilities, of which few programs need one.
    DefaultCapabilities = "default-capabilities",
    /// Ambient or inheritable capabilities.
    AmbientCapability = "ambient-capability",
    /// The host's network.
    HostNetwork = "host-network",
    /// The host's processes.
    HostPid = "host-pid",
    /// The host's shared memory.
    HostIpc = "host-ipc",
    /// The host's name.
    HostUts = "host-uts",
    /// The host's control groups.
    HostCgroup = "host-cgroup",
    /// A writable path of the host that leads to root on it.
    RootEquivalentPath = "root-equivalent-path",
    /// A path of the host that tells more than a container should know.
    SensitivePath = "sensitive-path",
    /// A mount that passes on to the host what is mounted below it.
    SharedPropagation = "shared-propagation",
    /// A mount over `/proc` or `/sys`.
    MountOverProc = "mount-over-proc",
    /// A mount below a volume into which another container writes.
    NestedSharedVolume = "nested-shared-volume",
    /// A temporary file system from which programs can be started.
    ExecutableTmpfs = "executable-tmpfs",
    /// A device with which the host can be taken over.
    DangerousDevice = "dangerous-device",
    /// A device of the host.
    HostDevice = "host-device",
    /// No filter of system calls.
    SeccompOff = "seccomp-off",
    /// AppArmor is turned off.
    ApparmorOff = "apparmor-off",
    /// SELinux does not confine.
    SelinuxOff = "selinux-off",
    /// Nothing is masked in `/proc` and `/sys`.
    UnmaskedPaths = "unmasked-paths",
    /// A program of the container may gain privileges.
    NewPrivileges = "new-privileges",
    /// The process is root.
    RootUser = "root-user",
    /// The root file system is writable.
    WritableRoot = "writable-root",
    /// The working directory is below `/proc`.
    CwdInProc = "cwd-in-proc",
    /// A kernel parameter that is not the container's own.
    HostSysctl = "host-sysctl",
    /// A port that answers on every address of the host.
    PortOnAllInterfaces = "port-on-all-interfaces",
    /// A port of the host that is for system services.
    PrivilegedPort = "privileged-port",
    /// A reference of an image that says another one tomorrow.
    UnpinnedImage = "unpinned-image",
    /// A root file system that no digest holds.
    UnlockedRoot = "unlocked-root",
    /// An annotation that makes the runtime do things.
    RuntimeAnnotation = "runtime-annotation",
    /// A program of the host that the runtime starts, and that bundlegen did not write.
    ForeignHook = "foreign-hook",
    /// No limit of memory.
    NoMemoryLimit = "no-memory-limit",
    /// No limit of processors.
    NoCpuLimit = "no-cpu-limit",
    /// No limit of processes.
    NoPidsLimit = "no-pids-limit",
    /// A password or a token in a variable.
    CredentialInEnvironment = "credential-in-environment",
    /// A password or a token in the command.
    CredentialInCommand = "credential-in-command",
    /// A value of an env file that is written into the bundle.
    EnvFileValue = "env-file-value",
    /// A value that whoever builds has in the environment.
    ShellEnvironment = "shell-environment",
    /// Nobody keeps what the container says.
    LoggingOff = "logging-off",
    /// A finding is allowed that there is not.
    UnusedAllow = "unused-allow",
}

impl FromStr for RuleName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let known = RuleName::ALL.iter().find(|rule| rule.as_str() == text);
        known.copied().ok_or_else(|| {
            let invalid = Invalid::whole(text, format!("no rule of `lint` is called `{text}`"));
            invalid.did_you_mean(nearest(text, RuleName::ALL.iter().map(|rule| rule.as_str())))
        })
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
impl schemars::JsonSchema for RuleName {
    fn schema_name() -> Cow<'static, str> {
        "RuleName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = RuleName::ALL.iter().map(|rule| rule.as_str()).collect();
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}
