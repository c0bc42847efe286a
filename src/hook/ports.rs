//! Ports of the host: as `portmap` is told of them, and whether they are free.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use serde_json::{Value, json};

use super::Error;
use super::argv::Ports;
use super::record::Record;

/// The `portMappings` of the
/// [conventions](https://www.cni.dev/docs/conventions/#well-known-capabilities), one for each port.
pub fn mappings(ports: &[Ports], ipv6: bool) -> Result<Value, Error> {
    let mut mappings = Vec::new();
    for ports in ports {
        if ports.ip.is_some_and(|ip| ip.is_ipv6()) && !ipv6 {
            let reason = "the container has no IPv6 address".to_owned();
            return Err(Error::Port { port: ports.to_string(), reason });
        }
        for (host, container) in numbers(ports) {
            let mut mapping =
                json!({"hostPort": host, "containerPort": container, "protocol": ports.protocol});
            if let (Some(ip), Some(mapping)) = (ports.ip, mapping.as_object_mut()) {
                mapping.insert("hostIP".to_owned(), json!(ip));
            }
            mappings.push(mapping);
        }
    }
    Ok(Value::Array(mappings))
}

/// Each port of the host with that of the container.
fn numbers(ports: &Ports) -> impl Iterator<Item = (u16, u16)> {
    let (host, container) = (ports.host, ports.container);
    (0..ports.count).map_while(move |more| Some((host.checked_add(more)?, container.checked_add(more)?)))
}

/// Whether another container has one of the ports.
pub fn are_taken(wanted: &[Ports], others: &[&Record]) -> Result<(), Error> {
    for other in others {
        for taken in other.ports() {
            let common = wanted.iter().find_map(|ports| Some((ports, first_common(ports, &taken)?)));
            if let Some((ports, port)) = common {
                return Err(in_use(ports, port, format!(" by {}", other.container)));
            }
        }
    }
    Ok(())
}

/// Whether no program of the host listens there.
pub fn are_free(wanted: &[Ports], ipv6: bool) -> Result<(), Error> {
    for ports in wanted {
        for (port, _) in numbers(ports) {
            for ip in hosts(ports, ipv6) {
                try_to_listen(&ports.protocol, SocketAddr::new(ip, port)).map_err(|error| {
                    match error.kind() {
                        ErrorKind::AddrInUse => in_use(ports, port, " by a program of the host".to_owned()),
                        ErrorKind::AddrNotAvailable => Error::Port {
                            port: shown(ports, port),
                            reason: "the host does not have this address".to_owned(),
                        },
                        _ => Error::Port { port: shown(ports, port), reason: error.to_string() },
                    }
                })?;
            }
        }
    }
    Ok(())
}

/// The addresses of the host that a port is tried at. `::` stands for all of both families.
fn hosts(ports: &Ports, ipv6: bool) -> Vec<IpAddr> {
    match ports.ip {
        Some(ip) => vec![ip],
        None if ipv6 => vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        None => vec![Ipv4Addr::UNSPECIFIED.into()],
    }
}

/// Nobody can connect: it is closed before anything is said.
fn try_to_listen(protocol: &str, address: SocketAddr) -> io::Result<()> {
    let listened = match protocol {
        "tcp" => TcpListener::bind(address).map(drop),
        "udp" => UdpSocket::bind(address).map(drop),
        // Few kernels have SCTP.
        _ => return Ok(()),
    };
    match listened {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) => Ok(()),
        listened => listened,
    }
}

/// The first port that both have.
fn first_common(one: &Ports, other: &Ports) -> Option<u16> {
    let last = |ports: &Ports| u32::from(ports.host) + u32::from(ports.count);
    let first = one.host.max(other.host);
    let meet = u32::from(first) < last(one).min(last(other));
    (meet && one.protocol == other.protocol && same_host(one.ip, other.ip)).then_some(first)
}

/// Whether a packet to one of them may be one to the other.
fn same_host(one: Option<IpAddr>, other: Option<IpAddr>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return true };
    one.is_ipv4() == other.is_ipv4() && (one == other || one.is_unspecified() || other.is_unspecified())
}

/// A port as messages name it.
fn shown(ports: &Ports, port: u16) -> String {
    match ports.ip {
        Some(ip) => format!("{port}/{} of {ip}", ports.protocol),
        None => format!("{port}/{}", ports.protocol),
    }
}

fn in_use(ports: &Ports, port: u16, by: String) -> Error {
    Error::InUse { what: format!("port {}", shown(ports, port)), by }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> Ports {
        text.parse().unwrap()
    }

    #[test]
    fn ports_meet() {
        for (one, other, common) in [
            ("8080:80/tcp", "8080:81/tcp", Some(8080)),
            ("8080:80/tcp", "8080:80/udp", None),
            ("127.0.0.1:8080:80/tcp", "8080:80/tcp", Some(8080)),
            ("127.0.0.1:8080:80/tcp", "127.0.0.2:8080:80/tcp", None),
            ("127.0.0.1:8080:80/tcp", "[::]:8080:80/tcp", None),
            ("127.0.0.1:8080:80/tcp", "0.0.0.0:8080:80/tcp", Some(8080)),
            ("8000-8010:1-11/tcp", "8010-8020:1-11/tcp", Some(8010)),
            ("8000-8010:1-11/tcp", "8011-8020:1-10/tcp", None),
            ("65535:1/tcp", "1-65535:1-65535/tcp", Some(65535)),
        ] {
            assert_eq!(first_common(&ports(one), &ports(other)), common, "{one} {other}");
        }
    }

    #[test]
    fn each_port_is_a_mapping() {
        let all = [ports("[::1]:3000-3001:80-81/udp")];
        let want = json!([
            {"hostPort": 3000, "containerPort": 80, "protocol": "udp", "hostIP": "::1"},
            {"hostPort": 3001, "containerPort": 81, "protocol": "udp", "hostIP": "::1"},
        ]);
        assert_eq!(mappings(&all, true).unwrap(), want);
        let error = mappings(&all, false).unwrap_err().to_string();
        assert!(error.ends_with("the container has no IPv6 address"), "{error}");
    }

    #[test]
    fn what_listens_is_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let wanted = [ports(&format!("127.0.0.1:{port}:80/tcp"))];
        let error = are_free(&wanted, false).unwrap_err().to_string();
        assert_eq!(error, format!("port {port}/tcp of 127.0.0.1 is in use by a program of the host"));
        drop(listener);
        are_free(&wanted, false).unwrap();
        let error = are_free(&[ports("192.0.2.1:81:80/tcp")], false).unwrap_err().to_string();
        assert_eq!(error, "cannot publish port 81/tcp of 192.0.2.1: the host does not have this address");
    }
}
