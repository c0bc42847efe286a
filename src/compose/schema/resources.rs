//! What services share: networks, volumes, secrets, configs and models.

use super::Leaf::{self, Bool, Path as HostPath, PlainInteger, Text, TextOrInteger};
use super::service::{DISTINCT_PAIRS, DRIVER_OPTS, PAIRS, TEXTS};
use super::{Equal, Extensions, Key, List, Merge, Names, Object, Path, Shape, at};
use crate::compose::expand;

const fn leaf(leaf: Leaf) -> Shape {
    Shape::Leaf(leaf)
}

const TEXT_BY_NAME: Shape = Shape::Names(&Names {
    what: "names with texts",
    key: Key::Any,
    value: Shape::Leaf(Text),
    merge: Merge::Deep,
});

/// `networks`. What a definition under an impossible name says is not looked at, and stays.
pub(super) static NETWORKS: Names = Names {
    what: "`networks`",
    key: Key::LooseName,
    value: Shape::Nullable(&Shape::Short(expand::external, &Shape::Object(&NETWORK))),
    merge: Merge::Deep,
};

static NETWORK: Object = Object {
    what: "a network",
    extensions: Extensions::Allowed,
    attributes: &[
        at("name", leaf(Text)),
        at("driver", leaf(Text)),
        at("driver_opts", DRIVER_OPTS),
        at("ipam", Shape::Object(&IPAM)).kept(),
        at("external", leaf(Bool)),
        at("internal", leaf(Bool)),
        at("enable_ipv4", leaf(Bool)).kept(),
        at("enable_ipv6", leaf(Bool)).kept(),
        at("attachable", leaf(Bool)),
        at("labels", PAIRS),
    ],
};

static IPAM: Object = Object {
    what: "`ipam`",
    extensions: Extensions::Allowed,
    attributes: &[
        at("driver", leaf(Text)),
        at("config", Shape::List(&List { item: Shape::Object(&IPAM_CONFIG), equal: Equal::Allowed }))
            .merged(Merge::BySubnet),
        at("options", TEXT_BY_NAME),
    ],
};

static IPAM_CONFIG: Object = Object {
    what: "a pool of addresses",
    extensions: Extensions::Allowed,
    attributes: &[
        at("subnet", leaf(Text)),
        at("ip_range", leaf(Text)),
        at("gateway", leaf(Text)),
        at("aux_addresses", TEXT_BY_NAME),
    ],
};

/// `volumes`.
pub(super) static VOLUMES: Names = Names {
    what: "`volumes`",
    key: Key::Name,
    value: Shape::Nullable(&Shape::Short(expand::external, &Shape::Object(&VOLUME))),
    merge: Merge::Deep,
};

static VOLUME: Object = Object {
    what: "a volume",
    extensions: Extensions::Allowed,
    attributes: &[
        at("name", leaf(Text)),
        at("driver", leaf(Text)),
        at("driver_opts", DRIVER_OPTS),
        at("external", leaf(Bool)),
        at("labels", DISTINCT_PAIRS),
    ],
};

/// `secrets`.
pub(super) static SECRETS: Names = Names {
    what: "`secrets`",
    key: Key::Name,
    value: Shape::Short(expand::loosely_external, &Shape::Object(&SECRET)),
    merge: Merge::Deep,
};

static SECRET: Object = Object {
    what: "a secret",
    extensions: Extensions::Allowed,
    attributes: &[
        at("name", leaf(Text)),
        at("environment", leaf(Text)),
        at("file", leaf(HostPath(Path::Local))),
        at("external", leaf(Bool)),
        at("labels", DISTINCT_PAIRS),
        at("driver", leaf(Text)),
        at("driver_opts", SECRET_OPTS),
        at("template_driver", leaf(Text)),
    ],
};

/// Compose keeps these in another type than the options of other drivers.
const SECRET_OPTS: Shape = Shape::Names(&Names {
    what: "options of a driver",
    key: Key::LooselyAny,
    value: Shape::Leaf(TextOrInteger),
    merge: Merge::Deep,
});

/// `configs`.
pub(super) static CONFIGS: Names = Names {
    what: "`configs`",
    key: Key::Name,
    value: Shape::Short(expand::loosely_external, &Shape::Object(&CONFIG)),
    merge: Merge::Deep,
};

static CONFIG: Object = Object {
    what: "a config",
    extensions: Extensions::Allowed,
    attributes: &[
        at("name", leaf(Text)),
        at("content", leaf(Text)),
        at("environment", leaf(Text)),
        at("file", leaf(HostPath(Path::Local))),
        at("external", leaf(Bool)),
        at("labels", DISTINCT_PAIRS),
        at("template_driver", leaf(Text)),
    ],
};

/// `models`.
pub(super) static MODELS: Names = Names {
    what: "`models`",
    key: Key::LooseName,
    value: Shape::Object(&Object {
        what: "a model",
        extensions: Extensions::Allowed,
        attributes: &[
            at("name", leaf(Text)),
            at("model", leaf(Text)).required(),
            at("context_size", leaf(PlainInteger(i64::MIN, i64::MAX))),
            at("runtime_flags", TEXTS),
        ],
    }),
    merge: Merge::Deep,
};
