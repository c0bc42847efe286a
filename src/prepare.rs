//! The host half of a tree of bundles: what cannot be in git is made on the host that runs them.
//!
//! First the tree is held to its checksums, and nothing is made if it is not what was checked in. Then every bundle
//! gets its root directory from the image that its `config.json` names by digest, and the volumes are made and filled
//! from the roots. Doing it again does nothing. No link in the tree is followed; on the way to what lies outside, links
//! are the host's own.

use std::io;
use std::path::{Path, PathBuf};

use crate::bundle::sums::NAME as SUMS;
use crate::image::{self, Digest, Reference, Report};
use crate::lower::root::ROOTFS;
use bundle::Bundle;
use checksums::Sums;
use images::Finder;
pub use images::Images;
pub use private::Variables;
use tree::Tree;

mod bundle;
mod checksums;
mod flush;
mod hooks;
mod images;
mod namespace;
mod owner;
mod private;
mod rootfs;
mod roots;
mod tree;
mod volumes;

pub use namespace::in_namespace;
pub use owner::Mapping;

/// What is being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Another process prepares the tree, and is waited for.
    Waiting {
        /// The tree.
        path: PathBuf,
    },
    /// All files are what the checksums say.
    Verified {
        /// How many there are.
        files: usize,
    },
    /// An image is being fetched.
    Fetching {
        /// The name of the image.
        image: Reference,
        /// Where it is fetched from.
        from: String,
        /// The size of its layers.
        bytes: u64,
    },
    /// Some more of an image was fetched.
    Fetched(Fetched),
    /// A root directory is being made.
    Unpacking {
        /// The bundle.
        bundle: String,
        /// The name of the image.
        image: Reference,
        /// The size of its layers.
        bytes: u64,
    },
    /// Some more of an image was read.
    Read {
        /// So much of its layers.
        bytes: u64,
    },
    /// A root directory is being copied from one of the same image that was made just now.
    Copying {
        /// The bundle.
        bundle: String,
        /// The bundle whose root is copied.
        from: String,
    },
    /// A root directory was made.
    Unpacked {
        /// The bundle.
        bundle: String,
        /// What was unpacked, and what was not.
        report: Report,
    },
    /// A root directory holds the right image already.
    Present {
        /// The bundle.
        bundle: String,
    },
    /// A root directory that was made for a bundle that is no more.
    Abandoned {
        /// The path in the tree.
        path: String,
    },
    /// A directory for a volume or a bind mount was made.
    Volume {
        /// The path, in the tree for a volume.
        path: String,
        /// Where its content comes from, if it is not empty.
        filled: Option<Filled>,
    },
    /// A file was placed in a bundle.
    Placed {
        /// The path in the tree.
        path: String,
        /// Whether it belongs to whoever prepares, because only root can give files away.
        without_owner: bool,
    },
    /// A program of the host that starts with the containers is not there.
    Lacking {
        /// The program.
        program: String,
        /// What is to be done.
        help: &'static str,
    },
    /// The source of a bind mount is not there, and is not to be made.
    Absent {
        /// The bundle.
        bundle: String,
        /// The source.
        path: String,
    },
}

/// How much of a blob is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The blob.
    pub blob: Digest,
    /// So much of it.
    pub bytes: u64,
}

/// Where the content of a new volume comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The bundle whose root has it.
    pub bundle: String,
    /// Where the volume is mounted in it.
    pub destination: String,
    /// Devices, FIFOs and sockets that were left out, and what could not be read.
    pub left_out: u64,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many files were verified.
    pub files: usize,
    /// The bundles that got a root directory, and what was unpacked.
    pub unpacked: Vec<(String, Report)>,
    /// The bundles whose root directory was right.
    pub present: Vec<String>,
    /// The volumes that were made, as paths in the tree, and the sources of bind mounts.
    pub volumes: Vec<String>,
}

/// Why a tree cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// There is no room.
    #[error(
        "{}: the disk is full; what was made there is removed again: make room, and prepare the bundles again",
        path.display()
    )]
    Full {
        /// What was being made.
        path: PathBuf,
    },
    /// Files are not what the checksums say.
    #[error("{}: the bundles are not what was built: {}", path.display(), problems.join("; "))]
    Changed {
        /// The list of checksums.
        path: PathBuf,
        /// Each file with what is wrong with it.
        problems: Vec<String>,
    },
    /// A file or directory of a bundle is not as it should be.
    #[error("{}: {reason}", path.display())]
    Bundle {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Secrets come from variables that are not set.
    #[error("secrets need variables that are not set: {}", listed(variables))]
    Unset {
        /// The bundle and the name of the variable, of each.
        variables: Vec<(String, String)>,
    },
    /// The files are to belong to users that this process does not have; [`in_namespace`] gives it them.
    #[error("the bundles have users that only a user namespace gives their files to")]
    Namespace {
        /// The users.
        mapping: Box<Mapping>,
    },
    /// External volumes are not there.
    #[error(
        "external volumes are not there: {}; make each a directory, or a link to one",
        paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    External {
        /// Where each should be.
        paths: Vec<PathBuf>,
    },
    /// No place has an image.
    #[error(
        "{name} with manifest {digest} is nowhere:\n  {}\nsay where it is with `--image {name}=SOURCE` or `--images DIR`",
        looked.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "), name = reference.familiar()
    )]
    Missing {
        /// The name of the image.
        reference: Box<Reference>,
        /// The manifest that the bundle was built for.
        digest: Digest,
        /// Where it was looked for.
        looked: Vec<Looked>,
    },
    /// An image cannot be read or unpacked.
    #[error("{bundle}: {error}")]
    Image {
        /// The bundle.
        bundle: String,
        /// What is wrong.
        error: image::Error,
    },
}

/// A place that does not have an image.
#[derive(Debug, thiserror::Error)]
pub enum Looked {
    /// There is no such place, or something else is there.
    #[error("no images are at {0}")]
    Nothing(String),
    /// It has other images.
    #[error("not in {0}")]
    Without(String),
    /// It could not be asked.
    #[error("{0}")]
    Failed(String),
    /// No registry was asked.
    #[error("no registry was asked, as {0}")]
    NotAsked(String),
}

impl Error {
    fn io(path: impl Into<PathBuf>, error: impl Into<io::Error>) -> Self {
        Error::Io { path: path.into(), error: error.into() }
    }

    /// Of something that is removed again.
    fn of(path: impl Into<PathBuf>, error: io::Error) -> Self {
        if is_full(&error) { Error::Full { path: path.into() } } else { Error::io(path, error) }
    }

    fn bundle(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Error::Bundle { path: path.into(), reason: reason.into() }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn listed(variables: &[(String, String)]) -> String {
    let each = variables.iter().map(|(bundle, name)| format!("{name} for {bundle}"));
    each.collect::<Vec<_>>().join(", ")
}

/// Prepares the tree at `bundles` with images from where they are and secrets from `variables`.
pub fn prepare(
    bundles: &Path,
    images: &Images<'_>,
    variables: Variables,
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary, Error> {
    let tree = Tree::open(bundles, || progress(Progress::Waiting { path: bundles.to_owned() }))?;
    let sums = Sums::read(&tree)?;
    let files = sums.verify(&tree)?;
    let bundles = bundle::read(&tree, &sums)?;
    owner::check(&tree, &bundles)?;
    progress(Progress::Verified { files });
    let mut summary = Summary { files, ..Summary::default() };
    roots::make(&tree, &bundles, &mut Finder::new(images, &tree), progress, &mut summary)?;
    volumes::make(&tree, &bundles, &mut |path, filled| {
        progress(Progress::Volume { path: path.clone(), filled });
        summary.volumes.push(path);
    })?;
    private::place(&tree, &sums, &bundles, variables, &mut |placed| {
        progress(Progress::Placed { path: placed.path, without_owner: placed.without_owner });
    })?;
    for name in tree.directories()?.into_iter().filter(|name| bundles.iter().all(|own| own.name != *name)) {
        for path in rootfs::made_in(&tree, &name, &[ROOTFS, private::DIRECTORY])? {
            progress(Progress::Abandoned { path });
        }
    }
    volumes::check(&tree, &bundles, &mut |bundle, path| {
        progress(Progress::Absent { bundle: bundle.to_owned(), path });
    })?;
    let all: Vec<_> = bundles.iter().flat_map(|bundle| &bundle.hooks).collect();
    hooks::check(&all, &mut |program, help| progress(Progress::Lacking { program, help }));
    Ok(summary)
}
