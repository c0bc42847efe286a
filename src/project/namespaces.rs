//! Whose namespaces a container is in: its own, the host's, or those of another service.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::replicas::Replicas;
use crate::compose::dependency::Dependency;
use crate::compose::namespace::{IpcMode, NetworkMode, Peer, PidMode};
use crate::compose::{Named, Service};
use crate::diag::{Code, Diagnostics, Reported};
use crate::nearest::nearest;
use crate::source::{Span, Spanned};
use crate::yaml::{Entry, Node};

/// The namespaces that can be another's.
#[derive(Clone, Debug)]
pub struct Namespaces {
    /// Where `network_mode` leads.
    pub network: Namespace,
    /// Where `pid` leads.
    pub pid: Namespace,
    /// Where `ipc` leads.
    pub ipc: Namespace,
}

/// Whose namespace it is.
#[derive(Clone, Debug)]
pub enum Namespace {
    /// The container's own.
    Own,
    /// The host's, and where that is written.
    Host(Span),
    /// That of another container.
    Of(Owner),
}

impl Namespace {
    /// Where it is written, if it is not the container's own.
    pub fn shared(&self) -> Option<Span> {
        match self {
            Namespace::Own => None,
            Namespace::Host(span) => Some(*span),
            Namespace::Of(owner) => Some(owner.span),
        }
    }
}

/// A container whose namespace is joined.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Its bundle: the first one of a service with several.
    pub bundle: Rc<str>,
    /// What is written of its service.
    pub written: Rc<Service>,
    /// Where this is written.
    pub span: Span,
}

impl Owner {
    /// Whether its service has a mount of its own at a place, which goes over the file that is generated.
    pub fn mounts_on(&self, path: &str) -> bool {
        self.written.volumes.iter().any(|mount| *mount.target.value == *path)
    }
}

/// The kinds of namespaces that can be another's.
#[derive(Clone, Copy)]
enum Kind {
    Network,
    Pid,
    Ipc,
}

/// What a service says of a namespace.
enum Said<'a> {
    Own,
    Host,
    Of(&'a Peer),
}

/// How many containers may lie between one and the owner of its namespace. Each of a row of joined ones is followed to
/// its end, and nobody writes rows this long.
const MAX_CHAIN: usize = 16;

/// The services of a project, by name and by the name of their containers.
pub(super) struct Peers<'a> {
    services: BTreeMap<&'a str, &'a Rc<Service>>,
    containers: BTreeMap<&'a str, &'a str>,
    replicas: &'a Replicas,
}

impl<'a> Peers<'a> {
    pub(super) fn new(services: &'a [Named<Rc<Service>>], replicas: &'a Replicas) -> Self {
        let container = |service: &'a Named<Rc<Service>>| {
            let name = service.value.container_name.as_ref()?;
            Some((name.value.as_str(), &*service.name.value))
        };
        Peers {
            services: services.iter().map(|service| (&*service.name.value, &service.value)).collect(),
            containers: services.iter().filter_map(container).collect(),
            replicas,
        }
    }

    /// Follows `network_mode`, `pid` and `ipc` of a service to those who own the namespaces.
    pub(super) fn follow(&self, d: &mut Diagnostics, service: &Service) -> Result<Namespaces, Reported> {
        let network = self.owner(d, service, Kind::Network);
        let pid = self.owner(d, service, Kind::Pid);
        let ipc = self.owner(d, service, Kind::Ipc);
        Ok(Namespaces { network: network?, pid: pid?, ipc: ipc? })
    }

    /// The services that a service names as containers; it starts after them, as Compose has it for those that are
    /// named as services.
    pub(super) fn containers_of(&self, service: &Service) -> Vec<Dependency> {
        let named = [Kind::Network, Kind::Pid, Kind::Ipc].into_iter().filter_map(|kind| {
            let (Said::Of(Peer::Container(name)), span) = said(service, kind)? else { return None };
            let service = self.containers.get(&**name)?;
            Some(dependency(service, span))
        });
        named.collect()
    }

    /// As Docker does, whoever joins a container that joined another one is with that one too.
    fn owner(&self, d: &mut Diagnostics, service: &Service, kind: Kind) -> Result<Namespace, Reported> {
        let Some((mut next, span)) = said(service, kind) else { return Ok(Namespace::Own) };
        let (start, mut owner) = (service, None);
        let mut seen = BTreeSet::new();
        while seen.len() <= MAX_CHAIN {
            let peer = match (next, owner) {
                (Said::Of(peer), _) => peer,
                (Said::Host, _) => return Ok(Namespace::Host(span)),
                (Said::Own, None) => return Ok(Namespace::Own),
                (Said::Own, Some((name, service))) => return self.found(d, name, service, span, kind),
            };
            let (name, service) = self.find(d, peer, span)?;
            if !seen.insert(name) {
                let message = "containers join each other's namespaces, and none has one of its own";
                // Whoever joins one of them is not one of them.
                let is_start = |name: &&str| {
                    self.services.get(name).is_some_and(|of| std::ptr::eq(Rc::as_ptr(of), start))
                };
                let is_one = seen.iter().any(is_start);
                let label = if is_one { "leads back to itself" } else { "leads to them" };
                let draft = d.error(Code::Cycle, message).label(span, label);
                return Err(draft.help("remove one of these").emit());
            }
            owner = Some((name, service));
            next = said(service, kind).map_or(Said::Own, |(said, _)| said);
        }
        let message = format!("more than {MAX_CHAIN} containers join each other's namespaces in a row");
        let draft = d.error(Code::InvalidValue, message).label(span, "leads too far");
        Err(draft.help("name the one that owns the namespace").emit())
    }

    fn found(
        &self,
        d: &mut Diagnostics,
        name: &str,
        service: &Rc<Service>,
        span: Span,
        kind: Kind,
    ) -> Result<Namespace, Reported> {
        let Some(bundle) = self.replicas.of(name).first() else {
            let message = format!("`{name}` has no container to share a namespace with");
            let mut draft = d.error(Code::Conflict, message).label(span, "");
            if let Some(replicas) = service.replicas() {
                draft = draft.label(replicas.span, "so many containers");
            }
            return Err(draft.help("give it one container at least").emit());
        };
        let shareable = service.ipc.as_ref().is_some_and(|ipc| ipc.value == IpcMode::Shareable);
        if matches!(kind, Kind::Ipc) && !shareable {
            // Docker's own default since 20.10; `none` has nothing to share either.
            let message = format!("`{name}` keeps its IPC namespace to itself");
            let mut draft = d.error(Code::Conflict, message).label(span, "");
            if let Some(ipc) = &service.ipc {
                draft = draft.label(ipc.span, "so it says");
            }
            return Err(draft.help(format!("write `ipc: shareable` in `{name}`")).emit());
        }
        Ok(Namespace::Of(Owner { bundle: Rc::clone(bundle), written: Rc::clone(service), span }))
    }

    fn find(
        &self,
        d: &mut Diagnostics,
        peer: &Peer,
        span: Span,
    ) -> Result<(&'a str, &'a Rc<Service>), Reported> {
        let known = match peer {
            Peer::Service(name) => self.services.get_key_value(&**name),
            Peer::Container(name) => {
                self.containers.get(&**name).and_then(|name| self.services.get_key_value(name))
            }
        };
        known.map(|(name, service)| (*name, *service)).ok_or_else(|| self.unknown(d, peer, span))
    }

    fn unknown(&self, d: &mut Diagnostics, peer: &Peer, span: Span) -> Reported {
        match peer {
            // The model has said so.
            Peer::Service(name) => d.failed().err().unwrap_or_else(|| {
                d.error(Code::UnknownService, format!("no service is called `{name}`")).label(span, "").emit()
            }),
            Peer::Container(name) => {
                let known = nearest(name, self.containers.keys().copied());
                let known = known.map(|known| format!("container:{known}"));
                let message = format!("no service has the `container_name` `{name}`");
                let draft = d.error(Code::UnknownService, message).label(span, "");
                let help = "a bundle can join containers of its own project; name one as `service:NAME`";
                draft.help(help).did_you_mean(known.as_deref()).emit()
            }
        }
    }
}

/// What is written of a namespace, if anything is.
fn said(service: &Service, kind: Kind) -> Option<(Said<'_>, Span)> {
    match kind {
        Kind::Network => service.network_mode.as_ref().map(|mode| {
            let said = match &mode.value {
                NetworkMode::None | NetworkMode::Bridge => Said::Own,
                NetworkMode::Host => Said::Host,
                NetworkMode::Of(peer) => Said::Of(peer),
            };
            (said, mode.span)
        }),
        Kind::Pid => service.pid.as_ref().map(|mode| {
            let said = match &mode.value {
                PidMode::Host => Said::Host,
                PidMode::Of(peer) => Said::Of(peer),
            };
            (said, mode.span)
        }),
        Kind::Ipc => service.ipc.as_ref().map(|mode| {
            let said = match &mode.value {
                IpcMode::Private | IpcMode::Shareable | IpcMode::None => Said::Own,
                IpcMode::Host => Said::Host,
                IpcMode::Of(peer) => Said::Of(peer),
            };
            (said, mode.span)
        }),
    }
}

fn dependency(service: &str, span: Span) -> Dependency {
    let condition = Spanned { value: Rc::from("service_started"), span };
    let entries = vec![
        Entry::new("condition", span, Node::text(span, "service_started")),
        Entry::new("required", span, Node::plain(span, "true")),
    ];
    let name = Spanned { value: Rc::from(service), span };
    Dependency { name, condition, written: Node::map(span, entries) }
}
