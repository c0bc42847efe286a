//! `bundlegen graph`.

use super::project::{refused, to_review};
use super::{Outcome, ProjectArgs, say};
use crate::review::graph::mermaid;

pub(super) fn run(args: &ProjectArgs) -> Outcome {
    match to_review(&args.build, &args.files) {
        Ok((built, warnings)) => {
            say(&mermaid(&built.compiled.project));
            refused(&args.build, warnings).unwrap_or(Outcome::Done)
        }
        Err(outcome) => outcome,
    }
}
