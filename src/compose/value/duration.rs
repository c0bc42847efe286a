//! Spans of time: `1m30s`, `1.5h`, `2d`.
//!
//! As `ParseDuration` of go-str2duration v2: Go's own grammar with days and weeks besides. Printed as Go does it.

use std::fmt;
use std::str::FromStr;

use super::moved;
use crate::diag::Invalid;

/// A span of time in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub i64);

const SECOND: u64 = 1_000_000_000;

/// The units and what they are in nanoseconds. The second micro sign is a Greek letter.
const UNITS: [(&str, i64); 10] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];

const FORM: &str =
    "write numbers with units: `30s`, `1m30s`, `1.5h`; the units are ns, us, ms, s, m, h, d and w";

impl FromStr for Duration {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        if unsigned == "0" {
            return Ok(Duration(0));
        }
        if unsigned.is_empty() {
            return Err(Invalid::whole(text, "a span of time is missing").help(FORM));
        }
        let sign = if text.starts_with('-') { -1 } else { 1 };
        sum(unsigned).map(|sum| Duration(sign * sum)).map_err(|why| {
            let too_long = || Invalid::whole(text, format!("`{text}` is longer than 292 years"));
            why.map_or_else(too_long, |invalid| moved(invalid, text.len() - unsigned.len()).help(FORM))
        })
    }
}

/// The nanoseconds of all parts together. An error without a place is one of size.
fn sum(text: &str) -> Result<i64, Option<Invalid>> {
    let (mut rest, mut sum) = (text, 0i64);
    while !rest.is_empty() {
        let start = text.len() - rest.len();
        let number_end = rest.find(|c: char| !matches!(c, '0'..='9' | '.')).unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(number_end).unwrap_or((rest, ""));
        let unit_end = after.find(|c: char| matches!(c, '0'..='9' | '.')).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_end).unwrap_or((after, ""));
        let part = part(number, unit).map_err(|invalid| invalid.map(|invalid| moved(invalid, start)))?;
        sum = sum.checked_add(part).ok_or(None)?;
        rest = after;
    }
    Ok(sum)
}

/// The nanoseconds of one number with its unit.
fn part(number: &str, unit: &str) -> Result<i64, Option<Invalid>> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let end = number.len();
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        let found = if number.is_empty() { unit } else { number };
        let message = format!("expected a number, found `{found}`");
        return Err(Some(Invalid::new(0..found.len(), message)));
    }
    if unit.is_empty() {
        return Err(Some(Invalid::new(0..end, format!("`{number}` has no unit"))));
    }
    let Some((_, length)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        let message = format!("unknown unit `{}`", unit.escape_debug());
        return Err(Some(Invalid::new(end..end + unit.len(), message)));
    };
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| None)? };
    let nanoseconds = whole.checked_mul(*length).ok_or(None)?;
    nanoseconds.checked_add(below_one(fraction, *length)).ok_or(None)
}

/// How much of a unit its decimal digits are, in Go's precision.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "Go computes it in 64-bit floats and drops the rest"
)]
fn below_one(digits: &str, unit: i64) -> i64 {
    let (mut value, mut scale) = (0i64, 1f64);
    for digit in digits.bytes().map(|digit| i64::from(digit.saturating_sub(b'0'))) {
        let Some(next) = value.checked_mul(10).and_then(|value| value.checked_add(digit)) else { break };
        value = next;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as i64
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanoseconds {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanoseconds}ns"),
            1_000..1_000_000 => write!(f, "{}µs", decimal(nanoseconds, 1_000)),
            1_000_000..SECOND => write!(f, "{}ms", decimal(nanoseconds, 1_000_000)),
            _ => {
                let (minutes, rest) = (nanoseconds / (60 * SECOND), nanoseconds % (60 * SECOND));
                if minutes >= 60 {
                    write!(f, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                write!(f, "{}s", decimal(rest, SECOND))
            }
        }
    }
}

/// A number in a unit, without zeros at its end.
fn decimal(number: u64, unit: u64) -> String {
    let digits = unit.ilog10() as usize;
    let text = format!("{}.{:0digits$}", number / unit, number % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_as_compose_and_prints_as_go() {
        for (text, want) in [
            ("30s", "30s"),
            ("90s", "1m30s"),
            ("0", "0s"),
            ("-0", "0s"),
            ("0s", "0s"),
            ("1d", "24h0m0s"),
            ("1w2d3h4m5s6ms7us8ns", "219h4m5.006007008s"),
            ("1.5h", "1h30m0s"),
            ("-1.5h", "-1h30m0s"),
            ("1.5d", "36h0m0s"),
            ("1h1h", "2h0m0s"),
            ("1ns", "1ns"),
            ("1µs", "1µs"),
            ("1μs", "1µs"),
            ("1500us", "1.5ms"),
            ("1500ms", "1.5s"),
            ("+5s", "5s"),
            (".5s", "500ms"),
            ("5.s", "5s"),
            ("1s1m", "1m1s"),
            ("60s", "1m0s"),
            ("0.0000000019s", "1ns"),
            ("1.99999999999999999999s", "2s"),
            ("9223372036854775807ns", "2562047h47m16.854775807s"),
            ("106751d", "2562024h0m0s"),
        ] {
            assert_eq!(text.parse::<Duration>().map(|time| time.to_string()), Ok(want.into()), "{text}");
        }
    }

    #[test]
    fn refuses_with_the_place() {
        for (text, at, message) in [
            ("", "", "a span of time is missing"),
            ("-", "-", "a span of time is missing"),
            ("30", "30", "`30` has no unit"),
            ("1m30", "30", "`30` has no unit"),
            ("1.5", "1.5", "`1.5` has no unit"),
            (" 1s", " ", "expected a number, found ` `"),
            (".s", ".", "expected a number, found `.`"),
            ("1.2.3s", "1.2.3", "expected a number, found `1.2.3`"),
            ("s", "s", "expected a number, found `s`"),
            ("1y", "y", "unknown unit `y`"),
            ("-1S", "S", "unknown unit `S`"),
            ("1h 30m", "h ", "unknown unit `h `"),
            ("1d-2h", "d-", "unknown unit `d-`"),
            ("106752d", "106752d", "`106752d` is longer than 292 years"),
            (
                "9223372036854775808ns",
                "9223372036854775808ns",
                "`9223372036854775808ns` is longer than 292 years",
            ),
        ] {
            let invalid = text.parse::<Duration>().unwrap_err();
            assert_eq!((&text[invalid.range], &*invalid.message), (at, message), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_the_same(nanoseconds in -i64::MAX..i64::MAX) {
            let time = Duration(nanoseconds);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn never_panics(text in "[0-9.+a-zµ-]{0,20}|(?s).{0,20}") {
            let _ = text.parse::<Duration>();
        }
    }
}
