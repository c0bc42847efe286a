//! What a plain scalar is: the rules of go-yaml, with Go's spelling of numbers.

use std::borrow::Cow;

use super::{Scalar, Style};

/// The type of a scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain {
    /// Empty, `~`, `null`.
    Null,
    /// `true` or `false` and their capitalised forms; `yes` and `on` are texts.
    Bool(bool),
    /// Decimal, `0x`, `0o`, `0b`, and the octal of YAML 1.1: `0440` is 288.
    Int(i128),
    /// With a dot or an exponent, `.inf`, `.nan`.
    Float(f64),
    /// A date, which go-yaml does not let pass as a text.
    Timestamp,
    /// Anything else.
    Str,
}

impl Scalar {
    /// The type go-yaml gives this scalar.
    pub fn resolve(&self) -> Plain {
        match self.style {
            Style::Plain => resolve(&self.text),
            Style::Text | Style::Interpolated => Plain::Str,
        }
    }

    /// The text Compose uses where a scalar of any type stands for a string, as in `environment`: numbers are
    /// printed as Go's `%v` prints them, so `1.10` is `1.1` and `0x1F` is `31`.
    pub fn go_text(&self) -> Cow<'_, str> {
        match self.resolve() {
            Plain::Null | Plain::Timestamp | Plain::Str => Cow::Borrowed(&*self.text),
            Plain::Bool(value) => Cow::Owned(value.to_string()),
            Plain::Int(value) => Cow::Owned(value.to_string()),
            Plain::Float(value) => Cow::Owned(go_float(value)),
        }
    }
}

pub(super) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Plain::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Plain::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Plain::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.bytes().next() {
        Some(b'.') => float(text).map_or(Plain::Str, Plain::Float),
        Some(b'0'..=b'9' | b'+' | b'-') if is_timestamp(text) => Plain::Timestamp,
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let digits: String = text.chars().filter(|c| *c != '_').collect();
            let number = int(&digits).map(Plain::Int).or_else(|| float(&digits).map(Plain::Float));
            number.unwrap_or(Plain::Str)
        }
        _ => Plain::Str,
    }
}

/// Go's `strconv.ParseInt` with base 0, then `ParseUint` for what does not fit.
fn int(text: &str) -> Option<i128> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ => (1, text),
    };
    let (radix, digits) = radix(rest);
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = sign * i128::from_str_radix(digits, radix).ok()?;
    let signed = text.len() != rest.len();
    let top = if signed { i128::from(i64::MAX) } else { i128::from(u64::MAX) };
    (i128::from(i64::MIN)..=top).contains(&value).then_some(value)
}

fn radix(text: &str) -> (u32, &str) {
    let Some(rest) = text.strip_prefix('0').filter(|rest| !rest.is_empty()) else { return (10, text) };
    match rest.as_bytes().first() {
        Some(b'x' | b'X') => (16, rest.get(1..).unwrap_or("")),
        Some(b'o' | b'O') => (8, rest.get(1..).unwrap_or("")),
        Some(b'b' | b'B') => (2, rest.get(1..).unwrap_or("")),
        _ => (8, rest),
    }
}

/// `[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?`; what does not fit a float stays a text.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let exponent_ok = exponent.is_none_or(|text| {
        let text = text.strip_prefix(['+', '-']).unwrap_or(text);
        !text.is_empty() && digits(text)
    });
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) || !exponent_ok {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Go's `%v`: the shortest digits, with an exponent below -4 and from [`GO_EXPONENT`] on.
fn go_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let shortest = format!("{value:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value != 0.0 && !(-4..GO_EXPONENT).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{value}")
}

/// The decimal exponent from which Compose prints an exponent: `1000000.0` is `1e+06`, `999999.5` stays.
const GO_EXPONENT: i32 = 6;

/// `2006-1-2`, or that with a time as go-yaml knows it.
fn is_timestamp(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at).unwrap_or(""), text.get(at..)),
        None => (text, None),
    };
    is_date(date) && time.is_none_or(is_time)
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (Some(month), Some(day)) = (number(month, 2), number(day, 2)) else { return false };
    let Some(year) = number(year, 4).filter(|_| year.len() == 4) else { return false };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=12).contains(&month) && (1..=days).contains(&day)
}

fn is_time(text: &str) -> bool {
    let (zoned, clock) = match text.strip_prefix(['T', 't']) {
        Some(rest) => (true, rest),
        None => (false, text.get(1..).unwrap_or("")),
    };
    let zone = clock.find(['Z', '+', '-']);
    let (clock, zone) = match zone {
        Some(at) if zoned => (clock.get(..at).unwrap_or(""), clock.get(at..)),
        _ => (clock, None),
    };
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    let mut parts = clock.split(':').map(|part| number(part, 2));
    let clock_ok = matches!(
        (parts.next(), parts.next(), parts.next(), parts.next()),
        (Some(Some(0..=23)), Some(Some(0..=59)), Some(Some(0..=59)), None)
    );
    let zone_ok = match zone {
        None => !zoned,
        Some("Z") => true,
        Some(offset) => {
            let digits = offset.get(1..).unwrap_or("").split_once(':');
            digits.is_some_and(|(h, m)| {
                h.len() == 2 && m.len() == 2 && number(h, 2).is_some() && number(m, 2).is_some()
            })
        }
    };
    clock_ok && zone_ok && !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit())
}

fn number(text: &str, longest: usize) -> Option<u32> {
    let digits = !text.is_empty() && text.len() <= longest && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn plain_scalars_have_the_type_go_yaml_gives_them() {
        let table: &[(&str, Plain)] = &[
            ("", Plain::Null),
            ("~", Plain::Null),
            ("nUll", Plain::Str),
            ("yes", Plain::Str),
            ("TRUE", Plain::Bool(true)),
            ("tRue", Plain::Str),
            ("0440", Plain::Int(288)),
            ("0o17", Plain::Int(15)),
            ("0x1F", Plain::Int(31)),
            ("0b101", Plain::Int(5)),
            ("1_000", Plain::Int(1000)),
            ("+7", Plain::Int(7)),
            ("-12", Plain::Int(-12)),
            ("08", Plain::Float(8.0)),
            ("18446744073709551615", Plain::Int(18_446_744_073_709_551_615)),
            ("1e3", Plain::Float(1000.0)),
            (".5", Plain::Float(0.5)),
            ("5.", Plain::Float(5.0)),
            ("1e400", Plain::Str),
            ("22:22", Plain::Str),
            ("1.2.3", Plain::Str),
            ("-", Plain::Str),
            (".", Plain::Str),
            ("2024-01-02", Plain::Timestamp),
            ("2001-1-1", Plain::Timestamp),
            ("2001-01-01 10:00:00", Plain::Timestamp),
            ("2001-01-01T10:00:00Z", Plain::Timestamp),
            ("2001-01-01T10:00:00+02:00", Plain::Timestamp),
            ("2024-13-02", Plain::Str),
            ("2023-02-29", Plain::Str),
            ("127.0.0.1", Plain::Str),
            (".inf", Plain::Float(f64::INFINITY)),
        ];
        for (text, want) in table {
            assert_eq!(resolve(text), *want, "{text}");
        }
    }

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        let table = [
            ("1.10", "1.1"),
            ("3.0", "3"),
            ("1e3", "1000"),
            ("1000000.0", "1e+06"),
            ("999999.5", "999999.5"),
            ("1234567.0", "1.234567e+06"),
            ("123456789.123", "1.23456789123e+08"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            (".inf", "+Inf"),
            ("0x1F", "31"),
            ("TRUE", "true"),
            ("0.0", "0"),
            ("text", "text"),
        ];
        for (text, want) in table {
            let scalar = Scalar { text: text.into(), style: Style::Plain, parts: Rc::from([]) };
            assert_eq!(scalar.go_text(), want, "{text}");
        }
    }
}
