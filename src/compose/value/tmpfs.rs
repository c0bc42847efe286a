//! The short form of a tmpfs, `TARGET[:OPTION,…]`, and the options that the mount gets.
//!
//! Docker puts its defaults first and merges what was written behind them (moby `daemon/oci_linux.go`,
//! `MergeTmpfsOptions` in moby/sys): of two options for the same thing the later stays, so `exec` takes the place of
//! `noexec`.

use std::str::FromStr;

use super::{moved, target::clean_target};
use crate::diag::Invalid;

/// A tmpfs in the short form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tmpfs {
    /// Where it is mounted: absolute and clean.
    pub target: String,
    /// All options of the mount, the defaults included.
    pub options: Vec<String>,
}

impl FromStr for Tmpfs {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (target, written) = text.split_once(':').unwrap_or((text, ""));
        let target = clean_target(target)?;
        let start = text.len() - written.len();
        let options = merged(written).map_err(|invalid| moved(invalid, start))?;
        Ok(Tmpfs { target, options })
    }
}

const DEFAULTS: [&str; 4] = ["noexec", "nosuid", "nodev", "rprivate"];

/// What each flag is about; of the flags about one thing the last stays.
const FLAGS: [(&str, &[&str]); 13] = [
    ("write", &["ro", "rw"]),
    ("suid", &["suid", "nosuid"]),
    ("dev", &["dev", "nodev"]),
    ("exec", &["exec", "noexec"]),
    ("sync", &["sync", "async"]),
    ("dirsync", &["dirsync"]),
    ("mand", &["mand", "nomand"]),
    ("atime", &["atime", "noatime"]),
    ("diratime", &["diratime", "nodiratime"]),
    ("relatime", &["relatime", "norelatime"]),
    ("strictatime", &["strictatime", "nostrictatime"]),
    (
        "propagation",
        &["private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"],
    ),
    ("defaults", &["defaults"]),
];

/// The options of a tmpfs mount with nothing but what was `written`.
pub fn checked(written: &str) -> Result<Vec<String>, Invalid> {
    let mut at = 0;
    for option in written.split(',').take(if written.is_empty() { 0 } else { usize::MAX }) {
        about(option, at)?;
        at += option.len() + 1;
    }
    Ok(written.split(',').filter(|option| !matches!(*option, "" | "defaults")).map(str::to_owned).collect())
}

/// The options of a tmpfs mount: Docker's defaults and what was `written`, separated by commas; may be empty.
pub fn merged(written: &str) -> Result<Vec<String>, Invalid> {
    let mut options: Vec<(&str, &str)> = Vec::new();
    for option in DEFAULTS {
        options.push((about(option, 0)?, option));
    }
    let mut at = 0;
    for option in written.split(',').take(if written.is_empty() { 0 } else { usize::MAX }) {
        let key = about(option, at)?;
        options.retain(|(other, _)| *other != key);
        options.push((key, option));
        at += option.len() + 1;
    }
    Ok(options
        .into_iter()
        .filter(|(key, _)| *key != "defaults")
        .map(|(_, option)| option.to_owned())
        .collect())
}

/// What an option is about, if it is valid.
fn about(option: &str, at: usize) -> Result<&str, Invalid> {
    if let Some((key, _)) = FLAGS.iter().find(|(_, flags)| flags.contains(&option)) {
        return Ok(key);
    }
    let whole = at..at + option.len();
    let Some((key, value)) = option.split_once('=') else {
        return Err(unknown(option, whole.start));
    };
    let wanted = match key {
        "size" if !is_amount(value) && !value.strip_suffix('%').is_some_and(is_number) => {
            "a number of bytes with k, m, g or %"
        }
        "nr_inodes" | "nr_blocks" if !is_amount(value) => "a number with k, m or g",
        "mode"
            if value.is_empty() || value.len() > 5 || !value.bytes().all(|b| (b'0'..b'8').contains(&b)) =>
        {
            "an octal number"
        }
        "uid" | "gid" if value.parse::<u32>().is_err() || !is_number(value) => "a number",
        "size" | "nr_inodes" | "nr_blocks" | "mode" | "uid" | "gid" | "mpol" => return Ok(key),
        _ => return Err(unknown(option, whole.start)),
    };
    let found = if value.is_empty() { "nothing".to_owned() } else { format!("`{value}`") };
    let message = format!("`{key}` of a tmpfs must be {wanted}, found {found}");
    Err(Invalid::new(whole.end - value.len()..whole.end, message))
}

fn unknown(option: &str, at: usize) -> Invalid {
    Invalid::new(at..at + option.len(), format!("unknown option `{option}` of a tmpfs")).help(
        "the options are size, mode, uid, gid, nr_inodes, nr_blocks and mpol with a value, and mount flags",
    )
}

/// What the kernel's `memparse` reads to its end, in decimal digits.
fn is_amount(text: &str) -> bool {
    let suffixes = ['k', 'K', 'm', 'M', 'g', 'G', 't', 'T'];
    is_number(text.strip_suffix(suffixes).unwrap_or(text))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The `tmpfs` settings of the long form of a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `read_only: true`
    pub read_only: bool,
    /// `tmpfs.mode`; 0 is none.
    pub mode: u32,
    /// `tmpfs.size` in bytes; 0 is none.
    pub size: u64,
}

impl Settings {
    /// All options of the mount, as moby's `ConvertTmpfsOptions` writes them: the size with the largest unit that
    /// leaves no rest.
    pub fn options(self) -> Vec<String> {
        let mut options: Vec<String> = DEFAULTS.map(str::to_owned).into();
        options.extend(self.read_only.then(|| "ro".to_owned()));
        options.extend((self.mode != 0).then(|| format!("mode={:o}", self.mode)));
        let units = [("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10), ("", 1)];
        let unit = units.into_iter().find(|(_, bytes)| self.size.is_multiple_of(*bytes));
        if let Some((suffix, bytes)) = unit.filter(|_| self.size != 0) {
            options.push(format!("size={}{suffix}", self.size / bytes));
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_options_as_docker() {
        for (text, target, options) in [
            ("/run", "/run", "noexec,nosuid,nodev,rprivate"),
            ("/run/", "/run", "noexec,nosuid,nodev,rprivate"),
            ("/run:", "/run", "noexec,nosuid,nodev,rprivate"),
            (
                "/run:size=64m,mode=1770,uid=1000",
                "/run",
                "noexec,nosuid,nodev,rprivate,size=64m,mode=1770,uid=1000",
            ),
            ("/c:ro,noexec", "/c", "nosuid,nodev,rprivate,ro,noexec"),
            ("/c:exec,suid,dev", "/c", "rprivate,exec,suid,dev"),
            ("/c:size=1m,rw,size=50%,ro", "/c", "noexec,nosuid,nodev,rprivate,size=50%,ro"),
            ("/c:defaults,shared,noatime", "/c", "noexec,nosuid,nodev,shared,noatime"),
            (
                "/c:nr_inodes=1k,mpol=local,gid=0",
                "/c",
                "noexec,nosuid,nodev,rprivate,nr_inodes=1k,mpol=local,gid=0",
            ),
        ] {
            let tmpfs: Tmpfs = text.parse().unwrap();
            assert_eq!((&*tmpfs.target, tmpfs.options.join(",")), (target, options.to_owned()), "{text}");
        }
    }

    #[test]
    fn writes_settings_as_docker() {
        for (settings, want) in [
            (Settings::default(), ""),
            (Settings { mode: 1023, size: 1_048_576, read_only: false }, ",mode=1777,size=1m"),
            (Settings { mode: 0, size: 3 << 30, read_only: true }, ",ro,size=3g"),
            (Settings { size: 1025, ..Settings::default() }, ",size=1025"),
            (Settings { size: 1536, ..Settings::default() }, ",size=1536"),
            (Settings { size: 2048, ..Settings::default() }, ",size=2k"),
        ] {
            assert_eq!(settings.options().join(","), format!("noexec,nosuid,nodev,rprivate{want}"));
        }
    }

    #[test]
    fn refuses_with_the_place() {
        for (text, at, message) in [
            ("run", "run", "the path in the container must be absolute, found `run`"),
            ("/:size=1m", "/", "nothing can be mounted over the root of the container"),
            ("/r:size", "size", "unknown option `size` of a tmpfs"),
            ("/r:ro,foo=1", "foo=1", "unknown option `foo=1` of a tmpfs"),
            ("/r:ro,", "", "unknown option `` of a tmpfs"),
            ("/r:rbind", "rbind", "unknown option `rbind` of a tmpfs"),
            ("/r:a:b", "a:b", "unknown option `a:b` of a tmpfs"),
            (
                "/r:ro,size=64mb",
                "64mb",
                "`size` of a tmpfs must be a number of bytes with k, m, g or %, found `64mb`",
            ),
            ("/r:mode=rwx", "rwx", "`mode` of a tmpfs must be an octal number, found `rwx`"),
            ("/r:mode=0989", "0989", "`mode` of a tmpfs must be an octal number, found `0989`"),
            ("/r:uid=root", "root", "`uid` of a tmpfs must be a number, found `root`"),
            ("/r:gid=+1", "+1", "`gid` of a tmpfs must be a number, found `+1`"),
            ("/r:nr_inodes=", "", "`nr_inodes` of a tmpfs must be a number with k, m or g, found nothing"),
        ] {
            let invalid = text.parse::<Tmpfs>().unwrap_err();
            assert_eq!((&text[invalid.range], &*invalid.message), (at, message), "{text}");
        }
    }
}
