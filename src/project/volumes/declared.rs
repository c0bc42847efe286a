//! The volumes, secrets and configs of a file, and what uses them.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::path::HostPath;
use super::{Content, MountSource};
use crate::compose::value::volume::{Propagation, Recursion};
use crate::compose::{self, Device, DeviceSource, FileKind, FileSource, MissingSource, Named, Volume};
use crate::diag::{Code, Diagnostics, Reported};
use crate::project::Options;
use crate::source::{Span, Spanned};

/// What a file declares, by key. What had a mistake is known by it.
pub(in crate::project) struct Declared {
    volumes: BTreeMap<Rc<str>, Result<Known, Reported>>,
    secrets: Files,
    configs: Files,
    /// Where each volume in memory is mounted.
    in_memory: BTreeMap<Rc<str>, Span>,
}

type Files = BTreeMap<Rc<str>, Result<FileSource, Reported>>;

/// A volume.
#[derive(Clone)]
struct Known {
    /// The name of its directory. One with a `name` is known by it, so that two keys can mean one volume.
    directory: Rc<str>,
    external: Option<Span>,
    device: Option<Device>,
}

/// What a mount asks of a volume.
pub(super) struct Asked<'m> {
    pub name: &'m Spanned<Rc<str>>,
    pub subpath: Option<&'m Spanned<Rc<str>>>,
    pub nocopy: bool,
}

impl Declared {
    /// What a file declares.
    pub(in crate::project) fn new(file: &compose::File) -> Self {
        let volume = |volume: &Named<Volume>| {
            let Volume { name, external, device } = &volume.value;
            let name = name.as_ref().unwrap_or(&volume.name);
            let known =
                Known { directory: Rc::clone(&name.value), external: *external, device: device.clone() };
            (Rc::clone(&volume.name.value), volume.whole.map(|()| known))
        };
        Declared {
            volumes: file.volumes.iter().map(volume).collect(),
            secrets: files(&file.secrets),
            configs: files(&file.configs),
            in_memory: BTreeMap::new(),
        }
    }

    /// The content of a secret or config.
    pub(super) fn content(
        &self,
        d: &mut Diagnostics,
        kind: FileKind,
        name: &Spanned<Rc<str>>,
    ) -> Result<FileSource, Reported> {
        let files = match kind {
            FileKind::Secret => &self.secrets,
            FileKind::Config => &self.configs,
        };
        files.get(&name.value).cloned().unwrap_or_else(|| Err(unknown(d, kind.word(), name)))
    }

    /// What a mount of a volume mounts.
    pub(super) fn mounted(
        &mut self,
        d: &mut Diagnostics,
        asked: &Asked,
        options: &Options,
    ) -> Result<MountSource, Reported> {
        let known = self.volumes.get(&asked.name.value).cloned();
        let known = known.unwrap_or_else(|| Err(unknown(d, "volume", asked.name)))?;
        let Some(device) = &known.device else { return Ok(directory(&known, asked)) };
        if let (Some(subpath), false) = (asked.subpath, matches!(device.source, DeviceSource::Bind(_))) {
            let message = "a directory in a volume that the runtime mounts cannot be mounted alone";
            let draft = d.error(Code::NotSupported, message).label(subpath.span, "");
            return Err(draft.label(device.span, "mounted by the runtime").help("mount all of it").emit());
        }
        if matches!(device.source, DeviceSource::Tmpfs) {
            self.check_alone(d, &known.directory, asked.name.span)?;
        }
        Ok(of_device(d, device, asked, options))
    }

    fn check_alone(&mut self, d: &mut Diagnostics, volume: &Rc<str>, span: Span) -> Result<(), Reported> {
        match self.in_memory.insert(Rc::clone(volume), span) {
            Some(first) => Err(shared_memory(d, volume, span, first)),
            None => Ok(()),
        }
    }
}

/// Docker mounts it once for all; a runtime mounts another one for each.
pub(super) fn shared_memory(d: &mut Diagnostics, volume: &str, span: Span, first: Span) -> Reported {
    let message = format!("the volume `{volume}` is in memory, and would be another one at each mount");
    let draft = d.error(Code::NotSupported, message).label(span, "").label(first, "mounted here too");
    draft.help("use a volume on disk for what is shared").emit()
}

fn files(definitions: &[Named<Option<FileSource>>]) -> Files {
    let content = |named: &Named<Option<FileSource>>| {
        let content = named.whole.map(|()| named.value.clone());
        Some((Rc::clone(&named.name.value), content.transpose()?))
    };
    definitions.iter().filter_map(content).collect()
}

fn directory(known: &Known, asked: &Asked) -> MountSource {
    let path = HostPath::of_volume(&known.directory);
    let content = match (known.external, asked.subpath) {
        (Some(_), _) => Content::Demanded,
        // As Docker does: only a whole volume is filled.
        (None, Some(_)) => Content::Empty,
        (None, None) if asked.nocopy => Content::Empty,
        (None, None) => Content::Image,
    };
    let path = asked.subpath.map_or(path.clone(), |subpath| path.below(&subpath.value));
    MountSource::Volume { path, content }
}

fn of_device(d: &mut Diagnostics, device: &Device, asked: &Asked, options: &Options) -> MountSource {
    match &device.source {
        DeviceSource::Bind(path) => {
            let path = HostPath::resolve(d, path, options);
            let path = asked.subpath.map_or(path.clone(), |subpath| path.below(&subpath.value));
            MountSource::Device {
                kind: "bind".into(),
                source: path.as_str().into(),
                options: device.options.clone(),
            }
        }
        DeviceSource::Tmpfs => {
            MountSource::Tmpfs { options: device.options.clone(), volume: Some(Rc::clone(&asked.name.value)) }
        }
        DeviceSource::FileSystem(kind, source) => MountSource::Device {
            kind: Rc::clone(kind),
            source: Rc::clone(source),
            options: device.options.clone(),
        },
    }
}

/// The mount of a file of the host.
pub(super) fn bound_file(d: &mut Diagnostics, path: &Spanned<Rc<str>>, options: &Options) -> MountSource {
    MountSource::Bind {
        path: HostPath::resolve(d, path, options),
        missing: MissingSource::Left,
        propagation: Propagation::Rprivate,
        recursion: Recursion::Enabled,
    }
}

/// The model has said so: it knows all that is declared, and here is only what is used.
fn unknown(d: &mut Diagnostics, what: &str, name: &Spanned<Rc<str>>) -> Reported {
    d.failed().err().unwrap_or_else(|| {
        let message = format!("no {what} is called `{}`", name.value);
        d.error(Code::UnknownResource, message).label(name.span, "").emit()
    })
}
