//! Ports: those of a container in `expose` and in an image, and those of the host in `ports`.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::diag::Invalid;

/// A port or a range of ports, `3000-3005/tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExposedPort {
    /// The first port.
    pub first: u16,
    /// The last port; the same as the first for a single one.
    pub last: u16,
    /// The protocol.
    pub protocol: Protocol,
}

/// Ports of the host, of which one is meant: `8080` or `8000-8010`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPorts {
    /// The first port, never 0.
    pub first: u16,
    /// The last port; the same as the first for a single one.
    pub last: u16,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
    Sctp,
}

impl ExposedPort {
    /// The ports one by one.
    pub fn expand(self) -> impl Iterator<Item = ExposedPort> {
        (self.first..=self.last).map(move |port| ExposedPort { first: port, last: port, ..self })
    }
}

impl HostPorts {
    /// How many there are to choose from.
    pub fn count(self) -> usize {
        usize::from(self.last.saturating_sub(self.first)) + 1
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        })
    }
}

impl fmt::Display for ExposedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if self.first != self.last {
            write!(f, "-{}", self.last)?;
        }
        write!(f, "/{}", self.protocol)
    }
}

impl FromStr for Protocol {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.to_ascii_lowercase().as_str() {
            "tcp" => Ok(Protocol::Tcp),
            "udp" => Ok(Protocol::Udp),
            "sctp" => Ok(Protocol::Sctp),
            _ => Err(Invalid::whole(text, format!("unknown protocol `{text}`")).help("use tcp, udp or sctp")),
        }
    }
}

impl FromStr for ExposedPort {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (ports, name) = text.split_once('/').unwrap_or((text, ""));
        let protocol = match name {
            "" => Protocol::default(),
            name => name.parse().map_err(|invalid| super::moved(invalid, text.len() - name.len()))?,
        };
        let (first, last) = range(ports, "write `8080`, `8080/udp` or `3000-3005`")?;
        Ok(ExposedPort { first, last, protocol })
    }
}

impl FromStr for HostPorts {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (first, last) = range(text, "write `8080` or `8000-8010`")?;
        Ok(HostPorts { first, last })
    }
}

/// The first port and the last one.
fn range(text: &str, help: &str) -> Result<(u16, u16), Invalid> {
    let Some((first, last)) = text.split_once('-') else {
        let port = number(text, 0..text.len(), help)?;
        return Ok((port, port));
    };
    let end = text.len();
    let (first, last) = (number(text, 0..first.len(), help)?, number(text, end - last.len()..end, help)?);
    if last < first {
        return Err(Invalid::new(0..end, format!("the range `{text}` ends before it begins")));
    }
    Ok((first, last))
}

fn number(text: &str, range: Range<usize>, help: &str) -> Result<u16, Invalid> {
    let port = text.get(range.clone()).unwrap_or("");
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(number) if digits && number > 0 => Ok(number),
        _ if digits => Err(Invalid::new(range, format!("a port is from 1 to 65535, found `{port}`"))),
        _ => {
            let message = match port {
                "" => "a port number is missing".to_owned(),
                port => format!("expected a port number, found `{port}`"),
            };
            Err(Invalid::new(range, message).help(help))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_ports() {
        for (text, want) in [
            ("8080", "8080/tcp"),
            ("080", "80/tcp"),
            ("53/UDP", "53/udp"),
            ("80/", "80/tcp"),
            ("3000-3005", "3000-3005/tcp"),
            ("7-7/sctp", "7/sctp"),
            ("65535", "65535/tcp"),
        ] {
            assert_eq!(text.parse::<ExposedPort>().unwrap().to_string(), want, "{text}");
        }
    }

    #[test]
    fn orders_by_number_and_expands() {
        let mut ports = ["80", "9/udp", "443-444", "9"].map(|text| text.parse::<ExposedPort>().unwrap());
        ports.sort();
        let all: Vec<_> =
            ports.into_iter().flat_map(ExposedPort::expand).map(|port| port.to_string()).collect();
        assert_eq!(all, ["9/tcp", "9/udp", "80/tcp", "443/tcp", "444/tcp"]);
        let last = ExposedPort { first: 65535, last: 65535, protocol: Protocol::Tcp };
        assert_eq!(last.expand().count(), 1);
    }

    #[test]
    fn reads_ports_of_the_host() {
        for (text, want) in
            [("8080", (8080, 8080, 1)), ("8000-8010", (8000, 8010, 11)), ("1-65535", (1, 65535, 65535))]
        {
            let ports: HostPorts = text.parse().unwrap();
            assert_eq!((ports.first, ports.last, ports.count()), want, "{text}");
        }
        for text in ["", "0", "0-5", "80/tcp", "1-2-3", "9-8", "65536", " 80"] {
            assert!(text.parse::<HostPorts>().is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_with_the_place() {
        for (text, at, message) in [
            ("", 0..0, "a port number is missing"),
            ("http", 0..4, "expected a port number, found `http`"),
            ("+80", 0..3, "expected a port number, found `+80`"),
            ("80:80", 0..5, "expected a port number, found `80:80`"),
            ("0", 0..1, "a port is from 1 to 65535, found `0`"),
            ("70000/tcp", 0..5, "a port is from 1 to 65535, found `70000`"),
            ("80-", 3..3, "a port number is missing"),
            ("80-70000", 3..8, "a port is from 1 to 65535, found `70000`"),
            ("90-80/udp", 0..5, "the range `90-80` ends before it begins"),
            ("80/http", 3..7, "unknown protocol `http`"),
        ] {
            let invalid = text.parse::<ExposedPort>().unwrap_err();
            assert_eq!((invalid.range, &*invalid.message), (at, message), "{text}");
        }
    }
}
