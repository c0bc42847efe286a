//! Building images before they are looked for: the only place where a program of `PATH` is run.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

use super::super::{LockArgs, Outcome, complain, search, show};
use super::input;
use crate::diag::{Code, Diagnostics, Reported};
use crate::image::Reference;
use crate::nearest::nearest;
use crate::project::{Building, Call, Recipe, Tool};
use crate::recipes;
use crate::source::Sources;

/// Builds the images of these services, or of all that say how. Returns the names of the services whose images are new.
pub(super) fn run(args: &LockArgs, services: &[String]) -> Result<BTreeSet<String>, Outcome> {
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let planned = planned(&mut d, &mut sources, args, services);
    let Ok((building, chosen)) = planned else {
        show(&d, &sources);
        return Err(Outcome::Wrong);
    };
    if chosen.is_empty() {
        return Ok(BTreeSet::new());
    }
    let Some((tool, program)) = installed() else {
        let names = Tool::ALL.map(Tool::program).join(", ");
        complain(&format!("error: none of {names} is installed, which could build the images\n"));
        return Err(Outcome::Failed);
    };
    for recipe in in_order(&building.recipes, &chosen) {
        for key in &recipe.left_out {
            let service = &recipe.service;
            complain(&format!("warning: {service}: `build.{key}` is not handed to {}\n", tool.program()));
        }
        let image_of = |service: &str| building.image_of(service);
        for call in recipe.calls(tool, &building.platform, &building.layout, &image_of) {
            complain(&format!("{}: {call}\n", recipe.service));
            if let Err(why) = execute(&program, &call) {
                complain(&format!("error: {}: {} {why}\n", recipe.service, tool.program()));
                return Err(Outcome::Failed);
            }
        }
    }
    Ok(chosen)
}

/// What can be built, and the services whose images are. An image with a source of its own is not, as it is looked for
/// there.
fn planned(
    d: &mut Diagnostics,
    sources: &mut Sources,
    args: &LockArgs,
    services: &[String],
) -> Result<(Building, BTreeSet<String>), Reported> {
    let input = input(d, sources, args, search::local(&args.images, &args.state))?;
    let building = recipes(d, sources, &input)?;
    let known = || building.recipes.iter().map(|recipe| &*recipe.service);
    let mut chosen: BTreeSet<String> = services.iter().cloned().collect();
    for service in services {
        let Some(recipe) = building.recipes.iter().find(|recipe| *recipe.service == **service) else {
            let message = format!("no service `{service}` has a `build`");
            let near = nearest(service, known());
            d.error(Code::UnknownService, message).did_you_mean(near).emit();
            continue;
        };
        if let Some(why) = not_built(recipe, &building) {
            d.error(Code::Conflict, format!("the image of `{service}` is not built: {why}")).emit();
        }
    }
    d.failed()?;
    if services.is_empty() {
        for recipe in &building.recipes {
            match not_built(recipe, &building) {
                Some(why) => complain(&format!("warning: {}: not built: {why}\n", recipe.service)),
                None => _ = chosen.insert(recipe.service.to_string()),
            }
        }
    }
    Ok((building, chosen))
}

/// Why there is nothing to build for a service that has a `build`.
fn not_built(recipe: &Recipe, building: &Building) -> Option<String> {
    // A name with a mistake is reported at its place when the image is looked for.
    let Ok(reference) = recipe.image.parse::<Reference>() else {
        return Some(format!("`{}` is no name of an image", recipe.image));
    };
    if reference.digest().is_some() {
        return Some("it is named by its digest, which no build can promise".to_owned());
    }
    let source = building.sources.get(&reference.to_string())?;
    Some(format!("it comes from `{source}`"))
}

/// The recipes of the chosen services, after those whose images they are built of. Each stands once, also where they go
/// round in a circle.
fn in_order<'r>(recipes: &'r [Recipe], chosen: &BTreeSet<String>) -> Vec<&'r Recipe> {
    let mut order: Vec<&Recipe> = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let of = |service: &str| recipes.iter().find(|recipe| &*recipe.service == service);
    for first in recipes.iter().filter(|recipe| chosen.contains(&*recipe.service)) {
        // A service is put down when all that it needs has been.
        let mut open: Vec<(&Recipe, bool)> = vec![(first, false)];
        while let Some((recipe, ready)) = open.pop() {
            if ready {
                order.push(recipe);
            } else if seen.insert(&recipe.service) {
                open.push((recipe, true));
                let needs = recipe.needs.iter().filter(|need| chosen.contains(&***need));
                open.extend(needs.filter_map(|need| of(need)).map(|need| (need, false)));
            }
        }
    }
    order
}

/// The first program that builds images, and where it is.
fn installed() -> Option<(Tool, PathBuf)> {
    let path = std::env::var_os("PATH")?;
    // A relative entry would find programs in whatever directory this is.
    let directories: Vec<PathBuf> = std::env::split_paths(&path).filter(|path| path.is_absolute()).collect();
    let find = |tool: Tool| {
        let mut paths = directories.iter().map(|directory| directory.join(tool.program()));
        Some((tool, paths.find(|path| is_program(path))?))
    };
    Tool::ALL.into_iter().find_map(find)
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Runs it. What it prints goes where messages go.
fn execute(program: &Path, call: &Call) -> Result<(), String> {
    let output = io::stderr().as_fd().try_clone_to_owned().map_err(|error| error.to_string())?;
    let input = if call.input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut command = Command::new(program);
    command.args(call.words.iter().skip(1)).stdin(input).stdout(output);
    let mut child = command.spawn().map_err(|error| format!("cannot be run: {error}"))?;
    if let (Some(mut stdin), Some(text)) = (child.stdin.take(), &call.input) {
        // What does not read to the end says itself what is wrong.
        let _gone = stdin.write_all(text.as_bytes());
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("failed: {status}")) }
}

impl Building {
    /// The image of a service, as the file has it.
    fn image_of(&self, service: &str) -> Option<Rc<str>> {
        let mut own = self.recipes.iter().filter(|recipe| &*recipe.service == service);
        own.next().map(|recipe| Rc::clone(&recipe.image))
    }
}
