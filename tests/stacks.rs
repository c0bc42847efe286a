//! Whole projects behave as under `docker compose up` when each of their bundles is started with `runc run` or
//! `crun run`, and nothing is left of them on the host.
//!
//! A case is a directory below `testdata/stacks`. Each test has a host of its own (see `stacks/world.rs`). Where bundles
//! cannot run the tests say so and pass, unless `BUNDLEGEN_REQUIRE_RUNTIMES=1`.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

#[path = "support/containers.rs"]
mod containers;
#[path = "support/packages.rs"]
mod packages;
mod support;
mod stacks {
    pub mod images;
    pub mod stack;
    pub mod world;
}

use std::fs;
use std::path::Path;

use containers::host::{host, required};
use containers::{say, text};
use stacks::images::images;
use stacks::stack::Stack;
use stacks::world::{HOST, OUTSIDE, patiently};

/// Where the cases are.
const CASES: &str = "testdata/stacks";

/// Makes a project ready for each runtime and lets `check` use it. Then it is stopped, and nothing may be left of it.
fn each(case: &str, check: impl Fn(&Stack)) {
    let (Some(host), Some(images), true) = (host(), images(), has_plugins()) else { return };
    for runtime in &host.runtimes {
        // Shown where the test fails.
        println!("with {}", runtime.name);
        let stack = Stack::new(host, runtime.name, &Path::new(CASES).join(case), images);
        stack.check_in();
        let before = stack.world.inventory();
        check(&stack);
        stack.down();
        stack.bundlegen(&["hook", "network", "sweep"]);
        let after = stack.world.inventory();
        assert!(before == after, "the host is not as before:\n{}", difference(&before, &after));
        assert_eq!(stack.changes(), "", "what is checked in has changed");
    }
}

/// Whether the plugins that networks are made with are there, where the tests know a distribution to have them.
fn has_plugins() -> bool {
    let found =
        bundlegen::hook::argv::CNI_PATH.split(':').any(|path| Path::new(path).join("bridge").exists());
    assert!(found || !required(), "there are no CNI plugins");
    if !found {
        say("skipped: there are no CNI plugins");
    }
    found
}

fn difference(before: &str, after: &str) -> String {
    let changes = similar::TextDiff::from_lines(before, after);
    changes.unified_diff().context_radius(2).to_string()
}

fn get(address: &str) -> String {
    // Debian's busybox ends with SIGSEGV when its own limit is reached.
    format!("busybox timeout 3 busybox wget -q -O - http://{address}/")
}

/// A port where nobody answers is refused or gets no answer; an error of another kind is one.
fn unreachable(answer: Result<String, String>) {
    let said = answer.expect_err("somebody answers");
    let kinds = ["refused", "unreachable", "bad address", "status: 143"];
    assert!(kinds.iter().any(|kind| said.contains(kind)), "{said}");
}

#[test]
fn a_shop() {
    each("shop", |stack| {
        stack.up(&["db", "app", "web"]);
        let count = |path| patiently(|| stack.world.sh(&get(&format!("127.0.0.1:8080/{path}"))));
        assert_eq!(count("cart"), "/cart/: 1\n");
        assert_eq!((count("cart"), count("other")), ("/cart/: 2\n".to_owned(), "/other/: 1\n".to_owned()));
        assert_eq!(stack.world.outside(&get(&format!("{HOST}:8080/cart"))).unwrap(), "/cart/: 3\n");
        assert_eq!(stack.sees("db", "redis-cli get /cart/"), "3\n");
        // The names of what is behind are not known in front, and its addresses lead nowhere.
        unreachable(stack.exec("web", &get("db:6379")));
        unreachable(stack.exec("web", &get(&format!("{}:6379", stack.address("db", 0)))));
        assert_eq!(stack.sees("app", &get("web/from-app")), "/from-app/: 1\n");
    });
}

#[test]
fn a_shop_in_any_order() {
    each("shop", |stack| {
        stack.up(&["web", "app", "db"]);
        assert_eq!(patiently(|| stack.world.sh(&get("127.0.0.1:8080"))), "/: 1\n");
        // What was known of the one that is gone is true of the one that follows.
        stack.delete("db");
        unreachable(stack.exec("app", &get("store:6379")));
        stack.up(&["db"]);
        assert_eq!(patiently(|| stack.world.sh(&get("127.0.0.1:8080"))), "/: 1\n");
    });
}

#[test]
fn ports() {
    each("ports", |stack| {
        stack.up(&["everywhere", "here", "both", "datagrams"]);
        let (world, sixth) = (&stack.world, "[2001:db8::1]");
        for (address, want) in [
            ("127.0.0.1:8080", "everywhere\n"),
            ("192.0.2.1:8080", "everywhere\n"),
            ("127.0.0.1:8081", "here\n"),
        ] {
            assert_eq!(patiently(|| world.sh(&get(address))), want, "{address}");
        }
        for address in [format!("{HOST}:8082"), format!("{sixth}:8082"), format!("{sixth}:8083")] {
            assert_eq!(patiently(|| world.outside(&get(&address))), "both\n", "{address}");
            assert_eq!(world.sh(&get(&address)).unwrap(), "both\n", "{address}");
        }
        assert_eq!(world.outside(&get(&format!("{HOST}:8080"))).unwrap(), "everywhere\n");
        unreachable(world.outside(&get(&format!("{HOST}:8081"))));
        unreachable(world.sh(&get(&format!("{HOST}:8081"))));
        unreachable(world.outside(&get(&format!("{HOST}:8083"))));
        // From containers of the network, the one itself included. There is no proxy for those of others.
        for name in ["everywhere", "here"] {
            assert_eq!(stack.sees(name, &get(&format!("{HOST}:8080"))), "everywhere\n", "{name}");
        }
        unreachable(stack.exec("both", &get(&format!("{HOST}:8080"))));
    });
}

#[test]
fn datagrams() {
    each("ports", |stack| {
        stack.up(&["datagrams"]);
        let ask = |address: &str| {
            let script =
                format!("exec 3<>/dev/udp/{address}/9001 && echo question >&3 && timeout 1 head -n 1 <&3");
            format!("bash -ec '{script}'")
        };
        assert_eq!(patiently(|| stack.world.sh(&ask("127.0.0.1"))), "QUESTION\n");
        assert_eq!(patiently(|| stack.world.outside(&ask(HOST))), "QUESTION\n");
    });
}

#[test]
fn names() {
    each("isolation", |stack| {
        let all = ["open", "between", "inner", "other", "bridged", "linked", "silent"];
        stack.up(&all);
        let hears = |who: &str, name: &str| patiently(|| stack.exec(who, &get(name)));
        for (who, name, answer) in [
            ("open", "open", "open"),
            ("open", "known", "open"),
            ("open", "isolation-open-1", "open"),
            ("open", "between", "between"),
            ("open", "bee", "between"),
            ("between", "known", "open"),
            ("between", "inner", "inner"),
            ("inner", "between", "between"),
            ("inner", "shared", "between"),
            ("linked", "gate", "open"),
            ("open", "linked", "linked"),
            ("other", "other", "other"),
        ] {
            assert_eq!(hears(who, name), format!("{answer}\n"), "{who} asks {name}");
        }
        for (who, name) in [
            ("inner", "open"),
            ("open", "inner"),
            ("other", "open"),
            ("open", "other"),
            ("open", "gate"),
            ("bridged", "open"),
            ("silent", "open"),
        ] {
            unreachable(stack.exec(who, &get(name)));
        }
    });
}

#[test]
fn ways_out() {
    each("isolation", |stack| {
        stack.up(&["open", "between", "inner", "bridged", "linked", "silent"]);
        for who in ["open", "between", "bridged"] {
            assert_eq!(patiently(|| stack.exec(who, &get(OUTSIDE))), "outside\n", "{who}");
        }
        assert_eq!(stack.sees("linked", &get("far")), "outside\n");
        for who in ["inner", "silent"] {
            unreachable(stack.exec(who, &get(OUTSIDE)));
            assert_eq!(stack.sees(who, "busybox ip route | busybox grep ^default || true"), "", "{who}");
        }
        // Each in its own network, and what is inside is closed for what comes from outside.
        unreachable(stack.exec("bridged", &get(&stack.address("open", 0))));
        unreachable(stack.exec("inner", &get(&stack.address("open", 0))));
        stack.world.outside(&format!("ip route add 10.128.0.0/9 via {HOST}")).unwrap();
        unreachable(stack.world.outside(&get(&stack.address("inner", 0))));
    });
}

#[test]
fn joined_networks() {
    each("joined", |stack| {
        let early = stack.start("network", "too-early").unwrap_err();
        assert!(early.contains("/run/bundlegen/joined/owner/net"), "{early}");
        stack.delete("too-early");
        stack.up(&["owner", "network", "by-name", "everything", "peer"]);
        let own = |who: &str| stack.sees(who, "readlink /proc/self/ns/net");
        for who in ["network", "by-name", "everything"] {
            assert_eq!(own(who), own("owner"), "{who}");
            assert_eq!(patiently(|| stack.exec(who, &get("127.0.0.1"))), "page\n", "{who}");
            assert_eq!(stack.sees(who, &get("owner")), "page\n", "{who}");
            assert_eq!(
                stack.sees(who, "hostname; cat /etc/hosts"),
                stack.sees("owner", "hostname; cat /etc/hosts"),
                "{who}"
            );
        }
        assert_ne!(own("peer"), own("owner"));
        assert_eq!(stack.sees("peer", &get("the-owner")), "page\n");
        assert_eq!(stack.world.sh(&get("127.0.0.1:8080")).unwrap(), "page\n");
        // Who joins takes nothing away when it goes, and can come again.
        stack.delete("network");
        stack.up(&["network"]);
        assert_eq!(stack.sees("network", &get("owner")), "page\n");
    });
}

#[test]
fn joined_processes_and_memory() {
    each("joined", |stack| {
        stack.up(&["owner", "processes", "memory", "everything", "peer"]);
        let own = |who: &str, kind: &str| stack.sees(who, &format!("readlink /proc/self/ns/{kind}"));
        for who in ["processes", "everything"] {
            assert_eq!(own(who, "pid"), own("owner", "pid"), "{who}");
            let first = stack.sees(who, "busybox tr '\\0' ' ' < /proc/1/cmdline");
            assert_eq!(first, "busybox httpd -f -p 80 -h /tmp ", "{who}");
        }
        for who in ["memory", "everything"] {
            assert_eq!(own(who, "ipc"), own("owner", "ipc"), "{who}");
            assert_eq!(stack.sees(who, "cat /dev/shm/note"), "written by the owner\n", "{who}");
            stack.sees(who, &format!("echo {who} > /dev/shm/{who}"));
            assert_eq!(stack.sees("owner", &format!("cat /dev/shm/{who}")), format!("{who}\n"));
        }
        assert_eq!(stack.sees("peer", "ls /dev/shm"), "");
        assert_ne!(own("peer", "ipc"), own("owner", "ipc"));
    });
}

#[test]
fn ten_at_once() {
    each("many", |stack| {
        let rest = (2..=9).map(|number| format!("rest-{number}"));
        let names: Vec<_> = ["first".to_owned(), "rest".to_owned()].into_iter().chain(rest).collect();
        stack.up_at_once(&names);
        let mut addresses: Vec<_> = names.iter().map(|name| stack.address(name, 0)).collect();
        for (name, address) in names.iter().zip(&addresses) {
            let seen = stack.sees(name, "busybox ip -o -4 address show dev eth0");
            assert!(seen.contains(&format!(" {address}/24 ")), "{name}: {seen}");
            assert_eq!(patiently(|| stack.exec(name, &get("first"))), "the first\n", "{name}");
        }
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 10);
        assert_eq!(stack.world.sh(&get("127.0.0.1:8080")).unwrap(), "the first\n");
    });
}

#[test]
fn killed_and_started_again_ten_times() {
    each("many", |stack| {
        stack.up(&["first", "rest"]);
        let answers = || {
            patiently(|| stack.exec("rest", &get("first")))
                + &patiently(|| stack.world.sh(&get("127.0.0.1:8080")))
        };
        let mut name = "first".to_owned();
        for round in 0..10 {
            assert_eq!(answers(), "the first\nthe first\n", "round {round}");
            stack.kill(&name);
            if round % 2 == 0 {
                // As a supervisor does.
                stack.delete(&name);
            } else {
                // As somebody does who has forgotten the old one.
                name = format!("first-{round}");
            }
            stack.start("first", &name).unwrap_or_else(|errors| panic!("round {round}: {errors}"));
        }
        assert_eq!(answers(), "the first\nthe first\n");
    });
}

/// A container in the way is named, and left alone.
#[test]
fn not_twice() {
    each("many", |stack| {
        stack.up(&["first"]);
        let errors = stack.start("first", "second").unwrap_err();
        // crun keeps to itself what a hook says.
        assert!(stack.runtime == "crun" || errors.contains(&stack.id("first")), "{errors}");
        stack.delete("second");
        assert_eq!(patiently(|| stack.world.sh(&get("127.0.0.1:8080"))), "the first\n");
    });
}

#[test]
fn cards_of_their_own() {
    each("parents", |stack| {
        stack.world.sh("for card in 0 1; do ip link add card$card type veth peer name far$card netns outside; ip link set card$card up; done").unwrap();
        stack.world.outside("ip addr add 198.51.100.1/24 dev far0; ip addr add 203.0.113.1/24 dev far1; ip link set far0 up; ip link set far1 up").unwrap();
        let mut pairs = vec![("mac1", "mac2", "198.51.100.1"), ("ip1", "ip2", "203.0.113.1")];
        if let Err(why) =
            stack.world.sh("ip link add trial link card1 type ipvlan mode l2 && ip link delete trial")
        {
            say(&format!("not tried: ipvlan: {why}"));
            pairs.pop();
        }
        for (who, peer, gateway) in pairs {
            stack.up(&[who, peer]);
            assert_eq!(patiently(|| stack.exec(who, &get(peer))), format!("{peer}\n"), "{who}");
            assert_eq!(patiently(|| stack.exec(who, &get(gateway))), "outside\n", "{who}");
            assert_eq!(patiently(|| stack.exec(who, &get(OUTSIDE))), "outside\n", "{who}");
        }
        assert_eq!(stack.sees("mac1", "cat /sys/class/net/eth0/address"), "02:00:00:00:00:77\n");
        stack.down();
        stack.world.sh("ip link delete card0; ip link delete card1").unwrap();
    });
}

/// The lines that the README has a shell run, as they are, from where the sources are.
#[test]
fn the_example_of_the_readme() {
    let (Some(host), true) = (host(), has_plugins()) else { return };
    let readme = fs::read_to_string("README.md").unwrap();
    let mut blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let block = blocks.find(|block| block.contains("examples/greeter")).unwrap();
    let ours = |line: &&str| !line.starts_with("cargo ") && !line.starts_with("install ");
    let lines: Vec<_> = block.lines().filter(ours).collect();
    assert_eq!(
        (lines.len(), lines.iter().filter(|line| line.starts_with("curl ")).count()),
        (7, 1),
        "{lines:?}"
    );
    for runtime in &host.runtimes {
        let stack = Stack::unprepared(host, runtime.name, Path::new("."), &["examples"]);
        stack.world.install();
        let before = stack.world.inventory();
        for line in &lines {
            let line = line.replace("runc ", &format!("{} ", runtime.name));
            let script = format!("cd {}\n{line}", text(&stack.path("")));
            if line.starts_with("curl ") {
                // A server takes a moment to start.
                assert_eq!(
                    patiently(|| stack.world.sh(&format!("{script} -sS | grep ."))),
                    "hello from the store\n"
                );
            } else {
                stack.world.sh(&script).unwrap_or_else(|why| panic!("{line}: {why}"));
            }
        }
        let after = stack.world.inventory();
        assert!(before == after, "the host is not as before:\n{}", difference(&before, &after));
    }
}
