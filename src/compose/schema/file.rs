//! The top of a Compose file.

use super::resources::{CONFIGS, MODELS, NETWORKS, SECRETS, VOLUMES};
use super::{Equal, Extensions, Key, Leaf, List, Merge, Names, Object, SERVICE, Shape, at};
use crate::compose::expand;

/// A Compose file.
pub static FILE: Object = Object {
    what: "a Compose file",
    extensions: Extensions::Allowed,
    attributes: &[
        at("version", Shape::Leaf(Leaf::Text)),
        at("name", Shape::Leaf(Leaf::Text)),
        // Taken out of a file before it meets another one.
        at("include", Shape::Nullable(&Shape::List(&INCLUDES))),
        at("services", Shape::Names(&SERVICES)),
        at("models", Shape::Names(&MODELS)),
        at("networks", Shape::Names(&NETWORKS)),
        at("volumes", Shape::Names(&VOLUMES)),
        at("secrets", Shape::Names(&SECRETS)),
        at("configs", Shape::Names(&CONFIGS)),
    ],
};

static INCLUDES: List = List {
    item: Shape::Nullable(&Shape::Short(expand::include, &Shape::Object(&INCLUDED))),
    equal: Equal::Allowed,
};

/// The schema would refuse unknown keys and nothing where a value should be, but is asked after the includes are gone.
static INCLUDED: Object = Object {
    what: "an include",
    extensions: Extensions::Everything,
    attributes: &[
        at("path", ONE_OR_MORE),
        at("env_file", ONE_OR_MORE),
        at("project_directory", Shape::Nullable(&Shape::Leaf(Leaf::TextOrInteger))),
    ],
};

const ONE_OR_MORE: Shape = Shape::Nullable(&Shape::Short(
    expand::one_or_list,
    &Shape::List(&List { item: Shape::Leaf(Leaf::Text), equal: Equal::Allowed }),
));

static SERVICES: Names =
    Names { what: "`services`", key: Key::Name, value: Shape::Object(&SERVICE), merge: Merge::Deep };
