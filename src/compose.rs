//! What a Compose file says, typed.
//! What was written in a Compose file, typed.
pub mod dotenv;
pub mod value;
