//! Mounts with their sources found.

mod declared;
mod files;
mod path;
mod risks;
mod shared;

use std::rc::Rc;

use super::Options;
use crate::compose::value::tmpfs::Tmpfs;
use crate::compose::value::volume::{Propagation, Recursion};
use crate::compose::{self, Source};
use crate::diag::{Diagnostics, Reported};
use crate::source::{Span, Spanned};

pub use crate::compose::MissingSource;
pub use crate::compose::value::volume::Access;
pub(super) use declared::Declared;
pub use files::{GeneratedFile, PrivateContent, PrivateFile};
pub use path::HostPath;
pub(super) use risks::check as check_risks;
pub(super) use shared::complete;

/// A mount of a service.
#[derive(Clone, Debug)]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// The place in the container: absolute and clean.
    pub target: Rc<str>,
    /// Whether the container may write to it.
    pub access: Access,
    /// Who asks for it.
    pub from: MountFrom,
    /// Where that is written; for an image the service that has it.
    pub span: Span,
}

/// Who asks for a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountFrom {
    /// `volumes`, `volumes_from`, or a secret or config that is a file of the host.
    Volumes,
    /// `tmpfs`.
    Tmpfs,
    /// A secret or config that is a file of the bundle.
    Files,
    /// The image.
    Image,
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
        /// Whether mounts below it come along.
        recursion: Recursion,
    },
    /// A volume of the project, or a directory in one: a directory beside the bundles.
    Volume {
        /// Where it is.
        path: HostPath,
        /// What is in it when it is new.
        content: Content,
    },
    /// What the driver of a volume mounts.
    Device {
        /// The type of file system, or `bind`.
        kind: Rc<str>,
        /// What it is made of.
        source: Rc<str>,
        /// Options of `mount`.
        options: Vec<String>,
    },
    /// Memory.
    Tmpfs {
        /// Options of `mount`.
        options: Vec<String>,
        /// The volume that it is, if it is one.
        volume: Option<Rc<str>>,
    },
    /// A file of the bundle.
    Generated(GeneratedFile),
    /// A file that `prepare` places in the bundle.
    Private(PrivateFile),
}

impl MountSource {
    /// The file of the bundle that it needs.
    pub fn generated(&self) -> Option<&GeneratedFile> {
        match self {
            MountSource::Generated(file)
            | MountSource::Private(PrivateFile { content: PrivateContent::File(file), .. }) => Some(file),
            _ => None,
        }
    }
}

/// What is in a volume when it is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// What the image has at the target.
    Image,
    /// Nothing.
    Empty,
    /// It is not ours to make.
    Demanded,
}

/// The mounts that a service asks for, in the order they are written.
pub(super) fn mounts(
    d: &mut Diagnostics,
    name: &str,
    service: &compose::Service,
    declared: &mut Declared,
    options: &Options,
) -> Result<Vec<Mount>, Reported> {
    let mut mounts: Vec<_> =
        service.volumes.iter().map(|mount| found(d, name, mount, declared, options)).collect();
    mounts.extend(service.tmpfs.iter().map(|tmpfs| Ok(in_memory(tmpfs))));
    mounts.extend(files::mounts(d, service, declared, options));
    compose::decode::all(mounts.into_iter())
}

fn found(
    d: &mut Diagnostics,
    service: &str,
    mount: &compose::Mount,
    declared: &mut Declared,
    options: &Options,
) -> Result<Mount, Reported> {
    let target = &mount.target.value;
    let source = match &mount.source {
        Source::Bind { path, missing, propagation, recursion } => MountSource::Bind {
            path: HostPath::resolve(d, path, options),
            missing: *missing,
            propagation: *propagation,
            recursion: *recursion,
        },
        Source::Volume { name: Some(name), subpath } => {
            let asked = declared::Asked { name, subpath: subpath.as_ref(), nocopy: mount.nocopy };
            declared.mounted(d, &asked, options)?
        }
        Source::Volume { name: None, .. } => MountSource::Volume {
            path: HostPath::of_anonymous_volume(service, target),
            content: if mount.nocopy { Content::Empty } else { Content::Image },
        },
        Source::Tmpfs { options } => MountSource::Tmpfs { options: options.clone(), volume: None },
    };
    let (target, access) = (Rc::clone(target), mount.access);
    Ok(Mount { source, target, access, from: MountFrom::Volumes, span: mount.span })
}

fn in_memory(tmpfs: &Spanned<Tmpfs>) -> Mount {
    Mount {
        source: MountSource::Tmpfs { options: tmpfs.value.options.clone(), volume: None },
        target: tmpfs.value.target.as_str().into(),
        access: Access::ReadWrite,
        from: MountFrom::Tmpfs,
        span: tmpfs.span,
    }
}
