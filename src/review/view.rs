//! Bundles as the rules of `lint` see them: what `config.json` says, in words that several rules ask for.
//!
//! Nothing here says what is risky; it says what is the case.

pub mod capabilities;
pub mod devices;
pub mod host_path;
pub mod mounts;
pub mod namespaces;
pub mod places;
pub mod ports;
pub mod secrets;
