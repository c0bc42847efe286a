//! From [`Project`] to [`Tree`]: what would be written, all of it, in memory.

pub mod etc;
pub mod json;
pub mod networks;
pub mod state;
pub mod sums;
pub mod tree;
pub mod user_network;

use std::collections::BTreeMap;
use std::rc::Rc;

use oci_spec::runtime as oci;
use serde_json::Value;

use crate::diag::{Code, Diagnostics, Reported};
use crate::hook::argv;
use crate::lower::abilities::{self, Need};
use crate::lower::origin::Origins;
use crate::lower::seccomp::Profiles;
use crate::lower::shared_root::SharedRoots;
use crate::lower::surroundings::Surroundings;
use crate::lower::{Lowered, lower, mounts};
use crate::project::{Project, Service};
use etc::Neighbours;
use tree::{Entry, RelPath, Tree};

/// The bundles of a project, and where their values come from.
#[derive(Debug)]
pub struct Bundles {
    /// What would be written.
    pub tree: Tree,
    /// The origins of every `config.json`, by bundle.
    pub origins: BTreeMap<Rc<str>, Origins>,
}

/// Lowers every service and lays out the directory. A project with mistakes is lowered for those that show there.
pub fn bundle(d: &mut Diagnostics, project: &Project) -> Result<Bundles, Reported> {
    let mut bundles = Bundles { tree: Tree::default(), origins: BTreeMap::new() };
    let (mut profiles, mut filters) = (Profiles::default(), Filters::default());
    let mut roots = SharedRoots::default();
    let mut failed = None;
    let surroundings = Surroundings::new(project);
    let neighbours = Neighbours::new(d, &surroundings)?;
    for service in &project.services {
        let mut lowered = lower(d, service, &surroundings, &mut profiles);
        if let Ok(lowered) = &mut lowered {
            roots.share(service, lowered);
        }
        match lowered
            .and_then(|lowered| one(d, service, &neighbours, lowered, &mut filters, &mut bundles.tree))
        {
            Ok(origins) => drop(bundles.origins.insert(Rc::clone(&service.bundle), origins)),
            Err(reported) => failed = Some(reported),
        }
    }
    failed.map_or(Ok(()), Err)?;
    d.failed()?;
    for (path, text) in networks::lists(project) {
        put(d, &mut bundles.tree, &path, Entry::file(text))?;
    }
    if let Some(network) = user_network::bundle(project) {
        for (path, entry) in network.files {
            put(d, &mut bundles.tree, &path, entry)?;
        }
        bundles.origins.insert(argv::user_network::BUNDLE.into(), network.origins);
    }
    bundles.tree = bundles.tree.seal().map_err(|conflict| internal(d, &conflict))?;
    Ok(bundles)
}

fn one(
    d: &mut Diagnostics,
    service: &Service,
    neighbours: &Neighbours,
    Lowered { spec, seccomp, origins }: Lowered,
    filters: &mut Filters,
    tree: &mut Tree,
) -> Result<Origins, Reported> {
    let (name, bundle) = (&service.name, &service.bundle);
    let mut config = json::spec(&spec).map_err(|error| internal(d, &error))?;
    let filter =
        seccomp.map(|seccomp| filters.written(&seccomp)).transpose().map_err(|error| internal(d, &error))?;
    let needs = filter.as_ref().map_or(&[][..], |filter| &filter.needs);
    abilities::check(d, name, &config, needs, &origins, neighbours.settings())?;
    if let (Some(linux), Some(_)) = (config.get_mut("linux").and_then(Value::as_object_mut), &filter) {
        linux.insert("seccomp".into(), Value::from("the place of the filter"));
    }
    let part = config.pointer("/linux/seccomp").zip(filter.as_ref().map(|filter| &*filter.text));
    let text = json::canonical_with(&config, part);
    put(d, tree, &format!("{bundle}/config.json"), Entry::file(text))?;
    for (path, text) in generated(&config, service, neighbours) {
        put(d, tree, &format!("{bundle}/{path}"), Entry::file(text))?;
    }
    for file in service.mounts.iter().filter_map(|mount| mount.source.generated()) {
        let entry = if file.executable { Entry::executable } else { Entry::file };
        put(d, tree, &format!("{bundle}/{}", file.path), entry(file.text.as_bytes()))?;
    }
    Ok(origins)
}

/// The filters, each written out once.
#[derive(Default)]
struct Filters(Vec<(Rc<oci::LinuxSeccomp>, Rc<Filter>)>);

/// A filter as it is written.
struct Filter {
    text: Vec<u8>,
    /// What a runtime must be able to do.
    needs: Vec<Need>,
}

impl Filters {
    fn written(&mut self, seccomp: &Rc<oci::LinuxSeccomp>) -> Result<Rc<Filter>, serde_json::Error> {
        if let Some((_, filter)) = self.0.iter().find(|(known, _)| Rc::ptr_eq(known, seccomp)) {
            return Ok(Rc::clone(filter));
        }
        let value = json::pruned(&**seccomp)?;
        let (text, needs) = (json::part(&value, SECCOMP_DEPTH), abilities::of_filter(&value));
        let filter = Rc::new(Filter { text, needs });
        self.0.push((Rc::clone(seccomp), Rc::clone(&filter)));
        Ok(filter)
    }
}

/// How deep `linux.seccomp` lies.
const SECCOMP_DEPTH: usize = 2;

/// The generated files that the spec mounts: one that the service covers with its own is not made.
fn generated(config: &Value, service: &Service, neighbours: &Neighbours) -> Vec<(&'static str, String)> {
    let mounted = |source: &str| {
        let mounts = config.get("mounts").and_then(Value::as_array);
        mounts.into_iter().flatten().any(|mount| mount.get("source").and_then(Value::as_str) == Some(source))
    };
    let in_user_network = neighbours.settings().has_user_network(service);
    let resolver = in_user_network.then_some(argv::user_network::RESOLVER);
    let hostname = config.get("hostname").and_then(Value::as_str).unwrap_or_default();
    let files = [
        (mounts::HOSTS.trim_start_matches('/'), neighbours.hosts(service)),
        (mounts::HOSTNAME.trim_start_matches('/'), format!("{hostname}\n")),
        (mounts::RESOLV_CONF.trim_start_matches('/'), etc::resolv_conf(&service.written, resolver)),
    ];
    files.into_iter().filter(|(path, _)| mounted(path)).collect()
}

fn put(d: &mut Diagnostics, tree: &mut Tree, path: &str, entry: Entry) -> Result<(), Reported> {
    let path = RelPath::parse(path).map_err(|error| internal(d, &error))?;
    tree.insert(path, entry).map_err(|error| internal(d, &error))
}

/// What earlier checks have ruled out. It is reported and not a panic all the same.
fn internal(d: &mut Diagnostics, error: &dyn std::fmt::Display) -> Reported {
    d.error(Code::Internal, format!("this is a fault of bundlegen: {error}")).emit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::RESERVED;

    #[test]
    fn no_service_is_called_like_a_file_of_ours() {
        for name in [state::GITIGNORE_NAME, sums::NAME, state::STAGING] {
            assert!(RESERVED.contains(&name), "{name}");
        }
    }
}
