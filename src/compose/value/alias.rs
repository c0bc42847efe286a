//! Further names of a container in a network.
//!
//! They become words of `/etc/hosts`, a file that has no way to quote: what ends a word or a line in it would be another
//! name, or another address.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// What a name in the domain name system may have (RFC 1035).
const MAX: usize = 253;

/// A word that no other one can hide in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alias(String);

impl Alias {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Alias {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::whole(text, "an alias may not be empty"));
        }
        if let Some((at, c)) = text.char_indices().find(|(_, c)| !c.is_ascii_graphic() || *c == '#') {
            let message = format!("`{}` cannot stand in an alias", c.escape_debug());
            return Err(Invalid::new(at..at + c.len_utf8(), message).help("it is a word of `/etc/hosts`"));
        }
        if text.len() > MAX {
            let message = format!("an alias may have {MAX} characters, and this has {}", text.len());
            return Err(Invalid::new(MAX..text.len(), message));
        }
        Ok(Alias(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_in_a_word() {
        for right in ["db", "db.example.test", "a_b"] {
            assert_eq!(right.parse::<Alias>().unwrap().as_str(), right);
        }
        for wrong in ["", "a b", "a\n192.0.2.1 b", "a#", "ä", "a\t"] {
            assert!(wrong.parse::<Alias>().is_err(), "{wrong:?}");
        }
        assert!("a".repeat(254).parse::<Alias>().is_err());
    }
}
