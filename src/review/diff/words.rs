//! Values as a reviewer reads them.

use serde_json::Value;

use crate::shell::line;

/// A value in one line: text without quotes, and nothing for what is just so.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) | Value::Null => String::new(),
        Value::Bool(false) => "no".to_owned(),
        value => value.to_string(),
    }
}

/// A list of words as a shell takes them; anything else as it is.
pub(super) fn command(value: &Value) -> String {
    let words: Option<Vec<&str>> =
        value.as_array().and_then(|words| words.iter().map(Value::as_str).collect());
    words.map_or_else(|| value.to_string(), line)
}

/// The units, the largest first.
const UNITS: [(&str, i64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// An amount of memory, in the largest unit that it is a whole number of.
pub(super) fn bytes(value: &Value) -> String {
    match value.as_i64() {
        Some(-1) => "unlimited".to_owned(),
        Some(amount) if amount > 0 => match UNITS.iter().find(|(_, unit)| amount % unit == 0) {
            Some((name, unit)) => format!("{} {name}", amount / unit),
            None => format!("{amount} bytes"),
        },
        _ => plain(value),
    }
}

/// The field of an object as text; nothing where there is none.
pub(super) fn field<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// How much of a value fits into a line.
const SHOWN: usize = 60;

/// How much of what is the same before a difference is shown with it.
const CONTEXT: usize = 12;

/// Two values that differ, as much of each as shows it.
pub(super) fn pair(before: &str, after: &str) -> (String, String) {
    let fits = |text: &str| text.chars().count() <= SHOWN;
    if fits(before) && fits(after) {
        return (before.to_owned(), after.to_owned());
    }
    let same = before.chars().zip(after.chars()).take_while(|(a, b)| a == b).count();
    let skip = same.saturating_sub(CONTEXT);
    (from(before, skip), from(after, skip))
}

/// As much of a value as fits.
pub(super) fn short(text: &str) -> String {
    from(text, 0)
}

fn from(text: &str, skip: usize) -> String {
    let start = if skip > 0 { "…" } else { "" };
    let mut rest = text.chars().skip(skip);
    let shown: String = rest.by_ref().take(SHOWN).collect();
    let end = if rest.next().is_some() { "…" } else { "" };
    format!("{start}{shown}{end}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_have_units() {
        for (value, want) in [
            (json!(67_108_864), "64 MiB"),
            (json!(1_073_741_824), "1 GiB"),
            (json!(1000), "1000 bytes"),
            (json!(-1), "unlimited"),
            (json!(0), "0"),
            (json!("x"), "x"),
        ] {
            assert_eq!(bytes(&value), want);
        }
    }

    #[test]
    fn a_difference_is_always_shown() {
        let long = "x".repeat(200);
        let (before, after) = pair(&format!("{long}a"), &format!("{long}b"));
        assert_eq!((before.as_str(), after.as_str()), ("…xxxxxxxxxxxxa", "…xxxxxxxxxxxxb"));
        let (before, after) = pair(&long, "y");
        assert_eq!((before, after), (format!("{}…", "x".repeat(60)), "y".to_owned()));
        assert_eq!(short(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
    }
}
