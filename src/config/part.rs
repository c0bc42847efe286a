//! Parts of a model, each as one line of JSON, for those who read a bundle and not the Compose file. They are spelt as
//! in what is printed of the whole.

use std::rc::Rc;

use super::printed::Printed;
use super::{Format, docker, json};
use crate::compose::schema::{FILE, Names, SERVICE, Shape};
use crate::yaml::{Entry, Node};

/// The value of an attribute of a service.
pub fn of_service(key: &'static str, value: &Node) -> String {
    json::line(&attribute(key, value))
}

/// `deploy.restart_policy`, in one line.
pub fn restart_policy(value: &Node) -> String {
    let policy = Entry::new("restart_policy", value.span, value.clone());
    let mut deploy = attribute("deploy", &Node::map(value.span, vec![policy]));
    json::line(&deploy.get_mut("restart_policy").map(std::mem::take).unwrap_or_default())
}

/// Networks by name: what a service says of each under `service`, and what the project says of it under `network`.
pub fn networks<'n>(networks: impl Iterator<Item = (Rc<str>, &'n Node, Option<&'n Node>)>) -> String {
    let both = |(name, service, network): (Rc<str>, &Node, Option<&Node>)| {
        let service = ("service".into(), named(SERVICE.get("networks").map(|row| row.shape), service));
        let network = network.map(|network| {
            let mut printed = named(FILE.get("networks").map(|row| row.shape), network);
            docker::network(&mut printed, Format::Json);
            ("network".into(), printed)
        });
        (name, Printed::Map([service].into_iter().chain(network).collect()))
    };
    json::line(&Printed::Map(networks.map(both).collect()))
}

fn attribute(key: &'static str, value: &Node) -> Printed {
    let shape = SERVICE.get(key).map_or(Shape::Any, |row| row.shape);
    let mut service = Printed::Map(vec![(key.into(), Printed::part(value, &shape))]);
    docker::service(&mut service, Format::Json);
    service.get_mut(key).map(std::mem::take).unwrap_or_default()
}

/// A value of a mapping with the user's names.
fn named(shape: Option<Shape>, value: &Node) -> Printed {
    Printed::part(value, names(shape.as_ref()).map_or(&Shape::Any, |names| &names.value))
}

fn names(shape: Option<&Shape>) -> Option<&'static Names> {
    match shape? {
        Shape::Names(names) => Some(names),
        Shape::Short(_, inner) | Shape::Nullable(inner) => names(Some(inner)),
        _ => None,
    }
}
