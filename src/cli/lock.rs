//! `bundlegen lock`.

mod building;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::request::{How, request};
use super::search::Say;
use super::{LockArgs, Outcome, complain, say, search, show};
use crate::compose::Variables;
use crate::diag::{Diagnostics, Reported};
use crate::disk::{Error, apply, plan_file};
use crate::image::{Reference, Registries};
use crate::load::in_project;
use crate::lock::{FILE_NAME, LockedImage};
use crate::model::Selection;
use crate::project::{Anew, Choices, Search};
use crate::source::Sources;
use crate::yaml::Unset;
use crate::{Input, Locked};

pub(super) fn run(args: &LockArgs) -> Outcome {
    match locked(args) {
        Ok(()) => Outcome::Done,
        Err(outcome) => outcome,
    }
}

fn locked(args: &LockArgs) -> Result<(), Outcome> {
    let built = match &args.build {
        Some(services) => building::run(args, services)?,
        None => BTreeSet::new(),
    };
    // What is built may be the first image there.
    search::check_place(&args.images).map_err(|error| failed(error, Outcome::Wrong))?;
    let settings = args.registries.settings().map_err(|error| failed(error, Outcome::Wrong))?;
    let registries = Registries::new(settings);
    let said = if args.quiet { Say::Nothing } else { Say::All };
    let search = search::network(&args.images, &args.state, &registries, said);
    let (locked, path) = found(args, Search { anew: anew(args, built), ..search })?;
    for remark in registries.take_remarks() {
        complain(&format!("warning: {remark}\n"));
    }
    if let Some(text) = &locked.text {
        write(&path, text.clone()).map_err(|error| failed(error, Outcome::Failed))?;
        // The lock is right, whatever may be the matter with the store.
        if let Err(error) = search::keep(&args.state, &path) {
            complain(&format!("warning: what was fetched is not kept for this project: {error}\n"));
        }
    }
    if !args.quiet {
        say(&report(&locked));
    }
    Ok(())
}

fn failed(error: impl std::fmt::Display, outcome: Outcome) -> Outcome {
    complain(&format!("error: {error}\n"));
    outcome
}

/// What is to be locked, and where; shows what was found on the way.
fn found(args: &LockArgs, search: Search) -> Result<(Locked, PathBuf), Outcome> {
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let found = input(&mut d, &mut sources, args, search).and_then(|input| {
        let path = in_project(FILE_NAME, &input.request.directory);
        Ok((crate::lock(&mut d, &mut sources, &input)?, path))
    });
    show(&d, &sources);
    found.map_err(|_| Outcome::Wrong)
}

fn write(path: &Path, text: String) -> Result<(), Error> {
    let plan = plan_file(path, text.into_bytes())?;
    plan.refuse()?;
    apply(&plan).map(drop)
}

/// What is looked for although the lock has it: what was asked for, and what was built just now.
fn anew(args: &LockArgs, built: BTreeSet<String>) -> Anew {
    match &args.upgrade {
        Some(services) if services.is_empty() => Anew::All,
        Some(services) => Anew::Of(services.iter().cloned().chain(built).collect()),
        None if built.is_empty() => Anew::None,
        None => Anew::Of(built),
    }
}

/// The project, and how far its images are looked for.
fn input(
    d: &mut Diagnostics,
    sources: &mut Sources,
    args: &LockArgs,
    search: Search,
) -> Result<Input, Reported> {
    let how = How { variables: Variables::Replaced, unset: Unset::Refused, expected: args.expected.clone() };
    let request = request(d, sources, &args.compose, &args.files, how)?;
    Ok(Input {
        request,
        selection: Selection { profiles: args.compose.profile.clone(), services: Vec::new() },
        to_project: "..".into(),
        images: args.images.images.clone(),
        search,
        choices: Choices { platform: args.platform.clone(), ..Choices::default() },
    })
}

/// A line for each image, sorted: which it is, and which it was.
fn report(locked: &Locked) -> String {
    let none = BTreeMap::new();
    let same_platform = |lock: &&crate::lock::Lock| lock.platform == locked.after.platform;
    let before = locked.before.as_ref().filter(same_platform).map_or(&none, |lock| &lock.images);
    let names: BTreeSet<&String> = before.keys().chain(locked.after.images.keys()).collect();
    if names.is_empty() {
        return match locked.after.networks.len() {
            0 => "no service has an image\n".to_owned(),
            1 => "no service has an image, and one network has its addresses\n".to_owned(),
            count => format!("no service has an image, and {count} networks have their addresses\n"),
        };
    }
    let line = |name: &String| {
        let what = match (before.get(name).map(digest), locked.after.images.get(name).map(digest)) {
            (None, Some(new)) => format!("{new} (new)"),
            (Some(old), Some(new)) if old != new => format!("{new} was {old}"),
            (_, Some(new)) => match locked.kept.get(name) {
                Some(why) => format!("{new} unchanged: {why}"),
                None => format!("{new} unchanged"),
            },
            (_, None) => "no service has it any more".to_owned(),
        };
        let name = name.parse::<Reference>().map_or_else(|_| name.clone(), |name| name.familiar());
        format!("{name}: {what}\n")
    };
    names.into_iter().map(line).collect()
}

/// The digest that others know an image by.
fn digest(image: &LockedImage) -> &str {
    image.index.as_deref().unwrap_or(&image.manifest.digest)
}
