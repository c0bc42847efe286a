//! How a service is deployed. `docker compose up` uses the resources, the replicas and the restart policy.

use super::Leaf::{self, Bytes, Duration, Integer, Number, OneOf, Special, Text, Truncated};
use super::service::{DISTINCT, DISTINCT_PAIRS, PAIRS, TEXTS};
use super::{Amount, Equal, Extensions, List, Object, Shape, at};
use crate::compose::check;

const fn leaf(leaf: Leaf) -> Shape {
    Shape::Leaf(leaf)
}

const NATURAL: Leaf = Integer(0, i64::MAX);

/// `deploy` of a service.
pub(super) static DEPLOY: Object = Object {
    what: "`deploy`",
    extensions: Extensions::Allowed,
    attributes: &[
        at("mode", leaf(Text)),
        at("endpoint_mode", leaf(Text)),
        at("replicas", leaf(Integer(i64::MIN, i64::MAX))).kept(),
        at("labels", PAIRS),
        at("rollback_config", Shape::Object(&UPDATE_CONFIG)),
        at("update_config", Shape::Object(&UPDATE_CONFIG)),
        at("resources", Shape::Object(&RESOURCES)),
        at("restart_policy", Shape::Object(&RESTART_POLICY)),
        at("placement", Shape::Object(&PLACEMENT)),
    ],
};

static UPDATE_CONFIG: Object = Object {
    what: "an update or rollback",
    extensions: Extensions::Allowed,
    attributes: &[
        at("parallelism", leaf(NATURAL)).kept(),
        at("delay", leaf(Duration)),
        at("failure_action", leaf(Text)),
        at("monitor", leaf(Duration)),
        at("max_failure_ratio", leaf(Number)),
        at("order", leaf(OneOf(&["start-first", "stop-first"]))),
    ],
};

static RESOURCES: Object = Object {
    what: "`resources`",
    extensions: Extensions::Allowed,
    attributes: &[
        at(
            "limits",
            Shape::Object(&Object {
                what: "limits of resources",
                extensions: Extensions::Allowed,
                attributes: &[
                    at("cpus", leaf(Special(check::nano_cpus))),
                    at("memory", leaf(Bytes(Amount::Text))),
                    at("pids", leaf(Integer(i64::MIN, i64::MAX))),
                ],
            }),
        ),
        at(
            "reservations",
            Shape::Object(&Object {
                what: "reservations of resources",
                extensions: Extensions::Allowed,
                attributes: &[
                    at("cpus", leaf(Special(check::nano_cpus))),
                    at("memory", leaf(Bytes(Amount::Text))),
                    at(
                        "generic_resources",
                        Shape::List(&List { item: Shape::Object(&GENERIC_RESOURCE), equal: Equal::Allowed }),
                    ),
                    at(
                        "devices",
                        Shape::List(&List { item: Shape::Object(&RESERVED_DEVICE), equal: Equal::Allowed }),
                    ),
                ],
            }),
        ),
    ],
};

static GENERIC_RESOURCE: Object = Object {
    what: "a generic resource",
    extensions: Extensions::Allowed,
    attributes: &[at(
        "discrete_resource_spec",
        Shape::Object(&Object {
            what: "`discrete_resource_spec`",
            extensions: Extensions::Allowed,
            attributes: &[
                at("kind", leaf(Text)).kept(),
                at("value", leaf(Truncated(i64::MIN, i64::MAX))).kept(),
            ],
        }),
    )],
};

static RESERVED_DEVICE: Object = Object {
    what: "a reserved device",
    extensions: Extensions::Allowed,
    attributes: &[
        at("capabilities", DISTINCT).required(),
        at("count", leaf(Special(check::device_count))),
        at("device_ids", DISTINCT),
        at("driver", leaf(Text)),
        at("options", DISTINCT_PAIRS),
    ],
};

/// An item of `gpus`: like a reserved device, with less that is looked at.
pub(super) static DEVICE_REQUEST: Object = Object {
    what: "a GPU",
    extensions: Extensions::Everything,
    attributes: &[
        at("capabilities", DISTINCT),
        at("count", leaf(Special(check::device_count))),
        at("device_ids", DISTINCT),
        at("driver", leaf(Text)),
        at("options", DISTINCT_PAIRS),
    ],
};

static RESTART_POLICY: Object = Object {
    what: "a restart policy",
    extensions: Extensions::Allowed,
    attributes: &[
        at("condition", leaf(Text)),
        at("delay", leaf(Duration)).kept(),
        at("max_attempts", leaf(NATURAL)).kept(),
        at("window", leaf(Duration)).kept(),
    ],
};

static PLACEMENT: Object = Object {
    what: "a placement",
    extensions: Extensions::Allowed,
    attributes: &[
        at("constraints", TEXTS),
        at(
            "preferences",
            Shape::List(&List {
                item: Shape::Object(&Object {
                    what: "a preference",
                    extensions: Extensions::Allowed,
                    attributes: &[at("spread", leaf(Text))],
                }),
                equal: Equal::Allowed,
            }),
        ),
        at("max_replicas_per_node", leaf(NATURAL)),
    ],
};
