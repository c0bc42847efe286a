//! The numbers of block devices that have the same ones on every host.
//!
//! The list is that of the kernel (`Documentation/admin-guide/devices.txt`). Other devices, such as `/dev/vda` or
//! `/dev/nvme0n1`, get their numbers when the host starts.

use std::str::FromStr;

use crate::diag::{Code, Invalid};

/// A whole block device by its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockDevice {
    /// The number of the driver.
    pub major: i64,
    /// The number of the device among those of the driver.
    pub minor: i64,
}

/// Devices with a number behind their names, the major number, and how many there are of them.
const NUMBERED: [(&str, i64, i64); 4] =
    [("/dev/ram", 1, 256), ("/dev/loop", 7, 256), ("/dev/md", 9, 256), ("/dev/sr", 11, 256)];

/// The major numbers of `/dev/sda` and those that follow; each has sixteen disks with room for fifteen partitions.
const DISKS: [i64; 16] = [8, 65, 66, 67, 68, 69, 70, 71, 128, 129, 130, 131, 132, 133, 134, 135];
const DISKS_OF_ONE: usize = 16;

impl FromStr for BlockDevice {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Some(name) = text.strip_prefix("/dev/sd") {
            let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
            let disk = disk(letters).ok_or_else(|| unknown(text))?;
            if letters.len() < name.len() {
                let message = format!("`{text}` is a partition, and the kernel limits whole disks");
                let whole = format!("write `/dev/sd{letters}`");
                return Err(Invalid::whole(text, message).help(whole));
            }
            return Ok(disk);
        }
        let numbered = NUMBERED.iter().find_map(|(prefix, major, count)| {
            let digits = text.strip_prefix(prefix)?;
            let minor = digits.parse::<i64>().ok().filter(|minor| (0..*count).contains(minor))?;
            (minor.to_string() == digits).then_some(BlockDevice { major: *major, minor })
        });
        numbered.ok_or_else(|| unknown(text))
    }
}

impl BlockDevice {
    /// The path that it has on every host, if it has one.
    pub fn path(self) -> Option<String> {
        let numbered = NUMBERED
            .iter()
            .find(|(_, major, count)| self.major == *major && (0..*count).contains(&self.minor));
        if let Some((prefix, ..)) = numbered {
            return Some(format!("{prefix}{}", self.minor));
        }
        let major = DISKS.iter().position(|major| *major == self.major)?;
        let minor = usize::try_from(self.minor).ok().filter(|minor| minor % 16 == 0 && *minor < 256)?;
        let mut rest = major * DISKS_OF_ONE + minor / 16 + 1;
        let mut letters = Vec::new();
        while rest > 0 {
            letters.push(char::from(b'a' + u8::try_from((rest - 1) % 26).ok()?));
            rest = (rest - 1) / 26;
        }
        Some(format!("/dev/sd{}", letters.iter().rev().collect::<String>()))
    }
}

/// The disk with some letters behind `sd`: `a` to `z`, `aa` to `zz`, and so on.
fn disk(letters: &str) -> Option<BlockDevice> {
    if letters.is_empty() || letters.len() > 3 || !letters.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let index = letters.bytes().fold(0, |index, byte| index * 26 + usize::from(byte - b'a') + 1) - 1;
    let major = *DISKS.get(index / DISKS_OF_ONE)?;
    Some(BlockDevice { major, minor: i64::try_from(index % DISKS_OF_ONE).ok()? * 16 })
}

fn unknown(text: &str) -> Invalid {
    if !text.starts_with('/') {
        let message = format!("expected the path of a block device, found `{}`", text.escape_debug());
        return Invalid::whole(text, message).help("write `/dev/sda`");
    }
    let message = format!(
        "limits of `{}` are not supported: it has other numbers on every host, and a bundle names devices by them",
        text.escape_debug()
    );
    let help = "devices with fixed numbers can be limited: `/dev/sda`, `/dev/loop0`, `/dev/md0`, `/dev/sr0`";
    Invalid::whole(text, message).help(help).code(Code::HostDependent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_fixed_numbers() {
        for (text, major, minor) in [
            ("/dev/sda", 8, 0),
            ("/dev/sdb", 8, 16),
            ("/dev/sdp", 8, 240),
            ("/dev/sdq", 65, 0),
            ("/dev/sdz", 65, 144),
            ("/dev/sdaa", 65, 160),
            ("/dev/sdiv", 135, 240),
            ("/dev/loop0", 7, 0),
            ("/dev/loop12", 7, 12),
            ("/dev/md127", 9, 127),
            ("/dev/sr0", 11, 0),
            ("/dev/ram1", 1, 1),
        ] {
            assert_eq!(text.parse(), Ok(BlockDevice { major, minor }), "{text}");
        }
    }

    #[test]
    fn refuses_what_depends_on_the_host() {
        for text in [
            "",
            "sda",
            "/dev/sd",
            "/dev/sdA",
            "/dev/sda1",
            "/dev/sdiw",
            "/dev/sdzzz",
            "/dev/sdaaaa",
            "/dev/vda",
            "/dev/nvme0n1",
            "/dev/dm-0",
            "/dev/loop",
            "/dev/loop256",
            "/dev/loop00",
            "/dev/loop-1",
            "/dev/disk/by-id/x",
        ] {
            assert!(text.parse::<BlockDevice>().is_err(), "{text}");
        }
    }
}
