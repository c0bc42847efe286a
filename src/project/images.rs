//! The images of a project: from the layout where it has them, else as the lock knows them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use super::{Image, Options};
use crate::compose::Extension;
use crate::compose::value::duration::Duration;
use crate::diag::{Code, Diagnostics, Reported};
use crate::image::{self, Layout, Platform, Reference, users};
use crate::load::in_project;
use crate::lock::{self, Blob, Lock, LockedImage};
use crate::source::{Span, Spanned};

/// Where images are looked up, and what was found so far.
pub(super) struct Images {
    platform: Platform,
    directory: PathBuf,
    layout: Option<Layout>,
    before: BTreeMap<String, LockedImage>,
    lock: Lock,
    found: BTreeMap<Rc<str>, Found>,
    tables: BTreeMap<Rc<str>, Tables>,
}

/// An image that was asked for.
#[derive(Clone)]
enum Found {
    /// It is known; the layout's own record is there if the layout has it.
    Known(Rc<Image>, Option<Rc<image::Image>>),
    /// It could not be had, which was reported.
    Missing(Reported),
}

/// `/etc/passwd` and `/etc/group` of an image.
const TABLES: [&str; 2] = ["etc/passwd", "etc/group"];

impl Images {
    /// Opens the layout. A lock for another platform knows nothing about this one.
    pub(super) fn open(
        d: &mut Diagnostics,
        extension: &Extension,
        lock: Option<Lock>,
        platform: &Platform,
        options: &Options,
    ) -> Result<Self, Reported> {
        let written = extension.images.as_ref();
        let directory = options.images.clone().unwrap_or_else(|| {
            in_project(written.map_or("images", |images| &images.value), &options.directory)
        });
        let layout = Layout::open(&directory).map_err(|error| {
            let draft = d.error(Code::Image, error.to_string());
            match written {
                Some(written) => draft.label(written.span, "the layout").emit(),
                None => draft.emit(),
            }
        })?;
        let text = platform.to_string();
        let before = lock.filter(|lock| lock.platform == text).map(|lock| lock.images).unwrap_or_default();
        let lock = Lock::new(text);
        Ok(Images {
            platform: platform.clone(),
            directory,
            layout,
            before,
            lock,
            found: BTreeMap::new(),
            tables: BTreeMap::new(),
        })
    }

    /// What the next build may rely on: the images of this one.
    pub(super) fn into_lock(self) -> Lock {
        self.lock
    }

    /// The image of a service.
    pub(super) fn find(
        &mut self,
        d: &mut Diagnostics,
        written: &Spanned<Rc<str>>,
    ) -> Result<Rc<Image>, Reported> {
        let span = written.span;
        let place = |range| written.at(range);
        let reference: Reference =
            written.value.parse().map_err(|invalid| d.invalid(Code::InvalidValue, invalid, place))?;
        let name: Rc<str> = reference.to_string().into();
        let found = if let Some(found) = self.found.get(&name) {
            found.clone()
        } else {
            let found = match self.look_up(d, &reference, &name, span) {
                Ok((image, record)) => Found::Known(image, record),
                Err(reported) => Found::Missing(reported),
            };
            self.found.insert(name, found.clone());
            found
        };
        match found {
            Found::Known(image, _) => Ok(image),
            Found::Missing(reported) => Err(reported),
        }
    }

    fn look_up(
        &mut self,
        d: &mut Diagnostics,
        reference: &Reference,
        name: &Rc<str>,
        span: Span,
    ) -> Result<(Rc<Image>, Option<Rc<image::Image>>), Reported> {
        let record = match &self.layout {
            Some(layout) => image::find(layout, reference, &self.platform)
                .map_err(|error| d.error(Code::Image, error.to_string()).label(span, "this image").emit())?,
            None => None,
        };
        let locked = match &record {
            Some(record) => locked(record),
            None => match self.before.get(&**name) {
                Some(before) => {
                    LockedImage { users: BTreeMap::new(), groups: BTreeMap::new(), ..before.clone() }
                }
                None => return Err(self.missing(d, name, span)),
            },
        };
        self.lock.images.insert(name.to_string(), locked.clone());
        Ok((Rc::new(Image { reference: Rc::clone(name), locked }), record.map(Rc::new)))
    }

    fn missing(&self, d: &mut Diagnostics, name: &str, span: Span) -> Reported {
        let place = self.directory.display();
        let (known, state) = match &self.layout {
            Some(_) => ("does not have it", "the layout"),
            None => ("is not there", "the OCI image layout"),
        };
        let message =
            format!("the image `{name}` is not at hand: {state} {place} {known}, and neither has the lock");
        let draft = d.error(Code::MissingImage, message).label(span, "");
        draft.help(format!("get it: `skopeo copy docker://{name} oci:{place}:{name}`")).emit()
    }

    /// Who `spec` is in an image: as the lock says if it speaks of the same image, else by the image's tables.
    pub(super) fn user(
        &mut self,
        d: &mut Diagnostics,
        image: &Image,
        spec: &str,
        place: &dyn Fn(std::ops::Range<usize>) -> Span,
    ) -> Result<lock::User, Reported> {
        if users::is_numeric(spec) {
            return resolve_user(d, spec, None, None, place);
        }
        let user = if let Some(user) = self.same_before(image).and_then(|before| before.users.get(spec)) {
            user.clone()
        } else {
            let tables = self.tables(d, image, &format!("user `{spec}`"), place(0..spec.len()))?;
            resolve_user(d, spec, tables.0.as_deref(), tables.1.as_deref(), place)?
        };
        if let Some(locked) = self.lock.images.get_mut(&*image.reference) {
            locked.users.insert(spec.to_owned(), user.clone());
        }
        Ok(user)
    }

    /// The number of a group in an image, in the same way.
    pub(super) fn group(
        &mut self,
        d: &mut Diagnostics,
        image: &Image,
        spec: &Spanned<Rc<str>>,
    ) -> Result<u32, Reported> {
        let name = &*spec.value;
        if users::is_number(name) {
            return resolve_group(d, spec, None);
        }
        let gid = if let Some(gid) = self.same_before(image).and_then(|before| before.groups.get(name)) {
            *gid
        } else {
            let tables = self.tables(d, image, &format!("group `{name}`"), spec.span)?;
            resolve_group(d, spec, tables.1.as_deref())?
        };
        if let Some(locked) = self.lock.images.get_mut(&*image.reference) {
            locked.groups.insert(name.to_owned(), gid);
        }
        Ok(gid)
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
    ) -> Result<Tables, Reported> {
        if let Some(tables) = self.tables.get(&image.reference) {
            return Ok(Rc::clone(tables));
        }
        let Some(Found::Known(_, Some(record))) = self.found.get(&image.reference) else {
            let message = format!("the lock does not say who the {wanted} is in `{}`", image.reference);
            let draft = d.error(Code::MissingImage, message).label(span, "");
            return Err(draft.help("build once where the image is at hand").emit());
        };
        let Some(layout) = &self.layout else {
            return Err(self.missing(d, &image.reference, span));
        };
        let mut files = image::read_small_files(layout, record, &TABLES)
            .map_err(|error| d.error(Code::Image, error.to_string()).label(span, "").emit())?;
        let mut table =
            |path| files.remove(path).flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let [passwd, group] = TABLES.map(&mut table);
        let tables: Tables = Rc::new((passwd, group));
        self.tables.insert(Rc::clone(&image.reference), Rc::clone(&tables));
        Ok(tables)
    }
}

/// The texts of `/etc/passwd` and `/etc/group`, where they are there.
type Tables = Rc<(Option<String>, Option<String>)>;

/// The number of a group by the table of a root file system.
pub(super) fn resolve_group(
    d: &mut Diagnostics,
    spec: &Spanned<Rc<str>>,
    group: Option<&str>,
) -> Result<u32, Reported> {
    let gid = users::resolve_group(&spec.value, group);
    gid.map_err(|invalid| d.invalid(Code::User, invalid, |range| spec.at(range)))
}

/// Who `spec` is by the tables of a root file system.
pub(super) fn resolve_user(
    d: &mut Diagnostics,
    spec: &str,
    passwd: Option<&str>,
    group: Option<&str>,
    place: &dyn Fn(std::ops::Range<usize>) -> Span,
) -> Result<lock::User, Reported> {
    let user =
        users::resolve_user(spec, passwd, group).map_err(|invalid| d.invalid(Code::User, invalid, place))?;
    Ok(lock::User { uid: user.uid, gid: user.gid, additional_gids: user.additional_gids })
}

fn locked(image: &image::Image) -> LockedImage {
    let blob = |descriptor: &image::Descriptor| Blob {
        digest: descriptor.digest.to_string(),
        size: descriptor.size,
    };
    let from = &image.configuration;
    LockedImage {
        index: image.index.as_ref().map(|index| index.digest.to_string()),
        manifest: blob(&image.manifest),
        config: blob(&image.config),
        layers: image.layers.iter().map(blob).collect(),
        configuration: lock::Configuration {
            architecture: from.architecture.clone(),
            variant: from.variant.clone(),
            os: from.os.clone(),
            author: from.author.clone(),
            created: from.created.clone(),
            entrypoint: from.entrypoint.clone(),
            cmd: from.cmd.clone(),
            env: from.env.clone(),
            user: from.user.clone(),
            working_dir: from.working_dir.clone(),
            volumes: from.volumes.clone(),
            exposed_ports: from.exposed_ports.clone(),
            labels: from.labels.clone(),
            stop_signal: from.stop_signal.clone(),
            healthcheck: from.healthcheck.as_ref().map(healthcheck),
        },
        users: BTreeMap::new(),
        groups: BTreeMap::new(),
    }
}

fn healthcheck(check: &image::Healthcheck) -> lock::Healthcheck {
    let span = |nanoseconds: i64| (nanoseconds != 0).then(|| Duration(nanoseconds).to_string());
    lock::Healthcheck {
        test: check.test.clone(),
        interval: span(check.interval),
        timeout: span(check.timeout),
        start_period: span(check.start_period),
        start_interval: span(check.start_interval),
        retries: u64::try_from(check.retries).ok().filter(|retries| *retries > 0),
    }
}
