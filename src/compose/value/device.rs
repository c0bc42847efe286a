//! Device numbers, what may be done with a device, and rules of the devices controller.

use std::fmt;
use std::str::FromStr;

use super::file_mode::FileMode;
use super::moved;
use crate::diag::Invalid;

/// The two kinds of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// Read and written as a stream.
    Char,
    /// Read and written in blocks, as disks are.
    Block,
}

/// What the kernel knows a device by, and the mode of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceNode {
    /// Which of the two tables of numbers it is in.
    pub kind: DeviceKind,
    /// The number of the driver.
    pub major: u32,
    /// The number of the device among those of the driver.
    pub minor: u32,
    /// The permission bits of the node.
    pub mode: u32,
}

/// The mode of a node that nothing else is said of: for root and the group alone.
pub const MODE: u32 = 0o660;

/// The kernel packs both numbers into 32 bits (`MINORBITS` of `linux/kdev_t.h`).
const MAX_MAJOR: u32 = (1 << 12) - 1;
const MAX_MINOR: u32 = (1 << 20) - 1;

impl FromStr for DeviceNode {
    type Err = Invalid;

    /// `TYPE MAJOR:MINOR`, with an octal mode after a blank where it is not the usual one.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let help = "write its type and numbers, such as `c 240:0`, or with a mode `c 240:0 0666`";
        let wrong = || Invalid::whole(text, format!("`{text}` is no device")).help(help);
        let (kind, rest) = text.split_once(' ').ok_or_else(wrong)?;
        let kind = match kind {
            "c" => DeviceKind::Char,
            "b" => DeviceKind::Block,
            _ => {
                let message = format!("a device is of type `c` or `b`, and not `{kind}`");
                return Err(Invalid::new(0..kind.len(), message));
            }
        };
        let (numbers, mode) =
            rest.split_once(' ').map_or((rest, None), |(numbers, mode)| (numbers, Some(mode)));
        let (major, minor) = numbers.split_once(':').ok_or_else(wrong)?;
        let at = kind_length(text);
        let major_number = number(major, MAX_MAJOR, "major").map_err(|invalid| moved(invalid, at))?;
        let at = at + major.len() + 1;
        let minor_number = number(minor, MAX_MINOR, "minor").map_err(|invalid| moved(invalid, at))?;
        let at = at + minor.len() + 1;
        let mode = mode.map_or(Ok(MODE), permission_bits).map_err(|invalid| moved(invalid, at))?;
        Ok(DeviceNode { kind, major: major_number, minor: minor_number, mode })
    }
}

/// How much of `TYPE MAJOR:MINOR` stands before the numbers.
fn kind_length(text: &str) -> usize {
    text.find(' ').map_or(0, |at| at + 1)
}

fn number(text: &str, max: u32, which: &str) -> Result<u32, Invalid> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number <= max);
    number.ok_or_else(|| {
        Invalid::whole(text, format!("a {which} number is one from 0 to {max}, and not `{text}`"))
    })
}

fn permission_bits(text: &str) -> Result<u32, Invalid> {
    let mode: FileMode = text.parse()?;
    u32::try_from(mode.0).ok().filter(|mode| *mode <= 0o777).ok_or_else(|| {
        Invalid::whole(text, format!("the mode of a device is at most 0777, and not `{text}`"))
    })
}

/// What a container may do with a device, in the order it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAccess(String);

impl DeviceAccess {
    /// Everything: what holds where nothing is said.
    pub fn all() -> Self {
        DeviceAccess("rwm".to_owned())
    }

    /// Whether it is reading, writing and making nodes.
    pub fn is_all(&self) -> bool {
        ['r', 'w', 'm'].iter().all(|letter| self.0.contains(*letter))
    }
}

impl FromStr for DeviceAccess {
    type Err = Invalid;

    /// As Docker's command line does (`opts.ValidateDevice` of docker/cli): the letters of `rwm`, each at most once.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let help = "write `r` to read, `w` to write and `m` to make nodes, or some of them: `rw`";
        if text.is_empty() {
            return Err(Invalid::whole(text, "the permissions of a device are missing").help(help));
        }
        for (at, letter) in text.char_indices() {
            let place = at..at + letter.len_utf8();
            if !matches!(letter, 'r' | 'w' | 'm') {
                let message = format!("`{}` is no permission of a device", letter.escape_debug());
                return Err(Invalid::new(place, message).help(help));
            }
            if text.get(..at).is_some_and(|before| before.contains(letter)) {
                return Err(Invalid::new(place, format!("the permission `{letter}` is given twice")));
            }
        }
        Ok(DeviceAccess(text.to_owned()))
    }
}

impl fmt::Display for DeviceAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An item of `device_cgroup_rules`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRule {
    /// The kind of device; none for `a`, with which the kernel asks for nothing else.
    pub kind: Option<DeviceKind>,
    /// The number of the driver; any without one.
    pub major: Option<u32>,
    /// The number of the device; any without one.
    pub minor: Option<u32>,
    /// What is allowed.
    pub access: String,
}

impl DeviceRule {
    /// Whether the kernel allows more by it than it says: of a rule for `a` it reads nothing but the letter
    /// (`devcgroup_update_access` of `security/device_cgroup.c`), and runtimes do as it does.
    pub fn allows_more(&self) -> bool {
        let whole = self.major.is_none() && self.minor.is_none() && self.access.len() == 3;
        self.kind.is_none() && !whole
    }
}

impl FromStr for DeviceRule {
    type Err = Invalid;

    /// As Docker does (`deviceCgroupRuleRegex` of moby `daemon/daemon_unix.go`): `TYPE MAJOR:MINOR ACCESS`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let help = "write `TYPE MAJOR:MINOR ACCESS`, such as `c 1:3 rw` or `b *:* r`";
        let wrong = || Invalid::whole(text, format!("`{text}` is no rule for devices")).help(help);
        let mut words = text.split(' ');
        let (Some(kind), Some(numbers), Some(access), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(wrong());
        };
        let kind_value = match kind {
            "a" => None,
            "b" => Some(DeviceKind::Block),
            "c" => Some(DeviceKind::Char),
            _ => {
                let message = format!("a rule is for devices of type `a`, `b` or `c`, and not `{kind}`");
                return Err(Invalid::new(0..kind.len(), message).help(help));
            }
        };
        let (major, minor) = numbers.split_once(':').ok_or_else(wrong)?;
        let at = kind.len() + 1;
        let major_number = any_or(major, MAX_MAJOR, "major").map_err(|invalid| moved(invalid, at))?;
        let at = at + major.len() + 1;
        let minor_number = any_or(minor, MAX_MINOR, "minor").map_err(|invalid| moved(invalid, at))?;
        let at = at + minor.len() + 1;
        let access: DeviceAccess = access.parse().map_err(|invalid| moved(invalid, at))?;
        Ok(DeviceRule { kind: kind_value, major: major_number, minor: minor_number, access: access.0 })
    }
}

fn any_or(text: &str, max: u32, which: &str) -> Result<Option<u32>, Invalid> {
    if text == "*" { Ok(None) } else { number(text, max, which).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes() {
        let node = |kind, major, minor, mode| DeviceNode { kind, major, minor, mode };
        for (text, want) in [
            ("c 240:0", node(DeviceKind::Char, 240, 0, 0o660)),
            ("b 8:17 0600", node(DeviceKind::Block, 8, 17, 0o600)),
            ("c 4095:1048575 666", node(DeviceKind::Char, 4095, 1_048_575, 0o666)),
        ] {
            assert_eq!(text.parse(), Ok(want), "{text}");
        }
        for (text, range) in [
            ("", 0..0),
            ("c", 0..1),
            ("c 240", 0..5),
            ("u 240:0", 0..1),
            ("c 4096:0", 2..6),
            ("c 1:+2", 4..6),
            ("c 1:", 4..4),
            ("c 1:*", 4..5),
            ("c 1:2 1777", 6..10),
            ("c 1:2 8", 6..7),
            ("c  1:2", 0..6),
        ] {
            assert_eq!(text.parse::<DeviceNode>().unwrap_err().range, range, "{text}");
        }
    }

    #[test]
    fn access() {
        for text in ["r", "mr", "rwm", "wmr"] {
            assert_eq!(text.parse::<DeviceAccess>().map(|access| access.to_string()), Ok(text.into()));
        }
        for (text, range) in [("", 0..0), ("rr", 1..2), ("rx", 1..2), ("R", 0..1), ("ré", 1..3)] {
            assert_eq!(text.parse::<DeviceAccess>().unwrap_err().range, range, "{text}");
        }
    }

    #[test]
    fn rules() {
        let rule =
            |kind, major, minor, access: &str| DeviceRule { kind, major, minor, access: access.into() };
        for (text, want, more) in [
            ("c 1:3 mr", rule(Some(DeviceKind::Char), Some(1), Some(3), "mr"), false),
            ("b *:* r", rule(Some(DeviceKind::Block), None, None, "r"), false),
            ("a *:* rwm", rule(None, None, None, "rwm"), false),
            ("a 7:* rmw", rule(None, Some(7), None, "rmw"), true),
            ("a *:* r", rule(None, None, None, "r"), true),
        ] {
            let parsed: DeviceRule = text.parse().unwrap();
            assert_eq!(parsed.allows_more(), more, "{text}");
            assert_eq!(parsed, want, "{text}");
        }
        for (text, range) in [
            ("c 1:3", 0..5),
            ("c 1 r", 0..5),
            ("d 1:3 r", 0..1),
            ("c x:3 r", 2..3),
            ("c 1:3 rx", 7..8),
            ("c 1:3 r ", 0..8),
            ("c 99999999999999999999:3 r", 2..22),
        ] {
            assert_eq!(text.parse::<DeviceRule>().unwrap_err().range, range, "{text}");
        }
    }
}
