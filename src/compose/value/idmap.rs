//! Numbers of users and groups inside and outside a user namespace. See `user_namespaces(7)`.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::diag::Invalid;

/// The last number that a user or a group can have: the one after it stands for none.
const LAST: u32 = u32::MAX - 1;

/// The user who runs bundles without root, as `UID` or `UID:GID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostUser {
    /// The number of the user.
    pub uid: u32,
    /// The number of the group; that of the user by default.
    pub gid: u32,
}

/// Numbers of a container, and as many of the host that they are: `CONTAINER:HOST:SIZE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// The first number in the container.
    pub container: u32,
    /// The first number on the host.
    pub host: u32,
    /// How many there are; never 0.
    pub size: u32,
}

/// Whose numbers they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// `u:`
    Users,
    /// `g:`
    Groups,
    /// Nothing is said.
    Both,
}

/// A range with whose numbers they are: `[u:|g:]CONTAINER:HOST:SIZE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdMap {
    /// Whose numbers they are.
    pub whose: Whose,
    /// The numbers.
    pub range: IdRange,
}

impl IdRange {
    /// Whether a number of the container is one of them.
    pub fn contains(self, id: u32) -> bool {
        (self.container..=self.last()).contains(&id)
    }

    /// The last number in the container.
    pub fn last(self) -> u32 {
        self.container.saturating_add(self.size.saturating_sub(1))
    }
}

impl FromStr for HostUser {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (uid, gid) = text.split_once(':').unwrap_or((text, text));
        let uid_range = 0..uid.len();
        let uid = number(text, uid_range.clone())?;
        let gid = number(text, text.len() - gid.len()..text.len())?;
        if uid == 0 {
            let invalid = Invalid::new(uid_range, "the user who runs bundles without root cannot be root");
            return Err(invalid.help("leave it away for bundles that root runs"));
        }
        Ok(HostUser { uid, gid })
    }
}

impl FromStr for IdMap {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (whose, numbers) = match text.split_once(':') {
            Some(("u", rest)) => (Whose::Users, rest),
            Some(("g", rest)) => (Whose::Groups, rest),
            _ => (Whose::Both, text),
        };
        let mut at = text.len() - numbers.len();
        let parts: Vec<Range<usize>> = numbers
            .split(':')
            .map(|part| {
                let range = at..at + part.len();
                at = range.end + 1;
                range
            })
            .collect();
        let [container, host, size] = parts.as_slice() else {
            let invalid = Invalid::whole(text, format!("`{text}` is no range of users or groups"));
            return Err(
                invalid.help("write `CONTAINER:HOST:SIZE`, after `u:` for users or `g:` for groups alone")
            );
        };
        let range = IdRange {
            container: number(text, container.clone())?,
            host: number(text, host.clone())?,
            size: number(text, size.clone())?,
        };
        if range.size == 0 {
            return Err(Invalid::new(size.clone(), "the range is empty"));
        }
        if range.container.max(range.host) > LAST - (range.size - 1) {
            return Err(Invalid::new(
                size.clone(),
                format!("the range goes on after {LAST}, the last number"),
            ));
        }
        Ok(IdMap { whose, range })
    }
}

fn number(text: &str, range: Range<usize>) -> Result<u32, Invalid> {
    let part = text.get(range.clone()).unwrap_or_default();
    let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let number = part.parse::<u32>().ok().filter(|number| digits && *number <= LAST);
    number.ok_or_else(|| {
        let found = if part.is_empty() { "nothing".to_owned() } else { format!("`{part}`") };
        Invalid::new(range, format!("expected a number of at most {LAST}, found {found}"))
    })
}

impl fmt::Display for HostUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

impl fmt::Display for IdMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.whose {
            Whose::Users => "u:",
            Whose::Groups => "g:",
            Whose::Both => "",
        };
        let IdRange { container, host, size } = self.range;
        write!(f, "{prefix}{container}:{host}:{size}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users() {
        for (text, uid, gid) in [("1000", 1000, 1000), ("1000:100", 1000, 100), ("7:0", 7, 0)] {
            assert_eq!(text.parse::<HostUser>().unwrap(), HostUser { uid, gid }, "{text}");
        }
        for (text, range) in [
            ("", 0..0),
            ("user", 0..4),
            ("1000:", 5..5),
            ("1000:100:1", 5..10),
            ("+1", 0..2),
            ("0", 0..1),
            ("4294967295", 0..10),
        ] {
            assert_eq!(text.parse::<HostUser>().unwrap_err().range, range, "{text}");
        }
    }

    #[test]
    fn ranges() {
        for text in ["0:1000:1", "u:1:100000:65536", "g:4294967294:1:1", "0:0:4294967294"] {
            assert_eq!(text.parse::<IdMap>().unwrap().to_string(), text);
        }
        for (text, range) in [
            ("", 0..0),
            ("1:2", 0..3),
            ("1:2:3:4", 0..7),
            ("x:1:2:3", 0..7),
            ("u:1:2", 0..5),
            ("u:1:x:3", 4..5),
            ("1::3", 2..2),
            ("0:1000:0", 7..8),
            ("1:0:4294967295", 4..14),
        ] {
            assert_eq!(text.parse::<IdMap>().unwrap_err().range, range, "{text}");
        }
    }

    #[test]
    fn ends_of_a_range() {
        let IdMap { range, .. } = "10:1000:5".parse().unwrap();
        let inside: Vec<u32> = (8..17).filter(|id| range.contains(*id)).collect();
        assert_eq!(inside, [10, 11, 12, 13, 14]);
    }
}
