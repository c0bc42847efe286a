//! `bundlegen schema`.

use clap::{Args, ValueEnum};

use super::{Outcome, say};

/// Which schema.
#[derive(Clone, Copy, Debug, Args)]
pub struct SchemaArgs {
    /// What it describes
    #[arg(value_enum, default_value = "compose")]
    pub of: SchemaOf,
}

/// What there are schemas of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// A Compose file
    Compose,
    /// bundlegen.lock
    Lock,
    /// A message, as `--message-format json` prints it
    Message,
}

pub(super) fn run(args: SchemaArgs) -> Outcome {
    say(match args.of {
        SchemaOf::Compose => include_str!("../../schemas/compose.json"),
        SchemaOf::Lock => include_str!("../../schemas/bundlegen.lock.json"),
        SchemaOf::Message => include_str!("../../schemas/message.json"),
    });
    Outcome::Done
}
