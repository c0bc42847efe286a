//! The runtimes that bundles are for.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;
use crate::nearest::nearest;

/// A program that runs bundles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// <https://github.com/opencontainers/runc>
    Runc,
    /// <https://github.com/containers/crun>
    Crun,
}

/// A version of a runtime. A later one can do what it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuntimeVersion {
    /// The program.
    pub runtime: Runtime,
    /// The major and the minor version.
    pub version: (u32, u32),
}

impl RuntimeVersion {
    /// The oldest version of each runtime that bundles are for: what they can do is known by running them.
    pub const OLDEST: [RuntimeVersion; 2] = [
        RuntimeVersion { runtime: Runtime::Runc, version: (1, 1) },
        RuntimeVersion { runtime: Runtime::Crun, version: (1, 8) },
    ];
}

impl Runtime {
    /// The name of the program.
    pub const fn name(self) -> &'static str {
        match self {
            Runtime::Runc => "runc",
            Runtime::Crun => "crun",
        }
    }
}

impl FromStr for RuntimeVersion {
    type Err = Invalid;

    /// `NAME-MAJOR.MINOR`, such as `runc-1.1`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (name, version) = text.split_once('-').unwrap_or((text, ""));
        let Some(oldest) = Self::OLDEST.iter().find(|oldest| oldest.runtime.name() == name) else {
            let known = nearest(name, Self::OLDEST.iter().map(|oldest| oldest.runtime.name()));
            return Err(
                Invalid::new(0..name.len(), format!("no runtime is called `{name}`")).did_you_mean(known)
            );
        };
        let place = text.len() - version.len()..text.len();
        let Some(version) = numbers(version) else {
            let invalid = Invalid::new(place, format!("`{text}` names no version of {name}"));
            return Err(invalid.help(format!("write it as `{}`", oldest.option())));
        };
        if version < oldest.version {
            let message = format!("bundles are for {oldest} and later");
            return Err(Invalid::new(place, message));
        }
        Ok(RuntimeVersion { runtime: oldest.runtime, version })
    }
}

/// The major and the minor number. A patch changes nothing that a bundle could ask for.
fn numbers(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.split_once('.')?;
    let minor = rest.split_once('.').map_or(rest, |(minor, _)| minor);
    Some((major.parse().ok()?, minor.parse().ok()?))
}

impl RuntimeVersion {
    /// As it is written in a file and on the command line.
    pub fn option(&self) -> String {
        format!("{}-{}.{}", self.runtime.name(), self.version.0, self.version.1)
    }
}

impl fmt::Display for RuntimeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{}", self.runtime.name(), self.version.0, self.version.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_a_name_and_two_numbers() {
        let parsed = |text: &str| text.parse::<RuntimeVersion>().map(|version| version.to_string());
        assert_eq!(parsed("runc-1.1").unwrap(), "runc 1.1");
        assert_eq!(parsed("crun-1.14.4").unwrap(), "crun 1.14");
        for (text, range) in [
            ("runsc-1.1", 0..5),
            ("runc", 4..4),
            ("runc-", 5..5),
            ("runc-1", 5..6),
            ("runc-1.0", 5..8),
            ("", 0..0),
        ] {
            assert_eq!(text.parse::<RuntimeVersion>().unwrap_err().range, range, "{text}");
        }
    }
}
