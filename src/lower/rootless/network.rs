//! How a container joins the network that all containers of a project share where a user without rights runs them: by
//! links that the hook of one bundle puts where the file says, which knows whose they are.

use std::path::PathBuf;

use oci::LinuxNamespaceType as Kind;
use oci_spec::runtime as oci;

use crate::hook::argv::user_network;
use crate::lower::Context;
use crate::lower::origin::{Origin, Origins};
use crate::project::Settings;

/// Whose default the paths are.
const FROM: &str = "without root, the containers of a project share one network";

/// Lets the container join the two namespaces. Whoever joins the network must be in the user namespace that owns it; the
/// users stay beside the path, as runc wants it.
pub(super) fn join(context: &Context, o: &mut Origins, linux: &mut oci::Linux) {
    if !context.in_user_network() {
        return;
    }
    for (index, namespace) in linux.namespaces_mut().iter_mut().flatten().enumerate() {
        let name = match namespace.typ() {
            Kind::Network => "net",
            Kind::User => "user",
            _ => continue,
        };
        if let Some(path) = path(context.settings, name) {
            namespace.set_path(Some(PathBuf::from(path)));
            o.set(format!("/linux/namespaces/{index}/path"), Origin::Default(FROM));
        }
    }
}

fn path(settings: &Settings, name: &str) -> Option<String> {
    let rootless = settings.rootless.as_ref()?;
    Some(user_network::namespace(&user_network::run(rootless.user.uid), &settings.project, name))
}
