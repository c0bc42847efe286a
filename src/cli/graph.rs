//! `bundlegen graph`.

use super::project::from_lock;
use super::{Outcome, ProjectArgs, say};
use crate::project::Unused;
use crate::review::graph::mermaid;

pub(super) fn run(args: &ProjectArgs) -> Outcome {
    match from_lock(&args.build, &args.files, Unused::Ignored) {
        Ok(built) => {
            say(&mermaid(&built.compiled.project));
            Outcome::Done
        }
        Err(outcome) => outcome,
    }
}
