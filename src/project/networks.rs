//! The networks that a service is in.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::compose::{self, Named};
use crate::source::Spanned;
use crate::yaml::Node;

/// A network that a service is in.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The name that the service knows it by.
    pub name: Spanned<Rc<str>>,
    /// What the service says of it.
    pub service: Node,
    /// What the project says of it; nothing of one that is no more than declared.
    pub network: Option<Node>,
}

impl Attachment {
    /// Whether it is the network that every service is in which names none, and nothing is said of it.
    pub fn is_implied(&self) -> bool {
        &*self.name.value == "default" && self.service.entries().is_empty() && self.network.is_none()
    }
}

/// The networks of a project.
pub(super) struct Declared(BTreeMap<Rc<str>, Node>);

impl Declared {
    pub(super) fn new(networks: Vec<Named<Node>>) -> Self {
        let says_something = |network: &Named<Node>| !network.value.entries().is_empty();
        let networks = networks.into_iter().filter(says_something);
        Declared(networks.map(|network| (network.name.value, network.value)).collect())
    }

    /// Those a service is in, by name. That each of them exists was asked when the project was completed.
    pub(super) fn of_service(&self, service: &compose::Service) -> Vec<Attachment> {
        let entries = service.networks.iter().flat_map(Node::entries);
        let attached = entries.map(|entry| Attachment {
            name: Spanned { value: Rc::clone(&entry.key), span: entry.key_span },
            service: entry.value.clone(),
            network: self.0.get(&entry.key).cloned(),
        });
        let mut attached: Vec<Attachment> = attached.collect();
        attached.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        attached
    }
}
