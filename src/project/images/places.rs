//! Where the project and the command line say that images are. Nothing here asks a registry on its own.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::search::{Reach, Search};
use super::wish::Wish;
use crate::compose::decode::Pair;
use crate::compose::{Extension, Images as Written};
use crate::diag::{Code, Diagnostics, Reported};
use crate::image::{Error, Reference, Source, SourceName, open_path, open_usual};
use crate::load::in_project;
use crate::nearest::nearest;
use crate::project::{HostPath, Options};
use crate::source::{Span, Spanned};

/// The place of all images where nobody says one.
const DEFAULT: &str = "images";

/// Where images come from.
pub(super) struct Places {
    /// The directory or archive of all images, and what is in it if it is there.
    path: PathBuf,
    common: Option<Rc<dyn Source>>,
    /// The sources of single images, by normalised name.
    named: BTreeMap<String, Named>,
    /// What the file says of all images, from a bundle.
    of_all: Option<Spanned<Rc<str>>>,
}

/// The source of one image.
pub(super) struct Named {
    source: SourceName,
    /// Where its path starts.
    directory: PathBuf,
    /// Where the file names it, and how a bundle spells it; nothing of the command line is in a bundle.
    pub(super) written: Option<Spanned<Rc<str>>>,
}

/// What there is of a source.
pub(super) enum Opened {
    Source(Rc<dyn Source>),
    /// There is nothing at its path.
    Absent,
    /// It is a registry, and none may be asked.
    Registry,
}

impl Places {
    /// Reads what was said about sources, and opens the place of all images unless the lock is all there is.
    pub(super) fn open(
        d: &mut Diagnostics,
        extension: &Extension,
        search: &Search,
        wishes: &BTreeMap<String, Wish>,
        options: &Options,
    ) -> Result<Self, Reported> {
        let (place, pairs) = match &extension.images {
            Some(Written::Place(place)) => (Some(place), &[][..]),
            Some(Written::Named(pairs)) => (None, pairs.as_slice()),
            None => (None, &[][..]),
        };
        place.map_or(Ok(()), |place| check_place(d, place))?;
        let path = common_path(extension, options);
        let is_usual = place.is_none() && options.images.is_none();
        let common = if matches!(search.reach, Reach::Lock(_)) {
            None
        } else {
            let opened = if is_usual { open_usual(&path) } else { open_path(&path) };
            place_of_all(d, opened, place)?
        };
        let named = named(d, pairs, search, wishes, options)?;
        let of_all = place.map(|place| of_all(d, place, options));
        Ok(Places { path, common, named, of_all })
    }

    /// The directory or archive of all images.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it, if it is there.
    pub(super) fn common(&self) -> Option<&Rc<dyn Source>> {
        self.common.as_ref()
    }

    /// The source of an image that has one of its own.
    pub(super) fn named(&self, name: &str) -> Option<&Named> {
        self.named.get(name)
    }

    /// What a bundle says about where its image comes from.
    pub(super) fn written(&self, name: &str) -> Option<Spanned<Rc<str>>> {
        let named = self.named.get(name).and_then(|named| named.written.clone());
        named.or_else(|| self.of_all.clone())
    }
}

impl Named {
    /// Opens it. A registry is asked through `search`, if that reaches so far.
    pub(super) fn open(&self, search: &Search) -> Result<Opened, Error> {
        let refused = Cell::new(false);
        let registries = |reference: &Reference| {
            if let (Some(elsewhere), Reach::Network) = (&search.elsewhere, search.reach) {
                return elsewhere.repository(reference);
            }
            refused.set(true);
            let reason = "not asked: the network is for `bundlegen lock`".to_owned();
            Err(Error::Layout { path: reference.to_string().into(), reason })
        };
        match self.source.open(&self.directory, &registries) {
            Err(_) if refused.get() => Ok(Opened::Registry),
            Err(error) => Err(error),
            Ok(Some(source)) => Ok(Opened::Source(source.into())),
            Ok(None) => Ok(Opened::Absent),
        }
    }

    /// Whether it is a registry.
    pub(super) fn is_registry(&self) -> bool {
        self.source.path().is_none()
    }

    /// Its name, as the user has it.
    pub(super) fn name(&self) -> String {
        self.source.to_string()
    }
}

/// The directory or archive of all images: what was chosen, else what is written, else the default.
pub(in crate::project) fn common_path(extension: &Extension, options: &Options) -> PathBuf {
    let written = match &extension.images {
        Some(Written::Place(place)) => &place.value,
        Some(Written::Named(_)) | None => DEFAULT,
    };
    options.images.clone().unwrap_or_else(|| in_project(written, &options.directory))
}

/// The images that have sources of their own, by normalised name, with the sources. What is wrong with them is for
/// [`Places::open`] to say.
pub(in crate::project) fn sources(extension: &Extension, options: &Options) -> BTreeMap<String, String> {
    let pairs = match &extension.images {
        Some(Written::Named(pairs)) => pairs.as_slice(),
        _ => &[],
    };
    let written = pairs.iter().filter_map(|pair| {
        let reference = pair.key.value.parse::<Reference>().ok()?;
        Some((reference.to_string(), pair.value.as_ref()?.value.to_string()))
    });
    let named = options.search.named.iter();
    let named = named.map(|(reference, source)| (reference.to_string(), source.to_string()));
    written.chain(named).collect()
}

/// A place of several images is a path: which of them is meant, a service says.
fn check_place(d: &mut Diagnostics, place: &Spanned<Rc<str>>) -> Result<(), Reported> {
    let source = place.value.parse::<SourceName>();
    let source = source.map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |range| place.at(range)))?;
    if source.path().is_some_and(|path| path == Path::new(&*place.value)) {
        return Ok(());
    }
    let message = format!("the place of all images is a path, and `{source}` is a source of one");
    let draft = d.error(Code::InvalidValue, message).label(place.span, "");
    Err(draft.help("write the path alone, or a mapping with the image: `{NAME: SOURCE}`").emit())
}

fn place_of_all(
    d: &mut Diagnostics,
    opened: Result<Option<Box<dyn Source>>, Error>,
    written: Option<&Spanned<Rc<str>>>,
) -> Result<Option<Rc<dyn Source>>, Reported> {
    let opened = opened.map_err(|error| {
        let draft = d.error(Code::Image, error.to_string());
        match written {
            Some(written) => draft.label(written.span, "the place of the images").emit(),
            None => draft.emit(),
        }
    })?;
    Ok(opened.map(Rc::from))
}

/// The sources of single images: those of the command line go before those of the file.
fn named(
    d: &mut Diagnostics,
    pairs: &[Pair],
    search: &Search,
    wishes: &BTreeMap<String, Wish>,
    options: &Options,
) -> Result<BTreeMap<String, Named>, Reported> {
    let mut all: BTreeMap<String, Named> = BTreeMap::new();
    let mut failed = Ok(());
    for pair in pairs {
        let written = written(d, pair, options, &mut all);
        failed = failed.and(written);
    }
    for (name, named) in &all {
        if let (None, Some(written)) = (wishes.get(name), &named.written) {
            let message = format!("no service has the image `{}`", familiar(name));
            d.warning(Code::Image, message).label(written.span, "its source is not needed").emit();
        }
    }
    let mut given = BTreeSet::new();
    for (reference, source) in &search.named {
        let name = reference.to_string();
        if !given.insert(reference) {
            let message = format!("`--image` names `{}` twice", reference.familiar());
            failed = failed.and(Err(d.error(Code::Conflict, message).help("name one source for it").emit()));
        }
        if !wishes.contains_key(&name) {
            let message =
                format!("`--image` names `{}`, and no service has that image", reference.familiar());
            let known = nearest(&name, wishes.keys().map(String::as_str));
            let known = known.map(familiar);
            failed = failed.and(Err(d.error(Code::Image, message).did_you_mean(known.as_deref()).emit()));
        }
        all.insert(name, Named { source: source.clone(), directory: ".".into(), written: None });
    }
    failed.map(|()| all)
}

/// Reads an image and its source in the file.
fn written(
    d: &mut Diagnostics,
    pair: &Pair,
    options: &Options,
    all: &mut BTreeMap<String, Named>,
) -> Result<(), Reported> {
    let reference = pair.key.value.parse::<Reference>();
    let reference =
        reference.map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |range| pair.key.at(range)));
    let value = pair.value.clone().ok_or_else(|| {
        let message = format!("the image `{}` has no source", pair.key.value);
        let draft = d.error(Code::MissingKey, message).label(pair.key.span, "");
        draft.help("write where it comes from, such as `oci:images` or `docker-archive:app.tar`").emit()
    });
    let source = value.and_then(|value| {
        let source = value.value.parse::<SourceName>();
        let source =
            source.map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |range| value.at(range)))?;
        Ok((source, value))
    });
    let (reference, (source, value)) = (reference?, source?);
    let name = reference.to_string();
    let text = in_bundle(d, &source, value.span, options)?;
    let written = Some(Spanned { value: text, span: pair.key.span });
    let named = Named { source, directory: options.directory.clone(), written };
    if let Some(before) = all.insert(name.clone(), named).and_then(|named| named.written) {
        let draft = d.error(Code::Conflict, format!("the image `{name}` has two sources"));
        return Err(draft.label(pair.key.span, "").label(before.span, "the other one").emit());
    }
    Ok(())
}

/// A source as a bundle spells it.
fn in_bundle(
    d: &mut Diagnostics,
    source: &SourceName,
    span: Span,
    options: &Options,
) -> Result<Rc<str>, Reported> {
    let Some(path) = source.path() else { return Ok(source.to_string().into()) };
    let path = HostPath::resolve(d, &Spanned { value: path.to_string_lossy().into(), span }, options);
    let moved = source.at(path.as_str()).ok_or_else(|| {
        let message = format!("the path `{path}` has a colon, which ends a path in the name of a source");
        let draft = d.error(Code::InvalidValue, message).label(span, "");
        draft.help("write the path alone, without what it is").emit()
    });
    Ok(moved?.to_string().into())
}

/// The place of all images as a bundle spells it.
fn of_all(d: &mut Diagnostics, place: &Spanned<Rc<str>>, options: &Options) -> Spanned<Rc<str>> {
    let path = HostPath::resolve(d, place, options);
    Spanned { value: path.as_str().into(), span: place.span }
}

/// A name as people write it.
pub(super) fn familiar(name: &str) -> String {
    name.parse::<Reference>().map_or_else(|_| name.to_owned(), |name| name.familiar())
}
