//! `bundlegen build`.

use super::project::{Built, build, from_lock};
use super::{CompileArgs, Outcome, complain, say, search};
use crate::disk::{Applied, Error, apply, plan, plan_file};
use crate::project::Unused;

pub(super) fn run(args: &CompileArgs) -> Outcome {
    if let Err(error) = search::check_place(&args.images) {
        complain(&format!("error: {error}\n"));
        return Outcome::Wrong;
    }
    let project = &args.project;
    let built = if args.locked {
        from_lock(&project.build, &project.files, Unused::Refused).map(without_lock)
    } else {
        let search = search::local(&args.images, &args.state);
        build(&project.build, &project.files, args.images.images.clone(), search)
    };
    match built {
        Ok(built) => match write(&built) {
            Ok(applied) => {
                if !args.quiet {
                    say(&report(&built, &applied));
                }
                Outcome::Done
            }
            Err(error) => {
                complain(&format!("error: {error}\n"));
                Outcome::Failed
            }
        },
        Err(outcome) => outcome,
    }
}

/// A lock that says all that is needed, and nothing else, stays as it is spelt.
fn without_lock(mut built: Built) -> Built {
    built.compiled.lock = None;
    built
}

/// The lock goes first: it is true whether or not the bundles of this build are there. But nothing is written where
/// something is in the way of them.
fn write(built: &Built) -> Result<Applied, Error> {
    let bundles = plan(&built.compiled.tree, &built.bundles)?;
    bundles.refuse()?;
    if let Some(lock) = &built.compiled.lock {
        let lock = plan_file(&built.lock, lock.clone().into_bytes())?;
        apply(&lock)?;
    }
    apply(&bundles)
}

fn report(built: &Built, applied: &Applied) -> String {
    let place = built.bundles.display();
    let change = match (applied.written.len(), applied.removed.len()) {
        (0, 0) => format!("{place} is up to date"),
        (written, 0) => format!("{place}: {written} files written"),
        (written, removed) => format!("{place}: {written} files written, {removed} removed"),
    };
    if built.compiled.order.is_empty() {
        return format!("{change}\n");
    }
    let names: Vec<&str> = built.compiled.order.iter().map(|name| &**name).collect();
    format!("{change}; start in this order: {}\n", names.join(", "))
}
