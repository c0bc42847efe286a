//! What a client of registries is told, as the environment is no business of it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::url::{self, Url};
use crate::diag::Invalid;
use crate::image::reference::DEFAULT_DOMAIN;

/// How registries are reached, and as whom.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Files as Docker's `config.json` and podman's `auth.json`, in the order in which they are asked. One that is
    /// missing says nothing.
    pub credentials: Vec<PathBuf>,
    /// Who is asked before a registry, by the name of the registry.
    pub mirrors: BTreeMap<String, Vec<Mirror>>,
    /// The certificates that are trusted, in place of those of the system.
    pub certificates: Option<PathBuf>,
    /// Directories with a directory for each host, whose files `*.crt` are trusted for it too.
    pub host_certificates: Vec<PathBuf>,
    /// The way to everything that is not on this machine.
    pub proxy: Option<Proxy>,
    /// When to give up.
    pub patience: Patience,
}

impl Settings {
    /// Adds a mirror of a registry, after those it has.
    pub fn add_mirror(&mut self, host: &str, mirror: Mirror) {
        self.mirrors.entry(registry_name(host)).or_default().push(mirror);
    }
}

/// One name for a registry that has several.
pub(super) fn registry_name(host: &str) -> String {
    match host.to_ascii_lowercase().as_str() {
        "index.docker.io" | "registry-1.docker.io" => DEFAULT_DOMAIN.to_owned(),
        host => host.to_owned(),
    }
}

/// A registry that has what another one has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    pub(super) url: Url,
}

impl Mirror {
    /// What comes before the name of a repository; empty, or with a slash at its end.
    pub(super) fn prefix(&self) -> String {
        match self.url.target.trim_matches('/') {
            "" => String::new(),
            path => format!("{path}/"),
        }
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.url)
    }
}

impl FromStr for Mirror {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = Url::parse(&full).map_err(|reason| {
            Invalid::whole(text, format!("a mirror is an address, but there is {reason}"))
        })?;
        let path = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_');
        if !url.target.bytes().all(path) {
            return Err(Invalid::whole(text, "what follows the host of a mirror is part of an image name"));
        }
        if !url.origin.secure && !url::is_loopback(&url.origin.authority) {
            return Err(Invalid::whole(text, "a mirror on another machine is spoken to over https only"));
        }
        Ok(Mirror { url })
    }
}

/// A proxy for HTTPS.
#[derive(Clone)]
pub struct Proxy {
    /// Its address, with a user and a password where it wants one.
    pub url: String,
    /// The hosts that are reached without it, in the words of `NO_PROXY`.
    pub except: String,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("except", &self.except).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Whether a host is reached without it: by name, as a part of a domain, or by network, as Go reads `NO_PROXY`.
    pub(super) fn spares(&self, authority: &str) -> bool {
        let host = url::host(authority);
        url::is_loopback(authority)
            || self.except.split([',', ' ']).filter(|pattern| !pattern.is_empty()).any(|pattern| {
                let pattern = pattern.to_ascii_lowercase();
                pattern == "*"
                    || pattern == authority
                    || is_below(host, &pattern)
                    || is_within(host, &pattern)
            })
    }
}

/// `example.com` is itself and all below it; `.example.com` and `*.example.com` only what is below.
fn is_below(host: &str, pattern: &str) -> bool {
    match pattern.strip_prefix('*').unwrap_or(pattern) {
        domain if domain.starts_with('.') => host.ends_with(domain),
        name => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
    }
}

fn is_within(host: &str, network: &str) -> bool {
    let (Ok(host), Some((address, length))) = (host.parse::<IpAddr>(), network.split_once('/')) else {
        return false;
    };
    let (Ok(address), Ok(length)) = (address.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    let (host, address, width) = match (host, address) {
        (IpAddr::V4(host), IpAddr::V4(address)) => (host.to_bits().into(), address.to_bits().into(), 32),
        (IpAddr::V6(host), IpAddr::V6(address)) => (host.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let differs: u128 = host ^ address;
    length <= width && differs.checked_shr(width - length).unwrap_or(0) == 0
}

/// When to give up.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long making a connection may take.
    pub connect: Duration,
    /// How long nothing, or next to nothing, may come.
    pub idle: Duration,
    /// How often something is tried.
    pub attempts: u32,
    /// The pause after the first failure; each further one is twice as long.
    pub pause: Duration,
    /// The longest pause that a server may ask for.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            connect: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            attempts: 5,
            pause: Duration::from_millis(500),
            longest: Duration::from_secs(60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_read() {
        let table = [
            ("mirror.gcr.io", "https://mirror.gcr.io/", ""),
            ("https://h:5000/", "https://h:5000/", ""),
            ("https://h/proxy/docker/", "https://h/proxy/docker/", "proxy/docker/"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000/", ""),
        ];
        for (text, shown, prefix) in table {
            let mirror: Mirror = text.parse().unwrap();
            assert_eq!((mirror.to_string().as_str(), mirror.prefix().as_str()), (shown, prefix));
        }
        for bad in ["", "http://h", "https://u:p@h", "https://h/a?b", "https://h/a:b", "ftp://h"] {
            assert!(bad.parse::<Mirror>().is_err(), "{bad}");
        }
        let mut settings = Settings::default();
        settings.add_mirror("index.docker.io", "h".parse().unwrap());
        assert!(settings.mirrors.contains_key("docker.io"));
    }

    #[test]
    fn a_proxy_spares_what_it_is_told_to() {
        let spares = |except: &str, authority: &str| {
            Proxy { url: String::new(), except: except.into() }.spares(authority)
        };
        for (except, authority) in [
            ("a.io,b.io", "b.io"),
            ("a.io, b.io", "x.b.io:5000"),
            (".b.io", "x.b.io"),
            ("*.b.io", "x.b.io"),
            ("*", "x"),
            ("b.io:5000", "b.io:5000"),
            ("10.0.0.0/8", "10.1.2.3:5000"),
            ("fd00::/8", "[fd12::1]:5000"),
            ("10.1.2.3", "10.1.2.3"),
            ("0.0.0.0/0", "1.2.3.4"),
            ("", "127.0.0.1:5000"),
            ("", "localhost"),
        ] {
            assert!(spares(except, authority), "{except}: {authority}");
        }
        for (except, authority) in [
            ("", "a.io"),
            ("b.io", "ab.io"),
            (".b.io", "b.io"),
            ("b.io:5000", "b.io"),
            ("10.0.0.0/8", "11.1.2.3"),
            ("10.0.0.0/99", "10.0.0.0"),
            ("10.0.0.0/8", "[fd12::1]"),
        ] {
            assert!(!spares(except, authority), "{except}: {authority}");
        }
    }
}
