//! What a hook is told: `config.json` has it as arguments, and nothing else says it.
//!
//! `attach` and `detach` of one container are told the same, so that what one did the other one undoes.

pub mod user_network;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The directory on the host that holds what is known of running containers. It is empty after a restart of the host,
/// like all that it speaks of. Namespaces are pinned at `PROJECT/BUNDLE/KIND` below it.
pub const RUN: &str = "/run/bundlegen";

/// The directories with the CNI plugins of distributions.
pub const CNI_PATH: &str = "/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni";

/// Where hooks, and the programs they call, look for other programs of the host.
macro_rules! path {
    () => {
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    };
}

/// The directories with the programs of the host that hooks call, such as `iptables`.
pub const PATH: &str = path!();

/// The whole environment of a hook: runtimes that are told of none give it their own.
pub const ENVIRONMENT: &str = concat!("PATH=", path!());

/// How many seconds a hook waits for the others, as plugins do not run side by side.
pub const WAITING: u32 = 120;

/// How many seconds all the plugins together have to do what a hook is for.
pub const DOING: u32 = 90;

/// How many seconds all the plugins together have to undo what could not be done to its end.
pub const UNDOING: u32 = 60;

/// After how many seconds a runtime ends a hook: more than the hook takes by itself, which undoes what it cannot finish.
/// One that was ended leaves its plugins running, and what it did to the next hook.
pub const TIMEOUT: u32 = 300;

const _: () = assert!(WAITING + DOING + UNDOING < TIMEOUT, "a runtime would end a hook that is at work");

/// The words after the program's name that lead to the verb.
const WORDS: [&str; 2] = ["hook", "network"];

/// What a hook of a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Called by `createRuntime`: pins namespaces, attaches to networks, publishes ports.
    Attach,
    /// Called by `poststart`: pins what is there only once the container runs.
    Started,
    /// Called by `poststop`: undoes the others.
    Detach,
}

/// What the hooks of one container are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Where what is known of running containers is kept.
    pub run: String,
    /// Where the CNI plugins are, with `:` between directories.
    pub cni_path: String,
    /// The name of the project.
    pub project: String,
    /// The name of the bundle.
    pub bundle: String,
    /// The namespaces that others join.
    pub pins: Vec<Pin>,
    /// The networks, in the order they are attached to.
    pub networks: Vec<Network>,
    /// The ports published on the host.
    pub ports: Vec<Ports>,
}

/// A namespace that others join, or the shared memory that goes with one. The name is that of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Pin {
    Net,
    Pid,
    Ipc,
    /// `/dev/shm`, once the container runs.
    Shm,
}

/// A network and what the container is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The CNI list, as it is in `networks/NAME.conflist`; of an external network, its name alone.
    pub list: Value,
    /// The name of the interface in the container.
    pub interface: String,
    /// The addresses in the container, with the length of the network's prefix; at most one of each family.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Address>,
    /// Addresses in an external network; the list that the host has says which subnets they are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<IpAddr>,
    /// Further addresses, of links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link_local: Vec<IpNet>,
    /// Whether the way out leads through this network; ports are published through it as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default_route: bool,
    /// The address of the network card, `xx:xx:xx:xx:xx:xx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
}

/// An address in a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The address, with the length of the prefix.
    pub address: IpNet,
    /// The way out, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
}

/// Ports of the host that lead to ports of the container: as many as there are of the container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ports {
    /// The address on the host; every one if there is none.
    pub ip: Option<IpAddr>,
    /// The first port on the host, never 0.
    pub host: u16,
    /// The first port in the container, never 0.
    pub container: u16,
    /// How many ports follow each other, never 0.
    pub count: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// What is wrong with the arguments of a hook.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument that no version of this program writes.
    #[error("unknown argument `{0}`")]
    Unknown(String),
    /// An argument that has to be there.
    #[error("the argument `--{0}` is missing")]
    Missing(&'static str),
    /// A value that is not what its argument takes.
    #[error("`--{argument}={value}`: {reason}")]
    Value {
        /// The name of the argument.
        argument: &'static str,
        /// Its value.
        value: String,
        /// What is wrong.
        reason: String,
    },
}

impl Verb {
    const ALL: [Verb; 3] = [Verb::Attach, Verb::Started, Verb::Detach];

    fn word(self) -> &'static str {
        match self {
            Verb::Attach => "attach",
            Verb::Started => "started",
            Verb::Detach => "detach",
        }
    }
}

impl Arguments {
    /// The arguments as `config.json` has them, from the name of the program on.
    pub fn to_args(&self, verb: Verb) -> Result<Vec<String>, serde_json::Error> {
        let words = ["bundlegen"].into_iter().chain(WORDS).chain([verb.word()]);
        let mut args: Vec<String> = words.map(str::to_owned).collect();
        let mut add = |name: &str, value: &dyn fmt::Display| args.push(format!("--{name}={value}"));
        add("run", &self.run);
        add("cni-path", &self.cni_path);
        add("project", &self.project);
        add("bundle", &self.bundle);
        self.pins.iter().for_each(|pin| add("pin", pin));
        for network in &self.networks {
            // Through `Value`, whose keys are sorted.
            add("network", &serde_json::to_value(network)?);
        }
        self.ports.iter().for_each(|ports| add("publish", ports));
        Ok(args)
    }

    /// Reads the arguments as `config.json` has them; nothing if they are not what [`Arguments::to_args`] writes.
    pub fn of_hook<'a>(args: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut args = args.into_iter().skip(1);
        let is_ours = WORDS.iter().all(|word| args.next() == Some(word));
        let verb = args.next().and_then(|word| Verb::ALL.into_iter().find(|verb| verb.word() == word));
        verb.filter(|_| is_ours)?;
        Arguments::parse(args.map(str::to_owned)).ok()
    }

    /// Reads what follows the verb.
    pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Self, Error> {
        let (mut run, mut cni_path, mut project, mut bundle) = (None, None, None, None);
        let (mut pins, mut networks, mut ports) = (Vec::new(), Vec::new(), Vec::new());
        for arg in args {
            let Some((name, value)) = arg.strip_prefix("--").and_then(|arg| arg.split_once('=')) else {
                return Err(Error::Unknown(arg));
            };
            match name {
                "run" => run = Some(value.to_owned()),
                "cni-path" => cni_path = Some(value.to_owned()),
                "project" => project = Some(value.to_owned()),
                "bundle" => bundle = Some(value.to_owned()),
                "pin" => pins.push(read("pin", value, str::parse)?),
                "network" => networks.push(read("network", value, |text| serde_json::from_str(text))?),
                "publish" => ports.push(read("publish", value, str::parse)?),
                _ => return Err(Error::Unknown(arg)),
            }
        }
        Ok(Arguments {
            run: run.unwrap_or_else(|| RUN.to_owned()),
            cni_path: cni_path.unwrap_or_else(|| CNI_PATH.to_owned()),
            project: project.ok_or(Error::Missing("project"))?,
            bundle: bundle.ok_or(Error::Missing("bundle"))?,
            pins,
            networks,
            ports,
        })
    }
}

fn read<T, E: fmt::Display>(
    argument: &'static str,
    value: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Error> {
    parse(value).map_err(|reason| Error::Value {
        argument,
        value: value.to_owned(),
        reason: reason.to_string(),
    })
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pin::Net => "net",
            Pin::Pid => "pid",
            Pin::Ipc => "ipc",
            Pin::Shm => "shm",
        })
    }
}

impl FromStr for Pin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Pin::Net, Pin::Pid, Pin::Ipc, Pin::Shm];
        all.into_iter().find(|pin| pin.to_string() == text).ok_or("expected net, pid, ipc or shm")
    }
}

impl fmt::Display for Ports {
    /// As Compose spells it: `[IP:]HOST[-HOST]:CONTAINER[-CONTAINER]/PROTOCOL`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            Some(IpAddr::V4(ip)) => write!(f, "{ip}:")?,
            Some(IpAddr::V6(ip)) => write!(f, "[{ip}]:")?,
            None => {}
        }
        let range = |first: u16| match self.count {
            0 | 1 => first.to_string(),
            count => format!("{first}-{}", first.saturating_add(count - 1)),
        };
        write!(f, "{}:{}/{}", range(self.host), range(self.container), self.protocol)
    }
}

impl FromStr for Ports {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "expected [IP:]HOST:CONTAINER/PROTOCOL";
        let (ports, protocol) = text.rsplit_once('/').ok_or(SHAPE)?;
        if !matches!(protocol, "tcp" | "udp" | "sctp") {
            return Err("expected tcp, udp or sctp");
        }
        let (host, container) = ports.rsplit_once(':').ok_or(SHAPE)?;
        let (ip, host) = match host.rsplit_once(':') {
            Some((ip, host)) => {
                let bare = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
                (Some(bare.parse().map_err(|_| SHAPE)?), host)
            }
            None => (None, host),
        };
        let ((host, count), (container, same)) = (range(host)?, range(container)?);
        if count != same {
            return Err("ranges of different lengths");
        }
        Ok(Ports { ip, host, container, count, protocol: protocol.to_owned() })
    }
}

/// The first port of a range and how many it has.
fn range(text: &str) -> Result<(u16, u16), &'static str> {
    const SHAPE: &str = "expected ports from 1 to 65535";
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or(SHAPE);
    let (first, last) = (number(first)?, number(last)?);
    let more = last.checked_sub(first).ok_or("a range that ends before it begins")?;
    Ok((first, more.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments() -> Arguments {
        Arguments {
            run: RUN.to_owned(),
            cni_path: CNI_PATH.to_owned(),
            project: "shop".to_owned(),
            bundle: "web".to_owned(),
            pins: vec![Pin::Net, Pin::Shm],
            networks: vec![Network {
                list: json!({"cniVersion": "1.0.0", "name": "shop_front", "plugins": [{"type": "bridge"}]}),
                interface: "eth0".to_owned(),
                addresses: vec![Address {
                    address: "10.200.3.7/24".parse().unwrap(),
                    gateway: Some("10.200.3.1".parse().unwrap()),
                }],
                asked: Vec::new(),
                link_local: Vec::new(),
                default_route: true,
                mac: None,
            }],
            ports: ["127.0.0.1:8080:80/tcp", "[::1]:53:53/udp", "3000-3005:4000-4005/tcp"]
                .map(|text| text.parse().unwrap())
                .to_vec(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let written = arguments().to_args(Verb::Attach).unwrap();
        assert_eq!(written[..4], ["bundlegen", "hook", "network", "attach"]);
        assert_eq!(Arguments::of_hook(written.iter().map(String::as_str)), Some(arguments()));
        assert_eq!(Arguments::parse(written.into_iter().skip(4)).unwrap(), arguments());
        for other in ["x hook network wrong --project=p --bundle=b", "x hook user-network attach", "x", ""] {
            assert_eq!(Arguments::of_hook(other.split(' ')), None, "{other}");
        }
    }

    #[test]
    fn nothing_is_guessed() {
        for (args, error) in [
            (&["--bundle=b"][..], "the argument `--project` is missing"),
            (
                &["--project=p", "--bundle=b", "--publish=0:80/tcp"],
                "`--publish=0:80/tcp`: expected ports from 1 to 65535",
            ),
            (
                &["--project=p", "--bundle=b", "--publish=1-3:80/tcp"],
                "`--publish=1-3:80/tcp`: ranges of different lengths",
            ),
            (&["--project=p", "--bundle=b", "--pin=uts"], "`--pin=uts`: expected net, pid, ipc or shm"),
            (&["--wrong=x"], "unknown argument `--wrong=x`"),
            (&["wrong"], "unknown argument `wrong`"),
        ] {
            let got = Arguments::parse(args.iter().map(ToString::to_string)).unwrap_err();
            assert_eq!(got.to_string(), error);
        }
    }
}
