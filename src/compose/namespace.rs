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

/// An empty text says nothing.
pub(super) fn network_mode(
    d: &mut Diagnostics,
    node: &Node,
) -> Result<Option<Spanned<NetworkMode>>, Reported> {
    let text = text(d, node)?;
    let value = match &*text.value {
        "" => return Ok(None),
        "none" => NetworkMode::None,
        "host" => NetworkMode::Host,
        // Docker on Linux takes the one for the other (moby `container.HostConfig.NetworkMode`).
        "bridge" | "default" => NetworkMode::Bridge,
        other => match peer(d, &text)? {
            Some(peer) => NetworkMode::Of(peer),
            None => return Err(no_network_mode(d, other, text.span)),
        },
    };
    Ok(Some(Spanned { value, span: node.span }))
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
    let host = host(d, node, "`userns_mode`")?;
    if let Some(Spanned { span, .. }) = host {
        let message = "`userns_mode: host` says nothing: a container of a bundle is there anyway";
        d.warning(Code::NoPlace, message)
            .label(span, "for a daemon with `userns-remap`")
            .help("remove it")
            .emit();
    }
    Ok(host)
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
        // The model looked for a service without a name.
        if kind == "service" {
            d.failed()?;
        }
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

/// What cannot be said of a namespace that is not the service's own: the runtime could not do it, or would do it to
/// somebody else.
struct Rule {
    /// The attribute that names the namespace.
    key: &'static str,
    /// Whether the namespace is one of those meant here.
    means: fn(&str) -> bool,
    /// What cannot be said, sorted.
    attributes: &'static [&'static str],
    whose: &'static str,
    /// What is said of the place that names the namespace.
    place: &'static str,
    help: &'static str,
}

/// As Docker has them (moby `runconfig/hostconfig_unix.go`), but for `ports` of the host's network and of an empty one,
/// which Docker leaves out with a warning or with none.
const RULES: [Rule; 4] = [
    Rule {
        key: "network_mode",
        means: |text| text.starts_with("service:") || text.starts_with("container:"),
        attributes: &[
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
        ],
        whose: "another container's network",
        place: "shared here",
        help: "set it where the namespace comes from",
    },
    Rule {
        key: "network_mode",
        means: |text| text == "host",
        attributes: &["links", "mac_address", "ports"],
        whose: "the host's network",
        place: "shared here",
        help: "remove it: what the container listens on, the host does, and it has the host's addresses",
    },
    Rule {
        key: "network_mode",
        means: |text| text == "none",
        attributes: &["links", "mac_address", "ports"],
        whose: "an empty network",
        place: "nothing in it",
        help: "remove it, or give the service a network",
    },
    Rule {
        key: "uts",
        means: |text| text == "host",
        attributes: &["domainname", "hostname"],
        whose: "the host's UTS namespace",
        place: "shared here",
        help: "set it where the namespace comes from",
    },
];

/// Reports what says something of a namespace that is not the service's own.
pub(super) fn check_shared(d: &mut Diagnostics, service: &Node) -> Result<(), Reported> {
    RULES.iter().map(|rule| rule.check(d, service)).fold(Ok(()), Result::and)
}

impl Rule {
    fn check(&self, d: &mut Diagnostics, service: &Node) -> Result<(), Reported> {
        let mode = service.get(self.key).filter(|mode| mode.as_str().is_some_and(self.means));
        let Some(mode) = mode else { return Ok(()) };
        let written = self.attributes.iter().filter_map(|key| Some((key, service.get(key)?)));
        let written: Vec<_> = written.filter(|(_, node)| says(node)).collect();
        if written.is_empty() {
            return Ok(());
        }
        let names = written.iter().map(|(key, _)| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let message = format!("{names} cannot be set in {}", self.whose);
        let mut draft = d.error(Code::Conflict, message).label(mode.span, self.place);
        for (_, node) in written {
            draft = draft.label(node.span, "");
        }
        Err(draft.help(self.help).emit())
    }
}

/// Whether something is said: an empty list or text says nothing.
fn says(node: &Node) -> bool {
    !node.items().is_empty()
        || !node.entries().is_empty()
        || node.as_str().is_some_and(|text| !text.is_empty())
}
