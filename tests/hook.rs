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
    pub mod any;
    pub mod containers;
    pub mod faults;
    pub mod ground;
}

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use bundlegen::hook::argv::{Address, Pin, Verb};
use hook::containers::{Asleep, Container, Said, ask, bridge, container, network};
use hook::ground::{apart, host, sh};
use serde_json::json;

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
            assert_eq!(ask(address).as_deref(), answer, "{address}");
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
        assert_eq!(ask("127.0.0.1:8080"), None);
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
            assert_eq!(ask(address).as_deref(), answer, "{address}");
        }
        assert!(time < Duration::from_secs(10), "{time:?}");
        dual("web", 2).detached();
        dual("db", 3).detached();
    });
}

#[test]
fn an_internal_network_has_no_way_out() {
    apart("an_internal_network_has_no_way_out", || {
        let mut list = bridge("inside");
        list["plugins"][0] = json!({"type": "bridge", "bridge": "br-inside", "isGateway": false,
            "ipam": {"type": "static"}});
        let inside = |name: &str, last| {
            let mut container = container(name, &[]);
            let mut network = network("eth0", &list, &[]);
            network.addresses =
                vec![Address { address: format!("10.200.4.{last}/24").parse().unwrap(), gateway: None }];
            network.default_route = false;
            container.networks = vec![network];
            container
        };
        let (web, db) = (inside("web", 2).attached(), inside("db", 3).attached());
        db.answers(5432, "db");
        assert_eq!(web.asks("10.200.4.3:5432").as_deref(), Some("db"));
        let outside = std::net::TcpListener::bind((HOST, 99)).unwrap();
        assert!(!web.connects(&format!("{HOST}:99")));
        drop(outside);
        assert_eq!(web.run("ip route"), "10.200.4.0/24 dev eth0 proto kernel scope link src 10.200.4.2 \n");
        inside("web", 2).detached();
        inside("db", 3).detached();
    });
}

#[test]
fn a_container_in_several_networks() {
    apart("a_container_in_several_networks", || {
        let mut web = container("web", &["8080:80/tcp"]);
        let mut back = network("back0", &bridge("back"), &[("10.200.5.2/24", "10.200.5.1")]);
        back.default_route = false;
        back.mac = Some("02:42:ac:11:65:43".to_owned());
        back.link_local = vec!["169.254.8.8/16".parse().unwrap()];
        web.networks.insert(0, back);
        let asleep = web.attached();
        assert_eq!(asleep.run("ip route show default"), "default via 10.200.3.1 dev eth0 \n");
        let addresses = asleep.run("ip -o -4 addr show back0 | awk '{print $4}' | sort");
        assert_eq!(addresses, "10.200.5.2/24\n169.254.8.8/16\n");
        assert_eq!(asleep.run("ip -o link show back0").matches("02:42:ac:11:65:43").count(), 1);
        asleep.answers(80, "web");
        assert_eq!(ask("127.0.0.1:8080").as_deref(), Some("web"));
        // One for each card: both addresses were set.
        assert_eq!(sh("ls /run/cni/tuning | wc -l"), "2\n");
        asleep.kill();
        web.detached();
    });
}

#[test]
fn an_external_network_is_that_of_others() {
    apart("an_external_network_is_that_of_others", || {
        let (web, mut db) = (container("web", &[]), container("db", &[]));
        db.networks[0].list = json!({"name": "shop_front"});
        let asleep = Asleep::start();
        let error = db.hook(Verb::Attach, asleep.pid()).fails();
        assert_eq!(
            error,
            "network `shop_front`: it is external, no container that runs is in it, and no list in /etc/cni/net.d has \
             its name"
        );
        let other = web.attached();
        db.hook(Verb::Attach, asleep.pid()).succeeds();
        other.answers(80, "web");
        assert_eq!(asleep.asks("10.200.3.2:80").as_deref(), Some("web"));
        drop((asleep, other));
        web.detached();
        db.detached();
        sh("mkdir -p /run/etc/cni/net.d && cp -a /etc/alternatives /run/etc && mount --bind /run/etc /etc");
        let list = bridge("front").to_string();
        std::fs::write("/etc/cni/net.d/10-front.conflist", list.replace(",{\"dst\":\"::/0\"}", "")).unwrap();
        drop(db.attached());
        db.detached();
        sh("umount /etc && rm -r /run/etc");
    });
}

#[test]
fn an_address_is_asked_for_in_an_external_network() {
    apart("an_address_is_asked_for_in_an_external_network", || {
        let (web, mut db) = (container("web", &[]), container("db", &[]));
        db.networks[0].list = json!("shop_front");
        db.networks[0].addresses.clear();
        let other = web.attached();
        let asleep = Asleep::start();
        let error = db.hook(Verb::Attach, asleep.pid()).fails();
        assert_eq!(
            error,
            "network `shop_front`: it gives out no addresses, and none is written for this container"
        );
        db.networks[0].asked = vec!["10.200.4.9".parse().unwrap()];
        let error = db.hook(Verb::Attach, asleep.pid()).fails();
        assert_eq!(
            error,
            "network `shop_front`: the address 10.200.4.9 lies in no subnet of it: it has 10.200.3.0/24"
        );
        db.networks[0].asked = vec!["10.200.3.99".parse().unwrap()];
        db.hook(Verb::Attach, asleep.pid()).succeeds();
        other.answers(80, "web");
        assert_eq!(asleep.asks("10.200.3.2:80").as_deref(), Some("web"));
        asleep.answers(80, "db");
        assert_eq!(other.asks("10.200.3.99:80").as_deref(), Some("db"));
        drop((asleep, other));
        web.detached();
        db.detached();
        // A list of the host, whose own plugin gives out addresses.
        sh(
            "mkdir -p /run/etc/cni/net.d /run/data && cp -a /etc/alternatives /run/etc && mount --bind /run/etc /etc",
        );
        let mut list = bridge("front");
        list["plugins"][0]["ipam"] = json!({
            "type": "host-local", "dataDir": "/run/data", "ranges": [[{"subnet": "10.200.3.0/24"}]],
        });
        std::fs::write("/etc/cni/net.d/10-front.conflist", list.to_string()).unwrap();
        let asleep = db.attached();
        assert!(sh("ls /run/data/shop_front").contains("10.200.3.99"));
        drop(asleep);
        db.detached();
        assert!(!sh("ls /run/data/shop_front").contains("10.200.3.99"));
        sh("umount /etc && rm -r /run/etc /run/data");
    });
}

#[test]
fn ten_start_at_once() {
    apart("ten_start_at_once", || {
        let all: Vec<Container> =
            (10..20).map(|number| container(&number.to_string(), &[&format!("80{number}:80/tcp")])).collect();
        let attach = |container: &Container| {
            let container = container.clone();
            std::thread::spawn(move || container.attached())
        };
        let asleep: Vec<_> = all.iter().map(attach).collect();
        let asleep: Vec<Asleep> = asleep.into_iter().map(|thread| thread.join().unwrap()).collect();
        for (number, container) in (10..20).zip(&asleep) {
            container.answers(80, "here");
            assert_eq!(ask(&format!("127.0.0.1:80{number}")).as_deref(), Some("here"));
            assert_eq!(asleep[0].asks(&format!("10.200.3.{number}:80")).as_deref(), Some("here"));
        }
        drop(asleep);
        let detach = |container: &Container| {
            let container = container.clone();
            std::thread::spawn(move || container.detached())
        };
        all.iter().map(detach).collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn what_was_killed_starts_again() {
    apart("what_was_killed_starts_again", || {
        let mut web = container("web", &["8080:80/tcp"]);
        web.pins = vec![Pin::Net];
        for round in 0..10 {
            // Nobody calls the hooks of the one that was killed, and the next one may have another id.
            web.id = format!("web-{}", round / 2);
            let asleep = web.attached();
            asleep.answers(80, "web");
            assert_eq!(ask("127.0.0.1:8080").as_deref(), Some("web"), "round {round}");
            asleep.kill();
        }
        Said::sweep();
        Said::sweep();
    });
}

#[test]
fn detaching_works_at_any_time() {
    apart("detaching_works_at_any_time", || {
        let web = container("web", &["8080:80/tcp"]);
        web.detached();
        let asleep = web.attached();
        // Once more, for the same process: it keeps what it has.
        let before = host();
        web.hook(Verb::Attach, asleep.pid()).succeeds();
        assert_eq!(host(), before);
        // It still runs.
        web.detached();
        assert_eq!(asleep.run("ip -o link | wc -l"), "1\n");
        web.detached();
        web.hook(Verb::Attach, asleep.pid()).succeeds();
        asleep.kill();
        web.detached();
        web.detached();
    });
}

#[test]
fn two_bridges_have_no_subnet_in_common() {
    apart("two_bridges_have_no_subnet_in_common", || {
        let web = container("web", &[]);
        let asleep = web.attached();
        let before = host();
        let mut other = container("db", &[]);
        other.networks = vec![network("eth0", &bridge("back"), &[("10.200.0.9/16", "10.200.0.1")])];
        let more = Asleep::start();
        assert_eq!(
            other.hook(Verb::Attach, more.pid()).fails(),
            "the subnet 10.200.0.0/16 of network `shop_back` is in use as 10.200.3.0/24 of network `shop_front` by \
             container `web` (bundle `web` of project `shop`)"
        );
        assert_eq!(host(), before);
        // Nobody needs it any more.
        drop(asleep);
        web.detached();
        other.hook(Verb::Attach, more.pid()).succeeds();
        more.kill();
        other.detached();
    });
}

#[test]
fn what_others_have_is_not_taken() {
    apart("what_others_have_is_not_taken", || {
        let web = container("web", &["8080:80/tcp"]);
        let mut other = container("web", &[]);
        "db".clone_into(&mut other.bundle);
        "db".clone_into(&mut other.id);
        let (asleep, more) = (web.attached(), Asleep::start());
        let before = host();
        assert_eq!(
            other.hook(Verb::Attach, more.pid()).fails(),
            "the address 10.200.3.2 of network `shop_front` is in use by container `web` (bundle `web` of project \
             `shop`)"
        );
        let port = container("db", &["127.0.0.1:8080:80/tcp"]);
        assert_eq!(
            port.hook(Verb::Attach, more.pid()).fails(),
            "port 8080/tcp of 127.0.0.1 is in use by container `web` (bundle `web` of project `shop`)"
        );
        let listener = std::net::TcpListener::bind("127.0.0.1:8099").unwrap();
        let port = container("db", &["8099:80/tcp"]);
        let error = port.hook(Verb::Attach, more.pid()).fails();
        assert_eq!(error, "port 8099/tcp is in use by a program of the host");
        drop(listener);
        assert_eq!(host(), before);
        port.hook(Verb::Attach, more.pid()).succeeds();
        more.kill();
        port.detached();
        // A runtime calls this for the one that was refused.
        other.detached();
        assert_eq!(sh("ls /run/bundlegen/.containers; ip -o link | wc -l"), "shop:web:web.json\n3\n");
        drop(asleep);
        web.detached();
    });
}

#[test]
fn half_of_it_is_undone() {
    apart("half_of_it_is_undone", || {
        sh("mkdir /run/cni && cp /usr/lib/cni/static /usr/lib/cni/bridge /usr/lib/cni/portmap /run/cni");
        let mut web = container("web", &["8080:80/tcp"]);
        "/run/none:/run/cni".clone_into(&mut web.cni_path);
        let asleep = Asleep::start();
        let error = web.hook(Verb::Attach, asleep.pid()).fails();
        assert_eq!(
            error,
            "network `shop_front`: plugin `firewall`: not found in /run/none:/run/cni; Debian has it in the package \
             containernetworking-plugins"
        );
        for (script, want) in [
            ("echo '{\"code\": 7, \"msg\": \"no\", \"details\": \"way\"}'; exit 1", "no: way (code 7)"),
            ("echo one >&2; echo two >&2; exit 1", "one\\ntwo"),
            ("echo words", "its answer is not JSON: expected value at line 1 column 1"),
        ] {
            let script = format!("#!/bin/sh\n[ $CNI_COMMAND = DEL ] && exit\ncat > /dev/null\n{script}\n");
            std::fs::write("/run/cni/firewall", script).unwrap();
            sh("chmod +x /run/cni/firewall; cp /usr/lib/cni/tuning /run/cni");
            let error = web.hook(Verb::Attach, asleep.pid()).fails();
            assert_eq!(error, format!("network `shop_front`: plugin `firewall`: {want}"));
            assert_eq!(sh("ls -A /run"), "cni\n");
            web.detached();
        }
        sh("rm -r /run/cni");
    });
}

#[test]
fn namespaces_are_pinned_for_others() {
    apart("namespaces_are_pinned_for_others", || {
        let mut web = container("web", &[]);
        web.pins = vec![Pin::Net, Pin::Ipc, Pin::Shm];
        let shm = "mount -t tmpfs shm /dev/shm; echo here > /dev/shm/file; exec sleep 1000";
        let asleep = Asleep::with(shm, &["-n", "-i", "-m"]);
        web.hook(Verb::Attach, asleep.pid()).succeeds();
        web.hook(Verb::Started, asleep.pid()).succeeds();
        let ours = |kind: &str| sh(&format!("stat -L -c %i /proc/{}/ns/{kind}", asleep.pid()));
        let pinned = |kind: &str| sh(&format!("stat -c %i /run/bundlegen/shop/web/{kind}"));
        assert_eq!([pinned("net"), pinned("ipc")], [ours("net"), ours("ipc")]);
        assert_eq!(sh("cat /run/bundlegen/shop/web/shm/file"), "here\n");
        assert_eq!(sh("stat -c %a /run/bundlegen /run/bundlegen/shop/web"), "700\n700\n");
        // Another one of the same bundle cannot have its address.
        let mut second = web.clone();
        "web-again".clone_into(&mut second.id);
        let more = Asleep::with("exec sleep 1000", &["-n", "-i"]);
        second.hook(Verb::Attach, more.pid()).fails();
        second.detached();
        assert_eq!(pinned("net"), ours("net"));
        // One without networks takes the place of the first one, who leaves it alone.
        second.networks = Vec::new();
        second.pins = vec![Pin::Ipc];
        second.hook(Verb::Attach, more.pid()).succeeds();
        web.detached();
        assert_eq!(sh("ls /run/bundlegen/shop/web"), "ipc\n");
        second.detached();
    });
}

#[test]
fn rules_and_bridges_of_others_stay() {
    apart("rules_and_bridges_of_others_stay", || {
        sh("ip link add br-front type bridge; iptables -t nat -N MINE; iptables -A FORWARD -p tcp -j ACCEPT");
        let rules = || sh("iptables-save | grep -v '^#'");
        let before = rules();
        let web = container("web", &["8080:80/tcp"]);
        drop(web.attached());
        web.detached();
        assert_eq!(rules(), before);
        assert_eq!(sh("ip -o link show type bridge | wc -l; ls /run"), "1\n");
        // An administrator's own rules for containers keep the chain that leads to them.
        let asleep = web.attached();
        sh("iptables -A CNI-ADMIN -s 10.200.3.2 -j DROP");
        drop(asleep);
        web.detached();
        let left = sh("iptables-save -t filter | grep CNI | grep -v '^:'");
        assert_eq!(left.lines().count(), 3, "{left}");
        sh("ip link del br-front; nft flush ruleset");
    });
}

#[test]
fn a_directory_of_others_is_not_trusted() {
    apart("a_directory_of_others_is_not_trusted", || {
        let (web, asleep) = (container("web", &[]), Asleep::start());
        for (make, want) in [
            (
                "mkdir -m 777 /run/bundlegen",
                "the directory /run/bundlegen: others may write there (mode 777)",
            ),
            (
                "mkdir -m 700 /run/bundlegen; chown 1 /run/bundlegen",
                "the directory /run/bundlegen: belongs to user 1",
            ),
            ("ln -s /tmp /run/bundlegen", "cannot open /run/bundlegen: Not a directory (os error 20)"),
        ] {
            sh(make);
            assert_eq!(web.hook(Verb::Attach, asleep.pid()).fails(), want);
            sh("rm -rf /run/bundlegen");
        }
    });
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let state = |text: &str| {
        let args = ["hook", "network", "attach", "--project=p", "--bundle=b", "--run=/none/such"];
        Said::of(args.map(str::to_owned), text).fails()
    };
    assert!(state("").starts_with("the state of the container on standard input: EOF"));
    assert_eq!(state("{\"id\": \"../a\", \"pid\": 1}"), "the container `../a` starts with a dot");
    assert_eq!(
        state("{\"id\": \"a\\n/b\"}"),
        "the container `a\\n/b` has a character that no name of a file has"
    );
    assert_eq!(state("{\"id\": \"a\"}"), "the container's process 0 is not there");
    assert_eq!(
        state("{\"id\": \"a\", \"pid\": 2147483647}"),
        "the container's process 2147483647 is not there"
    );
    let usage = Said::of(["hook", "network", "wrong"].map(str::to_owned), "").fails();
    let verbs = "`attach`, `started`, `detach` or `sweep`";
    assert_eq!(usage, format!("expected `hook network` or `hook user-network`, and {verbs}"));
}
