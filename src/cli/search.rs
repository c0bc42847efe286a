//! From arguments to where images are looked for.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use super::bar::Bar;
use super::state::{StateArgs, StateError};
use super::store::amount;
use super::{ImageArgs, complain};
use crate::diag::Invalid;
use crate::image::{Error, Image, Reference, Registries, Source, SourceName, Store};
use crate::project::{Elsewhere, Reach, Search};

/// An image and where it comes from.
#[derive(Clone, Debug)]
pub struct ImageSource {
    /// The image.
    pub reference: Reference,
    /// Where it comes from.
    pub source: SourceName,
}

impl FromStr for ImageSource {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some((name, source)) = text.split_once('=') else {
            let help = "write `NAME=SOURCE`, such as `app=oci-archive:app.tar`";
            return Err(Invalid::whole(text, format!("`{text}` names no source")).help(help));
        };
        Ok(ImageSource { reference: name.parse()?, source: source.parse()? })
    }
}

/// Refuses a place for images that is not there: who names one means it.
pub(super) fn check_place(args: &ImageArgs) -> Result<(), String> {
    match &args.images {
        Some(path) if !path.exists() => {
            Err(format!("there is nothing at `{}`, which `--images` names", path.display()))
        }
        _ => Ok(()),
    }
}

/// A search that does not leave this machine.
pub(super) fn local(args: &ImageArgs, state: &StateArgs) -> Search {
    search(args, Reach::Local, Host { state: state.clone(), registries: None, say: Say::All })
}

/// A search that asks registries too.
pub(super) fn network(args: &ImageArgs, state: &StateArgs, registries: &Registries, say: Say) -> Search {
    search(args, Reach::Network, Host { state: state.clone(), registries: Some(registries.clone()), say })
}

fn search(args: &ImageArgs, reach: Reach, host: Host) -> Search {
    let named = args.image.iter().map(|image| (image.reference.clone(), image.source.clone()));
    Search { reach, named: named.collect(), elsewhere: Some(Rc::new(host)), ..Search::default() }
}

/// What a host has besides a project: its store, and the way to registries.
#[derive(Debug)]
struct Host {
    state: StateArgs,
    /// None where nobody may be asked.
    registries: Option<Registries>,
    say: Say,
}

/// What is said of work that goes well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Say {
    /// What happens.
    All,
    /// Nothing.
    Nothing,
}

impl Elsewhere for Host {
    fn repository(&self, reference: &Reference) -> Result<Box<dyn Source>, Error> {
        match &self.registries {
            Some(registries) => Ok(Box::new(registries.repository(reference))),
            None => Err(failed(reference, "this command asks no registry")),
        }
    }

    fn store(&self) -> Result<Option<Box<dyn Source>>, Error> {
        match self.state.existing_store() {
            Ok(store) => Ok(store.map(|store| Box::new(store) as Box<dyn Source>)),
            Err(StateError::Store(error)) => Err(error),
            // Nothing can have been kept where there is no place for it.
            Err(StateError::Nowhere) => Ok(None),
        }
    }

    fn fetch(
        &self,
        source: &dyn Source,
        reference: &Reference,
        image: &Image,
    ) -> Result<Box<dyn Source>, Error> {
        let store = self.state.store().map_err(|error| match error {
            StateError::Store(error) => error,
            nowhere @ StateError::Nowhere => failed(reference, nowhere),
        })?;
        // The store is told by which name it was fetched.
        let image = Image { name: Some(reference.to_string()), ..image.clone() };
        if !store.has(&image)? {
            let bar = (self.say == Say::All && Bar::is_wanted())
                .then(|| Bar::new(size(&image), format!("fetching {}", reference.familiar())));
            if self.say == Say::All && bar.is_none() {
                complain(&format!("{}: fetching {}\n", reference.familiar(), layers(&image)));
            }
            let blobs = Mutex::new(BTreeMap::new());
            store.fetch(source, &image, &|fetching| {
                let Some(bar) = &bar else { return };
                let mut blobs = blobs.lock().unwrap_or_else(PoisonError::into_inner);
                blobs.insert(fetching.blob.digest.clone(), fetching.bytes());
                bar.at(blobs.values().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes)));
            })?;
        }
        Ok(Box::new(store))
    }
}

fn failed(reference: &Reference, reason: impl fmt::Display) -> Error {
    Error::Layout { path: reference.to_string().into(), reason: reason.to_string() }
}

fn size(image: &Image) -> u64 {
    image.layers.iter().fold(0, |sum: u64, layer| sum.saturating_add(layer.size))
}

fn layers(image: &Image) -> String {
    let bytes = size(image);
    let layers = match image.layers.len() {
        1 => "1 layer".to_owned(),
        count => format!("{count} layers"),
    };
    format!("{layers}, {}", amount(bytes))
}

/// Has the store keep the images of a lock, if there is a store.
pub(super) fn keep(state: &StateArgs, lock: &std::path::Path) -> Result<(), StateError> {
    let store: Option<Store> = state.existing_store()?;
    Ok(store.map_or(Ok(()), |store| store.keep(lock))?)
}
