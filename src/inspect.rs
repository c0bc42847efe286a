//! From bundles back to a Compose file: what their `config.json` files say, in the words of Compose.
//!
//! It is the way of [`lower`](crate::lower) backwards, with one file for the sections of each kind. What a bundle has by
//! default, or its image by the lock, is not said; what it lacks of that is. Building the result again, with the lock
//! beside it, gives the same `config.json`. Relative paths start at the directory that holds the bundles' own.

mod annotations;
mod cgroup;
mod confinement;
mod devices;
mod draft;
mod environment;
mod etc;
mod hooks;
mod image;
mod known;
mod mounts;
mod namespaces;
mod networks;
mod process;
mod proot;
mod resources;
mod rootless;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::hook::argv::Arguments;
use crate::lock::Lock;
use crate::lower::capabilities::Privilege;
use draft::Draft;
use image::Image;
use namespaces::Sharing;

/// A bundle as it lies on the disk.
#[derive(Debug)]
pub struct Bundle {
    /// The name of its directory.
    pub name: String,
    /// Its `config.json`.
    pub config: Value,
    /// Its other files, by their path in it.
    pub files: BTreeMap<String, File>,
}

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its content.
    pub text: String,
    /// Whether it can be executed.
    pub executable: bool,
}

/// What bundles say.
#[derive(Debug)]
pub struct Inspected {
    /// A Compose file.
    pub file: Value,
    /// What no Compose file can say, as `NAME: JSON pointer`, or the path of a file.
    pub unsaid: Vec<String>,
    /// The bundles whose image the lock does not know: what they have taken away of it is not known either.
    pub without_lock: Vec<String>,
}

/// What the sections know of a bundle.
struct Facts<'a> {
    privilege: Privilege,
    network: Sharing<'a>,
    ipc: Sharing<'a>,
    /// Whether it has names of its own.
    own_uts: bool,
    image: Image<'a>,
    /// What its hooks are told.
    told: Option<Arguments>,
    /// The namespaces of bundles that others join.
    joined: &'a networks::Joined<'a>,
    /// All bundles, by name.
    bundles: &'a BTreeMap<&'a str, &'a Bundle>,
}

/// Says what bundles say as a Compose file. The lock is that of their project.
pub fn inspect(bundles: &[Bundle], lock: Option<&Lock>) -> Inspected {
    let mut draft = Draft::default();
    let for_root = |bundle| rootless::for_root(&mut draft, bundle);
    let of_root: Vec<Option<Bundle>> = bundles.iter().map(for_root).collect();
    let read = bundles.iter().zip(&of_root).map(|(bundle, of_root)| of_root.as_ref().unwrap_or(bundle));
    let bundles: Vec<&Bundle> = read.collect();
    let by_name: BTreeMap<&str, &Bundle> =
        bundles.iter().map(|bundle| (bundle.name.as_str(), *bundle)).collect();
    let joined = namespaces::joined(&bundles);
    let mut services = Map::new();
    for bundle in bundles.iter().copied() {
        if services.contains_key(&bundle.name) {
            draft.cannot_say(bundle, "another bundle has this name");
            continue;
        }
        one(&mut draft, bundle, &by_name, &joined, lock);
        services.insert(bundle.name.clone(), Value::Object(draft.take_service()));
    }
    cgroup::check(&mut draft, &bundles);
    draft.finish(services)
}

fn one<'a>(
    draft: &mut Draft,
    bundle: &'a Bundle,
    bundles: &'a BTreeMap<&'a str, &'a Bundle>,
    joined: &'a networks::Joined<'a>,
    lock: Option<&'a Lock>,
) {
    for at in known::foreign(&bundle.config) {
        draft.cannot_say(bundle, &at);
    }
    let privilege = confinement::privilege(bundle);
    let (network, ipc) = (namespaces::network(bundle), namespaces::ipc(bundle));
    let image = Image::of(bundle, lock);
    let own_uts = namespaces::has_own(bundle, "uts");
    let told = hooks::hooks(draft, bundle);
    let facts = Facts { privilege, network, ipc, own_uts, image, told, joined, bundles };
    if let Image::Unknown = facts.image {
        draft.without_lock.push(bundle.name.clone());
    }
    image::platform(draft, bundle, lock);
    confinement::confinement(draft, bundle, &facts);
    annotations::annotations(draft, bundle, &facts);
    networks::networks(draft, bundle, &facts, lock);
    process::process(draft, bundle, &facts);
    environment::environment(draft, bundle, &facts);
    namespaces::namespaces(draft, bundle, &facts);
    mounts::mounts(draft, bundle, &facts);
    cgroup::cgroup(draft, bundle);
    resources::resources(draft, bundle);
    devices::devices(draft, bundle, privilege);
}

impl Bundle {
    /// The value at a JSON pointer into `config.json`.
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.config.pointer(pointer)
    }

    /// The text at a pointer.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer).and_then(Value::as_str)
    }

    /// The items of the list at a pointer; none where there is no list.
    pub fn list(&self, pointer: &str) -> &[Value] {
        self.at(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The entries of the object at a pointer.
    pub fn map(&self, pointer: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.at(pointer).and_then(Value::as_object).into_iter().flatten()
    }

    /// The annotation with this key.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.at("/annotations")?.get(key)?.as_str()
    }

    /// What the hooks are told, if they are told it in words that a build writes.
    pub fn told(&self) -> Option<Arguments> {
        hooks::told(self)
    }
}

/// The texts of a list.
pub fn texts(items: &[Value]) -> impl Iterator<Item = &str> {
    items.iter().filter_map(Value::as_str)
}
