//! YAML texts.
pub mod template;
