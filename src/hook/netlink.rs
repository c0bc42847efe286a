//! What no plugin does to interfaces: a handful of messages of `rtnetlink(7)`.
//!
//! A bridge is made here and not by the plugin, which says neither whether it was there before, nor that the address
//! of a gateway need not be looked for on a network that has just been made.

use std::net::IpAddr;
use std::os::fd::OwnedFd;

use ipnet::IpNet;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::Error;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const IFLA_IFNAME: u16 = 3;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFF_UP: u32 = 1;
const IFA_F_NODAD: u8 = 2;
/// `RT_SCOPE_LINK`.
const SCOPE_LINK: u8 = 253;
/// The length of `nlmsghdr` and of `ifinfomsg`, which are both 16.
const HEADER: usize = 16;
/// As many bytes as the kernel ever puts into one datagram of a dump.
const DATAGRAM: usize = 32 << 10;

/// The number of an interface of this network namespace, if it is there.
pub fn index(name: &str) -> Result<Option<u32>, Error> {
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None);
    let found = socket.and_then(|socket| rustix::net::netdevice::name_to_index(socket, name));
    match found {
        Ok(index) => Ok(Some(index)),
        Err(Errno::NODEV) => Ok(None),
        Err(error) => Err(Error::system(format!("look for the interface `{name}`"))(error)),
    }
}

/// Makes a bridge; whether it was not there before.
pub fn add_bridge(name: &str) -> Result<bool, Error> {
    let info = attribute(IFLA_INFO_KIND, b"bridge");
    let body = [&link(0, 0)[..], &attribute(IFLA_IFNAME, &with_nul(name)), &attribute(IFLA_LINKINFO, &info)];
    match request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &body.concat(), &mut |_, _| {}) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(error) => Err(Error::system(format!("make the bridge `{name}`"))(error)),
    }
}

/// Removes an interface.
pub fn delete(name: &str, index: u32) -> Result<(), Error> {
    match request(RTM_DELLINK, NLM_F_ACK, &link(index, 0), &mut |_, _| {}) {
        Ok(()) | Err(Errno::NODEV) => Ok(()),
        Err(error) => Err(Error::system(format!("remove the interface `{name}`"))(error)),
    }
}

/// Turns an interface on.
pub fn up(name: &str, index: u32) -> Result<(), Error> {
    request(RTM_NEWLINK, NLM_F_ACK, &link(index, IFF_UP), &mut |_, _| {})
        .map_err(Error::system(format!("turn on the interface `{name}`")))
}

/// Gives an interface one more address, which is good for its link alone. Nobody is asked whether it is free.
pub fn add_address(name: &str, index: u32, address: &IpNet) -> Result<(), Error> {
    let (family, ip) = match address.addr() {
        IpAddr::V4(ip) => (AddressFamily::INET, ip.octets().to_vec()),
        IpAddr::V6(ip) => (AddressFamily::INET6, ip.octets().to_vec()),
    };
    let family = u8::try_from(family.as_raw()).unwrap_or_default();
    let mut body = vec![family, address.prefix_len(), IFA_F_NODAD, SCOPE_LINK];
    body.extend(index.to_ne_bytes());
    body.extend(attribute(IFA_LOCAL, &ip));
    body.extend(attribute(IFA_ADDRESS, &ip));
    match request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &body, &mut |_, _| {}) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => {
            Err(Error::system(format!("give the address {address} to the interface `{name}`"))(error))
        }
    }
}

/// The numbers of the interfaces that are part of a bridge.
pub fn ports(bridge: u32) -> Result<Vec<u32>, Error> {
    let mut ports = Vec::new();
    let mut look = |kind: u16, body: &[u8]| {
        let attributes = body.get(HEADER..).unwrap_or_default();
        if kind == RTM_NEWLINK && u32_attribute(attributes, IFLA_MASTER) == Some(bridge) {
            ports.extend(u32_at(body, 4));
        }
    };
    request(RTM_GETLINK, NLM_F_DUMP, &link(0, 0), &mut look)
        .map_err(Error::system("list the interfaces of the host"))?;
    Ok(ports)
}

/// `struct ifinfomsg`.
fn link(index: u32, flags: u32) -> [u8; HEADER] {
    let mut body = [0; HEADER];
    let values = [0, index, flags, flags];
    for (place, value) in body.chunks_exact_mut(4).zip(values) {
        place.copy_from_slice(&u32::to_ne_bytes(value));
    }
    body
}

/// `struct rtattr`, with what fills it up to four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    let mut attribute = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    attribute.extend(value);
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    attribute
}

fn with_nul(name: &str) -> Vec<u8> {
    name.bytes().chain([0]).collect()
}

/// Sends one message and reads the answers up to the last one.
fn request(kind: u16, flags: u16, body: &[u8], answer: &mut dyn FnMut(u16, &[u8])) -> Result<(), Errno> {
    let length = u32::try_from(HEADER + body.len()).map_err(|_| Errno::TOOBIG)?;
    let mut message = Vec::from(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((NLM_F_REQUEST | flags).to_ne_bytes());
    message.extend([1_u32.to_ne_bytes(), [0; 4]].concat());
    message.extend(body);
    let socket = socket()?;
    rustix::net::sendto(&socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    loop {
        let mut datagram = vec![0; DATAGRAM];
        let (length, _) = rustix::net::recv(&socket, &mut datagram[..], RecvFlags::empty())?;
        if let Some(end) = read(datagram.get(..length).unwrap_or_default(), answer) {
            return end;
        }
    }
}

fn socket() -> Result<OwnedFd, Errno> {
    // `NETLINK_ROUTE` is 0.
    rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)
}

/// Reads the messages of a datagram; says how it went where one of them is the last.
fn read(mut datagram: &[u8], answer: &mut dyn FnMut(u16, &[u8])) -> Option<Result<(), Errno>> {
    while let Some(length) = u32_at(datagram, 0).and_then(|length| usize::try_from(length).ok()) {
        let body = datagram.get(HEADER..length)?;
        let kind = u16_at(datagram, 4)?;
        match kind {
            NLMSG_DONE => return Some(Ok(())),
            NLMSG_ERROR => {
                let error = u32_at(body, 0)?.cast_signed().wrapping_neg();
                return Some(if error == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(error)) });
            }
            _ => answer(kind, body),
        }
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    None
}

fn u32_attribute(mut attributes: &[u8], wanted: u16) -> Option<u32> {
    loop {
        let length = usize::from(u16_at(attributes, 0)?);
        if u16_at(attributes, 2)? == wanted {
            return u32_at(attributes, 4);
        }
        // One that is shorter than its head would be read for ever.
        attributes = attributes.get(length.max(4).next_multiple_of(4)..)?;
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found() {
        let attributes = [attribute(IFLA_IFNAME, b"eth0\0"), attribute(IFLA_MASTER, &7_u32.to_ne_bytes())];
        assert_eq!(attributes[0].len(), 12);
        assert_eq!(u32_attribute(&attributes.concat(), IFLA_MASTER), Some(7));
        assert_eq!(u32_attribute(&attributes.concat(), 99), None);
        assert_eq!(u32_attribute(&[0; 64], 99), None);
    }

    #[test]
    fn the_loopback_is_there() {
        assert_eq!(index("lo").unwrap(), Some(1));
        assert_eq!(index("none-such").unwrap(), None);
        assert_eq!(ports(1).unwrap(), [0_u32; 0]);
    }
}
