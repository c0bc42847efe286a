//! Which namespaces a service shares, and with whom.

use std::rc::Rc;

use super::decode::text;
use crate::diag::{Code, Diagnostics, Reported};
use crate::nearest::nearest;
use crate::source::{Span, Spanned};
use crate::yaml::Node;

/// Another container, as an attribute names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// `service:NAME`
    Service(Rc<str>),
    /// `container:NAME`
    Container(Rc<str>),
}

/// Whose network a container sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkMode {
    /// A namespace of its own with nothing but a loopback interface.
    None,
    /// That of the host.
    Host,
    /// Docker's own network, outside those of the project.
    Bridge,
    /// That of another container.
    Of(Peer),
}

/// Whose processes a container sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PidMode {
    /// Those of the host.
    Host,
    /// Those of another container.
    Of(Peer),
}

/// Whose message queues, semaphores and shared memory a container sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IpcMode {
    /// Its own.
    Private,
    /// Its own, and others may see them.
    Shareable,
    /// Its own, without `/dev/shm`.
    None,
    /// Those of the host.
    Host,
    /// Those of another container.
    Of(Peer),
}

/// Whose control groups a container sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupMode {
    /// All of the host.
    Host,
    /// Its own.
    Private,
}

/// That a namespace is the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host;

pub(super) fn network_mode(d: &mut Diagnostics, node: &Node) -> Result<Spanned<NetworkMode>, Reported> {
    let text = text(d, node)?;
    let value = match &*text.value {
        "none" => NetworkMode::None,
        "host" => NetworkMode::Host,
        // Docker on Linux takes the one for the other (moby `container.HostConfig.NetworkMode`).
        "bridge" | "default" => NetworkMode::Bridge,
        other => match peer(d, &text)? {
            Some(peer) => NetworkMode::Of(peer),
            None => return Err(no_network_mode(d, other, text.span)),
        },
    };
    Ok(Spanned { value, span: node.span })
}

pub(super) fn pid(d: &mut Diagnostics, node: &Node) -> Result<Option<Spanned<PidMode>>, Reported> {
    mode(d, node, "`pid`", &["host"], |text| match text {
        Word::Of(peer) => PidMode::Of(peer),
        Word::Is(_) => PidMode::Host,
    })
}

pub(super) fn ipc(d: &mut Diagnostics, node: &Node) -> Result<Option<Spanned<IpcMode>>, Reported> {
    mode(d, node, "`ipc`", &["host", "private", "shareable", "none"], |word| match word {
        Word::Of(peer) => IpcMode::Of(peer),
        Word::Is("host") => IpcMode::Host,
        Word::Is("shareable") => IpcMode::Shareable,
        Word::Is("none") => IpcMode::None,
        Word::Is(_) => IpcMode::Private,
    })
}

/// The model has checked it.
pub(super) fn cgroup(d: &mut Diagnostics, node: &Node) -> Result<Spanned<CgroupMode>, Reported> {
    let text = text(d, node)?;
    let value = if &*text.value == "host" { CgroupMode::Host } else { CgroupMode::Private };
    Ok(Spanned { value, span: node.span })
}

/// The host's UTS namespace.
pub(super) fn uts(d: &mut Diagnostics, node: &Node) -> Result<Option<Spanned<Host>>, Reported> {
    host(d, node, "`uts`")
}

/// The host's user namespace, where a container of a bundle is anyway: no `userns-remap` of a daemon puts it elsewhere.
pub(super) fn userns_mode(d: &mut Diagnostics, node: &Node) -> Result<Option<Spanned<Host>>, Reported> {
    host(d, node, "`userns_mode`")
}

fn host(d: &mut Diagnostics, node: &Node, what: &str) -> Result<Option<Spanned<Host>>, Reported> {
    let text = text(d, node)?;
    match &*text.value {
        "" => Ok(None),
        "host" => Ok(Some(Spanned { value: Host, span: node.span })),
        other => Err(no_mode(d, what, other, text.span, &["host"])),
    }
}

/// A word that an attribute knows, or another container.
enum Word<'a> {
    Is(&'a str),
    Of(Peer),
}

/// An empty text says nothing.
fn mode<T>(
    d: &mut Diagnostics,
    node: &Node,
    what: &str,
    words: &[&str],
    make: impl FnOnce(Word) -> T,
) -> Result<Option<Spanned<T>>, Reported> {
    let text = text(d, node)?;
    let word = match &*text.value {
        "" => return Ok(None),
        word if words.contains(&word) => Word::Is(word),
        other => match peer(d, &text)? {
            Some(peer) => Word::Of(peer),
            None => return Err(no_mode(d, what, other, text.span, words)),
        },
    };
    Ok(Some(Spanned { value: make(word), span: node.span }))
}

/// The container that is named, if one is.
fn peer(d: &mut Diagnostics, text: &Spanned<Rc<str>>) -> Result<Option<Peer>, Reported> {
    let Some((kind, name)) = text.value.split_once(':') else { return Ok(None) };
    let make = match kind {
        "service" => Peer::Service,
        "container" => Peer::Container,
        _ => return Ok(None),
    };
    if name.is_empty() {
        let message = format!("`{kind}:` names nobody");
        let draft = d.error(Code::InvalidValue, message).label(text.span, "");
        return Err(draft.help("write the name of a service: `service:NAME`").emit());
    }
    Ok(Some(make(name.into())))
}

fn no_mode(d: &mut Diagnostics, what: &str, mode: &str, span: Span, words: &[&str]) -> Reported {
    let message = format!("{what} cannot be `{}`", mode.escape_debug());
    let words_help = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let draft = d.error(Code::InvalidValue, message).label(span, "");
    draft
        .help(format!("write {words_help}, or nothing"))
        .did_you_mean(nearest(mode, words.iter().copied()))
        .emit()
}

fn no_network_mode(d: &mut Diagnostics, mode: &str, span: Span) -> Reported {
    let known = nearest(mode, ["none", "host", "bridge"]);
    let draft = d.error(Code::InvalidValue, format!("no network mode is called `{mode}`")).label(span, "");
    draft.help("write `none`, `host`, `bridge` or `service:NAME`").did_you_mean(known).emit()
}

/// What belongs to the owner of a network, and not to whoever joins it (moby `runconfig/hostconfig_unix.go`).
const OF_NETWORK: [&str; 10] = [
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "expose",
    "extra_hosts",
    "hostname",
    "links",
    "mac_address",
    "ports",
];

/// What belongs to a UTS namespace.
const OF_UTS: [&str; 2] = ["domainname", "hostname"];

/// Reports what says something of a namespace that is not the service's own: the runtime could not do it, or would do it
/// to somebody else.
pub(super) fn check_shared(d: &mut Diagnostics, service: &Node) -> Result<(), Reported> {
    let shared = |text: &str| text.starts_with("service:") || text.starts_with("container:");
    let network = check(d, service, "network_mode", shared, &OF_NETWORK, "another container's network");
    network.and(check(d, service, "uts", |text| text == "host", &OF_UTS, "the host's UTS namespace"))
}

fn check(
    d: &mut Diagnostics,
    service: &Node,
    key: &str,
    shared: impl Fn(&str) -> bool,
    attributes: &[&str],
    whose: &str,
) -> Result<(), Reported> {
    let Some(mode) = service.get(key).filter(|mode| mode.as_str().is_some_and(&shared)) else {
        return Ok(());
    };
    let written =
        attributes.iter().filter_map(|key| Some((*key, service.get(key).filter(|node| says(node))?)));
    let written: Vec<(&str, &Node)> = written.collect();
    if written.is_empty() {
        return Ok(());
    }
    let names = written.iter().map(|(key, _)| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    let message = format!("{names} cannot be set in {whose}");
    let mut draft = d.error(Code::Conflict, message).label(mode.span, "shared here");
    for (_, node) in written {
        draft = draft.label(node.span, "");
    }
    Err(draft.help("set it where the namespace comes from").emit())
}

fn says(node: &Node) -> bool {
    !node.items().is_empty()
        || !node.entries().is_empty()
        || node.as_str().is_some_and(|text| !text.is_empty())
}
