//! Extended headers: what a tar header has no room for.

use std::collections::BTreeMap;
use std::io;

use super::archive::{Time, bad};
use super::sparse;

/// What an extended header says about an entry.
#[derive(Default)]
pub(super) struct Pax {
    pub path: Option<Vec<u8>>,
    pub target: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u64>,
    pub gid: Option<u64>,
    pub mtime: Option<Time>,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    pub sparse: sparse::Records,
}

impl Pax {
    /// Records of the form `LENGTH KEY=VALUE\n`, where the length counts the whole record.
    pub fn parse(mut rest: &[u8]) -> io::Result<Pax> {
        let mut pax = Pax::default();
        while !rest.is_empty() {
            let Some((key, value, after)) = record(rest) else { return bad("a malformed extended header") };
            pax.set(key, value)?;
            rest = after;
        }
        Ok(pax)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        // An empty value takes an earlier one back.
        let text = Some(value).filter(|value| !value.is_empty());
        match key {
            b"path" => self.path = text.map(<[u8]>::to_vec),
            b"linkpath" => self.target = text.map(<[u8]>::to_vec),
            b"size" => self.size = text.map(number).transpose()?,
            b"uid" => self.uid = text.map(number).transpose()?,
            b"gid" => self.gid = text.map(number).transpose()?,
            b"mtime" => self.mtime = text.map(time).transpose()?,
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.xattrs.insert(name.to_vec(), value.to_vec());
                } else if let Some(name) = key.strip_prefix(b"GNU.sparse.") {
                    self.sparse.set(name, value)?;
                }
            }
        }
        Ok(())
    }
}

fn record(rest: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = rest.iter().position(|b| *b == b' ')?;
    let length: usize = std::str::from_utf8(rest.get(..space)?).ok()?.parse().ok()?;
    let (record, after) = rest.split_at_checked(length)?;
    let (pair, end) = record.get(space + 1..)?.split_last_chunk::<1>()?;
    let equals = pair.iter().position(|b| *b == b'=')?;
    let (key, value) = (pair.get(..equals)?, pair.get(equals + 1..)?);
    (end == b"\n" && !key.is_empty()).then_some((key, value, after))
}

pub(super) fn number(text: &[u8]) -> io::Result<u64> {
    let number = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    number
        .and_then(|text| text.parse().ok())
        .map_or_else(|| bad("an extended header with a malformed number"), Ok)
}

/// Seconds with an optional fraction, such as `-1.25`.
fn time(text: &[u8]) -> io::Result<Time> {
    let parse = || {
        let text = std::str::from_utf8(text).ok()?;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let nanoseconds: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        let seconds: i64 = whole.parse().ok()?;
        if text.starts_with('-') && nanoseconds > 0 {
            return Some(Time { seconds: seconds.checked_sub(1)?, nanoseconds: 1_000_000_000 - nanoseconds });
        }
        Some(Time { seconds, nanoseconds })
    };
    parse().map_or_else(|| bad("an extended header with a malformed time"), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_fractions_and_signs() {
        let time = |text: &str| time(text.as_bytes()).ok().map(|time| (time.seconds, time.nanoseconds));
        let table = [
            ("0", Some((0, 0))),
            ("1.5", Some((1, 500_000_000))),
            ("1.0000000019", Some((1, 1))),
            ("-1", Some((-1, 0))),
            ("-1.25", Some((-2, 750_000_000))),
            ("-0.5", Some((-1, 500_000_000))),
            ("1.", Some((1, 0))),
            ("", None),
            (".5", None),
            ("1.-5", None),
            ("1e3", None),
            ("99999999999999999999", None),
        ];
        for (text, want) in table {
            assert_eq!(time(text), want, "{text}");
        }
    }

    #[test]
    fn records_are_counted_and_not_split() {
        let pax = Pax::parse(b"22 SCHILY.xattr.u=a\nb\n9 path=x\n").unwrap();
        assert_eq!(pax.xattrs, BTreeMap::from([(b"u".to_vec(), b"a\nb".to_vec())]));
        assert_eq!(pax.path.as_deref(), Some(&b"x"[..]));
        assert_eq!(Pax::parse(b"9 path=x\n8 path=\n").unwrap().path, None, "an empty value takes it back");
        for bad in
            ["8 path=x\n", "11 path=x\n", "9 path=xy", "0 \n", " path=x\n", "-9 path=x\n", "4 =\n", "x"]
        {
            assert!(Pax::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
