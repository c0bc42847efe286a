//! Layers applied to a directory.
//!
//! Follows the [layer specification] and, where that is silent, containerd. Entries are data of strangers: nothing is
//! done outside the directory, nothing through a link under an entry's own name, and devices are not opened.
//!
//! [layer specification]: https://github.com/opencontainers/image-spec/blob/main/layer.md

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, XattrFlags};
use rustix::io::Errno;

use super::archive::{Archive, Entry, Kind, Time};
use super::attributes::{is_portable, owner, set_mode_unopened, set_times, times};
use super::layer::Layer;
use super::place::Place;
use super::root::{self, Inode, Names, Root, clear, inode, open_directory, remove};
use super::source::{Source, content};
use super::{Descriptor, Error, Image, Verified};

/// How much an image may contain.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Entries in all layers.
    pub entries: u64,
    /// Bytes in all layers, decompressed.
    pub bytes: u64,
}

impl Default for Limits {
    /// More than any image needs, and less than fills a host with a small download.
    fn default() -> Self {
        Limits { entries: 2_000_000, bytes: 64 << 30 }
    }
}

/// What was unpacked, and what the system did not allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries in all layers.
    pub entries: u64,
    /// Bytes of file content.
    pub bytes: u64,
    /// Files that belong to whoever unpacked them, because only root can give files away.
    pub owners: u64,
    /// Devices that were left out, because only root can make them.
    pub devices: u64,
    /// Extended attributes that were left out.
    pub xattrs: u64,
}

/// Unpacks an image into an existing, empty directory. If it fails, what is in the directory by then is unproven and
/// to be thrown away.
pub fn unpack(source: &dyn Source, image: &Image, into: &Path) -> Result<Report, Error> {
    unpack_within(source, image, into, Limits::default())
}

/// [`unpack`] with other limits.
pub fn unpack_within(
    source: &dyn Source,
    image: &Image,
    into: &Path,
    limits: Limits,
) -> Result<Report, Error> {
    let mut unpack = Unpack::new(into, limits).map_err(|error| Error::io(into, error))?;
    for (descriptor, diff_id) in image.layers.iter().zip(&image.configuration.diff_ids) {
        let left = limits.bytes.saturating_sub(unpack.read);
        let layer = Layer::open(source, descriptor, diff_id, left)?;
        // What a damaged blob looks like to those who read it says little.
        unpack.layer(layer, descriptor).map_err(|error| prove(source, descriptor).err().unwrap_or(error))?;
    }
    unpack.settle().map_err(|error| Error::io(into, error))?;
    Ok(unpack.report)
}

/// Holds a blob to its digest, which reading its content may not have got to.
fn prove(source: &dyn Source, descriptor: &Descriptor) -> Result<(), Error> {
    let Descriptor { digest, size, .. } = descriptor;
    let mut blob = Verified::new(content(source, descriptor)?, digest, Some(*size));
    let proven = io::copy(&mut blob, &mut io::sink());
    proven.map(|_| ()).map_err(|error| Error::Changed { digest: digest.clone(), error })
}

/// What a directory gets when all is in it: until then it must be writable, and its time changes with every entry.
struct Attributes {
    mode: u32,
    mtime: Option<Time>,
}

/// A directory that entries are put into.
#[derive(Clone)]
struct Parent {
    fd: Rc<OwnedFd>,
    inode: Inode,
}

struct Unpack {
    root: Root,
    limits: Limits,
    report: Report,
    /// Bytes of the layers so far.
    read: u64,
    directories: BTreeMap<Inode, Attributes>,
    /// What the current layer has made, which its whiteouts do not touch.
    written: Names,
    /// The directory of the last entry; entries of one directory follow each other.
    parent: Option<(Vec<u8>, Parent)>,
    buffer: Vec<u8>,
}

impl Unpack {
    fn new(into: &Path, limits: Limits) -> io::Result<Self> {
        let root = Root::open(into)?;
        let mut unpack = Unpack {
            root,
            limits,
            report: Report::default(),
            read: 0,
            directories: BTreeMap::new(),
            written: Names::new(),
            parent: None,
            buffer: vec![0; 128 * 1024],
        };
        let top = unpack.root.directory(b"")?;
        if !root::list(&top, 0)?.is_empty() {
            return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, "not an empty directory"));
        }
        unpack.directories.insert(inode(&top)?, IMPLIED);
        Ok(unpack)
    }

    fn layer(&mut self, layer: Layer, descriptor: &Descriptor) -> Result<(), Error> {
        let in_layer = |error| Error::Layer { layer: descriptor.digest.clone(), error };
        let mut archive = Archive::new(layer);
        self.written.clear();
        while let Some(entry) = archive.next().map_err(in_layer)? {
            self.entry(&entry, &mut archive).map_err(|error| Error::Entry {
                layer: descriptor.digest.clone(),
                entry: entry.path.escape_ascii().to_string(),
                error,
            })?;
        }
        self.read += archive.into_inner().finish().map_err(in_layer)?;
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, content: &mut impl Read) -> io::Result<()> {
        self.report.entries += 1;
        if self.report.entries > self.limits.entries {
            return Err(bad(format!("more than {} entries", self.limits.entries)));
        }
        match Place::parse(&entry.path).map_err(bad)? {
            Place::Root => self.root_entry(entry),
            Place::Opaque { directory } => self.opaque(&directory),
            Place::Whiteout { directory, name } => self.whiteout(&directory, &name),
            Place::Name { directory, name } => {
                let parent = self.parent(directory)?;
                self.written.insert((parent.inode, name.clone()));
                self.create(entry, &parent, &name, content)
            }
        }
    }

    /// As the root of the next layer a link would lead out (CVE-2021-29136).
    fn root_entry(&mut self, entry: &Entry) -> io::Result<()> {
        if entry.kind != Kind::Directory {
            return Err(bad("the root is no directory"));
        }
        let top = self.root.directory(b"")?;
        self.directory_attributes(entry, &open_directory(&top, b".")?)
    }

    fn opaque(&mut self, directory: &[u8]) -> io::Result<()> {
        self.parent = None;
        match self.root.directory(directory) {
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            found => clear(&found?, &self.written),
        }
    }

    fn whiteout(&mut self, directory: &[u8], name: &[u8]) -> io::Result<()> {
        self.parent = None;
        match self.root.directory(directory) {
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            found => remove(&found?, name, &self.written),
        }
    }

    fn parent(&mut self, path: Vec<u8>) -> io::Result<Parent> {
        if let Some((_, parent)) = self.parent.as_ref().filter(|(known, _)| *known == path) {
            return Ok(parent.clone());
        }
        let directories = &mut self.directories;
        let fd = self.root.make_directory(&path, |made| {
            directories.insert(inode(made)?, IMPLIED);
            Ok(())
        })?;
        let parent = Parent { inode: inode(&fd)?, fd: Rc::new(fd) };
        self.parent = Some((path, parent.clone()));
        Ok(parent)
    }

    fn create(
        &mut self,
        entry: &Entry,
        parent: &Parent,
        name: &[u8],
        content: &mut impl Read,
    ) -> io::Result<()> {
        match entry.kind {
            Kind::Directory => self.directory(entry, parent, name),
            Kind::File => self.file(entry, parent, name, content),
            Kind::Symlink => self.symlink(entry, parent, name),
            Kind::HardLink => self.hard_link(entry, parent, name),
            Kind::Fifo => self.node(entry, parent, name, FileType::Fifo),
            Kind::CharDevice => self.node(entry, parent, name, FileType::CharacterDevice),
            Kind::BlockDevice => self.node(entry, parent, name, FileType::BlockDevice),
        }
    }

    /// Does what makes something new under a name, after removing what has the name.
    fn anew<T>(
        &mut self,
        parent: &Parent,
        name: &[u8],
        make: impl Fn() -> Result<T, Errno>,
    ) -> io::Result<T> {
        match make() {
            Err(Errno::EXIST) => {
                self.parent = None;
                remove(&*parent.fd, name, &Names::new())?;
                Ok(make()?)
            }
            result => Ok(result?),
        }
    }

    /// A directory that exists stays and gets the attributes; a link to one is replaced.
    fn directory(&mut self, entry: &Entry, parent: &Parent, name: &[u8]) -> io::Result<()> {
        let open = || open_directory(&*parent.fd, name);
        let fd = match open() {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {
                self.anew(parent, name, || rustix::fs::mkdirat(&*parent.fd, name, Mode::RWXU))?;
                open()?
            }
            Err(error) => return Err(error.into()),
        };
        self.directory_attributes(entry, &fd)
    }

    fn directory_attributes(&mut self, entry: &Entry, fd: &OwnedFd) -> io::Result<()> {
        let (uid, gid) = owner(entry);
        self.own(|| rustix::fs::fchown(fd, uid, gid))?;
        self.xattrs(entry, fd)?;
        let attributes = Attributes { mode: entry.mode, mtime: Some(entry.mtime) };
        self.directories.insert(inode(fd)?, attributes);
        Ok(())
    }

    fn file(
        &mut self,
        entry: &Entry,
        parent: &Parent,
        name: &[u8],
        content: &mut impl Read,
    ) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let fd = self.anew(parent, name, || rustix::fs::openat(&*parent.fd, name, flags, mode))?;
        let mut file = File::from(fd);
        loop {
            let n = content.read(&mut self.buffer)?;
            if n == 0 {
                break;
            }
            file.write_all(self.buffer.get(..n).unwrap_or_default())?;
        }
        self.report.bytes += entry.size;
        // Giving a file away takes its set-id bits and capabilities; so the owner comes first.
        let (uid, gid) = owner(entry);
        self.own(|| rustix::fs::fchown(&file, uid, gid))?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(entry.mode))?;
        self.xattrs(entry, &file)?;
        Ok(rustix::fs::futimens(&file, &times(entry.mtime))?)
    }

    fn symlink(&mut self, entry: &Entry, parent: &Parent, name: &[u8]) -> io::Result<()> {
        self.anew(parent, name, || rustix::fs::symlinkat(entry.target.as_slice(), &*parent.fd, name))?;
        self.own_name(entry, parent, name)?;
        // The kernel has no way to set them without following the link.
        self.report.xattrs += entry.xattrs.len() as u64;
        set_times(entry, &parent.fd, name)
    }

    /// Links to what the image has under the target's name, be it a link itself. It is the same file then, so the
    /// attributes of the entry, which repeat those of the file, are not looked at.
    fn hard_link(&mut self, entry: &Entry, parent: &Parent, name: &[u8]) -> io::Result<()> {
        let Ok(Place::Name { directory, name: target }) = Place::parse(&entry.target) else {
            return Err(bad(format!("a hard link to `{}`", entry.target.escape_ascii())));
        };
        let failed = |error: io::Error| {
            let target = entry.target.escape_ascii();
            io::Error::new(error.kind(), format!("a hard link to `{target}`: {error}"))
        };
        let from = self.root.directory(&directory).map_err(|error| failed(error.into()))?;
        if inode(&from)? == parent.inode && target == name {
            return Err(bad("a hard link to itself"));
        }
        let link = || rustix::fs::linkat(&from, target.as_slice(), &*parent.fd, name, AtFlags::empty());
        self.anew(parent, name, link).map_err(failed)
    }

    fn node(&mut self, entry: &Entry, parent: &Parent, name: &[u8], kind: FileType) -> io::Result<()> {
        self.parent = None;
        remove(&*parent.fd, name, &Names::new())?;
        let mode = Mode::from_raw_mode(entry.mode);
        let device = rustix::fs::makedev(entry.device.0, entry.device.1);
        match rustix::fs::mknodat(&*parent.fd, name, kind, mode, device) {
            Err(Errno::PERM) => {
                self.report.devices += 1;
                return Ok(());
            }
            result => result?,
        }
        self.own_name(entry, parent, name)?;
        set_mode_unopened(&parent.fd, name, mode)?;
        self.report.xattrs += entry.xattrs.len() as u64;
        set_times(entry, &parent.fd, name)
    }

    fn own_name(&mut self, entry: &Entry, parent: &Parent, name: &[u8]) -> io::Result<()> {
        let (flags, (uid, gid)) = (AtFlags::SYMLINK_NOFOLLOW, owner(entry));
        self.own(|| rustix::fs::chownat(&*parent.fd, name, uid, gid, flags))
    }

    /// Only root can give files away, and in a user namespace only to the users that it has.
    fn own(&mut self, chown: impl FnOnce() -> Result<(), Errno>) -> io::Result<()> {
        match chown() {
            Err(Errno::PERM | Errno::INVAL) => {
                self.report.owners += 1;
                Ok(())
            }
            result => Ok(result?),
        }
    }

    fn xattrs(&mut self, entry: &Entry, fd: impl AsFd) -> io::Result<()> {
        for (name, value) in &entry.xattrs {
            if !is_portable(name) {
                self.report.xattrs += 1;
                continue;
            }
            match rustix::fs::fsetxattr(&fd, name.as_slice(), value, XattrFlags::empty()) {
                Err(Errno::PERM | Errno::NOTSUP | Errno::ACCESS) => self.report.xattrs += 1,
                result => result?,
            }
        }
        Ok(())
    }

    /// Gives the directories what they should have, now that nothing is put into them any more.
    fn settle(&self) -> io::Result<()> {
        self.root.visit(&mut |fd| {
            if let Some(Attributes { mode, mtime }) = self.directories.get(&inode(fd)?) {
                rustix::fs::fchmod(fd, Mode::from_raw_mode(*mode))?;
                mtime.map_or(Ok(()), |mtime| rustix::fs::futimens(fd, &times(mtime)))?;
            }
            Ok(())
        })
    }
}

/// A directory that no layer has an entry for.
const IMPLIED: Attributes = Attributes { mode: 0o755, mtime: None };

fn bad(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}
