//! Layers applied to a directory.
//!
//! Follows the [layer specification] and, where that is silent, containerd. Entries are data of strangers: nothing is
//! done outside the directory, nothing through a link under an entry's own name, and devices are not opened.
//!
//! [layer specification]: https://github.com/opencontainers/image-spec/blob/main/layer.md

use std::fs::File;
use std::io::{self, BufRead, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, XattrFlags};
use rustix::io::Errno;

use super::archive::{Archive, Entry, Kind};
use super::attributes::{Attributes, clear_xattrs, set_mode_unopened, set_times, set_xattr_unopened, times};
use super::layer::{Layer, Meter};
use super::place::Place;
use super::root::{self, MAX_DEPTH, Names, Root, clear, open_directory, remove};
use super::source::{Source, content};
use super::{Descriptor, Digest, Error, Image, Verified};
use parents::{Parent, Parents};

mod parents;

/// What may be inherited by all that is made in a directory.
const DEFAULT_ACL: &str = "system.posix_acl_default";

/// How much an image may contain.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Layers.
    pub layers: usize,
    /// Entries in all layers, and directories that they need and do not have.
    pub entries: u64,
    /// Bytes in all layers, decompressed, with holes.
    pub bytes: u64,
}

impl Default for Limits {
    /// More than any image needs, and less than fills a host with a small download. (Docker takes 127 layers.)
    fn default() -> Self {
        Limits { layers: 512, entries: 2_000_000, bytes: 64 << 30 }
    }
}

impl Limits {
    /// Refuses an image with too many layers, which may be one layer many times.
    pub(super) fn check_layers(&self, image: &Image) -> Result<(), Error> {
        let (found, most) = (image.layers.len(), self.layers);
        if found <= most {
            return Ok(());
        }
        Err(Error::blob(&image.manifest.digest, format!("{found} layers, and the limit is {most}")))
    }
}

/// What was unpacked, and what the system did not allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries in all layers.
    pub entries: u64,
    /// Bytes of file content.
    pub bytes: u64,
    /// Files that belong to whoever unpacked them, because only root can give files away. Where the file system and the
    /// kind of file allow it, the attribute `user.rootlesscontainers` has the owner.
    pub owners: u64,
    /// Devices in whose place there is an empty file, because only root can make them.
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
    unpack_with(source, image, into, limits, &|_| {})
}

/// [`unpack`] with other limits; `progress` gets the bytes of the blobs that were read so far, of all layers together.
pub fn unpack_with(
    source: &dyn Source,
    image: &Image,
    into: &Path,
    limits: Limits,
    progress: &dyn Fn(u64),
) -> Result<Report, Error> {
    limits.check_layers(image)?;
    let meter = Meter::new(limits.bytes);
    let progress = Progress { meter: meter.clone(), told: 0, tell: progress };
    let mut unpack = Unpack::new(into, limits, progress).map_err(|error| Error::io(into, error))?;
    let applied = unpack.layers(source, image, &meter);
    applied?;
    unpack.finish().map_err(|error| Error::io(into, error))
}

/// Holds a blob to its digest, which reading its content may not have got to.
fn prove(source: &dyn Source, descriptor: &Descriptor) -> Result<(), Error> {
    let Descriptor { digest, size, .. } = descriptor;
    let mut blob = Verified::new(content(source, descriptor)?, digest, Some(*size));
    let proven = io::copy(&mut blob, &mut io::sink());
    proven.map(|_| ()).map_err(|error| Error::Changed { digest: digest.clone(), error })
}

/// Tells how far the reading is, when it has got further.
struct Progress<'a> {
    meter: Arc<Meter>,
    told: u64,
    tell: &'a dyn Fn(u64),
}

impl Progress<'_> {
    fn tell(&mut self) {
        let stored = self.meter.stored();
        if stored > self.told {
            self.told = stored;
            (self.tell)(stored);
        }
    }
}

struct Unpack<'a> {
    parents: Parents,
    attributes: Attributes,
    limits: Limits,
    report: Report,
    progress: Progress<'a>,
    /// Directories that no layer has an entry for.
    implied: u64,
    /// What the current layer has made, which its whiteouts do not touch.
    written: Names,
    /// Where whiteouts of the current layer have removed what is below it. Doing it again would do nothing, however
    /// much there is to look at.
    cleared: Names,
    /// Whether something was removed, so that a path may lead somewhere else.
    removed: bool,
}

impl<'a> Unpack<'a> {
    fn new(into: &Path, limits: Limits, progress: Progress<'a>) -> io::Result<Self> {
        let root = Root::open(into)?;
        let (top, _) = root.open_directory(b"")?;
        if !root::list(&top, 0)?.is_empty() {
            return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, "not an empty directory"));
        }
        let attributes = Attributes::new();
        // Nothing of what the directory itself has inherited is handed down.
        match rustix::fs::fremovexattr(&top, DEFAULT_ACL) {
            Err(Errno::NODATA | Errno::NOTSUP) => {}
            result => result?,
        }
        if rustix::fs::fstat(&top)?.st_gid != attributes.gid {
            rustix::fs::fchown(&top, None, Some(rustix::process::getegid()))?;
        }
        rustix::fs::fchmod(&top, Mode::from_raw_mode(0o755))?;
        rustix::fs::futimens(&top, &times(parents::IMPLIED))?;
        Ok(Unpack {
            parents: Parents::new(root, attributes.is_root()),
            attributes,
            limits,
            report: Report::default(),
            progress,
            implied: 0,
            written: Names::default(),
            cleared: Names::default(),
            removed: false,
        })
    }

    fn layers(&mut self, source: &dyn Source, image: &Image, meter: &Arc<Meter>) -> Result<(), Error> {
        let mut layers = image.layers.iter().zip(&image.configuration.diff_ids);
        let mut open = || -> Result<_, Error> {
            let Some((descriptor, diff_id)) = layers.next() else { return Ok(None) };
            Ok(Some((Layer::open(source, descriptor, diff_id, meter)?, descriptor)))
        };
        let mut next = open()?;
        while let Some((layer, descriptor)) = next {
            // It is decompressed ahead while this one is written.
            next = open()?;
            // What a damaged blob looks like to those who read it says little.
            self.layer(layer, descriptor)
                .map_err(|error| prove(source, descriptor).err().unwrap_or(error))?;
        }
        Ok(())
    }

    fn layer(&mut self, layer: Layer, descriptor: &Descriptor) -> Result<(), Error> {
        let in_layer = |error| Error::Layer { layer: descriptor.digest.clone(), error };
        let mut archive = Archive::new(layer);
        self.written.clear();
        self.cleared.clear();
        while let Some(entry) = archive.next().map_err(in_layer)? {
            self.entry(&entry, &mut archive).map_err(|error| in_entry(&descriptor.digest, &entry, error))?;
            self.progress.tell();
        }
        archive.into_inner().finish().map_err(in_layer)?;
        self.progress.tell();
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, content: &mut impl BufRead) -> io::Result<()> {
        self.report.entries += 1;
        if std::mem::take(&mut self.removed) {
            self.parents.close_all()?;
        }
        match Place::parse(&entry.path).map_err(bad)? {
            Place::Root => self.root_entry(entry),
            Place::Opaque { directory } => self.opaque(&directory),
            Place::Whiteout { directory, name } => self.whiteout(&directory, &name),
            Place::Name { directory, name } => {
                let parent = self.parents.make(&directory, &mut self.implied)?;
                parent.change();
                self.written.insert(parent.inode, &name);
                self.create(entry, &directory, &parent, &name, content)
            }
        }?;
        if self.report.entries + self.implied > self.limits.entries {
            return Err(bad(format!("more than {} entries", self.limits.entries)));
        }
        Ok(())
    }

    /// As the root of the next layer a link would lead out (CVE-2021-29136).
    fn root_entry(&mut self, entry: &Entry) -> io::Result<()> {
        if entry.kind != Kind::Directory {
            return Err(bad("the root is no directory"));
        }
        let top = self.parents.existing(b"")?;
        self.redeclared(entry, &top)
    }

    fn opaque(&mut self, directory: &[u8]) -> io::Result<()> {
        match self.if_there(directory)? {
            Some(parent) if self.cleared.insert(parent.inode, b"") => clear(&parent.fd, &self.written),
            _ => Ok(()),
        }
    }

    fn whiteout(&mut self, directory: &[u8], name: &[u8]) -> io::Result<()> {
        match self.if_there(directory)? {
            Some(parent) if self.cleared.insert(parent.inode, name) => remove(&*parent, name, &self.written),
            _ => Ok(()),
        }
    }

    /// The directory that something is to be removed from.
    fn if_there(&mut self, directory: &[u8]) -> io::Result<Option<Rc<Parent>>> {
        self.removed = true;
        match self.parents.existing(directory) {
            Err(error) if is(&error, Errno::NOENT) || is(&error, Errno::NOTDIR) => Ok(None),
            found => {
                let parent = found?;
                parent.change();
                Ok(Some(parent))
            }
        }
    }

    fn create(
        &mut self,
        entry: &Entry,
        directory: &[u8],
        parent: &Parent,
        name: &[u8],
        content: &mut impl BufRead,
    ) -> io::Result<()> {
        match entry.kind {
            Kind::Directory => self.directory(entry, directory, parent, name),
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
                self.removed = true;
                remove(parent, name, Names::NONE)?;
                Ok(make()?)
            }
            result => Ok(result?),
        }
    }

    /// A directory that exists stays and gets the attributes; a link to one is replaced.
    fn directory(&mut self, entry: &Entry, path: &[u8], parent: &Parent, name: &[u8]) -> io::Result<()> {
        if parent.depth >= MAX_DEPTH {
            return Err(bad(format!("more than {MAX_DEPTH} directories inside each other")));
        }
        let path = if path.is_empty() { name.to_vec() } else { [path, name].join(&b'/') };
        let make = || rustix::fs::mkdirat(parent, name, self.attributes.first_mode(entry, Mode::RWXU));
        let open = || Parent::opened(open_directory(parent, name)?, parent.depth + 1);
        match make() {
            Err(Errno::EXIST) => match open() {
                Err(error) if is(&error, Errno::NOTDIR) || is(&error, Errno::LOOP) => {
                    self.removed = true;
                    remove(parent, name, Names::NONE)?;
                    make()?;
                }
                found => {
                    let found = self.parents.insert(path, found?)?;
                    return self.redeclared(entry, &found);
                }
            },
            result => result?,
        }
        let new = self.parents.insert(path, open()?)?;
        self.declared(entry, &new, parent.gid.get())
    }

    /// What a lower layer gave to a directory is replaced, its extended attributes too, as in an overlay.
    fn redeclared(&mut self, entry: &Entry, directory: &Parent) -> io::Result<()> {
        clear_xattrs(&directory.fd)?;
        let differs = directory.uid.get() != self.attributes.uid;
        let group = if differs { !self.attributes.gid } else { directory.gid.get() };
        self.declared(entry, directory, group)
    }

    fn declared(&mut self, entry: &Entry, directory: &Parent, group: u32) -> io::Result<()> {
        let fd = &directory.fd;
        let set = |name: &[u8], value: &[u8]| rustix::fs::fsetxattr(fd, name, value, XattrFlags::empty());
        self.attributes.own(entry, group, |uid, gid| rustix::fs::fchown(fd, uid, gid), set)?;
        self.attributes.xattrs(entry, set)?;
        let stat = rustix::fs::fstat(fd)?;
        directory.uid.set(stat.st_uid);
        directory.gid.set(stat.st_gid);
        directory.mode.set(Mode::from_raw_mode(entry.mode));
        directory.mtime.set(entry.mtime);
        directory.change();
        self.parents.forget(directory);
        Ok(())
    }

    fn file(
        &mut self,
        entry: &Entry,
        parent: &Parent,
        name: &[u8],
        content: &mut impl BufRead,
    ) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let first = self.attributes.first_mode(entry, Mode::RUSR | Mode::WUSR);
        let mut file =
            File::from(self.anew(parent, name, || rustix::fs::openat(parent, name, flags, first))?);
        self.content(entry, &mut file, content)?;
        let set = |name: &[u8], value: &[u8]| rustix::fs::fsetxattr(&file, name, value, XattrFlags::empty());
        // Giving a file away takes its set-id bits and capabilities; so the owner comes first.
        let chown = |uid, gid| rustix::fs::fchown(&file, uid, gid);
        self.attributes.own(entry, parent.gid.get(), chown, set)?;
        self.attributes.xattrs(entry, set)?;
        let mode = Mode::from_raw_mode(entry.mode);
        if self.attributes.masked(first) != mode {
            rustix::fs::fchmod(&file, mode)?;
        }
        Ok(rustix::fs::futimens(&file, &times(entry.mtime))?)
    }

    fn content(&mut self, entry: &Entry, file: &mut File, content: &mut impl BufRead) -> io::Result<()> {
        self.report.bytes += entry.size;
        let Some(sparse) = &entry.sparse else { return self.copy(content, file, u64::MAX) };
        if entry.size > self.limits.bytes {
            let most = self.limits.bytes;
            return Err(bad(format!("a file of {} bytes with holes, and the limit is {most}", entry.size)));
        }
        file.set_len(sparse.size)?;
        for part in &sparse.parts {
            file.seek(SeekFrom::Start(part.offset))?;
            self.copy(content, file, part.length)?;
        }
        Ok(())
    }

    fn copy(&mut self, content: &mut impl BufRead, file: &mut File, mut left: u64) -> io::Result<()> {
        while left > 0 {
            let buffer = content.fill_buf()?;
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let Some(part) = buffer.get(..most).filter(|part| !part.is_empty()) else { return Ok(()) };
            file.write_all(part)?;
            left -= most as u64;
            content.consume(most);
            self.progress.tell();
        }
        Ok(())
    }

    fn symlink(&mut self, entry: &Entry, parent: &Parent, name: &[u8]) -> io::Result<()> {
        self.anew(parent, name, || rustix::fs::symlinkat(entry.target.as_slice(), parent, name))?;
        self.unopened(entry, parent, name)?;
        set_times(entry, parent, name)
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
        let from = self.parents.existing(&directory).map_err(failed)?;
        if from.inode == parent.inode && target == name {
            return Err(bad("a hard link to itself"));
        }
        let link = || rustix::fs::linkat(&*from, target.as_slice(), parent, name, AtFlags::empty());
        self.anew(parent, name, link).map_err(failed)
    }

    fn node(&mut self, entry: &Entry, parent: &Parent, name: &[u8], kind: FileType) -> io::Result<()> {
        let mode = Mode::from_raw_mode(entry.mode);
        let device = rustix::fs::makedev(entry.device.0, entry.device.1);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match self.anew(parent, name, || rustix::fs::mknodat(parent, name, kind, mode, device)) {
            Err(error) if is(&error, Errno::PERM) => {
                self.report.devices += 1;
                // As umoci does: an empty file, so that something can be mounted on it.
                self.anew(parent, name, || rustix::fs::openat(parent, name, flags, Mode::RUSR | Mode::WUSR))?;
            }
            result => result?,
        }
        self.unopened(entry, parent, name)?;
        set_mode_unopened(parent, name, mode)?;
        set_times(entry, parent, name)
    }

    /// Sets owner and extended attributes of what is not to be opened.
    fn unopened(&mut self, entry: &Entry, parent: &Parent, name: &[u8]) -> io::Result<()> {
        let chown = |uid, gid| rustix::fs::chownat(parent, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW);
        let set = |xattr: &[u8], value: &[u8]| set_xattr_unopened(parent.as_fd(), name, xattr, value);
        self.attributes.own(entry, parent.gid.get(), chown, set)?;
        self.attributes.xattrs(entry, set)
    }

    fn finish(mut self) -> io::Result<Report> {
        self.parents.settle()?;
        self.progress.tell();
        let Attributes { owners, xattrs, .. } = self.attributes;
        Ok(Report { owners, xattrs, ..self.report })
    }
}

fn in_entry(layer: &Digest, entry: &Entry, error: io::Error) -> Error {
    Error::Entry { layer: layer.clone(), entry: entry.path.escape_ascii().to_string(), error }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

fn bad(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}
