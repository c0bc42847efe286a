//! Names of network interfaces.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// What the kernel has room for (`IFNAMSIZ` without its NUL).
const MAX: usize = 15;

/// What a prefix may have, so that there is room for a number.
const MAX_PREFIX: usize = 11;

/// The name of an interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InterfaceName(String);

/// What the names of interfaces begin with that have a number at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfacePrefix(String);

impl InterfaceName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl InterfacePrefix {
    /// The letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InterfacePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for InterfaceName {
    type Err = Invalid;

    /// What the kernel takes (`dev_valid_name`), without the names that mean something else to it or to the file system.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if matches!(text, "." | ".." | "lo" | "all" | "default") {
            return Err(Invalid::whole(text, format!("an interface cannot be called `{text}`")));
        }
        checked(text, MAX).map(|()| InterfaceName(text.to_owned()))
    }
}

impl FromStr for InterfacePrefix {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        checked(text, MAX_PREFIX).map(|()| InterfacePrefix(text.to_owned()))
    }
}

fn checked(text: &str, max: usize) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::whole(text, "the name of an interface may not be empty"));
    }
    let foreign = |c: char| !c.is_ascii_graphic() || matches!(c, '/' | ':' | '%');
    if let Some((at, c)) = text.char_indices().find(|(_, c)| foreign(*c)) {
        let message = format!("`{}` cannot stand in the name of an interface", c.escape_debug());
        return Err(
            Invalid::new(at..at + c.len_utf8(), message).help("write letters and digits, such as `eth0`")
        );
    }
    if text.len() > max {
        let message =
            format!("the name of an interface may have {max} characters here, and this has {}", text.len());
        return Err(Invalid::new(max..text.len(), message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_the_kernel_takes() {
        for text in ["eth0", "br-0123456789ab", "eth0.10", "a"] {
            assert_eq!(text.parse::<InterfaceName>().unwrap().to_string(), text);
        }
        for text in ["", ".", "..", "lo", "all", "a/b", "a b", "a:1", "eth%d", "é", "sixteen-letters-"] {
            assert!(text.parse::<InterfaceName>().is_err(), "{text}");
        }
        assert!("twelve-chars".parse::<InterfacePrefix>().is_err());
        assert_eq!("net".parse::<InterfacePrefix>().unwrap().as_str(), "net");
    }
}
