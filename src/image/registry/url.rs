//! Addresses: as much of them as registries need, and no more than is safe.
//!
//! An address never holds a user or a password, and its text for messages leaves out the query, which is where
//! stores of blobs put the right to read them.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

/// Longer ones are refused, as most servers do.
const MAX_LENGTH: usize = 16 * 1024;

/// An address of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub origin: Origin,
    /// The path and the query, from the first slash on.
    pub target: String,
}

/// Who answers: what a secret may be sent to is decided by this.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    pub secure: bool,
    /// The host and the port, unless that is the usual one.
    pub authority: String,
}

impl Origin {
    pub fn new(secure: bool, authority: &str) -> Origin {
        let usual = if secure { ":443" } else { ":80" };
        let authority = authority.to_ascii_lowercase();
        let authority = authority.strip_suffix(usual).map(ToOwned::to_owned).unwrap_or(authority);
        Origin { secure, authority }
    }

    /// An address of the host.
    pub fn at(&self, target: String) -> Url {
        Url { origin: self.clone(), target }
    }
}

/// The name or the address of the host, without brackets.
pub(super) fn host(authority: &str) -> &str {
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    }
}

/// Whether a host is this machine, which is all that may be spoken to without TLS.
pub(super) fn is_loopback(authority: &str) -> bool {
    let host = host(authority);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Url {
    /// Takes an absolute address apart.
    pub fn parse(text: &str) -> Result<Url, String> {
        check(text)?;
        let (scheme, rest) = text.split_once("://").ok_or("not an absolute address")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(format!("neither https nor http, but `{}`", limited(scheme))),
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        check_authority(authority)?;
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Origin::new(secure, authority).at(format!("{slash}{target}")))
    }

    /// Where a redirect leads to (RFC 3986, 5.2, without dots in the path: servers resolve those).
    pub fn join(&self, location: &str) -> Result<Url, String> {
        let location = location.split_once('#').map_or(location, |(before, _)| before);
        check(location)?;
        let scheme = if self.origin.secure { "https" } else { "http" };
        if let Some(rest) = location.strip_prefix("//") {
            return Url::parse(&format!("{scheme}://{rest}"));
        }
        if location.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
            return Url::parse(location);
        }
        let path = self.path();
        let target = match location.chars().next() {
            None => self.target.clone(),
            Some('/') => location.to_owned(),
            Some('?') => format!("{path}{location}"),
            Some(_) => format!("{}/{location}", path.rsplit_once('/').map_or("", |(before, _)| before)),
        };
        Ok(self.origin.at(target))
    }

    fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// All of it, for the request itself.
    pub fn text(&self) -> String {
        format!("{}{}", self.origin, self.target)
    }

    /// The address with a query, or with more of one.
    pub fn with_query(&self, pairs: &[(&str, &str)]) -> Url {
        let separator = if self.target.contains('?') { '&' } else { '?' };
        self.origin.at(format!("{}{separator}{}", self.target, form(pairs)))
    }
}

/// Pairs as a query or a form has them.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => {
                let _infallible = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn check(text: &str) -> Result<(), String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("longer than {MAX_LENGTH} bytes"));
    }
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(c) => Err(format!("{c:?} in it")),
        None => Ok(()),
    }
}

fn check_authority(authority: &str) -> Result<(), String> {
    if authority.contains('@') {
        return Err("a user or a password in it".into());
    }
    let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let bracketed = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port, fits) = if let Some((address, port)) = bracketed {
        (address, port, address.parse::<IpAddr>().is_ok())
    } else {
        let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
        (host, port, host.bytes().all(name))
    };
    let port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    if host.is_empty() || !fits || !port {
        return Err(format!("`{}` is not a host", limited(authority)));
    }
    Ok(())
}

/// The beginning of a text that may be very long.
pub(super) fn limited(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, limited(self.path()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let table = [
            ("https://a.io", "https://a.io/"),
            ("HTTPS://A.io:443/X?y=1", "https://a.io/X?y=1"),
            ("http://127.0.0.1:5000/v2/", "http://127.0.0.1:5000/v2/"),
            ("http://h:80?x", "http://h/?x"),
            ("https://[::1]:5000/x", "https://[::1]:5000/x"),
        ];
        for (text, want) in table {
            assert_eq!(Url::parse(text).unwrap().text(), want);
        }
        let long = format!("https://h/{}", "x".repeat(MAX_LENGTH));
        let bad = [
            "",
            "h",
            "/x",
            "ftp://h/",
            "https://",
            "https:///x",
            "https://u:p@h/",
            "https://h:x/",
            "https://h /",
            "https://h/\r\nX: y",
            "https://[::g]/",
            "https://h:99999/",
            "https://ä/",
            &long,
        ];
        for text in bad {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn redirects_are_resolved() {
        let base = Url::parse("https://a.io/v2/x/blobs/1?q=1").unwrap();
        let table = [
            ("https://b.io/y?s=1#f", "https://b.io/y?s=1"),
            ("http://b.io", "http://b.io/"),
            ("//b.io/y", "https://b.io/y"),
            ("/y", "https://a.io/y"),
            ("y/z:1", "https://a.io/v2/x/blobs/y/z:1"),
            ("?r=2", "https://a.io/v2/x/blobs/1?r=2"),
            ("", "https://a.io/v2/x/blobs/1?q=1"),
        ];
        for (location, want) in table {
            assert_eq!(base.join(location).unwrap().text(), want);
        }
        for bad in ["file:///etc/passwd", "https://user@b.io/", "/a b", "//", "javascript:1"] {
            assert!(base.join(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn messages_show_no_query() {
        let url = Url::parse("https://a.io/x?signature=secret").unwrap();
        assert_eq!(url.to_string(), "https://a.io/x");
        assert_eq!(url.with_query(&[("a", "b c&/:ä")]).target, "/x?signature=secret&a=b%20c%26%2F%3A%C3%A4");
    }

    #[test]
    fn this_machine_is_known() {
        for host in ["localhost", "localhost:5000", "127.0.0.1", "127.9.9.9:1", "[::1]:5000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.io", "128.0.0.1", "127.0.0.1.io", "[::2]", "0.0.0.0", "a.localhost"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
