//! What a resolver is told, each a word of `/etc/resolv.conf`. See resolv.conf(5).
//!
//! The file has no way to quote: what ends a word or a line in it would be another setting.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::diag::Invalid;

/// A server that is asked for names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameServer(pub IpAddr);

impl FromStr for NameServer {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.parse().map(NameServer).map_err(|_| {
            let message = format!("`{}` is no address of a name server", text.escape_debug());
            Invalid::whole(text, message).help("write an address such as `192.0.2.53` or `2001:db8::53`")
        })
    }
}

impl fmt::Display for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A word that no other one can hide in: a domain to look names up in, or an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word(String);

impl FromStr for Word {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::whole(text, "a word of `/etc/resolv.conf` is empty"));
        }
        match text.char_indices().find(|(_, c)| !c.is_ascii_graphic() || matches!(c, '#' | ';')) {
            None => Ok(Word(text.to_owned())),
            Some((at, c)) => {
                let message = format!("`{}` cannot stand in a word of `/etc/resolv.conf`", c.escape_debug());
                Err(Invalid::new(at..at + c.len_utf8(), message).help("write several as a list"))
            }
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A domain to look names up in. An empty one is none, with which Docker leaves out those of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchDomain(String);

impl FromStr for SearchDomain {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Ok(SearchDomain(String::new()));
        }
        text.parse::<Word>().map(|Word(word)| SearchDomain(word))
    }
}

impl fmt::Display for SearchDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        assert_eq!("2001:DB8::53".parse::<NameServer>().unwrap().to_string(), "2001:db8::53");
        for wrong in ["", "dns", "1.2.3", "1.2.3.4:53", "fe80::1%eth0", "1.1.1.1\nsearch x"] {
            assert!(wrong.parse::<NameServer>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_hides_in_a_word() {
        for right in [".", "example.test", "ndots:2", "_x"] {
            assert_eq!(right.parse::<Word>().unwrap().to_string(), right);
        }
        assert_eq!("".parse::<SearchDomain>().unwrap().to_string(), "");
        assert!("a b".parse::<SearchDomain>().is_err());
        for wrong in ["", "a b", "a\nnameserver 192.0.2.1", "a#", "ä", "\u{202e}"] {
            assert!(wrong.parse::<Word>().is_err(), "{wrong}");
        }
    }
}
