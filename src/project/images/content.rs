//! Finding images: by name where the lock does not say which it is, and by digest where their layers are wanted.

use std::rc::Rc;

use super::places::{Named, Opened};
use super::search::Reach;
use super::wish::Wish;
use super::{Digest, Found, Images, Origin, Record};
use crate::diag::{Code, Diagnostics, Draft, Reported};
use crate::image::{self, Error, Reference, RegistryError, Source};
use crate::project::Image;
use crate::source::Span;

impl Images {
    /// An image by its name, which must be there.
    pub(super) fn resolve(
        &self,
        d: &mut Diagnostics,
        reference: &Reference,
        wish: &Wish,
        span: Span,
    ) -> Result<Record, Reported> {
        let record = self.resolved(d, reference, wish, span)?;
        record.ok_or_else(|| self.missing(d, reference, wish, span))
    }

    /// An image by its name, from the first place that has it; `None` where only a registry could, and must not be
    /// asked.
    pub(super) fn resolved(
        &self,
        d: &mut Diagnostics,
        reference: &Reference,
        wish: &Wish,
        span: Span,
    ) -> Result<Option<Record>, Reported> {
        if let Reach::Lock(_) = self.search.reach {
            return Ok(None);
        }
        if let Some(named) = self.places.named(&reference.to_string()) {
            return self.of_named(d, named, reference, wish, span).map(Some);
        }
        let found = match self.places.common() {
            Some(place) => self.in_source(place, reference, Origin::Local),
            None => Ok(None),
        };
        let failed = |d: &mut Diagnostics, error: Error| {
            let draft = d.error(Code::Image, error.to_string()).label(span, "this image");
            helped(draft, &error).emit()
        };
        if let Some(record) = found.map_err(|error| failed(d, error))? {
            return Ok(Some(record));
        }
        match (&self.search.elsewhere, self.search.reach, wish.refusal()) {
            (Some(elsewhere), Reach::Network, None) => {
                let found = elsewhere.repository(reference).and_then(|repository| {
                    let repository = repository.into();
                    let found = self.in_source(&repository, reference, Origin::Registry)?;
                    Ok((repository, found))
                });
                let (repository, found) = found.map_err(|error| failed(d, error))?;
                found.map(Some).ok_or_else(|| not_there(d, reference, &*repository, span))
            }
            _ => Ok(None),
        }
    }

    /// An image that has a source of its own comes from there and from nowhere else: what another place has under the
    /// name may be anybody's.
    fn of_named(
        &self,
        d: &mut Diagnostics,
        named: &Named,
        reference: &Reference,
        wish: &Wish,
        span: Span,
    ) -> Result<Record, Reported> {
        let name = named.name();
        let is_refused = named.is_registry() && wish.is_never_asked();
        let opened = if is_refused { Ok(Opened::Registry) } else { named.open(&self.search) };
        let found = opened.and_then(|opened| match opened {
            Opened::Source(source) => {
                let origin = if named.is_registry() { Origin::Registry } else { Origin::Local };
                let found = self.in_source(&source, reference, origin)?;
                Ok(found
                    .ok_or_else(|| (format!("`{name}` does not have it"), "get it, or name another source")))
            }
            Opened::Absent => Ok(Err((format!("`{name}` is not there"), "get it, or name another source"))),
            Opened::Registry if wish.is_never_asked() => {
                let why = format!("it comes from `{name}`, and `pull_policy` is `never`");
                Ok(Err((why, "name another source, or allow to ask there")))
            }
            Opened::Registry => {
                Ok(Err((format!("it comes from `{name}`"), "run `bundlegen lock`, which asks there")))
            }
        });
        let found = found.map_err(|error| {
            let draft = d.error(Code::Image, error.to_string()).label(span, "this image");
            let draft = helped(draft, &error);
            match &named.written {
                Some(written) => draft.label(written.span, "its source").emit(),
                None => draft.emit(),
            }
        })?;
        found.map_err(|(why, help)| {
            let draft = d.error(Code::MissingImage, self.not_at_hand(reference, &why)).label(span, "");
            let draft = match &named.written {
                Some(written) => draft.label(written.span, "its source"),
                None => draft,
            };
            draft.help(help).emit()
        })
    }

    fn in_source(
        &self,
        source: &Rc<dyn Source>,
        reference: &Reference,
        origin: Origin,
    ) -> Result<Option<Record>, Error> {
        let Some(image) = image::find(&**source, reference, &self.platform)? else { return Ok(None) };
        let is_named = |digest: &Digest| {
            image.manifest.digest == *digest
                || image.index.as_ref().is_some_and(|index| index.digest == *digest)
        };
        if let Some(digest) = reference.digest().filter(|digest| !is_named(digest)) {
            let reason = format!("{source} has {} in its place", image.manifest.digest);
            return Err(Error::Blob { digest: digest.clone(), reason });
        }
        Ok(Some(Record { source: Rc::clone(source), image: Rc::new(image), origin }))
    }

    /// An image with its layers: the one that was found, else by the digest of its manifest, which is the same
    /// whoever has it.
    pub(super) fn record(&self, image: &Image) -> Result<Option<Record>, Error> {
        if let Reach::Lock(_) = self.search.reach {
            return Ok(None);
        }
        let reference = image.reference.parse::<Reference>().ok();
        let wish = self.wishes.get(&*image.reference);
        let record = match self.found.get(&image.reference) {
            Some(Found::Known(_, Some(record))) => Some(record.clone()),
            _ => self.by_manifest(image, reference.as_ref(), wish)?,
        };
        match (record, reference, &self.search.elsewhere) {
            (Some(record), Some(reference), Some(elsewhere)) if record.origin == Origin::Registry => {
                let source = elsewhere.fetch(&*record.source, &reference, &record.image)?;
                Ok(Some(Record { source: source.into(), origin: Origin::Local, ..record }))
            }
            (record, ..) => Ok(record),
        }
    }

    fn by_manifest(
        &self,
        image: &Image,
        reference: Option<&Reference>,
        wish: Option<&Wish>,
    ) -> Result<Option<Record>, Error> {
        let Ok(digest) = image.locked.manifest.digest.parse::<Digest>() else { return Ok(None) };
        let in_source = |source: Rc<dyn Source>, origin| {
            let found = image::by_manifest(&*source, &digest)?;
            Ok::<_, Error>(found.map(|image| Record { source, image: Rc::new(image), origin }))
        };
        let mut local: Vec<Rc<dyn Source>> = Vec::new();
        let may_ask = |named: &&Named| !named.is_registry() || !wish.is_some_and(Wish::is_never_asked);
        if let Some(named) = self.places.named(&image.reference).filter(may_ask)
            && let Opened::Source(source) = named.open(&self.search)?
        {
            if named.is_registry() {
                return in_source(source, Origin::Registry);
            }
            local.push(source);
        }
        local.extend(self.places.common().cloned());
        if let Some(elsewhere) = &self.search.elsewhere {
            local.extend(elsewhere.store()?.map(Rc::from));
        }
        for source in local {
            let record = in_source(source, Origin::Local)?;
            if let Some(record) = record.filter(Record::is_whole) {
                return Ok(Some(record));
            }
        }
        match (&self.search.elsewhere, reference, wish.and_then(Wish::refusal)) {
            (Some(elsewhere), Some(reference), None) if self.search.reach == Reach::Network => {
                in_source(elsewhere.repository(reference)?.into(), Origin::Registry)
            }
            _ => Ok(None),
        }
    }

    /// Reports that the lock does not say who somebody is, and that nobody has the image.
    pub(super) fn not_known(&self, d: &mut Diagnostics, image: &Image, wanted: &str, span: Span) -> Reported {
        let message = format!("the lock does not say who the {wanted} is in `{}`", image.reference);
        let help = match self.search.reach {
            Reach::Lock(_) | Reach::Local => "run `bundlegen lock`, which looks into the image".to_owned(),
            Reach::Network => {
                let digest = &image.locked.manifest.digest;
                let place = self.places.path().display();
                format!(
                    "the image {digest} is nowhere: put it into {place}, or take another one with `--upgrade`"
                )
            }
        };
        d.error(Code::MissingImage, message).label(span, "").help(help).emit()
    }
}

/// Says that the lock does not say who somebody is, and that the rest is looked at without it.
pub(super) fn tell_not_known(d: &mut Diagnostics, image: &Image, wanted: &str, span: Span) {
    let message = format!("the lock does not say who the {wanted} is in `{}`", image.reference);
    let draft = d.warning(Code::MissingImage, message).label(span, "");
    draft.help("run `bundlegen lock`, which looks into the image").emit();
}

/// What can be done about an image that its source has not, or not for everybody.
fn helped<'d>(draft: Draft<'d, Reported>, error: &Error) -> Draft<'d, Reported> {
    match error {
        Error::Registry(error) if matches!(**error, RegistryError::Unreachable { .. }) => draft.help(
            "check the name of the registry and the network, or say with `--image NAME=SOURCE` where else it is",
        ),
        Error::Platform { .. } => draft.help("lock another image, or one of these platforms with `--platform`"),
        _ => draft,
    }
}

fn not_there(d: &mut Diagnostics, reference: &Reference, repository: &dyn Source, span: Span) -> Reported {
    let message = format!("{repository} does not have the image `{}`", reference.familiar());
    let draft = d.error(Code::MissingImage, message).label(span, "");
    draft.help("look for a mistake in the name or the tag").emit()
}

impl Record {
    /// Whether the source has all layers: one may have the manifest alone.
    fn is_whole(&self) -> bool {
        self.image.layers.iter().all(|layer| matches!(self.source.blob(layer, 0), Ok(Some(_))))
    }
}
