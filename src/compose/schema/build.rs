//! How an image is built.

use super::Leaf::{Bool, Bytes, Path as HostPath, Text};
use super::service::{
    BUILD_SECRETS, BUILD_ULIMITS, EXTRA_HOSTS, PAIRS, TEXT_OR_BOOL, TEXTS, VARIABLES, WORDS,
};
use super::{Amount, Extensions, Key, Merge, Names, Object, Path, Shape, at};
use crate::compose::expand;

const fn leaf(leaf: super::Leaf) -> Shape {
    Shape::Leaf(leaf)
}

/// `build` of a service.
pub(super) static BUILD: Object = Object {
    what: "`build`",
    extensions: Extensions::Allowed,
    attributes: &[
        at("context", leaf(HostPath(Path::Context))),
        at("dockerfile", leaf(Text)),
        at("dockerfile_inline", leaf(Text)),
        at("entitlements", TEXTS),
        at("args", VARIABLES),
        at("ssh", Shape::Short(expand::ssh, &Shape::Names(&SSH))),
        at("labels", PAIRS),
        at("cache_from", TEXTS),
        at("cache_to", TEXTS),
        at("no_cache", leaf(Bool)),
        at("additional_contexts", Shape::Short(expand::contexts, &Shape::Names(&CONTEXTS))),
        at("network", leaf(Text)),
        at("provenance", TEXT_OR_BOOL),
        at("sbom", TEXT_OR_BOOL),
        at("pull", leaf(Bool)),
        at("target", leaf(Text)),
        at("shm_size", leaf(Bytes(Amount::Integer))),
        at("extra_hosts", EXTRA_HOSTS),
        at("isolation", leaf(Text)),
        at("privileged", leaf(Bool)),
        at("secrets", BUILD_SECRETS),
        at("tags", WORDS),
        at("ulimits", BUILD_ULIMITS),
        at("platforms", TEXTS),
    ],
};

static SSH: Names = Names {
    what: "`ssh`",
    key: Key::Any,
    value: Shape::Nullable(&Shape::Leaf(HostPath(Path::Local))),
    merge: Merge::Deep,
};

static CONTEXTS: Names = Names {
    what: "`additional_contexts`",
    key: Key::Any,
    value: Shape::Leaf(HostPath(Path::Context)),
    merge: Merge::Replaced,
};
