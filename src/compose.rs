//! What a Compose file says, typed.
pub mod value;
