//! The images of a project: as the lock knows them, else from where the search for them goes.
//!
//! What the lock has is never looked for, unless somebody asks for it anew; and a name is looked for in one place after
//! another, the first that has it counts. What a source says is verified by [`image`], and an image that is named
//! by a digest is that one or none.

mod content;
mod locked;
mod missing;
mod places;
mod search;
mod tables;
mod wish;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::{Image, Options, Root};
use crate::compose::{self, Extension, Named};
use crate::diag::{Code, Diagnostics, Reported};
use crate::image::{self, Digest, Platform, Reference, Source, users};
use crate::lock::{self, Lock, LockedImage};
use crate::nearest::nearest;
use crate::shell::quoted;
use crate::source::{Span, Spanned};

use content::tell_not_known;
use locked::locked;
use places::{Opened, Places};
pub(super) use places::{common_path, sources};
pub use search::{Absent, Anew, Elsewhere, Reach, Search, Unused};
use tables::Tables;
pub(super) use tables::{resolve_group, resolve_user};
use wish::{Wish, wishes};

/// Where images are looked up, and what was found so far.
pub(super) struct Images {
    platform: Platform,
    search: Search,
    places: Places,
    wishes: BTreeMap<String, Wish>,
    before: BTreeMap<String, LockedImage>,
    before_at: Option<lock::Places>,
    lock: Lock,
    found: BTreeMap<Rc<str>, Found>,
    tables: BTreeMap<Rc<str>, Rc<Tables>>,
    kept: BTreeMap<String, String>,
}

/// An image that was asked for.
#[derive(Clone)]
enum Found {
    /// It is known; a source has it, unless it is the lock that knows it.
    Known(Rc<Image>, Option<Record>),
    /// Nobody has it, and that is no error.
    Unknown,
    /// It could not be had, which was reported.
    Missing(Reported),
}

/// An image in a source.
#[derive(Clone)]
struct Record {
    source: Rc<dyn Source>,
    image: Rc<image::Image>,
    origin: Origin,
}

/// Where a source is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// On this machine: layers are read in place.
    Local,
    /// On another one: layers are fetched before they are read.
    Registry,
}

impl Images {
    /// Reads what is said about images, and opens their common place. A lock for another platform knows nothing about
    /// this one.
    pub(super) fn open(
        d: &mut Diagnostics,
        extension: &Extension,
        lock: Option<(Lock, lock::Places)>,
        platform: &Platform,
        services: &[Named<Rc<compose::Service>>],
        options: &Options,
    ) -> Result<Self, Reported> {
        let text = platform.to_string();
        check_services(d, &options.search.anew, services)?;
        let wishes = wishes(services, options);
        let places = Places::open(d, extension, &options.search, &wishes, options)?;
        let (before, before_at) = match lock {
            Some((lock, at)) if lock.platform == text => (lock.images, Some(at)),
            Some((lock, at)) if matches!(options.search.reach, Reach::Lock(_)) => {
                let message = format!("the lock is for {}, and the bundles are for {text}", lock.platform);
                let draft = d.error(Code::Lock, message).label(at.platform, "");
                return Err(draft.help("make it for this platform with `bundlegen lock`").emit());
            }
            _ => (BTreeMap::new(), None),
        };
        Ok(Images {
            platform: platform.clone(),
            search: options.search.clone(),
            places,
            wishes,
            before,
            before_at,
            lock: Lock::new(text),
            found: BTreeMap::new(),
            tables: BTreeMap::new(),
            kept: BTreeMap::new(),
        })
    }

    /// What the next build may rely on, the images of this one; and why some of them are as they were, though they were
    /// to be looked for anew.
    pub(super) fn finish(self, d: &mut Diagnostics) -> (Lock, BTreeMap<String, String>) {
        // After a mistake, services are missing that have their images and users too.
        if self.search.reach == Reach::Lock(Unused::Refused) && d.errors() == 0 {
            self.refuse_unused(d);
        }
        (self.lock, self.kept)
    }

    /// Reports what the lock has and nobody uses.
    fn refuse_unused(&self, d: &mut Diagnostics) {
        let help = "`bundlegen lock` leaves it out";
        for (name, at) in self.before_at.iter().flat_map(|at| &at.images) {
            let Some(used) = self.lock.images.get(name) else {
                let draft = d.error(Code::Lock, format!("no service has the image `{name}`"));
                draft.label(at.name, "").help(help).emit();
                continue;
            };
            let users = at.users.iter().filter(|(user, _)| !used.users.contains_key(*user));
            let groups = at.groups.iter().filter(|(group, _)| !used.groups.contains_key(*group));
            let unused = users.map(|found| ("user", found)).chain(groups.map(|found| ("group", found)));
            for (what, (who, span)) in unused {
                let message = format!("no service needs the {} of `{name}`", called(what, who));
                d.error(Code::Lock, message).label(*span, "").help(help).emit();
            }
        }
    }

    /// The root file system of a service with an image.
    pub(super) fn find(&mut self, d: &mut Diagnostics, written: &Spanned<Rc<str>>) -> Result<Root, Reported> {
        let place = |range| written.at(range);
        let reference: Reference =
            written.value.parse().map_err(|invalid| d.invalid(Code::InvalidValue, invalid, place))?;
        let name: Rc<str> = reference.to_string().into();
        let found = if let Some(found) = self.found.get(&name) {
            found.clone()
        } else {
            let found = self.found(d, &reference, &name, written.span);
            self.found.insert(Rc::clone(&name), found.clone());
            found
        };
        match found {
            Found::Known(image, _) => Ok(Root::Image(image)),
            Found::Unknown => Ok(Root::Unknown(Spanned { value: name, span: written.span })),
            Found::Missing(reported) => Err(reported),
        }
    }

    fn found(&mut self, d: &mut Diagnostics, reference: &Reference, name: &Rc<str>, span: Span) -> Found {
        if self.search.absent == Absent::Told && !self.before.contains_key(&**name) {
            self.tell_missing(d, reference, span);
            return Found::Unknown;
        }
        match self.look_up(d, reference, name, span) {
            Ok((image, record)) => Found::Known(image, record),
            Err(reported) => Found::Missing(reported),
        }
    }

    /// From the lock, unless it is wanted anew; else from where the search goes.
    fn look_up(
        &mut self,
        d: &mut Diagnostics,
        reference: &Reference,
        name: &Rc<str>,
        span: Span,
    ) -> Result<(Rc<Image>, Option<Record>), Reported> {
        let wish = self.wishes.get(&**name).cloned().unwrap_or_default();
        let before = self.before.get(&**name).cloned();
        if let Some(before) = &before {
            self.check_pinned(d, reference, before)?;
        }
        let record = match &before {
            None => Some(self.resolve(d, reference, &wish, span)?),
            Some(_) if self.is_wanted_anew(reference, &wish) => {
                let record = self.resolved(d, reference, &wish, span)?;
                self.note_kept(name, &wish, record.is_none());
                record
            }
            Some(before) => {
                if self.search.reach == Reach::Local {
                    self.compare(d, reference, &wish, before, span);
                }
                None
            }
        };
        let locked = match (&record, before) {
            (Some(record), _) => locked(&record.image),
            (None, Some(before)) => LockedImage { users: BTreeMap::new(), groups: BTreeMap::new(), ..before },
            (None, None) => return Err(self.missing(d, reference, &wish, span)),
        };
        self.lock.images.insert(name.to_string(), locked.clone());
        let source = self.places.written(name);
        Ok((Rc::new(Image { reference: Rc::clone(name), locked, source }), record))
    }

    /// An image that is named by its digest cannot change, so it is never looked for again.
    fn is_wanted_anew(&self, reference: &Reference, wish: &Wish) -> bool {
        let wanted = self.search.anew.has(&wish.services) || wish.refreshed;
        wanted && self.search.reach == Reach::Network && reference.digest().is_none()
    }

    fn note_kept(&mut self, name: &str, wish: &Wish, kept: bool) {
        if let Some(refusal) = wish.refusal().filter(|_| kept) {
            let place = self.places.path().display();
            self.kept.insert(name.to_owned(), format!("it is not in {place}, and {refusal}"));
        }
    }

    /// A lock that somebody has changed may say anything.
    fn check_pinned(
        &self,
        d: &mut Diagnostics,
        reference: &Reference,
        locked: &LockedImage,
    ) -> Result<(), Reported> {
        let Some(digest) = reference.digest().map(ToString::to_string) else { return Ok(()) };
        if locked.manifest.digest == digest || locked.index.as_ref() == Some(&digest) {
            return Ok(());
        }
        let message = format!("the lock has another image under `{reference}`: {}", locked.manifest.digest);
        let at = self.before_at.as_ref().and_then(|at| at.images.get(&reference.to_string()));
        let draft = d.error(Code::Lock, message);
        let draft = match at {
            Some(at) => draft.label(at.manifest, ""),
            None => draft,
        };
        Err(draft.help("remove the entry from the lock, and run `bundlegen lock`").emit())
    }

    /// Says that the project has another image under the name than the lock.
    fn compare(
        &self,
        d: &mut Diagnostics,
        reference: &Reference,
        wish: &Wish,
        before: &LockedImage,
        span: Span,
    ) {
        let source = match self.places.named(&reference.to_string()) {
            Some(named) => match named.open(&self.search) {
                Ok(Opened::Source(source)) => Ok(Some(source)),
                Ok(_) => Ok(None),
                Err(error) => Err(error),
            },
            None => Ok(self.places.common().cloned()),
        };
        let found = source.and_then(|source| {
            let Some(source) = source else { return Ok(None) };
            let image = image::find(&*source, reference, &self.platform)?;
            Ok(image.map(|image| (source, image)))
        });
        match found {
            Ok(Some((source, image))) if image.manifest.digest.to_string() != before.manifest.digest => {
                let (name, found) = (reference.familiar(), &image.manifest.digest);
                let message = format!("{source} has another image under `{name}` than the lock: {found}");
                let draft = d.warning(Code::Lock, message);
                let draft = draft.label(span, format!("the lock has {}", before.manifest.digest));
                let service = wish.services.first().map(|name| quoted(name));
                draft
                    .help(format!("`bundlegen lock --upgrade={}` takes it", service.unwrap_or_default()))
                    .emit();
            }
            Ok(_) | Err(image::Error::Platform { .. }) => {}
            Err(error) => {
                let message = format!("{error}; the image is taken as the lock has it");
                d.warning(Code::Image, message).label(span, "this image").emit();
            }
        }
    }

    /// Who `spec` is in an image: as the lock says if it speaks of the same image, else by the image's tables. Nobody
    /// where neither is there, and that is no error.
    pub(super) fn user(
        &mut self,
        d: &mut Diagnostics,
        image: &Image,
        spec: &str,
        place: &dyn Fn(std::ops::Range<usize>) -> Span,
    ) -> Result<Option<lock::User>, Reported> {
        if users::is_numeric(spec) {
            return resolve_user(d, spec, None, None, place).map(Some);
        }
        let user = if let Some(user) = self.same_before(image).and_then(|before| before.users.get(spec)) {
            user.clone()
        } else if self.search.absent == Absent::Told {
            tell_not_known(d, image, &called("user", spec), place(0..spec.len()));
            return Ok(None);
        } else {
            let tables = self.tables(d, image, &called("user", spec), place(0..spec.len()))?;
            resolve_user(d, spec, tables.passwd.as_deref(), tables.group.as_deref(), place)?
        };
        if let Some(locked) = self.lock.images.get_mut(&*image.reference) {
            locked.users.insert(spec.to_owned(), user.clone());
        }
        Ok(Some(user))
    }

    /// The number of a group in an image, in the same way.
    pub(super) fn group(
        &mut self,
        d: &mut Diagnostics,
        image: &Image,
        spec: &Spanned<Rc<str>>,
    ) -> Result<Option<u32>, Reported> {
        let name = &*spec.value;
        if users::is_number(name) {
            return resolve_group(d, spec, None).map(Some);
        }
        let gid = if let Some(gid) = self.same_before(image).and_then(|before| before.groups.get(name)) {
            *gid
        } else if self.search.absent == Absent::Told {
            tell_not_known(d, image, &called("group", name), spec.span);
            return Ok(None);
        } else {
            let tables = self.tables(d, image, &called("group", name), spec.span)?;
            resolve_group(d, spec, tables.group.as_deref())?
        };
        if let Some(locked) = self.lock.images.get_mut(&*image.reference) {
            locked.groups.insert(name.to_owned(), gid);
        }
        Ok(Some(gid))
    }

    /// What the lock says of the same image.
    fn same_before(&self, image: &Image) -> Option<&LockedImage> {
        let before = self.before.get(&*image.reference);
        before.filter(|before| before.manifest == image.locked.manifest)
    }

    /// `/etc/passwd` and `/etc/group` of an image, which are read once.
    fn tables(
        &mut self,
        d: &mut Diagnostics,
        image: &Image,
        wanted: &str,
        span: Span,
    ) -> Result<Rc<Tables>, Reported> {
        if let Some(tables) = self.tables.get(&image.reference) {
            return Ok(Rc::clone(tables));
        }
        let failed = |d: &mut Diagnostics, error: image::Error| {
            d.error(Code::Image, error.to_string()).label(span, "").emit()
        };
        let Some(record) = self.record(image).map_err(|error| failed(d, error))? else {
            return Err(self.not_known(d, image, wanted, span));
        };
        let tables = Tables::read(&*record.source, &record.image).map_err(|error| failed(d, error))?;
        let tables = Rc::new(tables);
        self.tables.insert(Rc::clone(&image.reference), Rc::clone(&tables));
        Ok(tables)
    }
}

/// Refuses services that do not exist, whose images were to be looked for.
fn check_services(
    d: &mut Diagnostics,
    anew: &Anew,
    services: &[Named<Rc<compose::Service>>],
) -> Result<(), Reported> {
    let Anew::Of(names) = anew else { return Ok(()) };
    let known: BTreeSet<&str> = services.iter().map(|service| &*service.name.value).collect();
    let unknown = names.iter().filter(|name| !known.contains(name.as_str()));
    let failed = unknown.map(|name| {
        let near = nearest(name, known.iter().copied());
        d.error(Code::UnknownService, format!("no service is called `{name}`")).did_you_mean(near).emit()
    });
    failed.last().map_or(Ok(()), Err)
}

/// A user or group in a message. The empty name is the one that an image has where it says nothing.
fn called(what: &str, name: &str) -> String {
    if name.is_empty() { format!("{what} by default") } else { format!("{what} `{name}`") }
}
