//! The text formats of Compose values: each a type with `FromStr` and no places in files.

use crate::diag::Invalid;

pub mod absolute_path;
pub mod address;
pub mod alias;
pub mod architecture;
pub mod block_device;
pub mod bytes;
pub mod capability;
pub mod cgroup_manager;
pub mod container_name;
pub mod cpus;
pub mod cpuset;
pub mod device;
pub mod dns;
pub mod duration;
pub mod extra_host;
pub mod file_mode;
pub mod hostname;
pub mod idmap;
pub mod init;
pub mod interface;
pub mod mac;
pub mod port;
pub mod rlimit;
pub mod rule;
pub mod runtime;
pub mod security_opt;
pub mod signal;
pub mod sysctl;
pub mod target;
pub mod tmpfs;
pub mod volume;
pub mod words;

/// A mistake in a part of a text that begins at `start`.
pub(super) fn moved(invalid: Invalid, start: usize) -> Invalid {
    let range = invalid.range.start + start..invalid.range.end + start;
    Invalid { range, ..invalid }
}
