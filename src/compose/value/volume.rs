//! What a mount of a service says of how it is mounted.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// Whether the container may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `ro`
    ReadOnly,
    /// `rw`
    ReadWrite,
}

/// How later mounts below this one spread; see `mount_namespaces(7)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the options")]
pub enum Propagation {
    Private,
    Rprivate,
    Shared,
    Rshared,
    Slave,
    Rslave,
}

impl fmt::Display for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Propagation::Private => "private",
            Propagation::Rprivate => "rprivate",
            Propagation::Shared => "shared",
            Propagation::Rshared => "rshared",
            Propagation::Slave => "slave",
            Propagation::Rslave => "rslave",
        })
    }
}

impl FromStr for Propagation {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        use Propagation::{Private, Rprivate, Rshared, Rslave, Shared, Slave};
        let all = [Private, Rprivate, Shared, Rshared, Slave, Rslave];
        let found = all.into_iter().find(|propagation| propagation.to_string() == text);
        found.ok_or_else(|| Invalid::whole(text, format!("unknown propagation `{text}`")))
    }
}

/// Whether the mounts below a source come along, and whether they are read-only where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recursion {
    /// They come along. They can be written to, as in Docker before version 25.
    Enabled,
    /// They do not.
    Disabled,
    /// They come along, and can be written to below a source that is read-only.
    Writable,
    /// They come along, and are read-only.
    ReadOnly,
}

impl fmt::Display for Recursion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Recursion::Enabled => "enabled",
            Recursion::Disabled => "disabled",
            Recursion::Writable => "writable",
            Recursion::ReadOnly => "readonly",
        })
    }
}

impl FromStr for Recursion {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let all = [Recursion::Enabled, Recursion::Disabled, Recursion::Writable, Recursion::ReadOnly];
        let found = all.into_iter().find(|recursion| recursion.to_string() == text);
        found.ok_or_else(|| Invalid::whole(text, format!("unknown recursion `{text}`")))
    }
}
