//! Who runs a process.

use std::io;
use std::ops::Range;
use std::rc::Rc;

use super::images::{Images, resolve_user};
use super::{Options, Root};
use crate::compose;
use crate::diag::{Code, Diagnostics, Reported};
use crate::image::read_in_root;
use crate::load::in_project;
use crate::lock;
use crate::source::{Span, Spanned};

/// The user of a process, with what decided it.
#[derive(Clone, Debug)]
pub struct User {
    /// The numbers.
    pub ids: lock::User,
    /// Where `user` is written; `None` where the image or the default decides.
    pub written: Option<Span>,
}

/// The user of a service: its own `user`, else the image's, else root.
pub(super) fn user(
    d: &mut Diagnostics,
    service: &compose::Service,
    name: &Spanned<Rc<str>>,
    root: &Root,
    images: &mut Images,
    options: &Options,
) -> Result<User, Reported> {
    let written = service.user.as_ref().filter(|user| !user.value.is_empty());
    let span = written.map(|user| user.span);
    let place = |range: Range<usize>| written.map_or(name.span, |user| user.at(range));
    let ids = match root {
        Root::Image(image) => {
            let of_image = || image.locked.configuration.user.as_deref().unwrap_or_default();
            let spec = written.map_or_else(of_image, |user| &user.value);
            images.user(d, image, spec, &place)?
        }
        Root::Directory(_) => {
            let spec = written.map_or("", |user| &user.value);
            of_directory(d, service, spec, options, &place)?
        }
    };
    Ok(User { ids, written: span })
}

fn of_directory(
    d: &mut Diagnostics,
    service: &compose::Service,
    spec: &str,
    options: &Options,
    place: &dyn Fn(Range<usize>) -> Span,
) -> Result<lock::User, Reported> {
    let rootfs = service.extension.rootfs.as_ref();
    let directory = in_project(rootfs.map_or("", |rootfs| &rootfs.value), &options.directory);
    let mut table = |path: &str| match read_in_root(&directory, path) {
        Ok(bytes) => Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) => {
            let directory = directory.display();
            let message = match error.kind() {
                io::ErrorKind::NotFound => format!("there is no directory {directory}"),
                io::ErrorKind::NotADirectory => format!("{directory} is not a directory"),
                _ => format!("{path} in {directory} cannot be read: {error}"),
            };
            let place = rootfs.map_or_else(|| place(0..spec.len()), |rootfs| rootfs.span);
            Err(d.error(Code::Unreadable, message).label(place, "this root file system").emit())
        }
    };
    let (passwd, group) = (table("etc/passwd")?, table("etc/group")?);
    resolve_user(d, spec, passwd.as_deref(), group.as_deref(), place)
}
