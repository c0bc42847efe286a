//! `bundlegen config`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use super::request::{How, request, working_directory};
use super::{ConfigArgs, ConfigFormat, Outcome, complain, show};
use crate::compose::Variables;
use crate::config;
use crate::diag::{Code, Diagnostics, Reported};
use crate::disk::{apply, plan_file};
use crate::image::Digest;
use crate::load::{Environment, Loaded, load};
use crate::model::{Model, Selection, complete, outline, paths};
use crate::source::Sources;
use crate::yaml::{Node, Unset};

pub(super) fn run(args: &ConfigArgs) -> Outcome {
    let mut d = Diagnostics::default();
    let mut sources = Sources::default();
    let text = text(&mut d, &mut sources, args);
    show(&d, &sources);
    match text {
        Ok(text) if d.errors() == 0 => write(args, text),
        _ => Outcome::Wrong,
    }
}

fn write(args: &ConfigArgs, text: String) -> Outcome {
    let Some(path) = &args.output else {
        let _gone = io::stdout().write_all(text.as_bytes());
        return Outcome::Done;
    };
    match plan_file(path, text.into_bytes()).and_then(|plan| apply(&plan)) {
        Ok(_) => Outcome::Done,
        Err(error) => {
            complain(&format!("error: {error}\n"));
            Outcome::Failed
        }
    }
}

fn text(d: &mut Diagnostics, sources: &mut Sources, args: &ConfigArgs) -> Result<String, Reported> {
    let variables = if args.no_interpolate { Variables::Kept } else { Variables::Replaced };
    let (files, services) = names(args);
    let how = How { variables, unset: Unset::Empty, expected: Vec::new() };
    let request = request(d, sources, &args.compose, &files, how)?;
    if args.instead.environment {
        return Ok(environment(&request.environment));
    }
    // The process ends with the text that is made of these trees: to take them apart would only cost time.
    let loaded = ManuallyDrop::new(load(d, sources, &request)?);
    if args.instead.profiles {
        return Ok(lines(profiles(&loaded.root)));
    }
    let selection = Selection { profiles: args.compose.profile.clone(), services };
    let mut model = ManuallyDrop::new(match variables {
        Variables::Replaced => complete(d, sources, &loaded, &selection)?,
        Variables::Kept => whole(d, &loaded, &selection)?,
    });
    if !args.no_path_resolution {
        let home = request.environment.process.get("HOME");
        let here = working_directory(d)?;
        model.root = paths::absolute(&model.root, sources, &here, home.map(String::as_str));
    }
    printed(d, args, &model, variables)
}

/// All of a project whose variables are kept.
fn whole(d: &mut Diagnostics, loaded: &Loaded, selection: &Selection) -> Result<Model, Reported> {
    if let Some(service) = selection.services.first() {
        let message = format!("`{service}` cannot be picked while variables are left as they are");
        let help = "leave out either the service or `--no-interpolate`";
        return Err(d.error(Code::Conflict, message).help(help).emit());
    }
    outline(d, loaded)
}

/// The Compose files and the services among the names that have no option.
fn names(args: &ConfigArgs) -> (Vec<PathBuf>, Vec<String>) {
    let chosen = !args.compose.file.is_empty()
        || std::env::var_os("COMPOSE_FILE").is_some_and(|files| !files.is_empty());
    let is_file = |name: &Path| !chosen && (name == Path::new("-") || name.is_file());
    let (files, services): (Vec<_>, Vec<_>) = args.names.iter().cloned().partition(|name| is_file(name));
    (files, services.iter().map(|name| name.to_string_lossy().into_owned()).collect())
}

fn printed(
    d: &mut Diagnostics,
    args: &ConfigArgs,
    model: &Model,
    variables: Variables,
) -> Result<String, Reported> {
    let instead = &args.instead;
    if let Some(service) = &instead.hash {
        return hashes(d, model, service);
    }
    if instead.quiet {
        return Ok(String::new());
    }
    let sections =
        [(instead.services, "services"), (instead.volumes, "volumes"), (instead.networks, "networks")];
    if let Some((_, section)) = sections.into_iter().find(|(asked, _)| *asked) {
        return Ok(lines(keys(&model.root, section)));
    }
    if instead.images {
        return Ok(lines(images(model)));
    }
    let format = match args.format {
        ConfigFormat::Yaml => config::Format::Yaml,
        ConfigFormat::Json => config::Format::Json,
    };
    Ok(config::print(model, format, variables))
}

fn lines<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> String {
    words.into_iter().fold(String::new(), |text, word| text + word.as_ref() + "\n")
}

fn environment(environment: &Environment) -> String {
    let dotenv = environment.dotenv.iter().map(|(name, set)| (name, &set.value));
    let all: BTreeMap<_, _> = dotenv.chain(&environment.process).collect();
    lines(all.into_iter().map(|(name, value)| format!("{name}={value}")))
}

fn services(root: &Node) -> BTreeMap<&str, &Node> {
    let services = root.get("services").map(Node::entries).unwrap_or_default();
    services.iter().map(|service| (&*service.key, &service.value)).collect()
}

fn keys<'a>(root: &'a Node, section: &str) -> BTreeSet<&'a str> {
    let entries = root.get(section).map(Node::entries).unwrap_or_default();
    entries.iter().map(|entry| &*entry.key).collect()
}

fn profiles(root: &Node) -> BTreeSet<&str> {
    let lists = services(root).into_values().filter_map(|service| service.get("profiles"));
    lists.flat_map(Node::items).filter_map(Node::as_str).collect()
}

/// The image of each service; what is built has the name that Compose gives it.
fn images(model: &Model) -> BTreeSet<String> {
    let image = |(name, service): (&str, &Node)| match service.get("image").and_then(Node::as_str) {
        Some(image) if !image.is_empty() => image.to_owned(),
        _ => format!("{}-{name}", model.name),
    };
    services(&model.root).into_iter().map(image).collect()
}

fn hashes(d: &mut Diagnostics, model: &Model, asked: &str) -> Result<String, Reported> {
    let services = config::services(model);
    let line = |name: &str, text: &str| format!("{name} {}", Digest::sha256(text.as_bytes()).hex());
    if asked == "*" {
        return Ok(lines(services.iter().map(|(name, text)| line(name, text))));
    }
    match services.get(asked) {
        Some(text) => Ok(lines([line(asked, text)])),
        None => Err(d.error(Code::UnknownService, format!("there is no service `{asked}`")).emit()),
    }
}
