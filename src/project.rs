//! What is meant: a Compose file with every reference followed.
//!
//! After [`resolve`] nothing is read any more. The attributes as they were written stay as they are; a
//! [`Service`] adds what needs another file, another service or the image.

mod addresses;
mod build;
mod environment;
mod features;
mod free;
mod healthcheck;
mod images;
mod namespaces;
pub mod network;
mod networks;
mod order;
mod ports;
mod replicas;
mod rootless;
mod security;
mod settings;
mod subnets;
mod users;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use crate::compose::dependency::Dependency;
use crate::compose::namespace::NetworkMode;
use crate::compose::{self, Named};
use crate::diag::{Code, Diagnostics, Reported};
use crate::image::Platform;
use crate::load::Environment;
use crate::lock::{self, Lock, LockedImage};
use crate::source::{Sources, Span, Spanned};

pub use build::{Call, Recipe, Tool};
pub use environment::Variable;
pub use features::Features;
pub use healthcheck::{Healthcheck, State};
pub use images::{Absent, Anew, Elsewhere, Reach, Search, Unused};
pub use namespaces::{Namespace, Namespaces, Owner};
pub use network::Attachment;
pub use ports::Published;
pub use rootless::proot::Mapped;
pub use rootless::{Mapping, Rootless};
pub use security::{Seccomp, Security};
pub use settings::{Choices, HostFile, Settings};
pub use users::User;
pub use volumes::{
    Access, Content, GeneratedFile, HostPath, MissingSource, Mount, MountFrom, MountSource, PrivateContent,
    PrivateFile,
};

/// A project whose parts are all known.
#[derive(Debug)]
pub struct Project {
    /// The containers of all services, dependencies first, then by name.
    pub services: Vec<Service>,
    /// What holds for all of them.
    pub settings: Settings,
    /// What the images are, for the next build.
    pub lock: Lock,
    /// The images that are as they were though they were to be looked for anew, and why.
    pub kept: BTreeMap<String, String>,
}

/// A container of a service, with everything it refers to.
#[derive(Debug)]
pub struct Service {
    /// Its key in the Compose file.
    pub name: Spanned<Rc<str>>,
    /// The name of its bundle: the same, and with a number for the second container and those that follow.
    pub bundle: Rc<str>,
    /// Its attributes as they were written.
    pub written: Rc<compose::Service>,
    /// What it waits for, by bundle.
    pub starts_after: Vec<Dependency>,
    /// Whose namespaces it is in.
    pub namespaces: Namespaces,
    /// Where its root file system comes from.
    pub root: Root,
    /// Who runs the process.
    pub user: User,
    /// The variables of `env_file` and `environment`.
    pub environment: BTreeMap<Rc<str>, Variable>,
    /// How it is confined by name.
    pub security: Security,
    /// How to learn whether it is well, as the image and the file have it.
    pub healthcheck: Option<Healthcheck>,
    /// Its mounts, with their sources found.
    pub mounts: Vec<Mount>,
    /// The networks it is in, in the order of its interfaces.
    pub networks: Vec<Attachment>,
    /// Its ports that the host publishes, sorted; ports that follow each other are one entry.
    pub ports: Vec<Published>,
    /// What proot maps for its process, where it is in the network of the host, sorted by the port of the container.
    pub mapped: Vec<Mapped>,
}

/// Where a root file system comes from.
#[derive(Debug)]
pub enum Root {
    /// An image.
    Image(Rc<Image>),
    /// An image that the lock does not have, by its normalised reference. There is none in what is written: see [`Absent`].
    Unknown(Spanned<Rc<str>>),
    /// A directory of the source tree.
    Directory(Spanned<HostPath>),
}

/// An image and what is known of it.
#[derive(Debug)]
pub struct Image {
    /// The normalised reference.
    pub reference: Rc<str>,
    /// What the lock says.
    pub locked: LockedImage,
    /// Where the file says that it comes from, from a bundle.
    pub source: Option<Spanned<Rc<str>>>,
}

impl Project {
    /// The names of the bundles in the order they start; none where no service waits for another one.
    pub fn start_order(&self) -> Vec<Rc<str>> {
        let waits = self.services.iter().any(|service| !service.written.depends_on.is_empty());
        let names = self.services.iter().map(|service| Rc::clone(&service.bundle));
        names.filter(|_| waits).collect()
    }
}

impl Service {
    /// Whether its network would be that of all containers that a user without rights runs.
    pub fn shares_user_network(&self) -> bool {
        match &self.namespaces.network {
            Namespace::Own => !self.networks.is_empty(),
            Namespace::Host(_) => false,
            Namespace::Of(owner) => match &owner.written.network_mode {
                Some(mode) => mode.value != NetworkMode::None,
                None => true,
            },
        }
    }

    /// What the image says, if there is one.
    pub fn image(&self) -> Option<&Image> {
        match &self.root {
            Root::Image(image) => Some(image),
            Root::Unknown(_) | Root::Directory(_) => None,
        }
    }

    /// The normalised reference of its image, also of one that nobody knows.
    pub fn reference(&self) -> Option<&str> {
        match &self.root {
            Root::Image(image) => Some(&image.reference),
            Root::Unknown(reference) => Some(&reference.value),
            Root::Directory(_) => None,
        }
    }
}

/// What [`resolve`] is told besides the file.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of the project.
    pub name: Rc<str>,
    /// The directory that relative paths start from.
    pub directory: PathBuf,
    /// The way from the output directory to the project directory, by which bind sources are written.
    pub to_project: PathBuf,
    /// Where the images are; `images` in the project directory by default.
    pub images: Option<PathBuf>,
    /// How images are looked for.
    pub search: Search,
    /// What the command line chose.
    pub choices: Choices,
    /// Variables of the process and of `.env`.
    pub environment: Environment,
}

/// Follows every reference of a file. What is wrong is reported, and a service with a mistake left out: the others
/// are worth lowering for their own mistakes, but no tree is made of them.
pub fn resolve(
    d: &mut Diagnostics,
    sources: &mut Sources,
    file: compose::File,
    lock: Option<(Lock, lock::Places)>,
    options: &Options,
) -> Result<Project, Reported> {
    let settings = settings::settings(d, sources, &file.extension, options)?;
    let mut volumes = volumes::Declared::new(&file);
    let written = services(file.services);
    let platform = &settings.platform;
    let before = networks::Before::of(lock.as_ref());
    let mut images = images::Images::open(d, &file.extension, lock, platform, &written, options)?;
    let networks = networks::Declared::new(file.networks);
    check_not_empty(d, &written, sources);
    let replicas = replicas::Replicas::new(d, &written);
    let peers = namespaces::Peers::new(&written, &replicas);
    let order = order::start_order(&written, &peers);
    let mut found = Vec::new();
    for Named { name, value: written, whole } in &written {
        // Anything more would follow from the mistake.
        if whole.is_err() {
            continue;
        }
        let Ok(namespaces) = peers.follow(d, written) else { continue };
        let starts_after = starts_after(written, &peers, &replicas);
        for bundle in replicas.of(&name.value) {
            let place = Place { name, bundle, starts_after: &starts_after, namespaces: &namespaces };
            found.extend(service(d, sources, &place, written, &mut volumes, &mut images, options));
        }
    }
    found.sort_by(|a: &Service, b| a.name.value.cmp(&b.name.value));
    let addresses = networks::attach(d, &networks, &before, &mut found, options);
    healthcheck::check_dependencies(d, &found);
    ports::publish(d, &settings, &mut found);
    rootless::network::share(d, &mut found, &settings);
    // Stable: the containers of one service stay in their order.
    found.sort_by_key(|service| order.get(&service.name.value).copied());
    volumes::complete(d, &mut found);
    volumes::check_risks(d, &found);
    let (lock, kept) = images.finish(d);
    let lock = Lock { networks: addresses, ..lock };
    Ok(Project { services: found, lock, kept, settings })
}

/// What there is to build.
#[derive(Debug)]
pub struct Building {
    /// How the images of services are built, for those that say so.
    pub recipes: Vec<Recipe>,
    /// What they are built for.
    pub platform: Platform,
    /// Where they go: an OCI image layout, which need not be there yet.
    pub layout: PathBuf,
    /// The images that have sources of their own, where no build puts anything: the names of the sources by those of the
    /// images.
    pub sources: BTreeMap<String, String>,
}

/// Reads how images are built.
pub fn building(d: &mut Diagnostics, file: &compose::File, options: &Options) -> Result<Building, Reported> {
    let (platform, _) =
        settings::platform(d, file.extension.platform.as_ref(), options.choices.platform.as_ref())?;
    let own = file.services.iter().filter(|service| service.value.extension.rootfs.is_none());
    let recipe = |service: &Named<compose::Service>| {
        build::recipe(&service.name, &service.value, &options.name, &options.directory)
    };
    let recipes = own.filter_map(recipe).collect();
    let layout = images::common_path(&file.extension, options);
    let sources = images::sources(&file.extension, options);
    Ok(Building { recipes, platform, layout, sources })
}

/// All containers of every service that is waited for.
fn starts_after(
    written: &compose::Service,
    peers: &namespaces::Peers,
    replicas: &replicas::Replicas,
) -> Vec<Dependency> {
    let containers = peers.containers_of(written);
    let needed = written.depends_on.iter().chain(&containers);
    let bundles = needed.flat_map(|service| {
        replicas.of(&service.name.value).iter().map(|bundle| {
            let name = Spanned { value: Rc::clone(bundle), span: service.name.span };
            Dependency { name, ..service.clone() }
        })
    });
    bundles.collect()
}

/// The services without dependencies on what is not there: those were optional, or reported.
fn services(services: Vec<Named<compose::Service>>) -> Vec<Named<Rc<compose::Service>>> {
    let names: BTreeSet<Rc<str>> = services.iter().map(|service| Rc::clone(&service.name.value)).collect();
    let known = services.into_iter().map(|Named { name, mut value, whole }| {
        value.depends_on.retain(|dependency| names.contains(&dependency.name.value));
        Named { name, value: Rc::new(value), whole }
    });
    known.collect()
}

/// A build of nothing is a mistake in the file name more often than a wish.
fn check_not_empty(d: &mut Diagnostics, services: &[Named<Rc<compose::Service>>], sources: &Sources) {
    if services.is_empty() && d.errors() == 0 {
        let draft = d.error(Code::MissingKey, "there is no service to build");
        match sources.files().next() {
            Some((file, ..)) => draft.label(Span::start_of(file), "`services` is missing or empty").emit(),
            None => draft.emit(),
        };
    }
}

/// Where a container stands among those of the project.
struct Place<'a> {
    name: &'a Spanned<Rc<str>>,
    bundle: &'a Rc<str>,
    starts_after: &'a [Dependency],
    namespaces: &'a Namespaces,
}

fn service(
    d: &mut Diagnostics,
    sources: &mut Sources,
    place: &Place,
    written: &Rc<compose::Service>,
    declared: &mut volumes::Declared,
    images: &mut images::Images,
    options: &Options,
) -> Result<Service, Reported> {
    // Every part is looked at before the first error ends the service.
    let root = root(d, place.name, written, images, options);
    let environment = environment::of_service(written);
    let security = security::security(d, sources, written, options);
    let mounts = volumes::mounts(d, place.bundle, written, declared, options);
    let root = root?;
    let user = users::user(d, written, place.name, &root, images, options);
    let (user, security, mounts) = (user?, security?, mounts?);
    let healthcheck = healthcheck::of_service(written, place.name, &root);
    Ok(Service {
        name: place.name.clone(),
        bundle: Rc::clone(place.bundle),
        written: Rc::clone(written),
        starts_after: place.starts_after.to_vec(),
        namespaces: place.namespaces.clone(),
        root,
        user,
        environment,
        security,
        healthcheck,
        mounts,
        networks: Vec::new(),
        ports: Vec::new(),
        mapped: Vec::new(),
    })
}

fn root(
    d: &mut Diagnostics,
    name: &Spanned<Rc<str>>,
    written: &compose::Service,
    images: &mut images::Images,
    options: &Options,
) -> Result<Root, Reported> {
    if let Some(rootfs) = &written.extension.rootfs {
        let path = HostPath::resolve(d, rootfs, options);
        return Ok(Root::Directory(Spanned { value: path, span: rootfs.span }));
    }
    let Some(reference) = build::image(name, written, &options.name) else {
        let message = format!("service `{}` has no image", name.value);
        let draft = d.error(Code::MissingImage, message).label(name.span, "");
        return Err(draft.help("give it an `image`, or a directory: `x-bundlegen: {rootfs: DIR}`").emit());
    };
    let found = images.find(d, &reference);
    if found.is_err() {
        build::warn(d, name, written, &reference.value);
    }
    found
}
