//! Users and groups by the tables of an image.

use std::ops::Range;
use std::rc::Rc;

use crate::diag::{Code, Diagnostics, Reported};
use crate::image::{self, Source, users};
use crate::lock;
use crate::source::{Span, Spanned};

/// `/etc/passwd` and `/etc/group` of an image.
const TABLES: [&str; 2] = ["etc/passwd", "etc/group"];

/// The texts of `/etc/passwd` and `/etc/group`, where they are there.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) passwd: Option<String>,
    pub(super) group: Option<String>,
}

impl Tables {
    /// Reads them out of the layers.
    pub(super) fn read(source: &dyn Source, image: &image::Image) -> Result<Self, image::Error> {
        let mut files = image::read_small_files(source, image, &TABLES)?;
        let mut table =
            |path| files.remove(path).flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let [passwd, group] = TABLES.map(&mut table);
        Ok(Tables { passwd, group })
    }
}

/// The number of a group by the table of a root file system.
pub(in crate::project) fn resolve_group(
    d: &mut Diagnostics,
    spec: &Spanned<Rc<str>>,
    group: Option<&str>,
) -> Result<u32, Reported> {
    let gid = users::resolve_group(&spec.value, group);
    gid.map_err(|invalid| d.invalid(Code::User, invalid, |range| spec.at(range)))
}

/// Who `spec` is by the tables of a root file system.
pub(in crate::project) fn resolve_user(
    d: &mut Diagnostics,
    spec: &str,
    passwd: Option<&str>,
    group: Option<&str>,
    place: &dyn Fn(Range<usize>) -> Span,
) -> Result<lock::User, Reported> {
    let user =
        users::resolve_user(spec, passwd, group).map_err(|invalid| d.invalid(Code::User, invalid, place))?;
    Ok(lock::User { uid: user.uid, gid: user.gid, additional_gids: user.additional_gids })
}
