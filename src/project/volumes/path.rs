//! Where things are on the host.

use std::fmt::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use crate::diag::{Code, Diagnostics};
use crate::image::Digest;
use crate::project::Options;
use crate::source::{Span, Spanned};
use crate::yaml::template::Lookup;

/// A path of the host as a bundle spells it: relative to the bundle, or absolute where the user wrote it so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPath(String);

impl HostPath {
    /// A path as the Compose file has it, from the directory of the project. `~` is the home of whoever builds, as in Compose.
    pub fn resolve(d: &mut Diagnostics, written: &Spanned<Rc<str>>, options: &Options) -> Self {
        let text = &*written.value;
        let Some(rest) = text.strip_prefix('~') else {
            if text.starts_with('/') {
                return HostPath(clean(Path::new(text)));
            }
            warn_outside(d, written.span, &options.to_project);
            return HostPath(clean(&Path::new("..").join(&options.to_project).join(text)));
        };
        let home = options.environment.get("HOME").unwrap_or_default();
        let path = clean(&Path::new(&*home).join(rest.trim_start_matches('/')));
        let draft = d.warning(Code::HostDependent, format!("`~` is {home} for whoever builds here"));
        draft
            .label(written.span, "written into the bundle")
            .help("write an absolute path, or one that starts with `./`")
            .emit();
        HostPath(path)
    }

    /// The directory of a named volume: beside the bundles, one for all services.
    pub(super) fn of_volume(name: &str) -> Self {
        HostPath(format!("{VOLUMES}/{name}"))
    }

    /// The directory of a volume without a name. Its own name has an `@`, which no volume of the file can have.
    pub(super) fn of_anonymous_volume(service: &str, target: &str) -> Self {
        HostPath(format!("{VOLUMES}/{}", short(format!("{service}@{}", spelt(target)))))
    }

    /// A file that `prepare` places in the bundle, for a target in the container.
    pub(super) fn private(target: &str) -> Self {
        HostPath(format!("{PRIVATE}/{}", file_name(target)))
    }

    /// A directory below this one.
    pub(super) fn below(&self, path: &str) -> Self {
        HostPath(format!("{}/{path}", self.0))
    }

    /// As it stands in `config.json`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The directory of all volumes, from a bundle.
const VOLUMES: &str = "../volumes";

/// The directory in a bundle of what `prepare` places there.
const PRIVATE: &str = "private";

/// The most bytes that a name of our own has: a file name has room for 255, and `prepare` needs some for another one.
const MAX_NAME: usize = 230;

/// A target in the container as the name of one file.
pub(super) fn file_name(target: &str) -> String {
    short(spelt(target))
}

/// Two targets never have the same name: a `+` is a slash, and every other character that is not its own is `%XX`.
fn spelt(target: &str) -> String {
    let mut name = String::with_capacity(target.len());
    for (at, byte) in target.trim_start_matches('/').bytes().enumerate() {
        match byte {
            b'/' => name.push('+'),
            // `.git` is no name that git would track.
            b'.' if at == 0 => name.push_str("%2E"),
            b'.' | b'_' | b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => name.push(char::from(byte)),
            byte => {
                let _infallible = write!(name, "%{byte:02X}");
            }
        }
    }
    name
}

fn short(name: String) -> String {
    if name.len() <= MAX_NAME { name } else { format!("@{}", Digest::sha256(name.as_bytes()).hex()) }
}

/// From bundles outside the project the way to a source leads through directories of this machine.
fn warn_outside(d: &mut Diagnostics, span: Span, to_project: &Path) {
    if to_project.components().all(|part| part == Component::ParentDir) {
        return;
    }
    let message =
        "the bundles are not written inside the project, so this path names directories of this machine";
    let draft = d.warning(Code::HostDependent, message).label(span, "");
    draft.help("leave `-o` away, or name a directory inside the project").emit();
}

/// Takes out `.`, and `..` with the part before it.
fn clean(path: &Path) -> String {
    let mut clean = PathBuf::new();
    for part in path.components() {
        let can_pop = matches!(clean.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::CurDir => {}
            Component::ParentDir if can_pop => drop(clean.pop()),
            Component::ParentDir if clean.has_root() => {}
            part => clean.push(part),
        }
    }
    let text = clean.to_string_lossy().into_owned();
    if text.is_empty() { ".".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_without_looking_at_the_disk() {
        let table = [
            ("./a/../b", "b"),
            ("a/./b/", "a/b"),
            ("../../x", "../../x"),
            ("a/../../x", "../x"),
            ("/../x", "/x"),
            ("/a/..", "/"),
            (".", "."),
            ("a/..", "."),
        ];
        for (text, want) in table {
            assert_eq!(clean(Path::new(text)), want, "{text}");
        }
    }

    #[test]
    fn targets_are_names_of_files() {
        let table = [
            ("/var/lib/data", "var+lib+data"),
            ("/.git", "%2Egit"),
            ("/a+b", "a%2Bb"),
            ("/a@b/ß", "a%40b+%C3%9F"),
            ("/a-b_c.d", "a-b_c.d"),
        ];
        for (target, want) in table {
            assert_eq!(file_name(target), want);
        }
        let long = |end: char| HostPath::of_anonymous_volume("web", &format!("/{}{end}", "a".repeat(300)));
        assert_eq!(long('b').as_str().len(), VOLUMES.len() + 66);
        assert_ne!(long('b'), long('c'));
    }
}
