//! The image: its name and its digest, in short.

use serde_json::Value;

use super::Group;
use super::facts::{Fact, Facts};
use super::rest::Rest;
use crate::lower::annotations::{IMAGE as REFERENCE, IMAGE_SOURCE};
use crate::lower::origin::escaped;

/// What the image is said to be like, in annotations that the image spec knows.
const PREFIX: &str = "org.opencontainers.image.";

/// Those of them that a Compose file may say as well.
const NOT_OF_IMAGE: [&str; 2] = ["stopSignal", "exposedPorts"];

pub(super) fn image(facts: &mut Facts, rest: &mut Rest) {
    let at = format!("/annotations/{}", escaped(REFERENCE));
    if let Some(image) = rest.take(&at) {
        let shown = image.as_str().map(short).unwrap_or_default();
        facts.add(Fact::new(Group::Image, IMAGE, "", image).shown(shown).at(at));
    }
    let at = format!("/annotations/{}", escaped(IMAGE_SOURCE));
    if let Some(source) = rest.take(&at) {
        facts.add(Fact::new(Group::Image, "source of the image", "", source).at(at));
    }
}

/// What an annotation of the image spec says; none where it is another annotation.
pub(super) fn label(key: &str, value: &Value, at: &str) -> Option<Fact> {
    let name = key.strip_prefix(PREFIX).filter(|name| !NOT_OF_IMAGE.contains(name))?;
    Some(Fact::new(Group::Image, OF_IMAGE, name, value.clone()).at(at).usual(true))
}

/// What the image is called, and what is said of it.
pub(super) const IMAGE: &str = "image";
pub(super) const OF_IMAGE: &str = "of the image";

/// How much of a digest is shown.
const DIGITS: usize = 12;

/// `docker.io/library/alpine:3.20@sha256:0123…` as `alpine:3.20 sha256:0123456789ab`. A name that has a digest of its own
/// has both.
fn short(image: &str) -> String {
    let mut parts = image.split('@');
    let name = parts.next().unwrap_or_default();
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let digest = |digest: &str| match digest.split_once(':') {
        Some((algorithm, digits)) => {
            format!("{algorithm}:{}", digits.chars().take(DIGITS).collect::<String>())
        }
        None => digest.to_owned(),
    };
    [name.to_owned()].into_iter().chain(parts.map(digest)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_short() {
        let digest = "sha256:0123456789abcdef";
        for (image, want) in [
            ("docker.io/library/alpine:3.20", "alpine:3.20 sha256:0123456789ab"),
            ("docker.io/shop/api:1", "shop/api:1 sha256:0123456789ab"),
            ("registry.example.com:5000/a", "registry.example.com:5000/a sha256:0123456789ab"),
        ] {
            assert_eq!(short(&format!("{image}@{digest}")), want);
        }
        assert_eq!(short("strange"), "strange");
    }
}
