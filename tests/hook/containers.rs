//! Containers as the hooks see them: a process with a network namespace of its own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use bundlegen::hook::argv::{Address, Arguments, Network, Pin, Verb};
use rustix::thread::LinkNameSpaceType;
use serde_json::{Value, json};

/// A container that may run.
#[derive(Clone)]
pub struct Container {
    pub id: String,
    pub bundle: String,
    pub networks: Vec<Network>,
    pub ports: Vec<String>,
    pub pins: Vec<Pin>,
    pub cni_path: String,
}

/// A container that runs. It ends with its owner.
pub struct Asleep(pub Child);

/// A container with an address in the network `front`: `web` has 10.200.3.2, `db` 10.200.3.3, `NUMBER` that one.
pub fn container(name: &str, ports: &[&str]) -> Container {
    let last = match name {
        "web" => 2,
        "db" => 3,
        number => number.parse().unwrap(),
    };
    Container {
        id: name.to_owned(),
        bundle: name.to_owned(),
        networks: vec![network("eth0", &bridge("front"), &[(&format!("10.200.3.{last}/24"), "10.200.3.1")])],
        ports: ports.iter().map(ToString::to_string).collect(),
        pins: Vec::new(),
        cni_path: "/usr/lib/cni".to_owned(),
    }
}

/// A list as the compiler writes it.
pub fn bridge(name: &str) -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": format!("shop_{name}"),
        "plugins": [
            {
                "type": "bridge", "bridge": format!("br-{name}"), "isGateway": true, "ipMasq": true,
                "hairpinMode": true,
                "ipam": {"type": "static", "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]},
            },
            {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true},
            {"type": "firewall", "ingressPolicy": "same-bridge"},
            {"type": "tuning", "capabilities": {"mac": true}},
        ],
    })
}

/// A network with the way out.
pub fn network(interface: &str, list: &Value, addresses: &[(&str, &str)]) -> Network {
    let addresses = addresses.iter().map(|(address, gateway)| Address {
        address: address.parse().unwrap(),
        gateway: Some(gateway.parse().unwrap()),
    });
    // A route of a family without an address is none.
    let addresses: Vec<Address> = addresses.collect();
    let mut list = list.clone();
    let has_ipv6 = addresses.iter().any(|given| given.address.addr().is_ipv6());
    if !has_ipv6 && let Some(routes) = list.pointer_mut("/plugins/0/ipam/routes") {
        *routes = json!([{"dst": "0.0.0.0/0"}]);
    }
    Network {
        list,
        interface: interface.to_owned(),
        addresses,
        asked: Vec::new(),
        link_local: Vec::new(),
        default_route: true,
        mac: None,
    }
}

impl Container {
    /// Starts and attaches it.
    pub fn attached(&self) -> Asleep {
        let asleep = Asleep::start();
        self.hook(Verb::Attach, asleep.pid()).succeeds();
        asleep
    }

    pub fn detached(&self) {
        self.hook(Verb::Detach, 0).succeeds();
    }

    /// Calls a hook as a runtime does.
    pub fn hook(&self, verb: Verb, pid: u32) -> Said {
        let mut args = self.arguments().to_args(verb).unwrap().into_iter();
        args.next();
        let status = if pid == 0 { "stopped" } else { "creating" };
        let state =
            json!({"ociVersion": "1.0.2", "id": self.id, "pid": pid, "status": status, "bundle": "/"});
        Said::of(args, &state.to_string())
    }

    pub fn arguments(&self) -> Arguments {
        Arguments {
            run: "/run/bundlegen".to_owned(),
            cni_path: self.cni_path.clone(),
            project: "shop".to_owned(),
            bundle: self.bundle.clone(),
            pins: self.pins.clone(),
            networks: self.networks.clone(),
            ports: self.ports.iter().map(|text| text.parse().unwrap()).collect(),
        }
    }
}

/// What a hook came to.
pub struct Said(pub Output);

impl Said {
    /// Runs `bundlegen ARGS`.
    pub fn of(args: impl IntoIterator<Item = String>, stdin: &str) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bundlegen"));
        command.args(args).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _gone = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        Said(child.wait_with_output().unwrap())
    }

    pub fn sweep() {
        Said::of(["hook", "network", "sweep"].map(str::to_owned), "").succeeds();
    }

    pub fn succeeds(&self) {
        assert!(self.0.status.success(), "{}", self.error());
        assert_eq!((self.error(), self.0.stdout.len()), (String::new(), 0));
    }

    pub fn fails(&self) -> String {
        assert!(!self.0.status.success());
        let error = self.error();
        assert_eq!(error.lines().count(), 1, "{error}");
        error.trim_end().strip_prefix("bundlegen: ").unwrap().to_owned()
    }

    fn error(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }
}

impl Asleep {
    pub fn start() -> Asleep {
        Asleep::with("exec sleep 1000", &["-n"])
    }

    /// A process that does something in new namespaces, says so, and sleeps.
    pub fn with(script: &str, namespaces: &[&str]) -> Asleep {
        let script = format!("echo ready; {script}");
        let mut command = Command::new("unshare");
        command.args(namespaces).args(["sh", "-c", &script]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut ready = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        Asleep(child)
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// As `kill -9`.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _gone = self.0.kill();
        self.0.wait().unwrap();
    }

    /// Does something in its network namespace.
    pub fn inside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        inside(format!("/proc/{}/ns/net", self.pid()), work).join().unwrap()
    }

    /// What a script prints in its network namespace.
    pub fn run(&self, script: &str) -> String {
        let script = script.to_owned();
        self.inside(move || super::ground::sh(&script))
    }

    /// Answers all who connect.
    pub fn answers(&self, port: u16, text: &'static str) {
        let listener = self.inside(move || TcpListener::bind(("::", port)).unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _gone = stream.unwrap().write_all(text.as_bytes());
            }
        });
    }

    /// Sends back what it gets.
    pub fn echoes(&self, port: u16) {
        let socket = self.inside(move || UdpSocket::bind(("0.0.0.0", port)).unwrap());
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let _gone = socket.send_to(&buffer[..length], from);
            }
        });
    }

    pub fn asks(&self, address: &str) -> Option<String> {
        let address = address.to_owned();
        self.inside(move || ask(&address))
    }

    pub fn connects(&self, address: &str) -> bool {
        let address: SocketAddr = address.parse().unwrap();
        self.inside(move || TcpStream::connect_timeout(&address, PATIENCE).is_ok())
    }
}

impl Drop for Asleep {
    fn drop(&mut self) {
        self.end();
    }
}

const PATIENCE: Duration = Duration::from_secs(3);

/// What is said at an address; nothing where nobody listens.
pub fn ask(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address.parse().unwrap(), PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn inside<T: Send + 'static>(
    namespace: String,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::thread::JoinHandle<T> {
    std::thread::spawn(move || {
        let file = std::fs::File::open(namespace).unwrap();
        let kind = Some(LinkNameSpaceType::Network);
        rustix::thread::move_into_link_name_space(file.as_fd(), kind).unwrap();
        work()
    })
}
