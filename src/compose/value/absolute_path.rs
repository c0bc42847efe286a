//! A file of the host that the bundles run on, by a path that means the same everywhere.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// An absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbsolutePath(String);

impl AbsolutePath {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AbsolutePath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !text.starts_with('/') || text.ends_with('/') || text.contains('\0') {
            let message = format!("`{}` is not the absolute path of a file", text.escape_debug());
            return Err(Invalid::whole(text, message)
                .help("write where it is on the host that runs the bundles, from `/` on"));
        }
        Ok(AbsolutePath(text.to_owned()))
    }
}

impl fmt::Display for AbsolutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_absolute_path_means_the_same_everywhere() {
        let path = "/usr/local/bin/bundlegen";
        assert_eq!(path.parse::<AbsolutePath>().unwrap().as_str(), path);
        for wrong in ["", "bundlegen", "./bundlegen", "/", "/usr/", "/a\0b"] {
            assert!(wrong.parse::<AbsolutePath>().is_err(), "{wrong:?}");
        }
    }
}
