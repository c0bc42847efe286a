//! Where the image of a bundle is: the first place, in a fixed order, that has its manifest by digest.
//!
//! What is on this host's disks is read where it is. What a registry has comes through the store, which proves it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use super::bundle::PullPolicy;
use super::rootfs::Rootfs;
use super::tree::Tree;
use super::{Error, Fetched, Looked, Progress};
use crate::image::{
    self, Image, OpenRepository, Reference, Source, SourceName, Store, open_path, open_usual,
};

/// Where images may come from, in this order, but for what the bundles say of single images, which comes second.
pub struct Images<'a> {
    /// What was said of single images, relative to the working directory.
    pub named: &'a [(Reference, SourceName)],
    /// A directory or an archive with images.
    pub place: &'a Path,
    /// Whether nobody has chosen that place, so that anything may be there.
    pub is_usual: bool,
    /// The store for what is fetched; `None` if there is no place for one.
    pub store: Option<&'a Path>,
    /// The way to registries; `None` if none may be asked.
    pub registries: Option<&'a OpenRepository<'a>>,
}

impl<'a> Images<'a> {
    /// Those of one directory.
    pub fn at(place: &'a Path) -> Self {
        Images { named: &[], place, is_usual: false, store: None, registries: None }
    }
}

/// An image, and where it can be read.
pub(super) struct Found {
    pub source: Rc<dyn Source>,
    pub image: Image,
}

/// Looks for images, and remembers what it has opened.
pub(super) struct Finder<'a> {
    images: &'a Images<'a>,
    tree: &'a Tree,
    place: Option<Rc<dyn Source>>,
    store: Option<Rc<Store>>,
}

/// What is being looked for, and where it was not.
struct Search<'r> {
    roots: &'r [Rootfs<'r>],
    root: &'r Rootfs<'r>,
    looked: Vec<Looked>,
}

impl Search<'_> {
    fn found(&mut self, source: Rc<dyn Source>) -> Result<Option<Found>, Error> {
        let image =
            image::by_manifest(&*source, self.root.digest).map_err(|error| self.root.failed(error))?;
        if image.is_none() {
            self.looked.push(Looked::Without(source.to_string()));
        }
        Ok(image.map(|image| Found { source, image }))
    }

    /// Looks into a source on this host's disks.
    fn local(&mut self, name: &SourceName, directory: &Path) -> Result<Option<Found>, Error> {
        let no_registry = |reference: &Reference| {
            let (path, reason) = (reference.to_string().into(), "not asked here".to_owned());
            Err(image::Error::Layout { path, reason })
        };
        let opened = name.open(directory, &no_registry).map_err(|error| self.root.failed(error))?;
        let Some(source) = opened else {
            self.looked.push(Looked::Nothing(name.to_string()));
            return Ok(None);
        };
        self.found(Rc::from(source))
    }
}

impl<'a> Finder<'a> {
    pub fn new(images: &'a Images<'a>, tree: &'a Tree) -> Self {
        Finder { images, tree, place: None, store: None }
    }

    /// Finds the one image of some roots.
    pub fn find(&mut self, roots: &[Rootfs], tell: &mut dyn FnMut(Progress)) -> Result<Option<Found>, Error> {
        let Some(root) = roots.first() else { return Ok(None) };
        let mut search = Search { roots, root, looked: Vec::new() };
        let mut remote = Vec::new();
        for (name, directory) in self.named(roots) {
            match name.registry() {
                Some(_) if is_never_asked(roots) => {}
                Some(reference) => remote.push(reference.clone()),
                None => match search.local(&name, &directory)? {
                    None => {}
                    found => return Ok(found),
                },
            }
        }
        if let Some(found) = self.in_place(&mut search)? {
            return Ok(Some(found));
        }
        if let Some(found) = self.in_store(&mut search, tell)? {
            return Ok(Some(found));
        }
        for reference in self.repositories(&mut search, remote) {
            if let Some(found) = self.in_registry(&mut search, &reference, tell)? {
                return Ok(Some(found));
            }
        }
        let (reference, digest) = (Box::new(root.reference.clone()), root.digest.clone());
        Err(Error::Missing { reference, digest, looked: search.looked })
    }

    /// What was said of the images by name, and where relative paths start: on the command line, then in the bundles.
    fn named(&self, roots: &[Rootfs]) -> Vec<(SourceName, PathBuf)> {
        let is_meant = |reference: &Reference| roots.iter().any(|root| root.reference == reference);
        let chosen = self.images.named.iter().filter(|(reference, _)| is_meant(reference));
        let mut names: Vec<_> = chosen.map(|(_, source)| (source.clone(), PathBuf::new())).collect();
        for root in roots {
            let bundle = self.tree.path().join(&root.bundle.name);
            names.extend(root.bundle.source.iter().map(|source| (source.clone(), bundle.clone())));
        }
        names
    }

    fn in_place(&mut self, search: &mut Search) -> Result<Option<Found>, Error> {
        if self.place.is_none() {
            let open = if self.images.is_usual { open_usual } else { open_path };
            let opened = open(self.images.place).map_err(|error| search.root.failed(error))?;
            self.place = opened.map(Rc::from);
        }
        let Some(source) = &self.place else {
            search.looked.push(Looked::Nothing(self.images.place.display().to_string()));
            return Ok(None);
        };
        search.found(Rc::clone(source))
    }

    /// A store can have an image without its layers.
    fn in_store(
        &mut self,
        search: &mut Search,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<Option<Found>, Error> {
        let Some(path) = self.images.store else { return Ok(None) };
        let failed = |error| search.root.failed(error);
        if self.store.is_none() {
            let open = |waiting: &dyn Fn()| Store::open_existing(path, waiting);
            self.store = told(path, tell, open).map_err(failed)?.map(Rc::new);
        }
        let Some(store) = self.store.clone() else { return Ok(None) };
        let Some(found) = search.found(Rc::clone(&store) as Rc<dyn Source>)? else { return Ok(None) };
        if !store.has(&found.image).map_err(|error| search.root.failed(error))? {
            search.looked.push(Looked::Without(store.to_string()));
            return Ok(None);
        }
        self.keep(&store, search.root)?;
        Ok(Some(found))
    }

    /// The repositories that may be asked, each once: those that are named, then those of the images.
    fn repositories(&self, search: &mut Search, named: Vec<Reference>) -> Vec<Reference> {
        let mut all = named;
        for root in search.roots {
            match root.bundle.pull_policy {
                PullPolicy::Any => all.push(root.reference.clone()),
                PullPolicy::Never(policy) => {
                    let reason = format!("{} has `pull_policy: {policy}`", root.bundle.name);
                    search.looked.push(Looked::NotAsked(reason));
                }
            }
        }
        let reason = match (self.images.registries, self.images.store) {
            _ if all.is_empty() => return all,
            (None, _) => "this run is offline",
            (_, None) => "there is no place for images; name one with `--state`",
            _ => {
                let mut seen = BTreeSet::new();
                all.retain(|name| seen.insert(format!("{}/{}", name.domain(), name.path())));
                return all;
            }
        };
        search.looked.push(Looked::NotAsked(reason.to_owned()));
        Vec::new()
    }

    fn in_registry(
        &mut self,
        search: &mut Search,
        reference: &Reference,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<Option<Found>, Error> {
        let (Some(registries), Some(path)) = (self.images.registries, self.images.store) else {
            return Ok(None);
        };
        let asked = registries(reference).and_then(|repository| {
            let image = image::by_manifest(&*repository, search.root.digest)?;
            Ok((repository, image))
        });
        let (repository, image) = match asked {
            Ok((repository, Some(image))) => (repository, image),
            Ok((repository, None)) => {
                search.looked.push(Looked::Without(repository.to_string()));
                return Ok(None);
            }
            Err(error) => {
                search.looked.push(Looked::Failed(error.to_string()));
                return Ok(None);
            }
        };
        let failed = |error| search.root.failed(error);
        let open = |waiting: &dyn Fn()| Store::open_or_wait(path, waiting);
        let store = match &self.store {
            Some(store) => Rc::clone(store),
            None => Rc::new(told(path, tell, open).map_err(failed)?),
        };
        self.store = Some(Rc::clone(&store));
        // The store is told by which name it was fetched.
        let image = Image { name: Some(search.root.reference.to_string()), ..image };
        fetch(&store, &*repository, &image, search.root, tell)?;
        self.keep(&store, search.root)?;
        search.found(store)
    }

    /// Has the store keep what the tree needs.
    fn keep(&self, store: &Store, root: &Rootfs) -> Result<(), Error> {
        store.keep(self.tree.path()).map_err(|error| root.failed(error))
    }
}

/// Whether no registry may be asked, not even one that is named for the image: `lock` understands the policies so.
fn is_never_asked(roots: &[Rootfs]) -> bool {
    let says = |policy| roots.iter().any(|root| root.bundle.pull_policy == policy);
    says(PullPolicy::Never("never")) && !says(PullPolicy::Any)
}

/// Opens a store, and tells that somebody is waited for.
fn told<T>(
    path: &Path,
    tell: &mut dyn FnMut(Progress),
    open: impl FnOnce(&dyn Fn()) -> Result<T, image::Error>,
) -> Result<T, image::Error> {
    let tell = std::cell::RefCell::new(tell);
    open(&|| (tell.borrow_mut())(Progress::Waiting { path: path.to_owned() }))
}

/// Fetches all of an image, in threads of the store; what they tell is told here.
fn fetch(
    store: &Store,
    source: &dyn Source,
    image: &Image,
    root: &Rootfs,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let total = image.layers.iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size));
    tell(Progress::Fetching { image: root.reference.clone(), from: source.to_string(), bytes: total });
    let (sender, receiver) = mpsc::channel();
    let fetched = thread::scope(|scope| {
        let fetching = scope.spawn(move || {
            store.fetch(source, image, &|fetching| {
                // Nobody listens any more only where all is over.
                let _told = sender.send((fetching.blob.digest.clone(), fetching.bytes()));
            })
        });
        for (blob, bytes) in receiver {
            tell(Progress::Fetched(Fetched { blob, bytes }));
        }
        fetching.join()
    });
    match fetched {
        Ok(fetched) => fetched.map(drop).map_err(|error| root.failed(error)),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
