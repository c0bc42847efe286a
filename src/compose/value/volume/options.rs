//! The options of a volume in the short form.

use std::fmt;
use std::str::FromStr;

use super::Source;
use crate::compose::value::moved;
use crate::diag::Invalid;

/// The options of a volume; what is not there was not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `ro` or `rw`
    pub access: Option<Access>,
    /// `nocopy`: a new volume is not filled with what the image has at the target.
    pub nocopy: bool,
    /// `z` or `Z`
    pub selinux: Option<Selinux>,
    /// `rprivate` and its like
    pub propagation: Option<Propagation>,
}

/// Whether the container may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `ro`
    ReadOnly,
    /// `rw`
    ReadWrite,
}

/// Which label the content gets where SELinux is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selinux {
    /// `z`: one that all containers share
    Shared,
    /// `Z`: one of this container
    Private,
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

/// Whether `text` is an option of a volume.
pub(super) fn is_option(text: &str) -> bool {
    Choice::from_str(text).is_ok()
}

/// One option.
#[derive(Clone, Copy)]
enum Choice {
    Access(Access),
    Nocopy,
    Selinux(Selinux),
    Propagation(Propagation),
    /// Docker Desktop's hints for macOS; Docker Engine takes them and does nothing.
    Consistency,
}

impl FromStr for Choice {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Ok(match text {
            "ro" => Choice::Access(Access::ReadOnly),
            "rw" => Choice::Access(Access::ReadWrite),
            "nocopy" => Choice::Nocopy,
            "z" => Choice::Selinux(Selinux::Shared),
            "Z" => Choice::Selinux(Selinux::Private),
            "consistent" | "cached" | "delegated" => Choice::Consistency,
            _ => Choice::Propagation(text.parse().map_err(|_| {
                Invalid::whole(text, format!("unknown option `{text}` of a volume"))
                    .help("the options are ro, rw, nocopy, z, Z, and [r]private, [r]shared or [r]slave")
            })?),
        })
    }
}

/// Reads the options that begin at `start` of a volume of `source`.
pub(super) fn read(text: &str, start: usize, source: &Source) -> Result<Options, Invalid> {
    let mut options = Options::default();
    let mut at = start;
    for option in text.split(',') {
        let choice = option.parse().and_then(|choice| fits(choice, option, source));
        let choice = choice.map_err(|invalid| moved(invalid, at))?;
        if !options.agree(choice) {
            let message = format!("`{option}` contradicts an option before it");
            return Err(Invalid::new(at..at + option.len(), message));
        }
        at += option.len() + 1;
    }
    Ok(options)
}

/// Docker Engine refuses options for binds on volumes, and the other way round.
fn fits(choice: Choice, option: &str, source: &Source) -> Result<Choice, Invalid> {
    let message = match (choice, source) {
        (Choice::Nocopy, Source::Bind(_)) => "`nocopy` is for volumes, and this is a bind mount".to_owned(),
        (Choice::Propagation(_), Source::Named(_) | Source::Anonymous) => {
            format!("`{option}` is for bind mounts, and this is a volume")
        }
        _ => return Ok(choice),
    };
    Err(Invalid::whole(option, message))
}

impl Options {
    /// Takes an option, unless it contradicts one that was taken before.
    fn agree(&mut self, choice: Choice) -> bool {
        match choice {
            Choice::Access(access) => *self.access.get_or_insert(access) == access,
            Choice::Selinux(label) => *self.selinux.get_or_insert(label) == label,
            Choice::Propagation(mode) => *self.propagation.get_or_insert(mode) == mode,
            Choice::Nocopy => {
                self.nocopy = true;
                true
            }
            Choice::Consistency => true,
        }
    }
}
