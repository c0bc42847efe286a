//! What a service means, in the runtime spec's words.
pub mod capabilities;
pub mod seccomp;
