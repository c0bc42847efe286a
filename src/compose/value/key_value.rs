//! Items of lists that stand for mappings, such as `environment`: `KEY=VALUE` or `KEY`.

use std::str::FromStr;

use crate::diag::Invalid;

/// A key and, where there is a `=`, a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    /// What stands before the first `=`.
    pub key: String,
    /// What stands after it.
    pub value: Option<String>,
}

impl FromStr for KeyValue {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text, None),
        };
        if key.is_empty() {
            let range = 0..usize::from(value.is_some());
            return Err(Invalid::new(range, "a name is missing").help("write `NAME=value` or `NAME`"));
        }
        if let Some(at) = text.find('\0') {
            return Err(Invalid::new(at..at + 1, "a variable cannot contain a NUL character"));
        }
        let trimmed = key.trim_end();
        if trimmed.len() < key.len() {
            let message = format!("the name `{key}` ends with a blank");
            let help = format!("write `{trimmed}{}`", text.get(key.len()..).unwrap_or(""));
            return Err(Invalid::new(trimmed.len()..key.len(), message).help(help));
        }
        Ok(KeyValue { key: key.to_owned(), value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_equals_sign() {
        for (text, key, value) in [
            ("A=b", "A", Some("b")),
            ("A", "A", None),
            ("A=", "A", Some("")),
            ("A=b=c d ", "A", Some("b=c d ")),
            ("a.b-c= x", "a.b-c", Some(" x")),
        ] {
            let want = KeyValue { key: key.into(), value: value.map(str::to_owned) };
            assert_eq!(text.parse(), Ok(want), "{text}");
        }
    }

    #[test]
    fn refuses_with_the_place() {
        for (text, at, message) in [
            ("", 0..0, "a name is missing"),
            ("=x", 0..1, "a name is missing"),
            ("A =x", 1..2, "the name `A ` ends with a blank"),
            ("A\t ", 1..3, "the name `A\t ` ends with a blank"),
            ("A\0=x", 1..2, "a variable cannot contain a NUL character"),
            ("A=x\0", 3..4, "a variable cannot contain a NUL character"),
        ] {
            let invalid = text.parse::<KeyValue>().unwrap_err();
            assert_eq!((invalid.range, &*invalid.message), (at, message), "{text}");
        }
    }
}
