//! The text formats of Compose values: each a type with `FromStr` that knows no places.
pub mod architecture;
pub mod capability;
pub mod rlimit;
pub mod signal;
//! The text formats of Compose values: each a type with `FromStr` and no places.

pub mod words;
