//! What a service runs, and how that is built.

use crate::diag::{Code, Diagnostics};
use crate::model::dependencies::check_reference;
use crate::model::edit::{all, entry, lacks, text};
use crate::model::profiles::Services;
use crate::yaml::{Entry, Node};

/// Checks `image` and `build`.
pub(super) fn check(d: &mut Diagnostics, service: &Entry, services: &Services) {
    check_there(d, service);
    let Some(build) = service.value.get("build") else { return };
    check_dockerfile(d, build);
    check_contexts(d, build, services);
    check_platform(d, &service.value, build);
}

/// A service needs an image, a way to make one, or a program that provides it. A directory is `bundlegen`'s own.
fn check_there(d: &mut Diagnostics, service: &Entry) {
    let node = &service.value;
    let image = node.get("image").map(|image| image.as_str() == Some(""));
    let directory = node.get("x-bundlegen").is_some_and(|own| !lacks(own, "rootfs"));
    if directory || !image.unwrap_or(true) || !lacks(node, "build") || !lacks(node, "provider") {
        return;
    }
    let message = format!("service `{}` has no image", service.key);
    let draft = d.error(Code::MissingImage, message).label(service.key_span, "");
    draft.help("give it an `image`, or a directory: `x-bundlegen: {rootfs: DIR}`").emit();
}

fn check_dockerfile(d: &mut Diagnostics, build: &Node) {
    let written = |key| entry(build, key).filter(|_| text(build, key).is_some());
    if let (Some(file), Some(inline)) = (written("dockerfile"), written("dockerfile_inline")) {
        super::exclude(d, file, inline);
    }
}

/// A context may be the image of another service, which is built then.
fn check_contexts(d: &mut Diagnostics, build: &Node, services: &Services) {
    for context in all(build, "additional_contexts.*") {
        let Some(name) = context.as_str().and_then(|text| text.strip_prefix("service:")) else { continue };
        let place = context.part("service:".len().."service:".len() + name.len()).span;
        check_reference(d, services, name, place, false);
        let other = services.get(name).filter(|_| services.is_enabled(name));
        if let Some(other) = other.filter(|other| lacks(&other.value, "build")) {
            let message = format!("the service `{name}` is not built, and cannot be a context");
            let draft = d.error(Code::Conflict, message).label(place, "");
            draft.label(other.key_span, "it has no `build`").emit();
        }
    }
}

fn check_platform(d: &mut Diagnostics, service: &Node, build: &Node) {
    let Some(platform) = text(service, "platform") else { return };
    let platforms = build.get("platforms").map_or(&[][..], Node::items);
    if platforms.is_empty()
        || platforms.iter().any(|built| built.as_str().is_none_or(|text| platform.as_str() == Some(text)))
    {
        return;
    }
    let name = platform.as_str().unwrap_or_default();
    let draft = d.error(Code::Conflict, format!("the image is not built for the platform `{name}`"));
    let draft = draft.label(platform.content(), "the platform of the service");
    let draft = match build.get("platforms") {
        Some(platforms) => draft.label(platforms.span, "those of the build"),
        None => draft,
    };
    draft.help("add it to `platforms` of the build").emit();
}
