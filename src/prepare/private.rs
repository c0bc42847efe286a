#![allow(clippy::disallowed_methods, reason = "this is where private files are put in place")]
//! Files that git must not, or cannot, hold: secrets from the environment, and files with an owner or a mode.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;

use rustix::fs::{AtFlags, Dir, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

use super::Error;
use super::bundle::{Bundle, Private, PrivateContent};
use super::checksums::Sums;
use super::tree::{Tree, plain};

/// The directory of a bundle that they are in.
pub(super) const DIRECTORY: &str = "private";

/// What looks variables up.
pub type Variables<'v> = &'v dyn Fn(&str) -> Option<OsString>;

/// A file that was placed.
pub(super) struct Placed {
    /// The path in the tree.
    pub path: String,
    /// Whether it belongs to whoever prepares, because only root can give files away.
    pub without_owner: bool,
}

/// Places what is missing or not as it should be, and removes what is listed no more. A variable that is not set
/// leaves the file that an earlier run has placed.
pub(super) fn place(
    tree: &Tree,
    sums: &Sums,
    bundles: &[Bundle],
    variables: Variables,
    placed: &mut dyn FnMut(Placed),
) -> Result<(), Error> {
    let mut unset = Vec::new();
    for bundle in bundles {
        let path = format!("{}/{DIRECTORY}", bundle.name);
        if bundle.private.is_empty() && !tree.exists(&path)? {
            continue;
        }
        let directory = Directory { fd: tree.make_private_directory(&path)?, tree, path };
        directory.keep_only(&bundle.private)?;
        for file in &bundle.private {
            let content = match &file.content {
                PrivateContent::Environment(name) => variables(name).map(OsString::into_vec),
                PrivateContent::File(copied) => {
                    Some(sums.read_listed(tree, &format!("{}/{copied}", bundle.name))?)
                }
            };
            match (content, &file.content) {
                (Some(content), _) => directory.place(file, &content, placed)?,
                (None, PrivateContent::Environment(name)) if !directory.has(&file.name) => {
                    unset.push((bundle.name.clone(), name.clone()));
                }
                (None, _) => {}
            }
        }
    }
    if unset.is_empty() { Ok(()) } else { Err(Error::Unset { variables: unset }) }
}

/// The private files of one bundle.
struct Directory<'t> {
    tree: &'t Tree,
    path: String,
    fd: OwnedFd,
}

impl Directory<'_> {
    fn failed(&self, name: &str, error: impl Into<io::Error>) -> Error {
        Error::io(self.tree.path().join(&self.path).join(name), error)
    }

    fn has(&self, name: &str) -> bool {
        rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// A secret that nobody needs any more should not lie about.
    fn keep_only(&self, files: &[Private]) -> Result<(), Error> {
        let failed = |error: Errno| self.failed("", error);
        for entry in Dir::read_from(&self.fd).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_owned();
            let wanted = |file: &Private| file.name.as_bytes() == name.to_bytes();
            if matches!(name.to_bytes(), b"." | b"..") || files.iter().any(wanted) {
                continue;
            }
            let removed = rustix::fs::unlinkat(&self.fd, &name, AtFlags::empty());
            removed.map_err(|error| self.failed(&name.to_string_lossy(), error))?;
        }
        Ok(())
    }

    fn place(&self, file: &Private, content: &[u8], placed: &mut dyn FnMut(Placed)) -> Result<(), Error> {
        let is_root = rustix::process::geteuid().is_root();
        if self.is_right(file, content, is_root) {
            return Ok(());
        }
        self.write(file, content, is_root).map_err(|error| self.failed(&file.name, error))?;
        let without_owner = !is_root && (file.uid, file.gid) != (0, 0);
        placed(Placed { path: format!("{}/{}", self.path, file.name), without_owner });
        Ok(())
    }

    fn is_right(&self, file: &Private, content: &[u8], is_root: bool) -> bool {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(fd) = rustix::fs::openat(&self.fd, &*file.name, flags, Mode::empty()) else { return false };
        let Ok(stat) = rustix::fs::fstat(&fd) else { return false };
        let mode = |stat: &Stat| Mode::from_raw_mode(stat.st_mode).as_raw_mode();
        if mode(&stat) != file.mode || (is_root && (stat.st_uid, stat.st_gid) != (file.uid, file.gid)) {
            return false;
        }
        let mut found = Vec::new();
        let limit = content.len() as u64 + 1;
        File::from(fd).take(limit).read_to_end(&mut found).is_ok() && found == content
    }

    /// Under another name until all of it is there: a container never sees half a secret, and no other user any of it
    /// before the file is whose it should be.
    fn write(&self, file: &Private, content: &[u8], is_root: bool) -> io::Result<()> {
        let partial = ".partial";
        match rustix::fs::unlinkat(&self.fd, partial, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, partial, flags, Mode::RUSR | Mode::WUSR).map_err(plain)?;
        let mut out = File::from(fd);
        out.write_all(content)?;
        if is_root {
            rustix::fs::fchown(&out, Some(Uid::from_raw(file.uid)), Some(Gid::from_raw(file.gid)))?;
        }
        rustix::fs::fchmod(&out, Mode::from_raw_mode(file.mode))?;
        out.sync_all()?;
        Ok(rustix::fs::renameat(&self.fd, partial, &self.fd, &*file.name)?)
    }
}
