//! Short forms, written out. What comes out has places: each part of a short form keeps the span of its text.

use super::Variables;
use super::schema::Shape;
use crate::diag::Diagnostics;
use crate::yaml::Node;

/// Writes out one value if it is short, and gives back anything else as it is.
pub type Expand = fn(&mut Diagnostics, &Node, Variables) -> Node;

/// Writes out every short form of a tree. A form that cannot be read is reported and becomes
/// [`Value::Broken`](crate::yaml::Value::Broken); what has the wrong type is left for
/// [`check`](super::check::check) to find.
pub fn expand(_d: &mut Diagnostics, node: &Node, _shape: &Shape, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn build(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn depends_on(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn one_or_list(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn env_file(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn extends(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn gpus(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn names(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn ports(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn pairs(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn command(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn source(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn device(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn extra_hosts(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn healthcheck_test(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn volume(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn ssh(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn contexts(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn external(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}

/// TODO.
pub fn include(_d: &mut Diagnostics, node: &Node, _variables: Variables) -> Node {
    node.clone()
}
