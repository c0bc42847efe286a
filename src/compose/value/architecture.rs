//! Processor architectures as image platforms name them. See the image index chapter of the OCI image spec.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;
use crate::nearest::nearest;

macro_rules! architectures {
    ($($variant:ident = $name:literal,)*) => {
        /// An architecture that Linux containers are built for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the names are Go's GOARCH values, as the image spec prescribes")]
        pub enum Architecture { $($variant,)* }

        impl Architecture {
            /// Every architecture, sorted by name.
            pub const ALL: &[Architecture] = &[$(Architecture::$variant,)*];

            /// The name that image platforms use, such as `amd64`.
            pub const fn name(self) -> &'static str {
                match self { $(Architecture::$variant => $name,)* }
            }
        }
    };
}

architectures! {
    X86 = "386",
    Amd64 = "amd64",
    Arm = "arm",
    Arm64 = "arm64",
    Loong64 = "loong64",
    Mips = "mips",
    Mips64 = "mips64",
    Mips64le = "mips64le",
    Mipsle = "mipsle",
    Ppc64 = "ppc64",
    Ppc64le = "ppc64le",
    Riscv64 = "riscv64",
    S390x = "s390x",
}

impl FromStr for Architecture {
    type Err = Invalid;

    /// The exact name; aliases such as `x86_64` are for the platform that contains it to resolve.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let known = Architecture::ALL.iter().copied().find(|architecture| architecture.name() == text);
        known.ok_or_else(|| {
            let invalid = Invalid::whole(text, format!("unknown architecture `{text}`"));
            invalid
                .did_you_mean(nearest(text, Architecture::ALL.iter().map(|architecture| architecture.name())))
        })
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        assert!(Architecture::ALL.is_sorted_by_key(|architecture| architecture.name()));
        for architecture in Architecture::ALL {
            assert_eq!(architecture.name().parse(), Ok(*architecture));
        }
    }

    #[test]
    fn unknown_names() {
        let help = |text: &str| text.parse::<Architecture>().unwrap_err().help;
        assert_eq!(help("amd46").as_deref(), Some("did you mean `amd64`?"));
        assert_eq!(help("AMD64").as_deref(), Some("did you mean `amd64`?"));
        assert_eq!(help("sparc"), None);
    }
}
