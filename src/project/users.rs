//! Who runs a process.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::rc::Rc;

use super::images::{Images, resolve_group, resolve_user};
use super::{Options, Root};
use crate::compose;
use crate::compose::decode::all;
use crate::diag::{Code, Diagnostics, Reported};
use crate::image::read_in_root;
use crate::image::users::{is_number, is_numeric};
use crate::load::in_project;
use crate::lock;
use crate::source::{Span, Spanned};

/// The user of a process, with what decided it.
#[derive(Clone, Debug)]
pub struct User {
    /// The numbers; those of root where they are not known.
    pub ids: lock::User,
    /// Whether they are known: an image may decide that nobody has looked into.
    pub known: bool,
    /// Further groups of `group_add`, each once and in the order of the file.
    pub groups: Vec<Spanned<u32>>,
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
        Root::Unknown(_) => match written.map(|user| &*user.value) {
            Some("root") => Some(resolve_user(d, "0", None, None, &place)?),
            Some(spec) if is_numeric(spec) || is_number(spec) => {
                Some(resolve_user(d, spec, None, None, &place)?)
            }
            _ => None,
        },
        Root::Directory(_) => {
            let spec = written.map_or("", |user| &user.value);
            let passwd = table(d, service, "etc/passwd", options)?;
            let group = table(d, service, "etc/group", options)?;
            Some(resolve_user(d, spec, passwd.as_deref(), group.as_deref(), &place)?)
        }
    };
    let known = ids.is_some();
    let ids = ids.unwrap_or_else(|| lock::User { uid: 0, gid: 0, additional_gids: Vec::new() });
    let mut listed: BTreeSet<u32> = ids.additional_gids.iter().copied().collect();
    let mut groups = groups(d, service, root, images, options)?;
    groups.retain(|group| listed.insert(group.value));
    Ok(User { ids, known, groups, written: span })
}

/// The groups of `group_add`, in the order of the file. Docker has them in an order of its own.
fn groups(
    d: &mut Diagnostics,
    service: &compose::Service,
    root: &Root,
    images: &mut Images,
    options: &Options,
) -> Result<Vec<Spanned<u32>>, Reported> {
    let table = match root {
        Root::Directory(_) if !service.group_add.is_empty() => table(d, service, "etc/group", options)?,
        _ => None,
    };
    let found: Vec<Option<Spanned<u32>>> = all(service.group_add.iter().map(|group| {
        let gid = match root {
            Root::Image(image) => images.group(d, image, group)?,
            Root::Directory(_) => Some(resolve_group(d, group, table.as_deref())?),
            Root::Unknown(_) if is_number(&group.value) => Some(resolve_group(d, group, None)?),
            Root::Unknown(_) => None,
        };
        Ok(gid.map(|value| Spanned { value, span: group.span }))
    }))?;
    Ok(found.into_iter().flatten().collect())
}

/// A table of a directory that is the root file system.
fn table(
    d: &mut Diagnostics,
    service: &compose::Service,
    path: &str,
    options: &Options,
) -> Result<Option<String>, Reported> {
    let rootfs = service.extension.rootfs.as_ref();
    let directory = in_project(rootfs.map_or("", |rootfs| &rootfs.value), &options.directory);
    match read_in_root(&directory, path) {
        Ok(bytes) => Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) => {
            let directory = directory.display();
            let message = match error.kind() {
                io::ErrorKind::NotFound => format!("there is no directory {directory}"),
                io::ErrorKind::NotADirectory => format!("{directory} is not a directory"),
                _ => format!("{path} in {directory} cannot be read: {error}"),
            };
            let draft = d.error(Code::Unreadable, message);
            let place = rootfs.map(|rootfs| rootfs.span);
            Err(match place {
                Some(place) => draft.label(place, "this root file system").emit(),
                None => draft.emit(),
            })
        }
    }
}
