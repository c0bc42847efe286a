//! Addresses, and ranges of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

use crate::diag::Invalid;

/// An address of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ip(pub IpAddr);

/// An address of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ipv4(pub Ipv4Addr);

/// An address of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ipv6(pub Ipv6Addr);

/// An address that means something on one link alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkLocal(pub IpAddr);

/// A range of addresses: the first one, and how many bits all of them share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range(pub IpNet);

impl FromStr for Ip {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let help = "write one such as `192.0.2.10` or `2001:db8::10`";
        text.parse().map(Ip).map_err(|_| no_address(text, "an address", help))
    }
}

impl FromStr for Ipv4 {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let help = "write one such as `192.0.2.10`";
        text.parse().map(Ipv4).map_err(|_| no_address(text, "an address of IPv4", help))
    }
}

impl FromStr for Ipv6 {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let help = "write one such as `2001:db8::10`";
        text.parse().map(Ipv6).map_err(|_| no_address(text, "an address of IPv6", help))
    }
}

impl FromStr for LinkLocal {
    type Err = Invalid;

    /// As Docker, which takes no others (moby `daemon/libnetwork/network.go`).
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Ip(ip) = text.parse()?;
        let local = match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        if local {
            return Ok(LinkLocal(ip));
        }
        let help = "those lie in 169.254.0.0/16 and fe80::/10";
        Err(no_address(text, "an address of a link", help))
    }
}

impl FromStr for Range {
    type Err = Invalid;

    /// As Docker, which takes no bits beyond the prefix (moby `daemon/network.go`).
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let help = "write one such as `192.0.2.0/24`";
        let range: IpNet = text.parse().map_err(|_| no_address(text, "a range of addresses", help))?;
        if range.trunc() != range {
            let message = format!("the range `{range}` begins at another address");
            return Err(Invalid::whole(text, message).help(format!("write `{}`", range.trunc())));
        }
        Ok(Range(range))
    }
}

fn no_address(text: &str, what: &str, help: &str) -> Invalid {
    Invalid::whole(text, format!("`{}` is not {what}", text.escape_debug())).help(help)
}

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_guessed() {
        assert_eq!("192.0.2.0/24".parse::<Range>().unwrap().to_string(), "192.0.2.0/24");
        assert_eq!("2001:DB8::/64".parse::<Range>().unwrap().to_string(), "2001:db8::/64");
        for wrong in ["", "192.0.2.0", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/255.255.255.0"] {
            assert!(wrong.parse::<Range>().is_err(), "{wrong}");
        }
        assert_eq!("169.254.1.2".parse::<LinkLocal>().unwrap(), LinkLocal("169.254.1.2".parse().unwrap()));
        for wrong in ["192.0.2.1", "2001:db8::1", "fe80::1%eth0"] {
            assert!(wrong.parse::<LinkLocal>().is_err(), "{wrong}");
        }
        assert!("::1".parse::<Ipv4>().is_err() && "127.0.0.1".parse::<Ipv6>().is_err());
    }
}
