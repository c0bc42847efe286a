//! Who makes a network, and the options of each driver. Those of Docker's are in moby's `daemon/libnetwork/drivers`.

use std::net::IpAddr;
use std::rc::Rc;

use crate::compose::decode::{Pair, missing_key, pairs, text};
use crate::compose::value::address::Ip;
use crate::compose::value::interface::{InterfaceName, InterfacePrefix};
use crate::diag::{Code, Diagnostics, Invalid, Reported};
use crate::nearest::nearest;
use crate::source::Spanned;
use crate::yaml::Node;

/// Who makes a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Bridge,
    Macvlan,
    Ipvlan,
    Host,
    None,
}

/// Who makes a network, and how.
#[derive(Clone, Debug)]
pub enum Driver {
    /// A bridge of the host.
    Bridge(Bridge),
    /// Further cards of a network card of the host, with addresses of their own.
    Macvlan(Parent),
    /// Further cards of a network card of the host, with the address of that.
    Ipvlan(Parent),
    /// Nobody: it is the host's own.
    Host,
    /// Nobody: there is nothing in it.
    None,
}

/// A bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The name of its interface on the host.
    pub interface: Option<Spanned<InterfaceName>>,
    /// In bytes.
    pub mtu: Option<u32>,
    /// Whether containers speak to the world with the address of the host.
    pub masquerade: bool,
    /// Whether containers may speak to each other.
    pub icc: bool,
    /// Where ports are published that name no address.
    pub host_ip: Option<IpAddr>,
}

/// A network card of the host that others are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its name.
    pub interface: Spanned<InterfaceName>,
    /// As the driver spells it.
    pub mode: Rc<str>,
    /// In bytes.
    pub mtu: Option<u32>,
}

impl Default for Driver {
    fn default() -> Self {
        Driver::Bridge(Bridge::default())
    }
}

impl Default for Bridge {
    fn default() -> Self {
        Bridge { interface: None, mtu: None, masquerade: true, icc: true, host_ip: None }
    }
}

/// What the options of a driver come to.
pub(super) struct Options {
    pub driver: Driver,
    pub prefix: Option<Rc<str>>,
}

const DRIVERS: [&str; 5] = ["bridge", "macvlan", "ipvlan", "host", "none"];

/// The driver of that name.
pub(super) fn kind(d: &mut Diagnostics, node: &Node) -> Result<Kind, Reported> {
    let name = text(d, node)?;
    Ok(match &*name.value {
        "" | "default" | "bridge" => Kind::Bridge,
        "macvlan" => Kind::Macvlan,
        "ipvlan" => Kind::Ipvlan,
        "host" => Kind::Host,
        "none" | "null" => Kind::None,
        other => {
            let called = other.escape_debug();
            let message = if other == "overlay" {
                "an overlay network needs a swarm, which a bundle does without".to_owned()
            } else {
                format!("the network driver `{called}` is a plugin of Docker, which a bundle does without")
            };
            let draft = d.error(Code::NotSupported, message).label(name.span, "");
            let help = "leave it away for a bridge, or write `macvlan`, `ipvlan`, `host` or `none`";
            return Err(draft.help(help).did_you_mean(nearest(other, DRIVERS)).emit());
        }
    })
}

/// What Docker has made by itself goes by these names.
pub(super) fn of_external(name: &str) -> Kind {
    match name {
        "host" => Kind::Host,
        "none" => Kind::None,
        _ => Kind::Bridge,
    }
}

/// Of a network that is made elsewhere, nothing more is known.
pub(super) fn unknown(kind: Kind) -> Driver {
    match kind {
        Kind::Host => Driver::Host,
        Kind::None => Driver::None,
        _ => Driver::default(),
    }
}

/// A driver with nothing said to it.
pub(super) fn without_options(d: &mut Diagnostics, network: &Node, kind: Kind) -> Result<Driver, Reported> {
    match kind {
        Kind::Macvlan | Kind::Ipvlan => Err(no_parent(d, network, kind)),
        Kind::Bridge | Kind::Host | Kind::None => Ok(unknown(kind)),
    }
}

/// Docker makes up a card that leads nowhere, which is what `internal` is for.
fn no_parent(d: &mut Diagnostics, options: &Node, kind: Kind) -> Reported {
    missing_key(d, &format!("a network of the driver `{}`", kind.name()), "parent", options.span)
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Bridge => "bridge",
            Kind::Macvlan => "macvlan",
            Kind::Ipvlan => "ipvlan",
            Kind::Host => "host",
            Kind::None => "none",
        }
    }

    /// The options it has, for the near miss.
    fn options(self) -> &'static [&'static str] {
        match self {
            Kind::Bridge => &[NAME, MASQUERADE, ICC, HOST_IP, MTU, PREFIX],
            Kind::Macvlan => &["parent", "macvlan_mode", MTU, PREFIX],
            Kind::Ipvlan => &["parent", "ipvlan_mode", MTU, PREFIX],
            Kind::Host | Kind::None => &[],
        }
    }

    /// Its modes, the one by default first.
    fn modes(self) -> &'static [&'static str] {
        match self {
            Kind::Macvlan => &["bridge", "private", "vepa", "passthru"],
            Kind::Ipvlan => &["l2", "l3", "l3s"],
            _ => &[],
        }
    }
}

const NAME: &str = "com.docker.network.bridge.name";
const MASQUERADE: &str = "com.docker.network.bridge.enable_ip_masquerade";
const ICC: &str = "com.docker.network.bridge.enable_icc";
const HOST_IP: &str = "com.docker.network.bridge.host_binding_ipv4";
const MTU: &str = "com.docker.network.driver.mtu";
const PREFIX: &str = "com.docker.network.container_iface_prefix";

/// What the plugins of bundles do not do, and the value with which there is nothing to do.
const REFUSED: [(&str, &str); 11] = [
    ("com.docker.network.bridge.gateway_mode_ipv4", "nat"),
    ("com.docker.network.bridge.gateway_mode_ipv6", "nat"),
    ("com.docker.network.bridge.inhibit_ipv4", "false"),
    ("com.docker.network.bridge.default_bridge", "false"),
    ("com.docker.network.bridge.trusted_host_interfaces", ""),
    ("com.docker.network.host_ipv4", ""),
    ("com.docker.network.host_ipv6", ""),
    ("com.docker.network.enable_ipv4", "true"),
    ("com.docker.network.enable_ipv6", "false"),
    ("ipvlan_flag", "bridge"),
    ("com.docker.network.internal", ""),
];

/// What is being read.
#[derive(Default)]
struct Read {
    bridge: Bridge,
    parent: Option<Spanned<InterfaceName>>,
    mode: Option<Rc<str>>,
    mtu: Option<u32>,
    prefix: Option<Rc<str>>,
}

/// The options of a driver.
pub(super) fn options(kind: Kind) -> impl FnOnce(&mut Diagnostics, &Node) -> Result<Options, Reported> {
    move |d, node| {
        let mut read = Read::default();
        let mut failed = Ok(());
        for pair in pairs(d, node)? {
            failed = read.option(d, kind, &pair).and(failed);
        }
        failed?;
        let Read { bridge, mut parent, mode, mtu, prefix } = read;
        let mut parent = |d: &mut Diagnostics| {
            let interface = parent.take().ok_or_else(|| no_parent(d, node, kind))?;
            let default = kind.modes().first().copied().unwrap_or_default();
            Ok(Parent { interface, mode: mode.clone().unwrap_or_else(|| default.into()), mtu })
        };
        let driver = match kind {
            Kind::Bridge => Driver::Bridge(Bridge { mtu, ..bridge }),
            Kind::Macvlan => Driver::Macvlan(parent(d)?),
            Kind::Ipvlan => Driver::Ipvlan(parent(d)?),
            Kind::Host => Driver::Host,
            Kind::None => Driver::None,
        };
        Ok(Options { driver, prefix })
    }
}

impl Read {
    fn option(&mut self, d: &mut Diagnostics, kind: Kind, pair: &Pair) -> Result<(), Reported> {
        let key = &*pair.key.value;
        let value = pair.value.clone().unwrap_or(Spanned { value: "".into(), span: pair.key.span });
        if !kind.options().contains(&key) {
            return other(d, kind, pair, &value.value);
        }
        match key {
            NAME => self.bridge.interface = filled(d, &value)?,
            "parent" => self.parent = filled(d, &value)?,
            MASQUERADE => self.bridge.masquerade = truth(d, &value)?,
            ICC => self.bridge.icc = truth(d, &value)?,
            HOST_IP => self.bridge.host_ip = Some(parsed::<Ip>(d, &value)?.0),
            MTU => self.mtu = mtu(d, &value)?,
            PREFIX => {
                let prefix = filled::<InterfacePrefix>(d, &value)?;
                self.prefix = prefix.map(|prefix| prefix.value.as_str().into());
            }
            _ => self.mode = mode(d, kind, &value)?,
        }
        Ok(())
    }
}

/// An option that the driver does not have, or that nothing here does.
fn other(d: &mut Diagnostics, kind: Kind, pair: &Pair, value: &str) -> Result<(), Reported> {
    let key = &*pair.key.value;
    if let Some((_, harmless)) = REFUSED.iter().find(|(refused, _)| *refused == key) {
        if value.is_empty() || value == *harmless {
            return Ok(());
        }
        let message = format!("the network option `{key}` is one that no bundle has");
        let draft = d.error(Code::NotSupported, message).label(pair.key.span, "");
        let help = match key {
            "com.docker.network.enable_ipv4" => "write `enable_ipv4` beside `driver_opts`",
            "com.docker.network.enable_ipv6" => "write `enable_ipv6` beside `driver_opts`",
            _ => "remove it",
        };
        return Err(draft.help(help).emit());
    }
    let known = if d.has_room() { nearest(key, kind.options().iter().copied()) } else { None };
    let message = format!("the network driver `{}` has no option `{}`", kind.name(), key.escape_debug());
    let draft = d.warning(Code::ValueDropped, message).label(pair.key.span, "Docker passes over it too");
    draft.help("remove it").did_you_mean(known).emit();
    Ok(())
}

fn parsed<T: std::str::FromStr<Err = Invalid>>(
    d: &mut Diagnostics,
    value: &Spanned<Rc<str>>,
) -> Result<T, Reported> {
    value.value.parse().map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |_| value.span))
}

/// An empty text says nothing.
fn filled<T: std::str::FromStr<Err = Invalid>>(
    d: &mut Diagnostics,
    value: &Spanned<Rc<str>>,
) -> Result<Option<Spanned<T>>, Reported> {
    if value.value.is_empty() {
        return Ok(None);
    }
    parsed(d, value).map(|parsed| Some(Spanned { value: parsed, span: value.span }))
}

/// What Go takes for a boolean (`strconv.ParseBool`).
fn truth(d: &mut Diagnostics, value: &Spanned<Rc<str>>) -> Result<bool, Reported> {
    match &*value.value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        other => {
            let message = format!("`{}` is neither `true` nor `false`", other.escape_debug());
            Err(d.error(Code::InvalidValue, message).label(value.span, "").emit())
        }
    }
}

/// What the kernel takes for an interface that speaks IPv4. As Docker, which leaves it to the kernel where it is 0.
fn mtu(d: &mut Diagnostics, value: &Spanned<Rc<str>>) -> Result<Option<u32>, Reported> {
    match value.value.parse::<u32>() {
        Ok(0) => Ok(None),
        Ok(mtu @ 68..=65535) => Ok(Some(mtu)),
        _ => {
            let message =
                format!("an MTU is a number from 68 to 65535, found `{}`", value.value.escape_debug());
            Err(d.error(Code::InvalidValue, message).label(value.span, "").emit())
        }
    }
}

fn mode(d: &mut Diagnostics, kind: Kind, value: &Spanned<Rc<str>>) -> Result<Option<Rc<str>>, Reported> {
    let known = kind.modes();
    match &*value.value {
        "" => Ok(None),
        mode if known.contains(&mode) => Ok(Some(mode.into())),
        other => {
            let message =
                format!("the network driver `{}` has no mode `{}`", kind.name(), other.escape_debug());
            let help = known.iter().map(|mode| format!("`{mode}`")).collect::<Vec<_>>().join(", ");
            let draft =
                d.error(Code::InvalidValue, message).label(value.span, "").help(format!("write {help}"));
            Err(draft.did_you_mean(nearest(other, known.iter().copied())).emit())
        }
    }
}
