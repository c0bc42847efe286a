//! Directories of an unpacked image, copied to another place.
//!
//! The copy is what unpacking again would have made: owners, modes, times, the extended attributes that mean the same
//! everywhere, and hard links between what is copied. Every name is reached from the descriptor of its directory, and
//! no link is followed.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid, XattrFlags};
use rustix::io::Errno;

use super::attributes::{is_portable, modified, path_of, set_mode, set_mode_unopened, times};
use super::content::Content;
use super::links::Links;
use super::root::{Root, list, open_directory};

/// How deep a tree may be that is copied: two descriptors are held for each directory on the way, and a process often
/// has 1024.
const MAX_DEPTH: u32 = 256;

/// Copies what is in a directory of a root, and the directory's own attributes, into an empty directory; links that
/// lead to it are followed inside the root. What may not be read or made is left out. Returns how many entries there
/// were and how many were left out, and `None` if there is no such directory. As Docker does: `CopyDir` of
/// containerd's continuity, which makes devices, FIFOs and sockets too.
pub fn copy_directory(root: &Path, path: &str, into: impl AsFd) -> io::Result<Option<Copied>> {
    let from = match Root::open(root)?.directory(path.as_bytes()) {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
        found => found?,
    };
    match open_directory(&from, b".") {
        Err(Errno::ACCESS) => Ok(None),
        from => copy(&from?, &open_directory(into, b".")?, Refused::LeftOut).map(Some),
    }
}

/// Copies a whole root into an empty directory. If it fails, what is there by then is to be thrown away. Nobody may use
/// the root meanwhile.
pub fn copy_root(root: &Path, into: &Path) -> io::Result<Copied> {
    let open =
        |path: &Path| -> io::Result<OwnedFd> { Ok(open_directory(Root::open(path)?.directory(b"")?, b".")?) };
    copy(&open(root)?, &open(into)?, Refused::Error)
}

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// How many entries there were in the directory and those in it.
    pub entries: u64,
    /// How many of them may not be read or made.
    pub left_out: u64,
}

/// What becomes of that for which there is no right.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    LeftOut,
    /// Nothing is: a mode that keeps its owner out is lifted while it is in the way.
    Error,
}

fn copy(from: &OwnedFd, to: &OwnedFd, refused: Refused) -> io::Result<Copied> {
    let names = list(from, 0)?;
    let links = Links::new(to, |name| names.iter().any(|(known, _)| known == name));
    drop(names);
    let buffer = vec![0; 64 * 1024];
    let is_root = rustix::process::geteuid().is_root();
    let mut copy =
        Copy { refused, links, content: Content::new(), buffer, copied: Copied::default(), is_root };
    copy.entries(from, to, 0)?;
    copy.links.remove()?;
    copy.attributes(from, &rustix::fs::fstat(from)?, to)?;
    Ok(copy.copied)
}

struct Copy<'a> {
    refused: Refused,
    links: Links<'a>,
    content: Content,
    /// For extended attributes.
    buffer: Vec<u8>,
    copied: Copied,
    is_root: bool,
}

/// Where something is copied to.
struct Target<'a> {
    directory: &'a OwnedFd,
    name: &'a [u8],
}

impl Copy<'_> {
    fn entries(&mut self, from: &OwnedFd, to: &OwnedFd, depth: u32) -> io::Result<()> {
        if depth > MAX_DEPTH {
            return Err(io::Error::other(format!("more than {MAX_DEPTH} directories inside each other")));
        }
        for (name, _) in list(from, depth)? {
            self.copied.entries += 1;
            let stat = rustix::fs::statat(from, &*name, AtFlags::SYMLINK_NOFOLLOW)?;
            self.entry(from, &stat, &Target { directory: to, name: &name }, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, from: &OwnedFd, stat: &Stat, to: &Target, depth: u32) -> io::Result<()> {
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory {
            return self.directory(from, stat, to, depth);
        }
        let is_linked = stat.st_nlink > 1;
        if is_linked && self.links.link(stat, to.directory, to.name)? {
            return Ok(());
        }
        let is_made = match kind {
            FileType::RegularFile => self.file(from, stat, to)?,
            FileType::Symlink => self.symlink(from, stat, to)?,
            kind => self.node(from, stat, kind, to)?,
        };
        self.copied.left_out += u64::from(!is_made);
        if is_linked && is_made {
            self.links.remember(stat, to.directory, to.name)?;
        }
        Ok(())
    }

    fn directory(&mut self, from: &OwnedFd, stat: &Stat, to: &Target, depth: u32) -> io::Result<()> {
        let Some(opened) = self.open(from, to.name, stat, OFlags::DIRECTORY)? else {
            self.copied.left_out += 1;
            return Ok(());
        };
        rustix::fs::mkdirat(to.directory, to.name, Mode::RWXU)?;
        let made = open_directory(to.directory, to.name)?;
        // Its own attributes come last: until then it must be writable, and its time changes with every entry.
        let copied = self
            .entries(&opened.fd, &made, depth + 1)
            .and_then(|()| self.attributes(&opened.fd, stat, &made));
        opened.close()?;
        copied
    }

    fn file(&mut self, from: &OwnedFd, stat: &Stat, to: &Target) -> io::Result<bool> {
        let Some(opened) = self.open(from, to.name, stat, OFlags::NONBLOCK)? else { return Ok(false) };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(to.directory, to.name, flags, Mode::RUSR | Mode::WUSR)?;
        let copied = self
            .content
            .copy(opened.fd.as_fd(), stat, made.as_fd())
            .and_then(|()| self.attributes(&opened.fd, stat, &made));
        opened.close()?;
        copied.map(|()| true)
    }

    fn symlink(&mut self, from: &OwnedFd, stat: &Stat, to: &Target) -> io::Result<bool> {
        let target = rustix::fs::readlinkat(from, to.name, Vec::new())?;
        rustix::fs::symlinkat(target, to.directory, to.name)?;
        self.name_attributes(from, stat, to)?;
        Ok(true)
    }

    /// A device, a FIFO or a socket.
    fn node(&mut self, from: &OwnedFd, stat: &Stat, kind: FileType, to: &Target) -> io::Result<bool> {
        let mode = Mode::from_raw_mode(stat.st_mode);
        match rustix::fs::mknodat(to.directory, to.name, kind, mode, stat.st_rdev) {
            Err(Errno::PERM) if self.refused == Refused::LeftOut => return Ok(false),
            result => result?,
        }
        self.name_attributes(from, stat, to)?;
        Ok(true)
    }

    /// Opens something to read it; nothing if that is left out.
    fn open(&self, from: &OwnedFd, name: &[u8], stat: &Stat, flags: OFlags) -> io::Result<Option<Opened>> {
        let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match (rustix::fs::openat(from, name, flags, Mode::empty()), self.refused) {
            (Err(Errno::ACCESS), Refused::LeftOut) => Ok(None),
            (Err(Errno::ACCESS), Refused::Error) => Opened::unlocked(from, name, stat, flags).map(Some),
            (fd, _) => Ok(Some(Opened { fd: fd?, locked: None })),
        }
    }

    fn attributes(&mut self, from: impl AsFd, stat: &Stat, to: impl AsFd) -> io::Result<()> {
        // Giving a file away takes its set-id bits and capabilities, so the owner comes first; and the mode may keep
        // who sets extended attributes out.
        let (uid, gid) = owner(stat);
        self.permitted(rustix::fs::fchown(&to, uid, gid))?;
        let from = from.as_fd();
        self.xattrs(
            |list| rustix::fs::flistxattr(from, list),
            |name, value| rustix::fs::fgetxattr(from, name, value),
            |name, value| rustix::fs::fsetxattr(&to, name, value, XattrFlags::empty()),
        )?;
        rustix::fs::fchmod(&to, Mode::from_raw_mode(stat.st_mode))?;
        Ok(rustix::fs::futimens(&to, &times(modified(stat)))?)
    }

    /// The attributes of what is not opened.
    fn name_attributes(&mut self, from: &OwnedFd, stat: &Stat, to: &Target) -> io::Result<()> {
        let (uid, gid) = owner(stat);
        self.permitted(rustix::fs::chownat(to.directory, to.name, uid, gid, AtFlags::SYMLINK_NOFOLLOW))?;
        // Nobody else can have set any.
        if self.is_root {
            let (from, made) = (path_of(from.as_fd(), to.name), path_of(to.directory.as_fd(), to.name));
            self.xattrs(
                |list| rustix::fs::llistxattr(from.as_slice(), list),
                |name, value| rustix::fs::lgetxattr(from.as_slice(), name, value),
                |name, value| rustix::fs::lsetxattr(made.as_slice(), name, value, XattrFlags::empty()),
            )?;
        }
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            set_mode_unopened(to.directory, to.name, Mode::from_raw_mode(stat.st_mode))?;
        }
        Ok(rustix::fs::utimensat(to.directory, to.name, &times(modified(stat)), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn xattrs(
        &mut self,
        list: impl FnOnce(&mut [u8]) -> Result<usize, Errno>,
        get: impl Fn(&[u8], &mut [u8]) -> Result<usize, Errno>,
        set: impl Fn(&[u8], &[u8]) -> Result<(), Errno>,
    ) -> io::Result<()> {
        let length = match list(&mut self.buffer) {
            Ok(0) | Err(Errno::NOTSUP) => return Ok(()),
            length => length?,
        };
        let names = self.buffer.get(..length).unwrap_or_default().to_vec();
        for name in names.split(|b| *b == 0).filter(|name| is_portable(name)) {
            let length = get(name, &mut self.buffer)?;
            self.permitted(set(name, self.buffer.get(..length).unwrap_or_default()))?;
        }
        Ok(())
    }

    /// Only root can give files away and set all attributes. What was unpacked by somebody else has lost them already.
    fn permitted(&self, result: Result<(), Errno>) -> io::Result<()> {
        match result {
            Err(Errno::PERM | Errno::INVAL | Errno::NOTSUP | Errno::ACCESS)
                if self.refused == Refused::LeftOut =>
            {
                Ok(())
            }
            result => Ok(result?),
        }
    }
}

/// Something that is read.
struct Opened {
    fd: OwnedFd,
    /// What to give it back, and by which descriptor.
    locked: Option<(OwnedFd, Mode)>,
}

impl Opened {
    /// Opens what its mode keeps its owner from.
    fn unlocked(from: &OwnedFd, name: &[u8], stat: &Stat, flags: OFlags) -> io::Result<Opened> {
        let path = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(from, name, path, Mode::empty())?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        set_mode(&fd, mode | Mode::RUSR | Mode::XUSR)?;
        match rustix::fs::openat(from, name, flags, Mode::empty()) {
            Ok(opened) => Ok(Opened { fd: opened, locked: Some((fd, mode)) }),
            Err(error) => Ok(set_mode(&fd, mode)?).and(Err(error.into())),
        }
    }

    /// Gives it its mode back.
    fn close(self) -> io::Result<OwnedFd> {
        self.locked.map_or(Ok(()), |(fd, mode)| set_mode(&fd, mode))?;
        Ok(self.fd)
    }
}

fn owner(stat: &Stat) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))
}
