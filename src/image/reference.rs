//! Image names: the grammar of `distribution/reference`, and the normal form Docker gives them.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::Digest;
use crate::diag::Invalid;

const MAX_NAME: usize = 255;
const MAX_TAG: usize = 128;
pub(super) const DEFAULT_DOMAIN: &str = "docker.io";

/// The name of an image in normal form: `nginx` is `docker.io/library/nginx:latest`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// The registry, with its port.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository within the registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag; `latest` if the text had neither tag nor digest.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, for an image that is named by its content.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The shortest name that is normalised to this one, as Docker shows it: `redis:7`.
    pub fn familiar(&self) -> String {
        let text = self.to_string();
        let short = text.strip_prefix("docker.io/");
        let shortest = short.and_then(|short| short.strip_prefix("library/"));
        // A first part that looks like a registry would be taken for one.
        let is_same = |short: &&str| short.parse::<Reference>().is_ok_and(|short| short == *self);
        [shortest, short].into_iter().flatten().find(is_same).unwrap_or(&text).to_owned()
    }

    /// Whether a text names the same repository and the same tag; a digest in either does not matter.
    pub fn is_written(&self, text: &str) -> bool {
        let other = text.parse::<Reference>();
        other.is_ok_and(|other| self.same_repository(&other) && self.tag == other.tag)
    }

    /// Whether both name the same repository.
    pub fn same_repository(&self, other: &Reference) -> bool {
        self.domain == other.domain && self.path == other.path
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.path)?;
        self.tag.as_ref().map_or(Ok(()), |tag| write!(f, ":{tag}"))?;
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl FromStr for Reference {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::whole(text, "the image name is empty"));
        }
        if is_identifier(text) {
            return Err(Invalid::whole(text, "64 hexadecimal digits are an image id and not a name"));
        }
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(parse_digest(digest, named.len() + 1)?)),
            None => (text, None),
        };
        let (name, tag) = match named.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(parse_tag(tag, name.len() + 1)?)),
            _ => (named, None),
        };
        let (domain, path) = parse_name(name)?;
        if domain.len() + 1 + path.len() > MAX_NAME {
            return Err(Invalid::new(
                0..name.len(),
                format!("the image name is longer than {MAX_NAME} characters"),
            ));
        }
        let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Ok(Reference { domain, path, tag, digest })
    }
}

fn is_identifier(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn parse_digest(text: &str, start: usize) -> Result<Digest, Invalid> {
    text.parse().map_err(|mut invalid: Invalid| {
        invalid.range = shift(&invalid.range, start);
        invalid
    })
}

fn parse_tag(text: &str, start: usize) -> Result<String, Invalid> {
    let range = start..start + text.len();
    let mut bytes = text.bytes();
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if !bytes.next().is_some_and(word) || !bytes.all(|b| word(b) || matches!(b, b'.' | b'-')) {
        return Err(Invalid::new(
            range,
            if text.is_empty() { "the tag is missing".to_owned() } else { format!("`{text}` is not a tag") },
        )
        .help("a tag has letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`"));
    }
    if text.len() > MAX_TAG {
        return Err(Invalid::new(range, format!("the tag is longer than {MAX_TAG} characters")));
    }
    Ok(text.to_owned())
}

/// Splits as Docker does: the first part is a registry if it could not be part of a repository's name.
fn parse_name(name: &str) -> Result<(String, String), Invalid> {
    let is_domain = |part: &str| {
        part.contains(['.', ':']) || part == "localhost" || part.bytes().any(|b| b.is_ascii_uppercase())
    };
    let (domain, path) = match name.split_once('/') {
        Some((domain, path)) if is_domain(domain) => (domain, path),
        _ => (DEFAULT_DOMAIN, name),
    };
    check_path(path, name.len() - path.len())?;
    if path.len() < name.len() {
        check_domain(domain)?;
    }
    let domain = if domain == "index.docker.io" { DEFAULT_DOMAIN } else { domain };
    let library = if domain == DEFAULT_DOMAIN && !path.contains('/') { "library/" } else { "" };
    Ok((domain.to_owned(), format!("{library}{path}")))
}

fn check_domain(domain: &str) -> Result<(), Invalid> {
    let address = domain.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (good_host, port) = if let Some((address, port)) = address {
        let fits = |b: u8| b.is_ascii_hexdigit() || b == b':';
        (!address.is_empty() && address.bytes().all(fits), port)
    } else {
        let (host, port) = domain.split_at(domain.find(':').unwrap_or(domain.len()));
        (host.split('.').all(is_label), port)
    };
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    if good_host && (port.is_empty() || port.strip_prefix(':').is_some_and(digits)) {
        return Ok(());
    }
    Err(Invalid::new(0..domain.len(), format!("`{domain}` is not a registry")))
}

fn is_label(label: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !label.is_empty() && label.bytes().all(inside) && !label.starts_with('-') && !label.ends_with('-')
}

fn check_path(path: &str, start: usize) -> Result<(), Invalid> {
    let mut at = start;
    for part in path.split('/') {
        let range = at..at + part.len();
        if part.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(Invalid::new(range, "an image name is in lower case")
                .help(format!("write `{}`", part.to_lowercase())));
        }
        if !is_component(part) {
            let what = if part.is_empty() {
                "the image name has an empty part".into()
            } else {
                format!("`{part}` is not part of an image name")
            };
            return Err(Invalid::new(range, what).help(
                "a part has letters and digits, with `.`, `_`, `__` or any number of `-` between them",
            ));
        }
        at += part.len() + 1;
    }
    Ok(())
}

fn is_component(part: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separator = |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|b| b == b'-');
    part.starts_with(word) && part.ends_with(word) && part.split(word).all(separator)
}

fn shift(range: &Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn names_have_one_normal_form() {
        let digest = format!("sha256:{HEX}");
        let table = [
            ("nginx".to_owned(), "docker.io/library/nginx:latest".to_owned()),
            ("nginx:1.27".into(), "docker.io/library/nginx:1.27".into()),
            ("docker.io/nginx".into(), "docker.io/library/nginx:latest".into()),
            ("index.docker.io/library/nginx".into(), "docker.io/library/nginx:latest".into()),
            ("bitnami/redis:7".into(), "docker.io/bitnami/redis:7".into()),
            ("ghcr.io/a/b/c:v1".into(), "ghcr.io/a/b/c:v1".into()),
            ("localhost/x".into(), "localhost/x:latest".into()),
            ("localhost:5000/x:y".into(), "localhost:5000/x:y".into()),
            ("localhost:5000".into(), "docker.io/library/localhost:5000".into()),
            ("[::1]:5000/x".into(), "[::1]:5000/x:latest".into()),
            ("[fe80::1]/x:1".into(), "[fe80::1]/x:1".into()),
            ("MyHost/x".into(), "MyHost/x:latest".into()),
            ("a__b/c---d.e_f:_T.-".into(), "docker.io/a__b/c---d.e_f:_T.-".into()),
            (format!("redis@{digest}"), format!("docker.io/library/redis@{digest}")),
            (format!("redis:7@{digest}"), format!("docker.io/library/redis:7@{digest}")),
            (format!("r@sha512:{HEX}{HEX}"), format!("docker.io/library/r@sha512:{HEX}{HEX}")),
            (format!("{HEX}:x"), format!("docker.io/library/{HEX}:x")),
        ];
        for (text, want) in table {
            let reference: Reference = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(reference.to_string(), want);
            assert_eq!(want.parse::<Reference>().unwrap(), reference, "the normal form is stable");
        }
    }

    #[test]
    fn a_familiar_name_means_the_same() {
        let table = [
            ("nginx", "nginx:latest"),
            ("docker.io/library/redis:7", "redis:7"),
            ("bitnami/redis", "bitnami/redis:latest"),
            ("docker.io/library/bitnami/redis:1", "library/bitnami/redis:1"),
            ("docker.io/localhost/x:1", "docker.io/localhost/x:1"),
            ("ghcr.io/a/b:v1", "ghcr.io/a/b:v1"),
        ];
        for (text, want) in table {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.familiar(), want);
            assert_eq!(want.parse::<Reference>().unwrap(), reference, "{want}");
        }
    }

    #[test]
    fn what_is_not_a_name_is_refused_at_its_place() {
        let long_name = "a".repeat(240);
        let long_tag = "t".repeat(129);
        let table = [
            ("", 0..0),
            (HEX, 0..64),
            ("Nginx", 0..5),
            ("ghcr.io/a/Bc:1", 10..12),
            ("nginx:", 6..6),
            ("nginx:-a", 6..8),
            ("nginx:a/b", 0..7),
            ("nginx:a b", 6..9),
            ("a//b", 2..2),
            ("/a", 0..0),
            ("a/", 2..2),
            ("a..b", 0..4),
            ("a___b", 0..5),
            ("-a", 0..2),
            ("a_", 0..2),
            ("näh", 0..4),
            ("host:port/x", 0..9),
            ("-h.io/x", 0..5),
            ("[::g]/x", 0..5),
            ("h.io:/x", 0..5),
            ("x@", 2..2),
            ("x@sha256:0123", 9..13),
            ("x@md5:0123", 2..5),
            ("x@../../etc/passwd:1", 2..18),
            (" nginx", 0..6),
        ];
        for (text, range) in table {
            let error = text.parse::<Reference>().expect_err(text);
            assert_eq!(error.range, range, "{text}: {error}");
        }
        assert!(long_name.parse::<Reference>().unwrap_err().message.contains("255"));
        assert_eq!(format!("x:{long_tag}").parse::<Reference>().unwrap_err().range, 2..131);
    }
}
