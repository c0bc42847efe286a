//! Names of process limits, the keys of `ulimits`. See setrlimit(2).

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;
use crate::nearest::nearest;

macro_rules! limits {
    ($($variant:ident = $name:literal, $spec:literal;)*) => {
        /// A process limit, ordered by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "setrlimit(2) documents them")]
        pub enum RlimitKind { $($variant,)* }

        impl RlimitKind {
            /// Every limit of Linux.
            pub const ALL: &[RlimitKind] = &[$(RlimitKind::$variant,)*];

            /// The name in a Compose file, such as `nofile`.
            pub const fn name(self) -> &'static str {
                match self { $(RlimitKind::$variant => $name,)* }
            }

            /// The name in the runtime spec, such as `RLIMIT_NOFILE`.
            pub const fn spec_name(self) -> &'static str {
                match self { $(RlimitKind::$variant => $spec,)* }
            }
        }
    };
}

limits! {
    As = "as", "RLIMIT_AS";
    Core = "core", "RLIMIT_CORE";
    Cpu = "cpu", "RLIMIT_CPU";
    Data = "data", "RLIMIT_DATA";
    Fsize = "fsize", "RLIMIT_FSIZE";
    Locks = "locks", "RLIMIT_LOCKS";
    Memlock = "memlock", "RLIMIT_MEMLOCK";
    Msgqueue = "msgqueue", "RLIMIT_MSGQUEUE";
    Nice = "nice", "RLIMIT_NICE";
    Nofile = "nofile", "RLIMIT_NOFILE";
    Nproc = "nproc", "RLIMIT_NPROC";
    Rss = "rss", "RLIMIT_RSS";
    Rtprio = "rtprio", "RLIMIT_RTPRIO";
    Rttime = "rttime", "RLIMIT_RTTIME";
    Sigpending = "sigpending", "RLIMIT_SIGPENDING";
    Stack = "stack", "RLIMIT_STACK";
}

impl FromStr for RlimitKind {
    type Err = Invalid;

    /// The lower-case name, the only spelling the Compose schema allows. `as` is refused by Docker's command line
    /// but passes through Compose and the engine, and is accepted.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        RlimitKind::ALL.iter().copied().find(|kind| kind.name() == text).ok_or_else(|| unknown(text))
    }
}

/// People write `RLIMIT_NOFILE` too, as setrlimit(2) does.
fn unknown(text: &str) -> Invalid {
    let bare = text.get("RLIMIT_".len()..).filter(|_| text.to_ascii_uppercase().starts_with("RLIMIT_"));
    let invalid = Invalid::whole(text, format!("unknown limit `{text}`"));
    invalid.did_you_mean(nearest(bare.unwrap_or(text), RlimitKind::ALL.iter().map(|kind| kind.name())))
}

impl fmt::Display for RlimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        assert_eq!(RlimitKind::ALL.len(), 16);
        assert!(RlimitKind::ALL.is_sorted_by_key(|kind| kind.name()));
        for kind in RlimitKind::ALL {
            assert_eq!(kind.name().parse(), Ok(*kind));
            assert_eq!(kind.spec_name(), format!("RLIMIT_{}", kind.name().to_uppercase()));
        }
    }

    #[test]
    fn unknown_names() {
        let help = |text: &str| text.parse::<RlimitKind>().unwrap_err().help;
        assert_eq!(help("nofiles").as_deref(), Some("did you mean `nofile`?"));
        assert_eq!(help("NOFILE").as_deref(), Some("did you mean `nofile`?"));
        assert_eq!(help("RLIMIT_NOFILE").as_deref(), Some("did you mean `nofile`?"));
        assert_eq!(help("openfiles"), None);
        assert_eq!(help("é"), None);
        assert_eq!(help(""), None);
    }
}
