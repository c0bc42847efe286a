//! Whether a tree says what Compose allows. The values come out typed, in the spelling that `config` prints.

use super::schema::Shape;
use crate::diag::{Diagnostics, Reported};
use crate::yaml::Node;

/// Reads one value that has a grammar of its own.
pub type Reader = fn(&mut Diagnostics, &Node) -> Result<Node, Reported>;

/// Checks a tree whose short forms are written out. What is wrong is reported and becomes
/// [`Value::Broken`](crate::yaml::Value::Broken).
pub fn check(_d: &mut Diagnostics, node: &Node, _shape: &Shape, _variables: super::Variables) -> Node {
    node.clone()
}

/// The name of a container.
pub fn container_name(_d: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    Ok(node.clone())
}

/// When an image is pulled.
pub fn pull_policy(_d: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    Ok(node.clone())
}

/// The mode of a file: a number, or a text of octal digits.
pub fn file_mode(_d: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    Ok(node.clone())
}

/// A limit of a process: a number, or a soft and a hard one.
pub fn ulimit(_d: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    Ok(node.clone())
}

/// Processors, with fractions.
pub fn nano_cpus(_d: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    Ok(node.clone())
}

/// How many devices: a number, or `all`, which is -1.
pub fn device_count(_d: &mut Diagnostics, node: &Node) -> Result<Node, Reported> {
    Ok(node.clone())
}
