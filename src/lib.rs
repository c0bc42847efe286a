//! `bundlegen` compiles a Compose file into OCI runtime bundles.
pub mod compose;
pub mod bundle;
pub mod diag;
pub mod image;
pub mod lower;
pub mod nearest;
pub mod disk;
pub mod source;
pub mod yaml;
