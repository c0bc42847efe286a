//! What a service may say: one line per attribute, in the order of the Compose schema.

use super::Leaf::{
    self, Bool, Bytes, Duration, Integer, Number, OneOf, PlainBool, PlainInteger, PlainTruncated, Special,
    Text, TextOrBool, TextOrInteger, TextOrNumber, Truncated,
};
use super::build::BUILD;
use super::deploy::{DEPLOY, DEVICE_REQUEST};
use super::{Amount, Equal, Extensions, Key, List, Merge, Names, Object, Path, Shape, at};
use crate::compose::check;
use crate::compose::expand;
use crate::compose::merge;

const fn leaf(leaf: Leaf) -> Shape {
    Shape::Leaf(leaf)
}

const ANY_INTEGER: Leaf = Integer(i64::MIN, i64::MAX);
const TRUNCATED: Leaf = Truncated(i64::MIN, i64::MAX);
const NATURAL: Leaf = Integer(0, i64::MAX);

/// A service.
pub static SERVICE: Object = Object {
    what: "a service",
    extensions: Extensions::Allowed,
    attributes: &[
        at("develop", Shape::Nullable(&Shape::Object(&DEVELOP))),
        at("deploy", Shape::Nullable(&Shape::Object(&DEPLOY))),
        at("annotations", PAIRS),
        at("attach", leaf(Bool)).kept(),
        at("build", Shape::Short(expand::build, &Shape::Object(&BUILD))),
        at("blkio_config", Shape::Object(&BLKIO_CONFIG)),
        at("cap_add", WORDS),
        at("cap_drop", WORDS),
        at("cgroup", leaf(OneOf(&["host", "private"]))),
        at("cgroup_parent", leaf(Text)),
        at("command", COMMAND).replaced().kept(),
        at("configs", CONFIGS),
        at("container_name", leaf(Special(check::container_name))),
        at("cpu_count", leaf(NATURAL)),
        at("cpu_percent", leaf(Integer(0, 100))),
        at("cpu_shares", leaf(TRUNCATED)),
        at("cpu_quota", leaf(TRUNCATED)),
        at("cpu_period", leaf(TRUNCATED)),
        at("cpu_rt_period", leaf(TRUNCATED)),
        at("cpu_rt_runtime", leaf(TRUNCATED)),
        at("cpus", leaf(Number)),
        at("cpuset", leaf(Text)),
        at("credential_spec", Shape::Object(&CREDENTIAL_SPEC)),
        at("depends_on", Shape::Short(expand::depends_on, &Shape::Names(&DEPENDS_ON))),
        at("device_cgroup_rules", DISTINCT),
        at("devices", DEVICES),
        at("dns", Shape::Short(expand::dns, &WORDS)),
        at("dns_opt", WORDS),
        at("dns_search", Shape::Short(expand::one_or_list, &WORDS)),
        at("domainname", leaf(Text)),
        at("entrypoint", COMMAND).replaced().kept(),
        at("env_file", Shape::Short(expand::env_file, &Shape::List(&ENV_FILES))),
        at("label_file", Shape::Short(expand::one_or_list, &LABEL_FILES)),
        at("environment", VARIABLES),
        at("expose", EXPOSE),
        at("extends", Shape::Short(expand::extends, &Shape::Object(&EXTENDS))).replaced(),
        at("provider", Shape::Object(&PROVIDER)),
        at("external_links", DISTINCT),
        at("extra_hosts", EXTRA_HOSTS),
        at("gpus", Shape::Short(expand::gpus, &GPUS)),
        at("group_add", GROUPS),
        at("healthcheck", Shape::Object(&HEALTHCHECK)),
        at("hostname", leaf(Text)),
        at("image", leaf(Text)),
        at("init", leaf(Bool)).kept(),
        at("ipc", leaf(Text)),
        at("isolation", leaf(Text)),
        at("labels", PAIRS),
        at("links", WORDS),
        at("logging", Shape::Object(&LOGGING)).merged(Merge::SameDriver),
        at("mac_address", leaf(Text)),
        at("mem_limit", leaf(Bytes(Amount::Number))),
        at("mem_reservation", leaf(Bytes(Amount::Integer))),
        at("mem_swappiness", leaf(Bytes(Amount::Integer))),
        at("memswap_limit", leaf(Bytes(Amount::Number))),
        at("network_mode", leaf(Text)),
        at("models", Shape::Short(expand::names, &Shape::Names(&SERVICE_MODELS))),
        at("networks", Shape::Short(expand::names, &Shape::Names(&SERVICE_NETWORKS))),
        at("oom_kill_disable", leaf(Bool)),
        at("oom_score_adj", leaf(Integer(-1000, 1000))),
        at("pid", leaf(Text)),
        at("pids_limit", leaf(TRUNCATED)),
        at("platform", leaf(Text)),
        at("ports", Shape::Short(expand::ports, &Shape::List(&PORTS))),
        at("post_start", HOOKS),
        at("pre_stop", HOOKS),
        at("privileged", leaf(Bool)),
        at("profiles", WORDS),
        at("pull_policy", leaf(Special(check::pull_policy))),
        at("pull_refresh_after", leaf(Text)),
        at("read_only", leaf(Bool)),
        at("restart", leaf(Text)),
        at("runtime", leaf(Text)),
        at("scale", leaf(ANY_INTEGER)).kept(),
        at("security_opt", DISTINCT),
        at("shm_size", leaf(Bytes(Amount::Number))),
        at("secrets", SECRETS),
        at("sysctls", PAIRS),
        at("stdin_open", leaf(Bool)),
        at("stop_grace_period", leaf(Duration)).kept(),
        at("stop_signal", leaf(Text)),
        at("storage_opt", Shape::Names(&STORAGE_OPT)),
        at("tmpfs", Shape::Short(expand::one_or_list, &WORDS)),
        at("tty", leaf(Bool)),
        at("ulimits", ULIMITS),
        at("use_api_socket", leaf(PlainBool)),
        at("user", leaf(Text)),
        at("uts", leaf(Text)),
        at("userns_mode", leaf(Text)),
        at("volumes", VOLUMES),
        at("volumes_from", DISTINCT),
        at("working_dir", leaf(Text)),
    ],
};

/// Texts, where a later one with the same name before its `=` replaces the earlier one.
pub(super) const WORDS: Shape =
    Shape::List(&List { item: Shape::Leaf(Text), equal: Equal::Replaced(merge::name) });

/// Texts that must be distinct.
pub(super) const DISTINCT: Shape = Shape::List(&List { item: Shape::Leaf(Text), equal: Equal::Refused });

/// Texts.
pub(super) const TEXTS: Shape = Shape::List(&List { item: Shape::Leaf(Text), equal: Equal::Allowed });

/// Names with values: a mapping, or a list of `NAME=VALUE`.
pub(super) const PAIRS: Shape = Shape::Short(expand::pairs, &NAMES);

/// The same, where a list may not have an item twice.
pub(super) const DISTINCT_PAIRS: Shape = Shape::Short(expand::distinct_pairs, &NAMES);

/// Variables: where one has no value, it comes from the environment.
pub(super) const VARIABLES: Shape = Shape::Short(expand::variables, &NAMES);

const NAMES: Shape = Shape::Names(&Names {
    what: "names with values",
    key: Key::Any,
    value: Shape::Nullable(&Shape::Leaf(Leaf::Scalar)),
    merge: Merge::Replaced,
});

/// A command: a list of words, a text that is split into words, or nothing.
const COMMAND: Shape = Shape::Nullable(&Shape::Short(expand::command, &TEXTS));

const CONFIGS: Shape = Shape::List(&List {
    item: Shape::Short(expand::source, &Shape::Object(&MOUNTED_FILE)),
    equal: Equal::Replaced(merge::config_target),
});

pub(super) const SECRETS: Shape = Shape::List(&List {
    item: Shape::Short(expand::source, &Shape::Object(&MOUNTED_FILE)),
    equal: Equal::Replaced(merge::secret_target),
});

/// Secrets of a build. Compose does not look for equal ones.
pub(super) const BUILD_SECRETS: Shape = Shape::List(&List {
    item: Shape::Short(expand::source, &Shape::Object(&MOUNTED_FILE)),
    equal: Equal::Allowed,
});

static MOUNTED_FILE: Object = Object {
    what: "a secret or config of a service",
    extensions: Extensions::Allowed,
    attributes: &[
        at("source", leaf(Text)),
        at("target", leaf(Text)),
        at("uid", leaf(Text)),
        at("gid", leaf(Text)),
        at("mode", leaf(Special(check::file_mode))).kept(),
    ],
};

static BLKIO_CONFIG: Object = Object {
    what: "`blkio_config`",
    extensions: Extensions::Refused,
    attributes: &[
        at("device_read_bps", BLKIO_LIMITS),
        at("device_read_iops", BLKIO_LIMITS),
        at("device_write_bps", BLKIO_LIMITS),
        at("device_write_iops", BLKIO_LIMITS),
        at("weight", leaf(PlainInteger(0, 65535))),
        at("weight_device", BLKIO_WEIGHTS),
    ],
};

const BLKIO_LIMITS: Shape = Shape::List(&List {
    item: Shape::Object(&Object {
        what: "a limit of a device",
        extensions: Extensions::Refused,
        attributes: &[at("path", leaf(Text)).kept(), at("rate", leaf(Bytes(Amount::Integer))).kept()],
    }),
    equal: Equal::Allowed,
});

const BLKIO_WEIGHTS: Shape = Shape::List(&List {
    item: Shape::Object(&Object {
        what: "a weight of a device",
        extensions: Extensions::Refused,
        attributes: &[at("path", leaf(Text)).kept(), at("weight", leaf(PlainInteger(0, 65535))).kept()],
    }),
    equal: Equal::Allowed,
});

static CREDENTIAL_SPEC: Object = Object {
    what: "`credential_spec`",
    extensions: Extensions::Allowed,
    attributes: &[at("config", leaf(Text)), at("file", leaf(Text)), at("registry", leaf(Text))],
};

static DEPENDS_ON: Names = Names {
    what: "`depends_on`",
    key: Key::Name,
    value: Shape::Object(&Object {
        what: "a dependency",
        extensions: Extensions::Allowed,
        attributes: &[
            at("restart", leaf(Bool)),
            at("required", leaf(PlainBool)).kept(),
            at("condition", leaf(OneOf(&CONDITIONS))).required(),
        ],
    }),
    merge: Merge::Deep,
};

/// What a service may wait for.
const CONDITIONS: [&str; 3] = ["service_started", "service_healthy", "service_completed_successfully"];

const DEVICES: Shape = Shape::List(&List {
    item: Shape::Short(
        expand::device,
        &Shape::Object(&Object {
            what: "a device",
            extensions: Extensions::Allowed,
            attributes: &[
                at("source", leaf(Text)).required(),
                at("target", leaf(Text)).required(),
                at("permissions", leaf(Text)),
            ],
        }),
    ),
    equal: Equal::Replaced(merge::target),
});

static ENV_FILES: List = List {
    item: Shape::Object(&Object {
        what: "an env file",
        extensions: Extensions::Refused,
        attributes: &[
            at("path", leaf(Leaf::Path(Path::Local))).required(),
            at("format", leaf(Text)),
            at("required", leaf(Bool)).kept(),
        ],
    }),
    equal: Equal::Replaced(merge::path),
};

const LABEL_FILES: Shape =
    Shape::List(&List { item: Shape::Leaf(Leaf::Path(Path::Local)), equal: Equal::Allowed });

const EXPOSE: Shape =
    Shape::List(&List { item: Shape::Leaf(TextOrInteger), equal: Equal::Replaced(merge::whole) });

static EXTENDS: Object = Object {
    what: "`extends`",
    extensions: Extensions::Refused,
    attributes: &[at("service", leaf(Text)).required(), at("file", Shape::Nullable(&Shape::Leaf(Text)))],
};

static PROVIDER: Object = Object {
    what: "a provider",
    extensions: Extensions::Allowed,
    attributes: &[
        at("type", leaf(Text)).required(),
        at(
            "options",
            Shape::Names(&Names {
                what: "options of a provider",
                key: Key::LooselyAny,
                value: Shape::Short(
                    expand::scalars,
                    &Shape::List(&List { item: Shape::Leaf(Leaf::Scalar), equal: Equal::Allowed }),
                ),
                merge: Merge::Deep,
            }),
        ),
    ],
};

/// `NAME=ADDRESS`, also for a name that has several addresses.
pub(super) const EXTRA_HOSTS: Shape = Shape::Short(
    expand::extra_hosts,
    &Shape::List(&List { item: Shape::Leaf(Text), equal: Equal::Replaced(merge::whole) }),
);

const GPUS: Shape = Shape::List(&List { item: Shape::Object(&DEVICE_REQUEST), equal: Equal::Allowed });

const GROUPS: Shape = Shape::List(&List { item: Shape::Leaf(TextOrInteger), equal: Equal::Refused });

static HEALTHCHECK: Object = Object {
    what: "a healthcheck",
    extensions: Extensions::Allowed,
    attributes: &[
        at("disable", leaf(Bool)),
        at("interval", leaf(Duration)).kept(),
        at("retries", leaf(Truncated(0, i64::MAX))).kept(),
        at("test", Shape::Short(expand::healthcheck_test, &TEXTS)).replaced(),
        at("timeout", leaf(Duration)).kept(),
        at("start_period", leaf(Duration)).kept(),
        at("start_interval", leaf(Duration)).kept(),
    ],
};

static LOGGING: Object = Object {
    what: "`logging`",
    extensions: Extensions::Allowed,
    attributes: &[
        at("driver", leaf(Text)),
        at(
            "options",
            Shape::Names(&Names {
                what: "options of a log driver",
                key: Key::LooselyAny,
                value: Shape::Blank(&Shape::Leaf(TextOrNumber)),
                merge: Merge::Deep,
            }),
        ),
    ],
};

static SERVICE_MODELS: Names = Names {
    what: "models of a service",
    key: Key::LooseName,
    value: Shape::Nullable(&Shape::Object(&Object {
        what: "a model of a service",
        extensions: Extensions::Allowed,
        attributes: &[at("endpoint_var", leaf(Text)), at("model_var", leaf(Text))],
    })),
    merge: Merge::Deep,
};

static SERVICE_NETWORKS: Names = Names {
    what: "networks of a service",
    key: Key::Name,
    value: Shape::Nullable(&Shape::Object(&Object {
        what: "a network of a service",
        extensions: Extensions::Allowed,
        attributes: &[
            at("aliases", WORDS),
            at("interface_name", leaf(Text)),
            at("ipv4_address", leaf(Text)),
            at("ipv6_address", leaf(Text)),
            at("link_local_ips", WORDS),
            at("mac_address", leaf(Text)),
            at("driver_opts", DRIVER_OPTS),
            at("priority", leaf(PlainTruncated(i64::MIN, i64::MAX))),
            at("gw_priority", leaf(PlainTruncated(i64::MIN, i64::MAX))),
        ],
    })),
    merge: Merge::Deep,
};

/// Options of a driver.
pub(super) const DRIVER_OPTS: Shape = Shape::Names(&Names {
    what: "options of a driver",
    key: Key::LooselyAny,
    value: Shape::Leaf(TextOrNumber),
    merge: Merge::Deep,
});

static PORTS: List = List {
    item: Shape::Object(&Object {
        what: "a port",
        extensions: Extensions::Allowed,
        attributes: &[
            at("name", leaf(Text)),
            at("mode", leaf(Text)),
            at("host_ip", leaf(Text)),
            at("target", leaf(Integer(0, 4_294_967_295))).required(),
            at("published", leaf(TextOrInteger)),
            at("protocol", leaf(Text)),
            at("app_protocol", leaf(Text)),
        ],
    }),
    equal: Equal::Replaced(merge::port),
};

/// Programs that run beside the service's own at some point of its life.
pub(super) const HOOKS: Shape = Shape::List(&List { item: Shape::Object(&HOOK), equal: Equal::Allowed });

/// Such a program.
pub(super) static HOOK: Object = Object {
    what: "a hook",
    extensions: Extensions::Allowed,
    attributes: &[
        at("command", COMMAND).required().replaced().kept(),
        at("user", leaf(Text)),
        at("privileged", leaf(Bool)),
        at("working_dir", leaf(Text)),
        at("environment", Shape::Short(expand::distinct_variables, &NAMES)),
    ],
};

static STORAGE_OPT: Names = Names {
    what: "`storage_opt`",
    key: Key::LooselyAny,
    value: Shape::Blank(&Shape::Leaf(TextOrInteger)),
    merge: Merge::Deep,
};

/// Limits of a process: one number, or a soft and a hard one.
const ULIMITS: Shape = Shape::Names(&Names {
    what: "`ulimits`",
    key: Key::LooselyAny,
    value: Shape::Leaf(Special(check::ulimit)),
    merge: Merge::Replaced,
});

/// The same for a build, where Compose takes no text for a number.
pub(super) const BUILD_ULIMITS: Shape = Shape::Names(&Names {
    what: "`ulimits`",
    key: Key::LooselyAny,
    value: Shape::Leaf(Special(check::plain_ulimit)),
    merge: Merge::Replaced,
});

const VOLUMES: Shape = Shape::List(&List {
    item: Shape::Short(expand::volume, &Shape::Object(&VOLUME)),
    equal: Equal::Replaced(merge::target),
});

static VOLUME: Object = Object {
    what: "a mount",
    extensions: Extensions::Allowed,
    attributes: &[
        at("type", leaf(OneOf(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"]))).required(),
        at("source", leaf(Text)),
        at("target", leaf(Text)).required(),
        at("read_only", leaf(Bool)),
        at("consistency", leaf(Text)),
        at(
            "bind",
            Shape::Object(&Object {
                what: "`bind` of a mount",
                extensions: Extensions::Allowed,
                attributes: &[
                    at("propagation", leaf(Text)),
                    at("create_host_path", leaf(Bool)),
                    at("recursive", leaf(OneOf(&["enabled", "disabled", "writable", "readonly"]))),
                    at("selinux", leaf(OneOf(&["z", "Z"]))),
                ],
            }),
        ),
        at(
            "volume",
            Shape::Object(&Object {
                what: "`volume` of a mount",
                extensions: Extensions::Allowed,
                attributes: &[
                    at("labels", DISTINCT_PAIRS),
                    at("nocopy", leaf(Bool)),
                    at("subpath", leaf(Text)),
                ],
            }),
        ),
        at(
            "tmpfs",
            Shape::Object(&Object {
                what: "`tmpfs` of a mount",
                extensions: Extensions::Allowed,
                attributes: &[
                    at("size", leaf(Bytes(Amount::Natural))),
                    at("mode", leaf(PlainTruncated(0, 4_294_967_295))),
                ],
            }),
        ),
        at(
            "image",
            Shape::Object(&Object {
                what: "`image` of a mount",
                extensions: Extensions::Allowed,
                attributes: &[at("subpath", leaf(Text))],
            }),
        ),
    ],
};

static DEVELOP: Object = Object {
    what: "`develop`",
    extensions: Extensions::Allowed,
    attributes: &[at("watch", Shape::List(&List { item: Shape::Object(&WATCH), equal: Equal::Allowed }))],
};

static WATCH: Object = Object {
    what: "a watch",
    extensions: Extensions::Allowed,
    attributes: &[
        at("ignore", Shape::Short(expand::one_or_list, &DISTINCT)),
        at("include", Shape::Short(expand::one_or_list, &DISTINCT)),
        at("path", leaf(Leaf::Path(Path::Local))).required(),
        at("action", leaf(OneOf(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]))).required(),
        at("target", leaf(Text)),
        at("exec", Shape::Object(&HOOK)),
        at("initial_sync", leaf(PlainBool)),
    ],
};

/// A boolean that Compose keeps as text.
pub(super) const TEXT_OR_BOOL: Shape = Shape::Leaf(TextOrBool);
