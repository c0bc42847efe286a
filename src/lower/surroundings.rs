//! What the containers of a project are to each other: who is of which service, and who joins whose namespaces.

use std::collections::BTreeMap;

use crate::hook::argv::Pin;
use crate::project::network::Attachment;
use crate::project::{Namespace, Owner, Project, Service, Settings};
use crate::source::Span;

/// The containers of a project.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// What holds for all of them.
    pub settings: &'a Settings,
    /// By bundle.
    bundles: BTreeMap<&'a str, &'a Service>,
    /// By service.
    services: BTreeMap<&'a str, Vec<&'a Service>>,
    /// Which container of its service each is, from 1 on, by bundle.
    numbers: BTreeMap<&'a str, usize>,
    /// Those in the network of another one, by the bundle of that.
    joined: BTreeMap<&'a str, Vec<&'a Service>>,
    /// By bundle and by the name of the network on the host.
    attachments: BTreeMap<(&'a str, &'a str), &'a Attachment>,
    /// The namespaces that others join, by the bundle of their owner.
    pins: BTreeMap<&'a str, BTreeMap<Pin, Span>>,
}

impl<'a> Surroundings<'a> {
    /// Those of a project.
    pub fn new(project: &'a Project) -> Self {
        let mut all = Surroundings {
            settings: &project.settings,
            bundles: project.services.iter().map(|service| (&*service.bundle, service)).collect(),
            services: BTreeMap::new(),
            numbers: BTreeMap::new(),
            joined: BTreeMap::new(),
            attachments: BTreeMap::new(),
            pins: BTreeMap::new(),
        };
        for service in &project.services {
            let containers = all.services.entry(&service.name.value).or_default();
            containers.push(service);
            all.numbers.insert(&service.bundle, containers.len());
            for (pin, owner) in joined(service) {
                all.pins.entry(&owner.bundle).or_default().entry(pin).or_insert(owner.span);
            }
            let attachments = service.networks.iter();
            all.attachments.extend(attachments.map(|one| ((&*service.bundle, &*one.network.name), one)));
            if let Namespace::Of(owner) = &service.namespaces.network {
                all.joined.entry(&owner.bundle).or_default().push(service);
            }
        }
        all
    }

    /// All containers, by service, those of one in their order.
    pub fn containers(&self) -> impl Iterator<Item = &'a Service> {
        self.services.values().flatten().copied()
    }

    /// The containers of each service.
    pub fn services(&self) -> impl Iterator<Item = &[&'a Service]> {
        self.services.values().map(Vec::as_slice)
    }

    /// The containers of a service.
    pub fn of_service(&self, name: &str) -> &[&'a Service] {
        self.services.get(name).map_or(&[], Vec::as_slice)
    }

    /// The containers in the network of another one, by the name of its bundle.
    pub fn joined(&self, bundle: &str) -> &[&'a Service] {
        self.joined.get(bundle).map_or(&[], Vec::as_slice)
    }

    /// Where another container is in the first network of a container that both are in; one where its address is known
    /// goes first.
    pub fn common(&self, service: &Service, other: &Service) -> Option<&'a Attachment> {
        let both = || {
            let networks = service.networks.iter().map(|one| &*one.network.name);
            networks.filter_map(|name| self.attachments.get(&(&*other.bundle, name)).copied())
        };
        both().find(|there| !there.addresses.is_empty()).or_else(|| both().next())
    }

    /// The name of a container: what is written, else what Compose calls it.
    pub fn container_name(&self, service: &Service) -> String {
        match &service.written.container_name {
            Some(name) => name.value.to_string(),
            None => format!("{}-{}", self.settings.project, self.numbered(service)),
        }
    }

    /// `SERVICE-N`.
    pub fn numbered(&self, service: &Service) -> String {
        let number = self.numbers.get(&*service.bundle).copied().unwrap_or(1);
        format!("{}-{number}", service.name.value)
    }

    /// The namespaces of a container that others join, each with the place where the first of them says so.
    pub fn pins(&self, bundle: &str) -> impl Iterator<Item = (Pin, Span)> {
        self.pins.get(bundle).into_iter().flatten().map(|(pin, span)| (*pin, *span))
    }

    /// A container by the name of its bundle. One with mistakes is not there.
    pub fn service(&self, bundle: &str) -> Option<&'a Service> {
        self.bundles.get(bundle).copied()
    }
}

/// What a container joins, and whose it is. Shared memory goes with the message queues.
fn joined(service: &Service) -> impl Iterator<Item = (Pin, &Owner)> {
    let namespaces = &service.namespaces;
    let kinds: [(&Namespace, &[Pin]); 3] = [
        (&namespaces.network, &[Pin::Net]),
        (&namespaces.pid, &[Pin::Pid]),
        (&namespaces.ipc, &[Pin::Ipc, Pin::Shm]),
    ];
    kinds.into_iter().flat_map(|(namespace, pins)| {
        let owner = match namespace {
            Namespace::Of(owner) => Some(owner),
            Namespace::Own | Namespace::Host(_) => None,
        };
        owner.into_iter().flat_map(|owner| pins.iter().map(move |pin| (*pin, owner)))
    })
}
