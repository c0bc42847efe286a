//! The hooks with the real CNI plugins, as root: each test has a network, a `/run` and firewall rules of its own.
//!
//! The containers are processes that sleep. Where the host cannot do it the tests say so and pass, unless
//! `BUNDLEGEN_REQUIRE_RUNTIMES=1`.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

mod hook {
    pub mod containers;
    pub mod ground;
}

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use hook::containers::{bridge, container, network};
use hook::ground::apart;

/// What the host has before anything runs.
const HOST: &str = "192.0.2.1";

#[test]
fn containers_reach_each_other_and_the_host() {
    apart("containers_reach_each_other_and_the_host", || {
        let (one, two) = (container("web", &[]), container("db", &[]));
        let (web, db) = (one.attached(), two.attached());
        assert_eq!(web.run("ip -o -4 addr show eth0 | awk '{print $4}'"), "10.200.3.2/24\n");
        assert_eq!(web.run("ip route show default"), "default via 10.200.3.1 dev eth0 \n");
        assert_eq!(web.run("ip -o link show lo").matches("LOWER_UP").count(), 1);
        db.answers(5432, "db");
        assert_eq!(web.asks("10.200.3.3:5432"), Some("db".to_owned()));
        assert_eq!(web.asks("127.0.0.1:5432"), None);
        // The way out leads through the host.
        let outside = std::net::TcpListener::bind((HOST, 99)).unwrap();
        assert!(web.connects(&format!("{HOST}:99")));
        drop(outside);
        one.detached();
        two.detached();
    });
}

#[test]
fn published_ports_answer() {
    apart("published_ports_answer", || {
        let web = container("web", &["8080:80/tcp", "127.0.0.1:8081:80/tcp", "5300-5301:53-54/udp"]);
        let asleep = web.attached();
        asleep.answers(80, "web");
        asleep.echoes(53);
        asleep.echoes(54);
        for (address, answer) in [
            ("127.0.0.1:8080", Some("web")),
            ("192.0.2.1:8080", Some("web")),
            ("127.0.0.1:8081", Some("web")),
            ("192.0.2.1:8081", None),
            ("127.0.0.1:8082", None),
        ] {
            assert_eq!(hook::containers::ask(address).as_deref(), answer, "{address}");
        }
        for address in ["127.0.0.1:5300", "192.0.2.1:5301"] {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            socket.send_to(b"ping", address).unwrap();
            let mut answer = [0; 16];
            let (length, from) = socket.recv_from(&mut answer).unwrap();
            assert_eq!((&answer[..length], from), (&b"ping"[..], address.parse::<SocketAddr>().unwrap()));
        }
        web.detached();
        assert_eq!(hook::containers::ask("127.0.0.1:8080"), None);
    });
}

#[test]
fn ipv6_works_at_once() {
    apart("ipv6_works_at_once", || {
        let dual = |name, last| {
            let mut container = container(name, &[]);
            container.networks = vec![network(
                "eth0",
                &bridge("dual"),
                &[
                    (&format!("10.200.3.{last}/24"), "10.200.3.1"),
                    (&format!("fd00:1::{last}/64"), "fd00:1::1"),
                ],
            )];
            container
        };
        let mut first = dual("web", 2);
        first.ports = vec!["8080:80/tcp".to_owned(), "[fd00:2::1]:8081:80/tcp".to_owned()];
        let start = Instant::now();
        let (web, db) = (first.attached(), dual("db", 3).attached());
        let time = start.elapsed();
        let outside = std::net::TcpListener::bind("[fd00:2::1]:99").unwrap();
        assert!(web.connects("[fd00:2::1]:99"), "the way out over IPv6");
        drop(outside);
        web.answers(80, "web");
        assert_eq!(db.asks("[fd00:1::2]:80").as_deref(), Some("web"));
        for (address, answer) in [
            ("[fd00:2::1]:8080", Some("web")),
            ("[fd00:2::1]:8081", Some("web")),
            ("192.0.2.1:8080", Some("web")),
            ("192.0.2.1:8081", None),
        ] {
            assert_eq!(hook::containers::ask(address).as_deref(), answer, "{address}");
        }
        assert!(time < Duration::from_secs(10), "{time:?}");
        dual("web", 2).detached();
        dual("db", 3).detached();
    });
}
