//! What the image of a bundle brings, as far as the lock knows.

use std::collections::BTreeMap;

use super::{Bundle, Draft};
use crate::compose::value::architecture::Architecture;
use crate::lock::{Lock, LockedImage};
use crate::lower::annotations::IMAGE;

/// The image of a bundle.
pub(super) enum Image<'a> {
    /// It has none.
    None,
    /// The lock has it.
    Locked(&'a LockedImage),
    /// Nobody knows what it brings.
    Unknown,
}

impl<'a> Image<'a> {
    /// That of a bundle. A lock that speaks of another version of it says nothing.
    pub(super) fn of(bundle: &Bundle, lock: Option<&'a Lock>) -> Self {
        let Some(image) = bundle.annotation(IMAGE) else { return Image::None };
        let locked = image.rsplit_once('@').and_then(|(name, digest)| {
            lock?.images.get(name).filter(|locked| locked.manifest.digest == digest)
        });
        locked.map_or(Image::Unknown, Image::Locked)
    }

    pub(super) fn locked(&self) -> Option<&'a LockedImage> {
        match self {
            Image::Locked(image) => Some(image),
            Image::None | Image::Unknown => None,
        }
    }

    /// The variables that a process has of it, the later over the earlier.
    pub(super) fn env(&self) -> BTreeMap<&'a str, &'a str> {
        let env = self.locked().into_iter().flat_map(|image| &image.configuration.env);
        env.filter_map(|variable| variable.split_once('=')).filter(|(name, _)| !name.is_empty()).collect()
    }
}

/// The platform that is built for where nobody says one.
const DEFAULT: &str = "linux/amd64";

/// Says which platform the bundles are for: by the lock, else by what the image says of itself, else by the filter.
pub(super) fn platform(draft: &mut Draft, bundle: &Bundle, lock: Option<&Lock>) {
    let of_image = |key: &str| bundle.annotation(&format!("org.opencontainers.image.{key}"));
    let of_annotations = || {
        let architecture = of_image("architecture")?;
        let variant = of_image("variant").filter(|variant| !variant.is_empty());
        let variant = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
        Some(format!("linux/{architecture}{variant}"))
    };
    let platform = lock.map(|lock| lock.platform.clone()).or_else(of_annotations);
    let platform = platform.or_else(|| of_filter(draft, bundle).map(|found| format!("linux/{found}")));
    if let Some(platform) = platform.filter(|platform| platform != DEFAULT) {
        draft.extend(bundle, "/annotations/org.opencontainers.image.architecture", "platform", platform);
    }
}

fn of_filter(draft: &mut Draft, bundle: &Bundle) -> Option<Architecture> {
    draft.filters.architecture(bundle, bundle.at("/linux/seccomp")?)
}
