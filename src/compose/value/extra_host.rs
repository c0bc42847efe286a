//! Lines of `/etc/hosts`: `NAME=ADDRESS`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::diag::Invalid;

/// A name with one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraHost {
    /// The name.
    pub name: String,
    /// The address.
    pub address: Address,
}

/// Where a name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address.
    Ip(IpAddr),
    /// `host-gateway`: the host, at an address that is known where the container runs.
    HostGateway,
}

const HOST_GATEWAY: &str = "host-gateway";

impl FromStr for ExtraHost {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (name, address) = text.split_once('=').unwrap_or((text, ""));
        if let Some((at, c)) = name.char_indices().find(|(_, c)| !c.is_ascii_graphic() || *c == '#') {
            let message = format!("`{}` cannot stand in the name of a host", c.escape_debug());
            return Err(Invalid::new(at..at + c.len_utf8(), message));
        }
        let address = match address {
            HOST_GATEWAY => Address::HostGateway,
            _ => Address::Ip(address.parse().map_err(|_| {
                let message = format!("`{}` is no address of a host", address.escape_debug());
                let at = name.len().saturating_add(1).min(text.len());
                Invalid::new(at..text.len(), message)
                    .help("write an address such as `192.0.2.1`, or `host-gateway`")
            })?),
        };
        Ok(ExtraHost { name: name.to_owned(), address })
    }
}

impl fmt::Display for ExtraHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Address::Ip(ip) => write!(f, "{}={ip}", self.name),
            Address::HostGateway => write!(f, "{}={HOST_GATEWAY}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_read() {
        for right in ["db=192.0.2.1", "db=2001:db8::1", "a_b.test=host-gateway"] {
            assert_eq!(right.parse::<ExtraHost>().unwrap().to_string(), right);
        }
    }

    #[test]
    fn nothing_hides_in_a_line() {
        for (wrong, place) in
            [("db", 2..2), ("db=", 3..3), ("db=web", 3..6), ("a b=192.0.2.1", 1..2), ("a\n=192.0.2.1", 1..2)]
        {
            assert_eq!(wrong.parse::<ExtraHost>().unwrap_err().range, place, "{wrong:?}");
        }
    }
}
