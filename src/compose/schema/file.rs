//! The top of a Compose file.

use super::resources::{CONFIGS, MODELS, NETWORKS, SECRETS, VOLUMES};
use super::{Attribute, Equal, Extensions, Key, Leaf, List, Merge, Names, Object, SERVICE, Shape, at};
use crate::compose::expand;

/// A Compose file.
pub static FILE: Object = Object {
    what: "a Compose file",
    extensions: Extensions::Allowed,
    attributes: &[
        at("version", Shape::Leaf(Leaf::Text)),
        at("name", Shape::Leaf(Leaf::Text)),
        INCLUDE,
        at("services", Shape::Names(&SERVICES)),
        at("models", Shape::Names(&MODELS)),
        at("networks", Shape::Names(&NETWORKS)),
        at("volumes", Shape::Names(&VOLUMES)),
        at("secrets", Shape::Names(&SECRETS)),
        at("configs", Shape::Names(&CONFIGS)),
    ],
};

/// Taken out of a file before it meets another one.
const INCLUDE: Attribute = at(
    "include",
    Shape::Nullable(&Shape::List(&List {
        item: Shape::Short(
            expand::include,
            &Shape::Object(&Object {
                what: "an include",
                // The schema would refuse unknown keys, but is asked after the includes are gone.
                extensions: Extensions::Everything,
                attributes: &[
                    at("path", ONE_OR_MORE),
                    at("env_file", ONE_OR_MORE),
                    at("project_directory", Shape::Leaf(Leaf::Text)),
                ],
            }),
        ),
        equal: Equal::Allowed,
    })),
);

const ONE_OR_MORE: Shape = Shape::Short(
    expand::one_or_list,
    &Shape::List(&List { item: Shape::Leaf(Leaf::Text), equal: Equal::Allowed }),
);

static SERVICES: Names =
    Names { what: "`services`", key: Key::Name, value: Shape::Object(&SERVICE), merge: Merge::Deep };
