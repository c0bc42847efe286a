//! What is meant: a Compose file with every reference followed.
//!
//! After [`resolve`] nothing is read any more. The attributes as they were written stay as they are; a
//! [`Service`] adds what needs another file, another service or the image.

mod build;
mod environment;
mod features;
mod healthcheck;
mod images;
mod networks;
mod order;
mod rootless;
mod security;
mod settings;
mod users;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use crate::compose::{self, Named};
use crate::diag::{Code, Diagnostics, Reported};
use crate::load::Environment;
use crate::lock::{Lock, LockedImage};
use crate::source::{Sources, Span, Spanned};

pub use environment::Variable;
pub use features::Features;
pub use healthcheck::{Healthcheck, State};
pub use networks::Attachment;
pub use rootless::{Mapping, Rootless};
pub use security::{Seccomp, Security};
pub use settings::{Choices, Settings};
pub use users::User;
pub use volumes::{
    Access, Content, GeneratedFile, HostPath, MissingSource, Mount, MountFrom, MountSource, PrivateContent,
    PrivateFile,
};

/// A project whose parts are all known.
#[derive(Debug)]
pub struct Project {
    /// The services, dependencies first, then by name.
    pub services: Vec<Service>,
    /// What holds for all of them.
    pub settings: Settings,
    /// What the images are, for the next build.
    pub lock: Lock,
}

/// A service with everything it refers to.
#[derive(Debug)]
pub struct Service {
    /// Its key in the Compose file: the name of its bundle.
    pub name: Spanned<Rc<str>>,
    /// Its attributes as they were written.
    pub written: compose::Service,
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
    /// The networks it is in, by name.
    pub networks: Vec<Attachment>,
}

/// Where a root file system comes from.
#[derive(Debug)]
pub enum Root {
    /// An image.
    Image(Rc<Image>),
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
}

impl Project {
    /// The names of the services in the order they start; none where no service waits for another one.
    pub fn start_order(&self) -> Vec<Rc<str>> {
        let waits = self.services.iter().any(|service| !service.written.depends_on.is_empty());
        let names = self.services.iter().map(|service| Rc::clone(&service.name.value));
        names.filter(|_| waits).collect()
    }
}

impl Service {
    /// What the image says, if there is one.
    pub fn image(&self) -> Option<&Image> {
        match &self.root {
            Root::Image(image) => Some(image),
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
    /// An OCI image layout; `images` in the project directory by default.
    pub images: Option<PathBuf>,
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
    lock: Option<Lock>,
    options: &Options,
) -> Result<Project, Reported> {
    let settings = settings::settings(d, sources, &file.extension, options)?;
    let mut images = images::Images::open(d, &file.extension, lock, &settings.platform, options)?;
    let order = order::start_order(&file.services);
    let mut declared =
        Declared { volumes: volumes::Declared::new(&file), networks: networks::Declared::new(file.networks) };
    check_not_empty(d, &file.services, sources);
    let names: BTreeSet<Rc<str>> =
        file.services.iter().map(|service| Rc::clone(&service.name.value)).collect();
    let mut services = Vec::new();
    for named in file.services {
        let Named { name, value: mut written, whole } = named;
        // One that is not there was optional, or reported.
        written.depends_on.retain(|dependency| names.contains(&dependency.name.value));
        // Anything more would follow from the mistake.
        if whole.is_err() {
            continue;
        }
        services.extend(service(d, sources, name, written, &mut declared, &mut images, options));
    }
    services.sort_by(|a: &Service, b| a.name.value.cmp(&b.name.value));
    healthcheck::check_dependencies(d, &services);
    services.sort_by_key(|service| order.get(&service.name.value).copied());
    volumes::complete(d, &mut services);
    volumes::check_risks(d, &services);
    Ok(Project { services, lock: images.into_lock(), settings })
}

/// What a project defines besides services.
struct Declared {
    networks: networks::Declared,
    volumes: volumes::Declared,
}

/// A build of nothing is a mistake in the file name more often than a wish.
fn check_not_empty(d: &mut Diagnostics, services: &[Named<compose::Service>], sources: &Sources) {
    if services.is_empty() && d.errors() == 0 {
        let draft = d.error(Code::MissingKey, "there is no service to build");
        match sources.files().next() {
            Some((file, ..)) => draft.label(Span::start_of(file), "`services` is missing or empty").emit(),
            None => draft.emit(),
        };
    }
}

fn service(
    d: &mut Diagnostics,
    sources: &mut Sources,
    name: Spanned<Rc<str>>,
    written: compose::Service,
    declared: &mut Declared,
    images: &mut images::Images,
    options: &Options,
) -> Result<Service, Reported> {
    // Every part is looked at before the first error ends the service.
    let root = root(d, &name, &written, images, options);
    let environment = environment::of_service(&written);
    let security = security::security(d, sources, &written, options);
    let mounts = volumes::mounts(d, &name.value, &written, &mut declared.volumes, options);
    let root = root?;
    let user = users::user(d, &written, &name, &root, images, options);
    let (user, security, mounts) = (user?, security?, mounts?);
    let healthcheck = healthcheck::of_service(&written, &name, &root);
    let networks = declared.networks.of_service(&written);
    Ok(Service { name, written, root, user, environment, security, healthcheck, mounts, networks })
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
    let Some(reference) = build::image(d, name, written, &options.name) else {
        let message = format!("service `{}` has no image", name.value);
        let draft = d.error(Code::MissingImage, message).label(name.span, "");
        return Err(draft.help("give it an `image`, or a directory: `x-bundlegen: {rootfs: DIR}`").emit());
    };
    images.find(d, &reference).map(Root::Image)
}
