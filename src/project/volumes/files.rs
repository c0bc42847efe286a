//! Secrets and configs as mounts.

use std::rc::Rc;

use super::declared::{Declared, bound_file};
use super::path::{HostPath, file_name};
use super::{Access, Mount, MountFrom, MountSource};
use crate::compose::{self, FileKind, FileMount, FileSource};
use crate::diag::{Code, Diagnostics, Reported};
use crate::project::Options;

/// A file that is part of the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Where it is in the bundle.
    pub path: String,
    /// Its content.
    pub text: Rc<str>,
    /// Whether it can be executed.
    pub executable: bool,
}

/// A file that `prepare` places in the bundle, because git must not, or cannot, hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateFile {
    /// Where it is placed.
    pub path: HostPath,
    /// What is in it.
    pub content: PrivateContent,
    /// Who may read it.
    pub mode: i64,
    /// Whose it is.
    pub uid: u32,
    /// Whose group it is.
    pub gid: u32,
}

/// What is in a private file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivateContent {
    /// A variable of whoever prepares the bundles.
    Environment(Rc<str>),
    /// Another file of the bundle.
    File(GeneratedFile),
}

/// The mode of a file that says nothing about it (Docker Compose: `pkg/compose/secrets.go`).
const MODE: i64 = 0o444;

/// The secrets and configs of a service.
pub(super) fn mounts(
    d: &mut Diagnostics,
    service: &compose::Service,
    declared: &Declared,
    options: &Options,
) -> Vec<Result<Mount, Reported>> {
    let secrets = service.secrets.iter().map(|file| (FileKind::Secret, file));
    let files = secrets.chain(service.configs.iter().map(|file| (FileKind::Config, file)));
    files.map(|(kind, file)| mount(d, kind, file, declared, options)).collect()
}

fn mount(
    d: &mut Diagnostics,
    kind: FileKind,
    file: &FileMount,
    declared: &Declared,
    options: &Options,
) -> Result<Mount, Reported> {
    let (source, from) = match declared.content(d, kind, &file.source)? {
        FileSource::File(path) => {
            warn_ignored(d, kind, file);
            (bound_file(d, &path, options), MountFrom::Volumes)
        }
        FileSource::Content(text) => (generated(file, text), MountFrom::Files),
        FileSource::Environment(name) => {
            (private(file, PrivateContent::Environment(name.value)), MountFrom::Files)
        }
    };
    let target = Rc::clone(&file.target);
    Ok(Mount { source, target, access: Access::ReadOnly, from, span: file.span })
}

/// A bind mount shows the file as it is on the host, in Docker Compose too.
fn warn_ignored(d: &mut Diagnostics, kind: FileKind, file: &FileMount) {
    let FileMount { uid, gid, mode, .. } = file;
    let (uid, gid) = (uid.as_ref().map(|uid| uid.span), gid.as_ref().map(|gid| gid.span));
    let mode = mode.as_ref().map(|mode| mode.span);
    for (key, span) in [("uid", uid), ("gid", gid), ("mode", mode)] {
        let Some(span) = span else { continue };
        let message = format!("`{key}` of a {} does not change the file on the host", kind.word());
        let draft = d.warning(Code::NotSupported, message).label(span, "ignored, as in Docker Compose");
        draft.help("give the file itself the owner and mode it needs").emit();
    }
}

/// A file of the bundle. git keeps no owner, and of the mode no more than whether it can be executed.
fn generated(file: &FileMount, text: Rc<str>) -> MountSource {
    let mode = file.mode.as_ref().map_or(MODE, |mode| mode.value.0);
    let executable = mode & 0o111 != 0;
    let path = format!("configs/{}", file_name(&file.target));
    let generated = GeneratedFile { path, text, executable };
    let plain = matches!(mode, 0o444 | 0o644 | 0o555 | 0o755);
    if plain && file.uid.is_none() && file.gid.is_none() {
        return MountSource::Generated(generated);
    }
    private(file, PrivateContent::File(generated))
}

fn private(file: &FileMount, content: PrivateContent) -> MountSource {
    MountSource::Private(PrivateFile {
        path: HostPath::private(&file.target),
        content,
        mode: file.mode.as_ref().map_or(MODE, |mode| mode.value.0),
        uid: file.uid.as_ref().map_or(0, |uid| uid.value),
        gid: file.gid.as_ref().map_or(0, |gid| gid.value),
    })
}
