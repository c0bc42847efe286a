//! A reference of an image that says another one tomorrow: with the tag `latest`, or none.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::image::Reference;
use crate::lower::annotations::IMAGE;
use crate::lower::origin::escaped;
use crate::project::Root;

pub(super) const RULE: Rule = Rule {
    name: RuleName::UnpinnedImage,
    severity: Severity::Low,
    title: "the image is whatever is the latest",
    help: "name a version, such as `nginx:1.27`: the lock keeps the digest, and the next `lock --upgrade` brings what the name says",
    elsewhere: Elsewhere { cis: None, kics: None, compose_lint: &["CL-0004"] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    let Some(image) = subject.bundle.annotation(IMAGE) else { return };
    // The digest of the manifest is not part of the reference; where the image is not known, there is none.
    let is_known = subject.service().is_none_or(|service| !matches!(service.root, Root::Unknown(_)));
    let reference = image.rsplit_once('@').filter(|_| is_known).map_or(image, |(reference, _)| reference);
    let Ok(parsed) = reference.parse::<Reference>() else { return };
    if parsed.digest().is_none() && parsed.tag().is_none_or(|tag| tag == "latest") {
        let at = format!("/annotations/{}", escaped(IMAGE));
        found.add(at, "", format!("the next upgrade of `{}` may bring any version", parsed.familiar()));
    }
}
