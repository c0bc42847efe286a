//! Amounts of memory and disk: `512m`, `1.5 GiB`.
//!
//! As `RAMInBytes` of docker/go-units (v0.5.0): units are powers of 1024 however they are written, a fraction of a
//! byte is dropped.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Bytes {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let unit_at = text.rfind(|c: char| matches!(c, '0'..='9' | '.' | ' ')).map_or(0, |at| at + 1);
        let (amount, unit) = text.split_at_checked(unit_at).unwrap_or((text, ""));
        let amount = amount.strip_suffix(' ').unwrap_or(amount);
        if amount.is_empty() {
            let message = if text.is_empty() { "an amount is missing".into() } else { expected(text) };
            return Err(Invalid::whole(text, message).help(FORM));
        }
        let power = power(unit)
            .ok_or_else(|| Invalid::new(unit_at..text.len(), format!("unknown unit `{unit}`")).help(FORM))?;
        // Whole numbers stay exact beyond the 53 bits of a float.
        let bytes = match amount.parse::<u64>() {
            Ok(whole) => 1u64.checked_shl(10 * power).and_then(|unit| whole.checked_mul(unit)),
            Err(_) => fraction(text, amount, power)?,
        };
        let fits = bytes.filter(|bytes| i64::try_from(*bytes).is_ok());
        fits.map(Bytes)
            .ok_or_else(|| Invalid::whole(text, format!("`{text}` is more than a 64-bit number holds")))
    }
}

const FORM: &str =
    "write a number and a unit: `64m`, `1.5g`; the units are b, k, m, g, t and p, in steps of 1024";

fn expected(text: &str) -> String {
    format!("expected an amount such as `64m`, found `{text}`")
}

/// The power of 1024 that a unit stands for.
fn power(unit: &str) -> Option<u32> {
    let unit = unit.to_ascii_lowercase();
    let mut letters = unit.chars();
    let power = match letters.next() {
        None => return Some(0),
        Some('b') => return letters.next().is_none().then_some(0),
        Some(letter) => "kmgtp".chars().zip(1..).find(|(unit, _)| *unit == letter)?.1,
    };
    matches!(letters.as_str(), "" | "b" | "ib").then_some(power)
}

/// The bytes of an amount with a fraction or an exponent; none if they are too many.
fn fraction(text: &str, amount: &str, power: u32) -> Result<Option<u64>, Invalid> {
    let digits = amount.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let Some(number) = amount.parse::<f64>().ok().filter(|_| digits) else {
        return Err(Invalid::new(0..amount.len(), expected(text)).help(FORM));
    };
    if amount.starts_with('-') {
        return Err(Invalid::whole(text, format!("an amount cannot be negative, found `{text}`")));
    }
    let bytes = number * f64::from(1u32 << 10).powi(i32::try_from(power).unwrap_or(0));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in range; the fraction is dropped"
    )]
    Ok((bytes < 9_223_372_036_854_775_808.0).then_some(bytes as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_amounts() {
        for (text, want) in [
            ("0", 0),
            ("10", 10),
            ("1b", 1),
            ("1024B", 1024),
            ("1k", 1 << 10),
            ("1kb", 1 << 10),
            ("1KiB", 1 << 10),
            ("1 g", 1 << 30),
            ("1 GiB", 1 << 30),
            ("64M", 64 << 20),
            ("1t", 1 << 40),
            ("1p", 1 << 50),
            ("1.5k", 1536),
            ("0.5g", 1 << 29),
            (".5m", 1 << 19),
            ("1.g", 1 << 30),
            ("0.0001k", 0),
            ("1e3", 1000),
            ("1E3k", 1_024_000),
            ("+5m", 5 << 20),
            ("5 ", 5),
            ("9223372036854775807", 9_223_372_036_854_775_807),
            ("9007199254740993", 9_007_199_254_740_993),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(want)), "{text}");
        }
    }

    #[test]
    fn refuses_with_the_place() {
        for (text, at, message) in [
            ("", "", "an amount is missing"),
            ("abc", "abc", "expected an amount such as `64m`, found `abc`"),
            ("m", "m", "expected an amount such as `64m`, found `m`"),
            (" 1g", " 1", "expected an amount such as `64m`, found ` 1g`"),
            ("1  g", "1 ", "expected an amount such as `64m`, found `1  g`"),
            ("1.5.2g", "1.5.2", "expected an amount such as `64m`, found `1.5.2g`"),
            ("0x10", "0x10", "expected an amount such as `64m`, found `0x10`"),
            ("nan ", "nan", "expected an amount such as `64m`, found `nan `"),
            ("1gg", "gg", "unknown unit `gg`"),
            ("1ki", "ki", "unknown unit `ki`"),
            ("1bb", "bb", "unknown unit `bb`"),
            ("1e", "e", "unknown unit `e`"),
            ("1ß", "ß", "unknown unit `ß`"),
            ("64 MB ram", "ram", "unknown unit `ram`"),
            ("-1", "-1", "an amount cannot be negative, found `-1`"),
            ("-1.5g", "-1.5g", "an amount cannot be negative, found `-1.5g`"),
            (
                "9223372036854775808",
                "9223372036854775808",
                "`9223372036854775808` is more than a 64-bit number holds",
            ),
            ("8192p", "8192p", "`8192p` is more than a 64-bit number holds"),
            ("1e300", "1e300", "`1e300` is more than a 64-bit number holds"),
        ] {
            let invalid = text.parse::<Bytes>().unwrap_err();
            assert_eq!((&text[invalid.range], &*invalid.message), (at, message), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9.eE+ kKmMgGibBß-]{0,12}|(?s).{0,12}") {
            if let Err(invalid) = text.parse::<Bytes>() {
                prop_assert!(text.get(invalid.range).is_some());
            }
        }
    }
}
