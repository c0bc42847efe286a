//! `bundlegen prepare`.

mod bars;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::{Outcome, PrepareArgs, complain, say};
use crate::image::{Reference, Registries, Source, SourceName};
use crate::prepare::{Error, Filled, Images, Looked, Mapping, Progress, Summary, in_namespace, prepare};
use bars::Bars;

pub(super) fn run(args: &PrepareArgs) -> Outcome {
    let settings = match args.registries.settings() {
        Ok(settings) => settings,
        Err(error) => {
            complain(&format!("error: {error}\n"));
            return Outcome::Wrong;
        }
    };
    let registries = Registries::new(settings);
    let repository =
        |reference: &Reference| Ok(Box::new(registries.repository(reference)) as Box<dyn Source>);
    let named: Vec<(Reference, SourceName)> =
        args.image.iter().map(|image| (image.reference.clone(), image.source.clone())).collect();
    let (place, store) = (args.images.clone(), args.state.store_directory());
    let place = place.unwrap_or_else(|| beside(&args.bundles));
    let images = Images {
        named: &named,
        place: &place,
        is_usual: args.images.is_none(),
        store: store.as_deref(),
        registries: if args.offline { None } else { Some(&repository) },
    };
    let mut bars = if args.quiet { Bars::none() } else { Bars::for_terminal() };
    let mut tell = |progress| tell(&progress, &mut bars, args);
    let done = prepare(&args.bundles, &images, &|name| std::env::var_os(name), &mut tell);
    bars.clear();
    for remark in registries.take_remarks() {
        complain(&format!("warning: {remark}\n"));
    }
    match done {
        Ok(summary) => {
            complain(&remarks(&summary));
            Outcome::Done
        }
        Err(Error::Namespace { mapping }) => again(&mapping, args),
        Err(error) => {
            complain(&format!("error: {error}\n"));
            outcome(&error)
        }
    }
}

/// Where the images are by default; a link to the bundles is followed first.
fn beside(bundles: &Path) -> PathBuf {
    match (bundles.parent(), bundles.file_name()) {
        (Some(parent), Some(_)) if !bundles.is_symlink() => parent.join("images"),
        _ => bundles.join("../images"),
    }
}

/// What was said on the way goes to standard output, what needs attention to standard error.
fn tell(progress: &Progress, bars: &mut Bars, args: &PrepareArgs) {
    if bars.take(progress) {
        return;
    }
    let Some(line) = line(progress) else { return };
    match progress {
        Progress::Absent { .. } | Progress::Lacking { .. } => complain(&line),
        Progress::Waiting { .. } if !args.quiet => complain(&line),
        _ if !args.quiet => say(&line),
        _ => {}
    }
}

fn outcome(error: &Error) -> Outcome {
    match error {
        // Another time a registry may answer.
        Error::Missing { looked, .. } if looked.iter().any(|it| matches!(it, Looked::Failed(_))) => {
            Outcome::Failed
        }
        Error::Changed { .. }
        | Error::Bundle { .. }
        | Error::Unset { .. }
        | Error::External { .. }
        | Error::Missing { .. } => Outcome::Wrong,
        Error::Namespace { .. } | Error::Io { .. } | Error::Full { .. } | Error::Image { .. } => {
            Outcome::Failed
        }
    }
}

/// The same with the users of the containers. Root of that namespace is to find the images of the user, where there is
/// a place for them.
fn again(mapping: &Mapping, args: &PrepareArgs) -> Outcome {
    let given = || std::env::args_os().skip(1);
    let handed = args.state.handed_on("prepare", given()).unwrap_or_else(|_| given().collect());
    let program = std::env::current_exe();
    match program.and_then(|program| in_namespace(mapping, &program, handed.into_iter())) {
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

/// Bytes as people write them.
fn amount(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

/// What has happened; nothing for what only bars show.
fn line(progress: &Progress) -> Option<String> {
    Some(match progress {
        Progress::Fetched(_) | Progress::Read { .. } => return None,
        Progress::Fetching { image, from, bytes } => {
            format!("{}: fetching {} from {from}\n", image.familiar(), amount(*bytes))
        }
        progress => done(progress),
    })
}

fn done(progress: &Progress) -> String {
    match progress {
        Progress::Fetching { .. } | Progress::Fetched(_) | Progress::Read { .. } => String::new(),
        Progress::Verified { files } => format!("{files} files are as they were built\n"),
        Progress::Unpacking { bundle, image, .. } => format!("{bundle}: unpacking {}\n", image.familiar()),
        Progress::Waiting { path } => {
            format!("{}: another process is at work here; waiting for it to end\n", path.display())
        }
        Progress::Copying { bundle, from } => format!("{bundle}: copying the root of {from}\n"),
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
        Progress::Lacking { program, help } => {
            format!("warning: {program} is not on this host, and the containers need it: {help}\n")
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
