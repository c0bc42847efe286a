#![allow(clippy::disallowed_methods, reason = "this is where root directories are put in place")]
//! One root directory: unpacked or copied beside its place, and put there when it is whole.

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::images::Found;
use super::tree::Tree;
use super::{Bundle, Error, Progress, flush, is_full};
use crate::image::{self, Digest, Limits, Reference, Report};
use crate::lower::root::ROOTFS;

const PARTIAL: &str = ".rootfs.partial";
const OLD: &str = ".rootfs.old";
/// Holds the digest of the manifest that `rootfs` was made from. While `rootfs` is being replaced it holds
/// [`REPLACING`]; so a root directory without a marker is not ours. A second line says what only root could have done.
const MARKER: &str = ".rootfs.image";
const MARKER_PARTIAL: &str = ".rootfs.image.partial";
const REPLACING: &str = "replacing";
const NOT_ROOT: &str = "without owners";

/// Where runtimes mount what belongs to the kernel.
const KERNEL_TREES: [&str; 3] = ["dev", "proc", "sys"];

/// What a bundle should have.
pub(super) struct Rootfs<'a> {
    pub tree: &'a Tree,
    pub bundle: &'a Bundle,
    pub reference: &'a Reference,
    pub digest: &'a Digest,
}

impl Rootfs<'_> {
    /// Removes what an interrupted run has left, and says whether the right root is there.
    pub fn check(&self) -> Result<bool, Error> {
        // Refuses a bundle that is a link.
        self.directory()?;
        for leftover in [PARTIAL, OLD, MARKER_PARTIAL] {
            self.remove(leftover)?;
        }
        let is_present = self.is_present()?;
        if is_present {
            self.make_mount_points(ROOTFS)?;
        }
        Ok(is_present)
    }

    /// Unpacks an image beside the root's place.
    pub fn unpack(&self, found: &Found, tell: &mut dyn FnMut(Progress)) -> Result<Report, Error> {
        let partial = self.begin()?;
        let tell = RefCell::new(tell);
        let Found { source, image } = found;
        let unpacked = flush::beside(&self.directory()?, |flush| {
            let read = |bytes| {
                flush(bytes);
                (tell.borrow_mut())(Progress::Read { bytes });
            };
            image::unpack_with(&**source, image, &partial, Limits::default(), &read)
        });
        let mut report = unpacked.map_err(|error| self.failed(error))?;
        if self.bundle.mapping.one().is_some() {
            // Nobody else is in the container.
            report.owners = 0;
        }
        self.refuse_links(PARTIAL)?;
        Ok(report)
    }

    /// Copies what was unpacked beside another root's place, where no container has seen it yet. A root in its place
    /// is never copied: it may be what a container has made of the image.
    pub fn copy(&self, from: &Rootfs) -> Result<(), Error> {
        let partial = self.begin()?;
        let copied = image::copy_root(&from.path(PARTIAL), &partial);
        copied.map(drop).map_err(|error| Error::of(&partial, error))
    }

    /// Puts what was unpacked or copied in its place.
    pub fn finish(&self, report: &Report) -> Result<(), Error> {
        self.make_mount_points(PARTIAL)?;
        // What the marker says must still be true after the power has failed.
        rustix::fs::syncfs(self.directory()?).map_err(|error| Error::of(self.path(PARTIAL), error.into()))?;
        self.put_in_place(!is_root() && report.owners + report.devices + report.xattrs > 0)
    }

    /// Removes what was unpacked or copied and is not to be used: it can be the reason why the disk is full.
    pub fn abandon(&self) {
        // The next run tries again, and says why it cannot.
        let _left = self.remove(PARTIAL);
    }

    fn begin(&self) -> Result<PathBuf, Error> {
        self.remove(PARTIAL)?;
        let made = rustix::fs::mkdirat(self.directory()?, PARTIAL, Mode::RWXU);
        made.map_err(|error| Error::of(self.path(PARTIAL), error.into()))?;
        Ok(self.path(PARTIAL))
    }

    /// Runtimes have followed such links and mounted the kernel's own files somewhere else (CVE-2019-19921,
    /// CVE-2023-27561, CVE-2025-31133). No image needs them: a runtime makes these directories.
    fn refuse_links(&self, root: &str) -> Result<(), Error> {
        let root = self.path(root);
        for name in KERNEL_TREES {
            let path = root.join(name);
            if fs::symlink_metadata(&path).is_ok_and(|data| data.is_symlink()) {
                let reason = format!("/{name} is a symbolic link in the image, and runtimes mount there");
                return Err(Error::bundle(self.path(ROOTFS), reason));
            }
        }
        Ok(())
    }

    fn make_mount_points(&self, root: &str) -> Result<(), Error> {
        let root = self.path(root);
        for point in &self.bundle.mount_points {
            let failed = |error| Error::io(root.join(point.path.trim_start_matches('/')), error);
            image::make_mount_point(&root, point).map_err(failed)?;
        }
        Ok(())
    }

    /// Whether the right image is there; an error if something is there that was not made here.
    fn is_present(&self) -> Result<bool, Error> {
        let rootfs = self.path(ROOTFS);
        let kind = match fs::symlink_metadata(&rootfs) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            result => result.map_err(|error| Error::io(&rootfs, error))?.file_type(),
        };
        if kind.is_symlink() {
            return Err(Error::bundle(rootfs, "a symbolic link, which is not followed here"));
        }
        let marker = match self.tree.read(&format!("{}/{MARKER}", self.bundle.name)) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io(self.path(MARKER), error)),
        };
        let is_empty = || fs::read_dir(&rootfs).is_ok_and(|mut names| names.next().is_none());
        if marker.is_none() && !(kind.is_dir() && is_empty()) {
            let reason = "there already, and not made by `prepare`; move it away to have it made";
            return Err(Error::bundle(rootfs, reason));
        }
        let is_right = |marker: Vec<u8>| {
            let marker = String::from_utf8_lossy(&marker);
            let mut lines = marker.trim().lines();
            // Where it was not root who unpacked the image, root does it again.
            lines.next() == Some(&*self.digest.to_string())
                && !(is_root() && lines.any(|line| line == NOT_ROOT))
        };
        Ok(kind.is_dir() && marker.is_some_and(is_right))
    }

    /// A crash between two of these steps leaves what the next run cleans up and does again.
    fn put_in_place(&self, lacking: bool) -> Result<(), Error> {
        self.mark(REPLACING)?;
        let digest = self.digest.to_string();
        self.write_marker(&if lacking { format!("{digest}\n{NOT_ROOT}") } else { digest })?;
        self.replace()?;
        self.rename(MARKER_PARTIAL, MARKER)?;
        self.remove(PARTIAL)?;
        self.remove(OLD)
    }

    /// Where the file system can exchange two names, there is no moment without a root.
    fn replace(&self) -> Result<(), Error> {
        let directory = self.directory()?;
        match renameat_with(&directory, PARTIAL, &directory, ROOTFS, RenameFlags::EXCHANGE) {
            Ok(()) => return Ok(()),
            Err(Errno::NOENT) => {}
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => match self.rename(ROOTFS, OLD) {
                Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
                result => result?,
            },
            Err(error) => return Err(Error::io(self.path(ROOTFS), error)),
        }
        self.rename(PARTIAL, ROOTFS)
    }

    fn mark(&self, text: &str) -> Result<(), Error> {
        self.write_marker(text)?;
        self.rename(MARKER_PARTIAL, MARKER)
    }

    fn write_marker(&self, text: &str) -> Result<(), Error> {
        let partial = self.path(MARKER_PARTIAL);
        self.remove(MARKER_PARTIAL)?;
        write_synced(&partial, text).map_err(|error| Error::of(partial, error))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let directory = self.directory()?;
        let renamed = rustix::fs::renameat(&directory, from, &directory, to);
        renamed.map_err(|error| Error::io(self.path(from), error))
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        image::remove_tree(&path).map_err(|error| Error::io(path, error))
    }

    fn directory(&self) -> Result<OwnedFd, Error> {
        self.tree.open_directory(&self.bundle.name)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.tree.path().join(&self.bundle.name).join(name)
    }

    pub fn failed(&self, error: image::Error) -> Error {
        match &error {
            image::Error::Io { error: system, .. }
            | image::Error::Layer { error: system, .. }
            | image::Error::Entry { error: system, .. }
                if is_full(system) =>
            {
                Error::Full { path: self.path(PARTIAL) }
            }
            _ => Error::Image { bundle: self.bundle.name.clone(), error },
        }
    }
}

/// Which of the names in a directory were made here; none if it has no marker of ours.
pub(super) fn made_in(tree: &Tree, directory: &str, names: &[&str]) -> Result<Vec<String>, Error> {
    let marker = format!("{directory}/{MARKER}");
    if !tree.exists(&marker)? {
        return Ok(Vec::new());
    }
    let mut made = Vec::new();
    for path in names.iter().map(|name| format!("{directory}/{name}")) {
        made.extend(tree.exists(&path)?.then_some(path));
    }
    made.push(marker);
    Ok(made)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}
