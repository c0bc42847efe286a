//! Mounts with their sources found.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::Options;
use crate::compose::value::tmpfs::Tmpfs;
use crate::compose::value::volume::Propagation;
use crate::compose::{self, Named, Source, Volume};
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{Span, Spanned};
use crate::yaml::template::Lookup;

pub use crate::compose::{Access, MissingSource};

/// A mount of a service.
#[derive(Clone, Debug)]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// The place in the container: absolute and clean.
    pub target: Rc<str>,
    /// Whether the container may write to it.
    pub access: Access,
    /// Whether a new volume stays empty, and is not filled with what the image has at the target.
    pub nocopy: bool,
    /// Where it is written.
    pub span: Span,
}

/// What is mounted.
#[derive(Clone, Debug)]
pub enum MountSource {
    /// A directory or file of the host.
    Bind {
        /// Where it is.
        path: HostPath,
        /// What happens when it is not there.
        missing: MissingSource,
        /// How mounts below it travel.
        propagation: Propagation,
    },
    /// A volume of the project: a directory beside the bundles.
    Volume {
        /// Where it is.
        path: HostPath,
    },
    /// Memory.
    Tmpfs {
        /// Options of `mount`.
        options: Vec<String>,
    },
}

/// A path of the host as a bundle spells it: relative to the bundle, or absolute where the user wrote it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPath(String);

impl HostPath {
    /// A path as the Compose file has it, from the directory of the project. `~` is the home of whoever builds, as in Compose.
    pub fn resolve(d: &mut Diagnostics, written: &Spanned<Rc<str>>, options: &Options) -> Self {
        let text = &*written.value;
        let Some(rest) = text.strip_prefix('~') else {
            if text.starts_with('/') {
                return HostPath(clean(Path::new(text)));
            }
            warn_outside(d, written.span, &options.to_project);
            return HostPath(clean(&Path::new("..").join(&options.to_project).join(text)));
        };
        let home = options.environment.get("HOME").unwrap_or_default();
        let path = clean(&Path::new(&*home).join(rest.trim_start_matches('/')));
        let draft = d.warning(Code::HostDependent, format!("`~` is {home} for whoever builds here"));
        draft
            .label(written.span, "written into the bundle")
            .help("write an absolute path, or one that starts with `./`")
            .emit();
        HostPath(path)
    }

    /// The directory of a named volume: beside the bundles, one for all services.
    fn of_volume(name: &str) -> Self {
        HostPath(format!("../volumes/{name}"))
    }

    /// As it stands in `config.json`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// From bundles outside the project the way to a source leads through directories of this machine.
fn warn_outside(d: &mut Diagnostics, span: Span, to_project: &Path) {
    if to_project.components().all(|part| part == Component::ParentDir) {
        return;
    }
    let message =
        "the bundles are not written inside the project, so this path names directories of this machine";
    let draft = d.warning(Code::HostDependent, message).label(span, "");
    draft.help("leave `-o` away, or name a directory inside the project").emit();
}

/// Takes out `.`, and `..` with the part before it.
fn clean(path: &Path) -> String {
    let mut clean = PathBuf::new();
    for part in path.components() {
        let can_pop = matches!(clean.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::CurDir => {}
            Component::ParentDir if can_pop => drop(clean.pop()),
            Component::ParentDir if clean.has_root() => {}
            part => clean.push(part),
        }
    }
    let text = clean.to_string_lossy().into_owned();
    if text.is_empty() { ".".into() } else { text }
}

/// The volumes a file declares, by key.
pub(super) struct Declared {
    /// The directory of each, unless the definition had a mistake.
    directories: BTreeMap<Rc<str>, Result<Rc<str>, Reported>>,
}

impl Declared {
    /// The volumes of a file. One with a `name` is known by it, so that two keys can mean one volume.
    pub(super) fn new(volumes: &[Named<Volume>]) -> Self {
        let directory = |volume: &Named<Volume>| {
            let name = volume.value.name.as_ref().unwrap_or(&volume.name);
            volume.whole.map(|()| Rc::clone(&name.value))
        };
        let directories = volumes.iter().map(|volume| (Rc::clone(&volume.name.value), directory(volume)));
        Declared { directories: directories.collect() }
    }

    fn find(&self, d: &mut Diagnostics, name: &Spanned<Rc<str>>) -> Result<HostPath, Reported> {
        match self.directories.get(&name.value) {
            Some(directory) => {
                directory.as_ref().map(|name| HostPath::of_volume(name)).map_err(|known| *known)
            }
            None => Err(Self::unknown(d, name)),
        }
    }

    /// The model has said so: it knows all that is declared, and here is only what is used.
    fn unknown(d: &mut Diagnostics, name: &Spanned<Rc<str>>) -> Reported {
        d.failed().err().unwrap_or_else(|| {
            let message = format!("no volume is called `{}`", name.value);
            d.error(Code::UnknownVolume, message).label(name.span, "").emit()
        })
    }
}

/// The mounts of `volumes` and `tmpfs`, in the order they are written.
pub(super) fn mounts(
    d: &mut Diagnostics,
    service: &compose::Service,
    declared: &Declared,
    options: &Options,
) -> Result<Vec<Mount>, Reported> {
    let volumes = service.volumes.iter().map(|mount| found(d, mount, declared, options));
    let tmpfs = service.tmpfs.iter().map(|tmpfs| Ok(in_memory(tmpfs)));
    compose::decode::all(volumes.chain(tmpfs))
}

fn found(
    d: &mut Diagnostics,
    mount: &compose::Mount,
    declared: &Declared,
    options: &Options,
) -> Result<Mount, Reported> {
    let source = match &mount.source {
        Source::Bind { path, missing, propagation } => MountSource::Bind {
            path: HostPath::resolve(d, path, options),
            missing: *missing,
            propagation: *propagation,
        },
        Source::Volume { name } => MountSource::Volume { path: declared.find(d, name)? },
        Source::Tmpfs { options } => MountSource::Tmpfs { options: options.clone() },
    };
    let target = Rc::clone(&mount.target.value);
    Ok(Mount { source, target, access: mount.access, nocopy: mount.nocopy, span: mount.span })
}

fn in_memory(tmpfs: &Spanned<Tmpfs>) -> Mount {
    Mount {
        source: MountSource::Tmpfs { options: tmpfs.value.options.clone() },
        target: tmpfs.value.target.as_str().into(),
        access: Access::ReadWrite,
        nocopy: false,
        span: tmpfs.span,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_without_looking_at_the_disk() {
        let table = [
            ("./a/../b", "b"),
            ("a/./b/", "a/b"),
            ("../../x", "../../x"),
            ("a/../../x", "../x"),
            ("/../x", "/x"),
            ("/a/..", "/"),
            (".", "."),
            ("a/..", "."),
        ];
        for (text, want) in table {
            assert_eq!(clean(Path::new(text)), want, "{text}");
        }
    }
}
