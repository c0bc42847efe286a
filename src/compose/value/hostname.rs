//! Names of hosts.
//!
//! Docker Engine takes any text and leaves the refusal to the kernel; the names here are those of RFC 1123 with
//! `_`, which Compose projects use and resolvers accept.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// What the kernel's `sethostname(2)` takes, in bytes.
const MAX_NAME: usize = 64;

/// What RFC 1123 allows between two dots, in bytes.
const MAX_LABEL: usize = 63;

/// The name of a host: labels of letters, digits, `-` and `_`, joined by dots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hostname(String);

impl Hostname {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Hostname {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Some((at, c)) = text.char_indices().find(|(_, c)| !is_allowed(*c)) {
            let message = format!("`{}` cannot stand in a host name", c.escape_debug());
            let help = "a host name has letters, digits, `-`, `_` and dots";
            return Err(Invalid::new(at..at + c.len_utf8(), message).help(help));
        }
        let mut start = 0;
        for label in text.split('.') {
            check_label(label).map_err(|invalid| super::moved(invalid, start))?;
            start += label.len() + 1;
        }
        if text.len() > MAX_NAME {
            let message =
                format!("a host name has at most {MAX_NAME} characters, and this has {}", text.len());
            return Err(Invalid::new(MAX_NAME..text.len(), message));
        }
        Ok(Hostname(text.to_owned()))
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn check_label(label: &str) -> Result<(), Invalid> {
    if label.is_empty() {
        return Err(Invalid::new(0..0, "nothing stands beside a dot of the host name"));
    }
    if label.len() > MAX_LABEL {
        let message =
            format!("a part of a host name has at most {MAX_LABEL} characters, and this has {}", label.len());
        return Err(Invalid::new(MAX_LABEL..label.len(), message));
    }
    let hyphen = if label.starts_with('-') { Some(0) } else { label.ends_with('-').then(|| label.len() - 1) };
    hyphen.map_or(Ok(()), |at| {
        Err(Invalid::new(
            at..at + 1,
            format!("the part `{label}` of a host name begins or ends with a hyphen"),
        ))
    })
}

/// The host name of a service that names none: its own name as far as it is one.
pub fn from_service(name: &str) -> String {
    let clean: String = name.chars().map(|c| if is_allowed(c) { c } else { '-' }).collect();
    let labels: Vec<_> = clean.split('.').map(|label| label.trim_matches('-')).collect();
    let mut host = String::new();
    for c in labels.into_iter().filter(|label| !label.is_empty()).collect::<Vec<_>>().join(".").chars() {
        if host.len() < MAX_LABEL {
            host.push(c);
        }
    }
    let host = host.trim_end_matches(['-', '.']);
    if host.is_empty() { "container".to_owned() } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_names() {
        let long = format!("{}.b", "a".repeat(62));
        for text in ["web", "Web-1", "my_host", "myhost.example.org", "1", &long] {
            assert_eq!(text.parse::<Hostname>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_with_the_place() {
        let label = "a".repeat(64);
        let name = format!("{}.bc", "a".repeat(62));
        for (text, at, message) in [
            ("", 0..0, "nothing stands beside a dot of the host name"),
            ("a b", 1..2, "` ` cannot stand in a host name"),
            ("höst", 1..3, "`ö` cannot stand in a host name"),
            ("a\n", 1..2, "`\\n` cannot stand in a host name"),
            ("a..b", 2..2, "nothing stands beside a dot of the host name"),
            ("a.", 2..2, "nothing stands beside a dot of the host name"),
            ("a.-b", 2..3, "the part `-b` of a host name begins or ends with a hyphen"),
            ("ab-", 2..3, "the part `ab-` of a host name begins or ends with a hyphen"),
            (&label, 63..64, "a part of a host name has at most 63 characters, and this has 64"),
            (&name, 64..65, "a host name has at most 64 characters, and this has 65"),
        ] {
            let invalid = text.parse::<Hostname>().unwrap_err();
            assert_eq!((invalid.range, &*invalid.message), (at, message), "{text}");
        }
    }

    #[test]
    fn makes_names_of_services() {
        let long = "a".repeat(70);
        for (service, want) in [
            ("web", "web"),
            ("my_db.main", "my_db.main"),
            ("-a-.-b", "a.b"),
            ("..", "container"),
            ("", "container"),
            ("é", "container"),
            (&long, &long[..63]),
            (&format!("{}-x", "a".repeat(62)), &long[..62]),
        ] {
            assert_eq!(from_service(service), want, "{service}");
        }
    }

    proptest! {
        #[test]
        fn a_service_always_has_a_name(service in "[a-c._-]{0,80}|(?s).{0,80}") {
            prop_assert!(from_service(&service).parse::<Hostname>().is_ok());
        }
    }
}
