//! `cpus`: how many processors a container may use.
//!
//! Compose keeps the number as a 32-bit float and hands 10⁻⁹ parts of a processor to Docker, computed in that
//! precision; Docker makes a quota of it. The same roundings happen here.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// The length of the period that a quota is for, in microseconds: Docker's.
pub const PERIOD: u64 = 100_000;

/// The smallest quota that the kernel takes, in microseconds.
pub const MIN_QUOTA: i64 = 1_000;

/// A number of processors; not negative.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Cpus(f32);

/// The processor time in one [`PERIOD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// No limit.
    Unlimited,
    /// So many microseconds.
    Microseconds(i64),
    /// Less than 0.01 of a processor: the kernel would refuse it when the container starts.
    TooSmall,
}

impl Cpus {
    /// The number of processors, if it is one that Docker could take.
    #[expect(clippy::cast_possible_truncation, reason = "Compose has 32-bit floats")]
    pub fn new(number: f64) -> Option<Self> {
        let cpus = Cpus(number as f32);
        (number >= 0.0 && cpus.0 * 1e9 < 9.2e18).then_some(cpus)
    }

    /// Whether it is 0, which is no limit.
    pub fn is_zero(self) -> bool {
        self.0 == 0.0
    }

    /// The limit in microseconds per [`PERIOD`].
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the number is in range; Docker drops the fraction too"
    )]
    pub fn quota(self) -> Quota {
        let billionths = (self.0 * 1e9) as i64;
        match billionths / 10_000 {
            _ if self.0 == 0.0 => Quota::Unlimited,
            quota if quota < MIN_QUOTA => Quota::TooSmall,
            quota => Quota::Microseconds(quota),
        }
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cpus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let number = text.parse::<f64>().map_err(|_| {
            Invalid::whole(text, format!("expected a number of processors, found `{text}`"))
                .help("write `0.5` or `2`")
        })?;
        Cpus::new(number).ok_or_else(|| {
            let wanted = if number < 0.0 { "cannot be negative" } else { "is out of range" };
            Invalid::whole(text, format!("the number of processors {wanted}, found `{text}`"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_quota_of_docker() {
        for (text, want) in [
            ("0", Quota::Unlimited),
            ("0.0", Quota::Unlimited),
            ("0.5", Quota::Microseconds(50_000)),
            ("2", Quota::Microseconds(200_000)),
            ("1.5", Quota::Microseconds(150_000)),
            ("0.3", Quota::Microseconds(30_000)),
            ("0.29", Quota::Microseconds(29_000)),
            ("1e1", Quota::Microseconds(1_000_000)),
            ("0.333333333", Quota::Microseconds(33_333)),
            ("0.01", Quota::Microseconds(1_000)),
            ("0.009", Quota::TooSmall),
            ("0.0001", Quota::TooSmall),
            ("1e-12", Quota::TooSmall),
        ] {
            assert_eq!(text.parse::<Cpus>().unwrap().quota(), want, "{text}");
        }
    }

    #[test]
    fn is_written_as_compose_does() {
        for (text, want) in [("0.333333333", "0.33333334"), ("2.0", "2"), (".5", "0.5")] {
            assert_eq!(text.parse::<Cpus>().unwrap().to_string(), want);
        }
    }

    #[test]
    fn refuses_with_the_message() {
        for (text, message) in [
            ("", "expected a number of processors, found ``"),
            ("many", "expected a number of processors, found `many`"),
            ("1 ", "expected a number of processors, found `1 `"),
            ("-1", "the number of processors cannot be negative, found `-1`"),
            ("nan", "the number of processors is out of range, found `nan`"),
            ("inf", "the number of processors is out of range, found `inf`"),
            ("1e30", "the number of processors is out of range, found `1e30`"),
        ] {
            let invalid = text.parse::<Cpus>().unwrap_err();
            assert_eq!((invalid.range, &*invalid.message), (0..text.len(), message));
        }
    }
}
