//! `cpuset`: which processors a container may run on, such as `0-3,7`.
//!
//! As `ParseUintList` of moby (`pkg/parsers`); the kernel knows no more than 8192 processors.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// A list of processors, as the kernel reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpuset(String);

/// The number of processors that a kernel can be built for.
const MAX: u16 = 8192;

const FORM: &str = "write numbers and ranges with commas between them: `0-3,7`";

impl Cpuset {
    /// Whether it names none, which is no limit.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Cpuset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Cpuset {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut start = 0;
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let range = start..start + part.len();
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            match (number(first), number(last)) {
                (Some(first), Some(last)) if first <= last => {}
                (Some(_), Some(_)) => {
                    return Err(Invalid::new(range, format!("the range `{part}` ends before it begins")));
                }
                _ => return Err(no_processors(part, range)),
            }
            start += part.len() + 1;
        }
        Ok(Cpuset(text.to_owned()))
    }
}

fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number < MAX)
}

fn no_processors(part: &str, range: std::ops::Range<usize>) -> Invalid {
    let message = if part.is_empty() {
        "a number of a processor is missing".to_owned()
    } else {
        format!("expected a number or range of processors below {MAX}, found `{}`", part.escape_debug())
    };
    Invalid::new(range, message).help(FORM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_numbers_and_ranges() {
        for text in ["", "0", "0,1", "0-3", "0-3,7,9-9", "8191", "00"] {
            assert_eq!(text.parse::<Cpuset>().map(|set| set.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn refuses_with_the_place() {
        for (text, at) in [
            ("a", "a"),
            ("0,,1", ""),
            ("0,", ""),
            ("0-", "0-"),
            ("0,3-1", "3-1"),
            ("0, 1", " 1"),
            ("+1", "+1"),
            ("0-1-2", "0-1-2"),
            ("8192", "8192"),
        ] {
            let invalid = text.parse::<Cpuset>().unwrap_err();
            assert_eq!(&text[invalid.range], at, "{text}");
        }
    }
}
