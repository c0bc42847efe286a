//! The mode of a file: octal digits, printed with a zero before them.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// The bits of a mode. More than a file has are kept, as Compose keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileMode(pub i64);

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0{:o}", self.0)
    }
}

impl FromStr for FileMode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong = |at: usize, c: char| {
            let message = format!("`{}` is no octal digit", c.escape_debug());
            Invalid::new(at..at + c.len_utf8(), message).help("write a mode such as `\"0440\"`")
        };
        if let Some((at, c)) = text.char_indices().find(|(_, c)| !matches!(c, '0'..='7')) {
            return Err(wrong(at, c));
        }
        if text.is_empty() {
            return Err(Invalid::whole(text, "a mode is missing").help("write a mode such as `\"0440\"`"));
        }
        let too_large = |_| Invalid::whole(text, format!("`{text}` is more than a mode holds"));
        i64::from_str_radix(text, 8).map(FileMode).map_err(too_large)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_octal_digits() {
        for (text, want) in [("0440", "0440"), ("440", "0440"), ("0", "00"), ("00", "00"), ("7777", "07777")]
        {
            assert_eq!(text.parse::<FileMode>().map(|mode| mode.to_string()), Ok(want.into()), "{text}");
        }
    }

    #[test]
    fn refuses_with_the_place() {
        for (text, at, message) in [
            ("", 0..0, "a mode is missing"),
            ("0489", 2..3, "`8` is no octal digit"),
            ("0o440", 1..2, "`o` is no octal digit"),
            ("-1", 0..1, "`-` is no octal digit"),
            ("7777777777777777777777", 0..22, "`7777777777777777777777` is more than a mode holds"),
        ] {
            let invalid = text.parse::<FileMode>().unwrap_err();
            assert_eq!((invalid.range, &*invalid.message), (at, message), "{text}");
        }
    }
}
