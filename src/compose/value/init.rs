//! The init process that `init: true` puts in front of a command: a program of the host.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// Where the program is on the host: an absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitPath(String);

impl Default for InitPath {
    /// Where the packages of Docker have it.
    fn default() -> Self {
        InitPath("/usr/bin/docker-init".to_owned())
    }
}

impl FromStr for InitPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !text.starts_with('/') || text.contains('\0') {
            let message = format!("the init `{}` is not at an absolute path", text.escape_debug());
            return Err(Invalid::whole(text, message).help("write one such as `/usr/bin/tini-static`"));
        }
        Ok(InitPath(text.to_owned()))
    }
}

impl fmt::Display for InitPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_absolute_path_means_the_same_everywhere() {
        assert_eq!("/usr/bin/catatonit".parse::<InitPath>().unwrap().to_string(), "/usr/bin/catatonit");
        for wrong in ["", "tini", "./tini", "/a\0b"] {
            assert!(wrong.parse::<InitPath>().is_err(), "{wrong:?}");
        }
    }
}
