//! What a user writes to say where images are: the transports of skopeo, podman and buildah, or a path.
//!
//! The texts mean what they mean there, see [containers-transports(5)]. So the first colon after the transport ends the
//! path, and a path with a colon in it can only be written without a transport.
//!
//! [containers-transports(5)]: https://github.com/containers/image/blob/main/docs/containers-transports.5.md

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::layout::Layout;
use super::source::{Listed, Source};
use super::{DockerArchive, Error, OciArchive, Reference};
use crate::diag::Invalid;

mod chosen;

use chosen::{Chosen, InRegistry};

const HELP: &str = "write `oci:DIRECTORY`, `oci-archive:FILE` or `docker-archive:FILE`, each with `:NAME` if it has several \
     images, `docker://REFERENCE`, or a path such as `./images`";

/// Opens the repository in a registry that a reference names.
pub type OpenRepository<'a> = dyn Fn(&Reference) -> Result<Box<dyn Source>, Error> + 'a;

/// Where images are, and perhaps which of them is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceName {
    place: Place,
    choice: Choice,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A file or directory of the named kind.
    Local(Transport, PathBuf),
    /// A file or directory that shows what it is.
    Path(PathBuf),
    Registry(Reference),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Oci,
    OciArchive,
    DockerArchive,
}

/// Which image of a source is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice {
    /// The only one, or the one that is asked for.
    None,
    /// The one that the source calls so.
    Name(String),
    /// The one at this place in the list of the source, counted from 0.
    Index(usize),
}

const TRANSPORTS: [(&str, Transport); 3] = [
    ("oci:", Transport::Oci),
    ("oci-archive:", Transport::OciArchive),
    ("docker-archive:", Transport::DockerArchive),
];
const REGISTRY: &str = "docker://";

impl SourceName {
    /// The image in a registry that is named, for a source that is not on this host's disks.
    pub fn registry(&self) -> Option<&Reference> {
        match &self.place {
            Place::Registry(reference) => Some(reference),
            Place::Local(..) | Place::Path(_) => None,
        }
    }

    /// The file or directory; `None` for a registry.
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Local(_, path) | Place::Path(path) => Some(path),
            Place::Registry(_) => None,
        }
    }

    /// The same source at another path; `None` if the path cannot be written in it.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<SourceName> {
        let choice = self.choice.clone();
        let place = match &self.place {
            Place::Local(transport, _) => Place::Local(*transport, path.into()),
            // What would be read as something else.
            Place::Path(_) if path.parse() != Ok(SourceName::plain(path)) => {
                Place::Path(format!("./{path}").into())
            }
            Place::Path(_) => Place::Path(path.into()),
            Place::Registry(_) => return None,
        };
        let moved = SourceName { place, choice };
        (moved.to_string().parse().as_ref() == Ok(&moved)).then_some(moved)
    }

    fn plain(path: &str) -> SourceName {
        SourceName { place: Place::Path(path.into()), choice: Choice::None }
    }

    /// Opens the source; `None` if there is nothing. A relative path starts at `directory`, and `registries` opens the
    /// repository that a reference names.
    ///
    /// Whatever reference the source is asked for, it answers with the image that was chosen here, or that is the only
    /// one in it. Where there are several and none was chosen, it answers by name. A reference with a digest is
    /// answered with what has this digest, or not at all.
    pub fn open(
        &self,
        directory: &Path,
        registries: &OpenRepository<'_>,
    ) -> Result<Option<Box<dyn Source>>, Error> {
        let (path, opened) = match &self.place {
            Place::Registry(reference) => {
                let repository = registries(reference)?;
                return Ok(Some(Box::new(InRegistry { repository, reference: reference.clone() })));
            }
            Place::Local(transport, path) => (path, transport.open(&directory.join(path))?),
            Place::Path(path) => (path, open_listed(&directory.join(path))?),
        };
        Ok(opened.map(|Opened { transport, source }| {
            let written = format!("{}{}", transport.prefix(), path.display());
            Box::new(Chosen { source, choice: self.choice.clone(), written }) as Box<dyn Source>
        }))
    }
}

/// Opens the directory or archive at a path, which shows what it is; `None` if there is nothing. The images in it are
/// found by their names alone.
pub fn open_path(path: &Path) -> Result<Option<Box<dyn Source>>, Error> {
    Ok(open_listed(path)?.map(|opened| opened.source as Box<dyn Source>))
}

/// The same for the place where images usually are. Its name is one that many projects have for their pictures, so a
/// directory without any part of a layout is somebody else's, and not a damaged one.
pub fn open_usual(path: &Path) -> Result<Option<Box<dyn Source>>, Error> {
    if path.is_dir() && !Layout::is_begun(path) { Ok(None) } else { open_path(path) }
}

/// A source on this host's disks.
struct Opened {
    transport: Transport,
    source: Box<dyn Listed>,
}

fn open_listed(path: &Path) -> Result<Option<Opened>, Error> {
    if path.is_dir() {
        return Transport::Oci.open(path);
    }
    let Some(packed) = super::packed::Packed::open(path)? else { return Ok(None) };
    // `docker save` writes both lists; the one of OCI has the manifests that a registry may know too.
    if OciArchive::is(&packed) {
        return Ok(Some(Transport::OciArchive.opened(OciArchive::of(packed)?)));
    }
    if DockerArchive::is(&packed) {
        return Ok(Some(Transport::DockerArchive.opened(DockerArchive::of(packed)?)));
    }
    let reason = "no images: neither an archive of an OCI layout, with `oci-layout`, nor one of `docker save`, with \
                  `manifest.json`";
    Err(Error::Layout { path: path.to_owned(), reason: reason.into() })
}

impl Transport {
    fn open(self, path: &Path) -> Result<Option<Opened>, Error> {
        Ok(match self {
            Transport::Oci => Layout::open(path)?.map(|source| self.opened(source)),
            Transport::OciArchive => OciArchive::open(path)?.map(|source| self.opened(source)),
            Transport::DockerArchive => DockerArchive::open(path)?.map(|source| self.opened(source)),
        })
    }

    fn opened(self, source: impl Listed + 'static) -> Opened {
        Opened { transport: self, source: Box::new(source) }
    }

    fn prefix(self) -> &'static str {
        TRANSPORTS.iter().find(|(_, transport)| *transport == self).map_or("", |(prefix, _)| *prefix)
    }
}

impl FromStr for SourceName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Some(reference) = text.strip_prefix(REGISTRY) {
            let reference = reference.parse().map_err(|invalid| moved(invalid, REGISTRY.len()))?;
            return Ok(SourceName { place: Place::Registry(reference), choice: Choice::None });
        }
        for (prefix, transport) in TRANSPORTS {
            if let Some(rest) = text.strip_prefix(prefix) {
                return local(transport, rest).map_err(|invalid| moved(invalid, prefix.len()));
            }
        }
        if text.is_empty() {
            return Err(Invalid::whole(text, "the source of an image is empty").help(HELP));
        }
        // A word before the first colon is a transport that is not known, or the name of an image.
        let first = text.split('/').next().unwrap_or_default();
        if let Some((word, _)) = first.split_once(':').filter(|(word, _)| !word.starts_with('.')) {
            let message = format!("`{word}:` is not a known kind of image source");
            return Err(Invalid::new(0..word.len(), message).help(HELP));
        }
        Ok(SourceName::plain(text))
    }
}

/// `PATH[:NAME]` or `PATH[:@INDEX]`.
fn local(transport: Transport, text: &str) -> Result<SourceName, Invalid> {
    let (path, name) = text.split_once(':').unwrap_or((text, ""));
    if path.is_empty() {
        return Err(Invalid::new(0..0, "the path of the image source is missing").help(HELP));
    }
    let choice = choice(transport, name).map_err(|invalid| moved(invalid, path.len() + 1))?;
    Ok(SourceName { place: Place::Local(transport, path.into()), choice })
}

fn choice(transport: Transport, name: &str) -> Result<Choice, Invalid> {
    if name.is_empty() {
        return Ok(Choice::None);
    }
    if let Some(index) = name.strip_prefix('@') {
        // No sign: the text must come out as it went in.
        let digits = index.bytes().all(|b| b.is_ascii_digit());
        let index = index.parse().ok().filter(|_| digits);
        let invalid = || {
            let message = format!("`{name}` is not the place of an image in its source");
            Invalid::whole(name, message).help("write `@0` for the first one")
        };
        return index.map(Choice::Index).ok_or_else(invalid);
    }
    if transport == Transport::DockerArchive {
        let reference: Reference = name.parse()?;
        if reference.digest().is_some() {
            let message = "an image in a Docker archive has no digest of its own";
            return Err(
                Invalid::whole(name, message).help("name it by its tag, or by its place, such as `@0`")
            );
        }
    }
    if name.contains(char::is_control) {
        return Err(Invalid::whole(name, "the name of an image has control characters"));
    }
    Ok(Choice::Name(name.to_owned()))
}

fn moved(mut invalid: Invalid, by: usize) -> Invalid {
    invalid.range = invalid.range.start + by..invalid.range.end + by;
    invalid
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Local(transport, path) => write!(f, "{}{}", transport.prefix(), path.display())?,
            Place::Path(path) => write!(f, "{}", path.display())?,
            Place::Registry(reference) => write!(f, "{REGISTRY}{reference}")?,
        }
        match &self.choice {
            Choice::None => Ok(()),
            Choice::Name(name) => write!(f, ":{name}"),
            Choice::Index(index) => write!(f, ":@{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_out_as_they_went_in() {
        let table = [
            ("oci:images", "oci:images"),
            ("oci:images:", "oci:images"),
            ("oci:/a/b:team/app:1.2", "oci:/a/b:team/app:1.2"),
            ("oci:a:localhost:5000/x:y", "oci:a:localhost:5000/x:y"),
            ("oci-archive:x.tar:@12", "oci-archive:x.tar:@12"),
            ("docker-archive:x.tar:redis", "docker-archive:x.tar:redis"),
            ("docker-archive:x.tar", "docker-archive:x.tar"),
            ("docker://redis", "docker://docker.io/library/redis:latest"),
            ("docker://localhost:5000/x:1", "docker://localhost:5000/x:1"),
            ("./a:b", "./a:b"),
            ("../a:b/c", "../a:b/c"),
            ("/a:b", "/a:b"),
            ("images/", "images/"),
            ("x.tar", "x.tar"),
        ];
        for (text, want) in table {
            let name: SourceName = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(name.to_string(), want);
            assert_eq!(want.parse::<SourceName>().unwrap(), name);
        }
    }

    #[test]
    fn what_is_no_source_is_refused_at_its_place() {
        let table = [
            ("", 0..0),
            ("oci:", 4..4),
            ("oci::x", 4..4),
            ("oci-archive:x:@", 14..15),
            ("oci-archive:x:@-1", 14..17),
            ("oci-archive:x:@99999999999999999999", 14..35),
            ("oci:x:\u{1b}[2J", 6..10),
            ("docker-archive:x:Redis", 17..22),
            ("docker://Redis", 9..14),
            ("docker:redis", 0..6),
            ("docker-daemon:redis:7", 0..13),
            ("https://example.com/x.tar", 0..5),
            ("redis:7", 0..5),
            ("localhost:5000/x", 0..9),
        ];
        for (text, range) in table {
            let error = text.parse::<SourceName>().expect_err(text);
            assert_eq!(error.range, range, "{text}: {error}");
        }
        let digest = format!("docker-archive:x:redis@sha256:{}", "0".repeat(64));
        assert!(digest.parse::<SourceName>().unwrap_err().message.contains("no digest"));
    }

    #[test]
    fn a_source_is_moved_where_its_text_can_say_so() {
        let table = [
            ("oci:a:app", "b/c", Some("oci:b/c:app")),
            ("docker-archive:a:@1", "/x", Some("docker-archive:/x:@1")),
            ("oci:a", "b:c", None),
            ("oci:a", "", None),
            ("a", "/b:c", Some("/b:c")),
            ("a", "b:c", Some("./b:c")),
            ("a", "oci:b", Some("./oci:b")),
            ("docker://redis", "a", None),
        ];
        for (name, path, want) in table {
            let name: SourceName = name.parse().unwrap();
            assert_eq!(name.at(path).map(|moved| moved.to_string()).as_deref(), want, "{name} {path}");
        }
        let path = |name: &str| name.parse::<SourceName>().unwrap().path().map(Path::to_owned);
        assert_eq!(path("oci:a/b:app"), Some("a/b".into()));
        assert_eq!(path("docker://redis"), None);
    }
}
