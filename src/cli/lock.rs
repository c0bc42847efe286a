//! `bundlegen lock`.

mod building;

use std::collections::{BTreeMap, BTreeSet};

use super::request::{How, request};
use super::{LockArgs, Outcome, complain, say, search, show};
use crate::compose::Variables;
use crate::diag::{Diagnostics, Reported};
use crate::disk::{Error, apply, plan_file};
use crate::image::Reference;
use crate::load::in_project;
use crate::lock::{FILE_NAME, LockedImage};
use crate::model::Selection;
use crate::project::{Anew, Choices};
use crate::source::Sources;
use crate::yaml::Unset;
use crate::{Input, Locked};

pub(super) fn run(args: &LockArgs) -> Outcome {
    let built = match &args.build {
        Some(services) => building::run(args, services),
        None => Ok(BTreeSet::new()),
    };
    let built = match built {
        Ok(built) => built,
        Err(outcome) => return outcome,
    };
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let found = input(&mut d, &mut sources, args, anew(args, built)).and_then(|input| {
        let path = in_project(FILE_NAME, &input.request.directory);
        Ok((crate::lock(&mut d, &mut sources, &input)?, path))
    });
    show(&d, &sources);
    match found {
        Ok((locked, path)) if d.errors() == 0 => {
            let text = locked.text.clone();
            match text.map_or(Ok(()), |text| write(&path, text)) {
                Ok(()) => {
                    say(&report(&locked));
                    Outcome::Done
                }
                Err(error) => {
                    complain(&format!("error: {error}\n"));
                    Outcome::Failed
                }
            }
        }
        _ => Outcome::Wrong,
    }
}

fn write(path: &std::path::Path, text: String) -> Result<(), Error> {
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
fn input(d: &mut Diagnostics, sources: &mut Sources, args: &LockArgs, anew: Anew) -> Result<Input, Reported> {
    let how = How { variables: Variables::Replaced, unset: Unset::Refused, expected: args.expected.clone() };
    let request = request(d, sources, &args.compose, &args.files, how)?;
    Ok(Input {
        request,
        selection: Selection { profiles: args.compose.profile.clone(), services: Vec::new() },
        to_project: "..".into(),
        images: args.images.images.clone(),
        search: search::network(args, anew),
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
        return "no service has an image\n".to_owned();
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
