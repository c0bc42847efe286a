//! `bundlegen hook`: nobody types it; `config.json` calls it.

use std::io;

use clap::Args;

use super::{Outcome, complain};
use crate::printable::printable_line;

/// What a runtime calls.
#[derive(Debug, Args)]
pub struct HookArgs {
    /// Which hook, and what it is told
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
}

/// Runtimes show one line of what a hook complains about, if any.
pub fn run(args: &HookArgs) -> Outcome {
    crate::hook::leave_terminal();
    match crate::hook::run(args.args.iter().cloned(), io::stdin().lock()) {
        Ok(()) => Outcome::Done,
        Err(error) => {
            complain(&format!("bundlegen: {}\n", printable_line(&error.to_string())));
            Outcome::Wrong
        }
    }
}
