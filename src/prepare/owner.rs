//! Who must prepare bundles whose containers have a user namespace: files are to belong to the users of the container.
#![allow(clippy::disallowed_methods, reason = "the kernel says here who the users of this process are")]

use std::fs;
use std::io;

use serde::Deserialize;

use super::Error;
use super::bundle::Bundle;
use super::tree::Tree;

/// Numbers of a container, and those of the host that they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Range {
    /// The first number in the container.
    #[serde(rename = "containerID")]
    pub container: u32,
    /// The first number on the host.
    #[serde(rename = "hostID")]
    pub host: u32,
    /// How many there are.
    pub size: u32,
}

/// The users and groups of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// The users; none without a user namespace.
    pub users: Vec<Range>,
    /// The groups.
    pub groups: Vec<Range>,
}

/// All numbers, as the first namespace of a host has them.
const ALL: Range = Range { container: 0, host: 0, size: u32::MAX };

/// Holds this process to the users of the bundles. With one user, that user must prepare them. With several, the files
/// can be given to them only in a namespace that has them.
pub(super) fn check(tree: &Tree, bundles: &[Bundle]) -> Result<(), Error> {
    for bundle in bundles {
        let path = || tree.path().join(&bundle.name);
        let wrong = match bundle.mapping.one() {
            _ if bundle.mapping.users.is_empty() => continue,
            Some(user) if user == rustix::process::geteuid().as_raw() => continue,
            Some(user) => format!("made for user {user}, who must run `prepare`"),
            None => match own().map_err(|error| Error::io("/proc/self/uid_map", error))? {
                own if own == bundle.mapping && is_root() => continue,
                own if own.users == [ALL] && !is_root() => {
                    let mapping = Box::new(bundle.mapping.clone());
                    return Err(Error::Namespace { mapping });
                }
                own if own.users == [ALL] => "made for a user who is not root, and must run `prepare`".into(),
                own if own == bundle.mapping => {
                    "root of the container must be the user who runs `prepare`".into()
                }
                _ => "made for other users than those of the namespace that `prepare` runs in".into(),
            },
        };
        return Err(Error::bundle(path(), wrong));
    }
    Ok(())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl Mapping {
    /// The user of the host, where the container has one user and one group.
    pub(super) fn one(&self) -> Option<u32> {
        match (self.users.as_slice(), self.groups.as_slice()) {
            ([user], [group]) if user.size == 1 && group.size == 1 => Some(user.host),
            _ => None,
        }
    }
}

/// The users and groups of this process.
fn own() -> io::Result<Mapping> {
    let read = |path: &str| Ok::<_, io::Error>(parse(&fs::read_to_string(path)?));
    Ok(Mapping { users: read("/proc/self/uid_map")?, groups: read("/proc/self/gid_map")? })
}

/// The lines of a map, sorted.
fn parse(text: &str) -> Vec<Range> {
    let line = |line: &str| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u32>().ok());
        Some(Range { container: numbers.next()??, host: numbers.next()??, size: numbers.next()?? })
    };
    let mut ranges: Vec<Range> = text.lines().filter_map(line).collect();
    ranges.sort();
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read_as_the_kernel_writes_them() {
        let text = "         1     100000      65536\n         0       1000          1\n";
        let (root, others) = (
            Range { container: 0, host: 1000, size: 1 },
            Range { container: 1, host: 100_000, size: 65_536 },
        );
        assert_eq!(parse(text), [root, others]);
        assert_eq!(parse("         0          0 4294967295\n"), [ALL]);
        assert_eq!(Mapping { users: vec![root], groups: vec![root] }.one(), Some(1000));
        assert_eq!(Mapping { users: vec![root, others], groups: vec![root] }.one(), None);
    }
}
