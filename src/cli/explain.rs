//! `bundlegen explain`.

use super::project::{Built, from_lock};
use super::{ExplainArgs, ExplainFormat, Outcome, complain, say};
use crate::project::Unused;
use crate::review::Bundles;
use crate::review::explain::{explain, json, text};

pub(super) fn run(args: &ExplainArgs) -> Outcome {
    let built = match from_lock(&args.build, &[], Unused::Ignored) {
        Ok(built) => built,
        Err(outcome) => return outcome,
    };
    match explained(&built, args) {
        Ok(text) => {
            say(&text);
            Outcome::Done
        }
        Err(message) => {
            complain(&format!("error: {message}\n"));
            Outcome::Wrong
        }
    }
}

fn explained(built: &Built, args: &ExplainArgs) -> Result<String, String> {
    let bundles = Bundles::of_tree(&built.compiled.tree).map_err(|error| error.to_string())?;
    let made = built.compiled.made(&built.sources);
    let rows = explain(&made, &bundles, &args.service, &args.pointer).map_err(|error| error.to_string())?;
    Ok(match args.format {
        ExplainFormat::Text => text(&rows),
        ExplainFormat::Json => json(&rows),
    })
}
