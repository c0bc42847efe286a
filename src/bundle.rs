//! What would be written, as values.
pub mod json;
pub mod state;
pub mod sums;
pub mod tree;
