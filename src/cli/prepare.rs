//! `bundlegen prepare`.

use std::fmt::Write;

use super::{Outcome, PrepareArgs, complain, say};
use crate::prepare::{Error, Filled, Mapping, Progress, Summary, in_namespace, prepare};

pub(super) fn run(args: &PrepareArgs) -> Outcome {
    let images = args.images.clone().unwrap_or_else(|| args.bundles.join("../images"));
    let mut tell = |progress| match &progress {
        Progress::Absent { .. } => complain(&line(&progress)),
        _ => say(&line(&progress)),
    };
    match prepare(&args.bundles, &images, &|name| std::env::var_os(name), &mut tell) {
        Ok(summary) => {
            complain(&remarks(&summary));
            Outcome::Done
        }
        Err(Error::Namespace { mapping }) => again(&mapping),
        Err(error) => {
            complain(&format!("error: {error}\n"));
            match error {
                Error::Changed { .. }
                | Error::Bundle { .. }
                | Error::Unset { .. }
                | Error::External { .. }
                | Error::Missing { .. } => Outcome::Wrong,
                Error::Namespace { .. } | Error::Io { .. } | Error::Busy { .. } | Error::Image { .. } => {
                    Outcome::Failed
                }
            }
        }
    }
}

/// The same with the users of the containers.
fn again(mapping: &Mapping) -> Outcome {
    let program = std::env::current_exe();
    match program.and_then(|program| in_namespace(mapping, &program, std::env::args_os().skip(1))) {
        Ok(status) => match status.code() {
            Some(0) => Outcome::Done,
            Some(1) => Outcome::Wrong,
            _ => Outcome::Failed,
        },
        Err(error) => {
            complain(&format!("error: the bundles have users of their own: {error}\n"));
            Outcome::Failed
        }
    }
}

fn line(progress: &Progress) -> String {
    match progress {
        Progress::Verified { files } => format!("{files} files are as they were built\n"),
        Progress::Unpacking { bundle, image } => format!("{bundle}: unpacking {image}\n"),
        Progress::Unpacked { bundle, report } => format!("{bundle}: {} entries unpacked\n", report.entries),
        Progress::Present { bundle } => format!("{bundle}: up to date\n"),
        Progress::Abandoned { path } => {
            format!("{path}: belongs to no service any more and can be removed\n")
        }
        Progress::Placed { path, without_owner: false } => format!("{path}: placed\n"),
        Progress::Placed { path, without_owner: true } => {
            format!("{path}: placed, and belongs to you: only root can give files away\n")
        }
        Progress::Absent { bundle, path } => {
            format!("warning: {bundle}: {path} is not there, and the container needs it\n")
        }
        Progress::Volume { path, filled: None } => format!("{path}: made\n"),
        Progress::Volume { path, filled: Some(filled) } => {
            let Filled { bundle, destination, left_out } = filled;
            let without = if *left_out > 0 {
                format!(", without {left_out} that cannot be copied")
            } else {
                String::new()
            };
            format!("{path}: made and filled with what {bundle} has in {destination}{without}\n")
        }
    }
}

/// What an unpacked root is without, when it was not root who unpacked it.
fn remarks(summary: &Summary) -> String {
    let mut out = String::new();
    for (bundle, report) in &summary.unpacked {
        let lost = [
            (report.owners, "files belong to you and not to their owners"),
            (report.devices, "devices are empty files"),
            (report.xattrs, "extended attributes are left out"),
        ];
        for (count, what) in lost.into_iter().filter(|(count, _)| *count > 0) {
            let _infallible = writeln!(out, "{bundle}: {count} {what}: only root can do that");
        }
    }
    out
}
