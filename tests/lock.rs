//! Where images come from, what the lock keeps of that, and which commands go how far for it.
#![allow(
    clippy::disallowed_methods,
    clippy::format_push_string,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests make their inputs"
)]

#[path = "lock/building.rs"]
mod building;
#[path = "lock/project.rs"]
mod project;
#[path = "lock/reach.rs"]
mod reach;
#[path = "support/real_registry.rs"]
mod real_registry;
#[path = "lock/registry.rs"]
mod registry;
#[path = "lock/searching.rs"]
mod searching;
mod support;
