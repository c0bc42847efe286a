#![allow(clippy::disallowed_methods, reason = "this is where root directories are put in place")]
//! One root directory: unpacked beside its place, and put there when it is whole.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::tree::Tree;
use super::{Bundle, Error, Images, Progress, Summary};
use crate::image::{self, Digest, Image, Layout, Reference};

const ROOTFS: &str = "rootfs";
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
    pub fn prepare(
        &self,
        images: &mut Images<'_>,
        progress: &mut dyn FnMut(Progress),
        summary: &mut Summary,
    ) -> Result<(), Error> {
        // Refuses a bundle that is a link.
        let directory = self.tree.open_directory(&self.bundle.name)?;
        let bundle = self.bundle.name.clone();
        for leftover in [PARTIAL, OLD] {
            self.remove(leftover)?;
        }
        if self.is_present()? {
            self.make_mount_points(ROOTFS)?;
            progress(Progress::Present { bundle: bundle.clone() });
            summary.present.push(bundle);
            return Ok(());
        }
        let (layout, image) = self.find(images)?;
        progress(Progress::Unpacking { bundle: bundle.clone(), image: self.reference.clone() });
        let partial = self.path(PARTIAL);
        fs::create_dir(&partial).map_err(|error| Error::io(&partial, error))?;
        let mut report = image::unpack(layout, &image, &partial).map_err(|error| self.failed(error))?;
        if self.bundle.mapping.one().is_some() {
            // Nobody else is in the container.
            report.owners = 0;
        }
        self.refuse_links(PARTIAL)?;
        self.make_mount_points(PARTIAL)?;
        // What the marker says must still be true after the power has failed.
        rustix::fs::syncfs(&directory).map_err(|error| Error::io(&partial, error))?;
        let lacking = !is_root() && report.owners + report.devices + report.xattrs > 0;
        self.put_in_place(lacking)?;
        progress(Progress::Unpacked { bundle: bundle.clone(), report });
        summary.unpacked.push((bundle, report));
        Ok(())
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

    fn find<'i>(&self, images: &'i mut Images<'_>) -> Result<(&'i Layout, Image), Error> {
        if images.layout.is_none() {
            images.layout = Layout::open(images.path).map_err(|error| self.failed(error))?;
        }
        let layout = images.layout.as_ref();
        let image = layout.map(|layout| image::by_manifest(layout, self.digest)).transpose();
        match (layout, image.map_err(|error| self.failed(error))?.flatten()) {
            (Some(layout), Some(image)) => Ok((layout, image)),
            _ => Err(Error::Missing {
                reference: Box::new(self.reference.clone()),
                digest: self.digest.clone(),
                images: images.path.to_owned(),
            }),
        }
    }

    /// A crash between two of these steps leaves what the next run cleans up and does again.
    fn put_in_place(&self, lacking: bool) -> Result<(), Error> {
        self.mark(REPLACING)?;
        match self.rename(ROOTFS, OLD) {
            Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
            result => result?,
        }
        self.rename(PARTIAL, ROOTFS)?;
        let digest = self.digest.to_string();
        self.mark(&if lacking { format!("{digest}\n{NOT_ROOT}") } else { digest })?;
        self.remove(OLD)
    }

    fn mark(&self, text: &str) -> Result<(), Error> {
        let partial = self.path(MARKER_PARTIAL);
        self.remove(MARKER_PARTIAL)?;
        write_synced(&partial, text).map_err(|error| Error::io(partial, error))?;
        self.rename(MARKER_PARTIAL, MARKER)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let from = self.path(from);
        fs::rename(&from, self.path(to)).map_err(|error| Error::io(from, error))
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        image::remove_tree(&path).map_err(|error| Error::io(path, error))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.tree.path().join(&self.bundle.name).join(name)
    }

    fn failed(&self, error: image::Error) -> Error {
        Error::Image { bundle: self.bundle.name.clone(), error }
    }
}

/// What was made here in a directory; nothing if it has no marker of ours.
pub(super) fn made_in(tree: &Tree, name: &str) -> Result<Vec<String>, Error> {
    let marker = format!("{name}/{MARKER}");
    if !tree.exists(&marker)? {
        return Ok(Vec::new());
    }
    let mut made = Vec::new();
    for path in [format!("{name}/{ROOTFS}"), format!("{name}/private")] {
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
