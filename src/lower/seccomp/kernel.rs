//! Kernel versions, on which rules of Docker's profiles can depend.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// The first two numbers of a kernel's version, which is what profiles compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KernelVersion {
    /// The `5` of `5.10`.
    pub major: u8,
    /// The `10` of `5.10`.
    pub minor: u8,
}

impl KernelVersion {
    /// The oldest kernel that bundles are prepared and run on: the first with openat2(2).
    pub const OLDEST: KernelVersion = KernelVersion { major: 5, minor: 6 };
}

impl FromStr for KernelVersion {
    type Err = Invalid;

    /// Two numbers and a dot, as Docker's profiles write `minKernel`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parsed = text.split_once('.').and_then(|(major, minor)| {
            let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            let both = digits(major) && digits(minor);
            both.then_some(KernelVersion { major: major.parse().ok()?, minor: minor.parse().ok()? })
        });
        parsed.filter(|version| (version.major, version.minor) != (0, 0)).ok_or_else(|| {
            Invalid::whole(text, format!("`{text}` is not a kernel version"))
                .help("write two numbers, such as `5.10`")
        })
    }
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!("4.8".parse(), Ok(KernelVersion { major: 4, minor: 8 }));
        assert_eq!("5.10".parse::<KernelVersion>().unwrap().to_string(), "5.10");
        assert!(KernelVersion { major: 4, minor: 8 } < KernelVersion { major: 4, minor: 19 });
        for text in ["", "5", "5.", ".1", "5.10.1", "5.10-rc1", "+5.1", "0.0", "256.1", "5. 1"] {
            assert!(text.parse::<KernelVersion>().is_err(), "{text}");
        }
    }
}
