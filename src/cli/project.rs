//! From arguments to [`Input`]: which file, which directories.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::{Outcome, ProjectArgs, complain, show};
use crate::compose::Variables;
use crate::diag::{Code, Diagnostics, Reported};
use crate::load::{Environment, Request};
use crate::model::Selection;
use crate::source::Sources;
use crate::yaml::Unset;
use crate::{Compiled, Input, compile};

/// How a Compose file was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chosen {
    /// Somebody named it.
    Named,
    /// It was looked for.
    Found,
}

/// The names Compose looks for, in its order.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// The files Compose merges onto the one it found.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// A compiled project and where it goes.
pub(super) struct Built {
    /// What was made.
    pub(super) compiled: Compiled,
    /// The output directory.
    pub(super) bundles: PathBuf,
    /// Where the lock stands.
    pub(super) lock: PathBuf,
}

/// Compiles what the arguments name, and shows what was found on the way.
pub(super) fn build(args: &ProjectArgs) -> Result<Built, Outcome> {
    let mut d = Diagnostics::default();
    let mut sources = Sources::default();
    let built = compiled(&mut d, &mut sources, args);
    show(&d, &sources);
    match built {
        Ok(Some(built)) if d.errors() == 0 && !(args.deny_warnings && d.warnings() > 0) => Ok(built),
        Ok(Some(_)) => {
            complain("nothing is written: warnings count as errors\n");
            Err(Outcome::Wrong)
        }
        Ok(None) => Err(Outcome::Failed),
        Err(_) => Err(Outcome::Wrong),
    }
}

fn compiled(
    d: &mut Diagnostics,
    sources: &mut Sources,
    args: &ProjectArgs,
) -> Result<Option<Built>, Reported> {
    let (file, chosen) = compose_file(d, args)?;
    let directory = match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let bundles = args.output.clone().unwrap_or_else(|| beside(&file, "bundles"));
    let (to_project, real) = match (way(&bundles, &directory), real(&directory)) {
        (Ok(way), Ok(real)) => (way, real),
        (Err(error), _) | (_, Err(error)) => {
            complain(&format!("{}: {error}\n", bundles.display()));
            return Ok(None);
        }
    };
    if to_project.components().all(|part| part != Component::ParentDir) {
        let message = format!("the Compose file lies in the output directory, {}", bundles.display());
        let help = "name a directory of its own with `-o`: all that is in it belongs to the build";
        return Err(d.error(Code::Conflict, message).help(help).emit());
    }
    let directories = env_directories(d, &directory, chosen)?;
    let environment = Environment::load(d, sources, environment(), &directories)?;
    let request = Request {
        files: vec![file.clone()],
        directory,
        directory_name: real.file_name().map(|name| name.to_string_lossy().into_owned()),
        project_name: args.project_name.clone(),
        environment,
        variables: Variables::Replaced,
        unset: Unset::Refused,
    };
    let input = Input {
        request,
        selection: Selection::default(),
        to_project,
        images: args.images.clone(),
        platform: args.platform.clone(),
    };
    let lock = beside(&file, crate::lock::FILE_NAME);
    compile(d, sources, &input).map(|compiled| Some(Built { compiled, bundles, lock }))
}

/// The variables of the process whose names and values are text.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn beside(file: &Path, name: &str) -> PathBuf {
    file.with_file_name(name)
}

/// The directories with the `.env` that counts, the later ones over the earlier.
fn env_directories(d: &mut Diagnostics, project: &Path, chosen: Chosen) -> Result<Vec<PathBuf>, Reported> {
    if std::env::var_os("COMPOSE_ENV_FILES").is_some_and(|files| !files.is_empty()) {
        let message = "`COMPOSE_ENV_FILES` in the environment is not supported yet";
        return Err(d.error(Code::NotSupported, message).help("unset it").emit());
    }
    let disabled = std::env::var("COMPOSE_DISABLE_ENV_FILE").unwrap_or_default();
    if matches!(disabled.to_lowercase().as_str(), "1" | "t" | "true" | "y" | "yes" | "on") {
        return Ok(Vec::new());
    }
    // A file that was found above: the `.env` here is read as well, and wins.
    let here = (chosen == Chosen::Found && project != Path::new(".")).then(|| PathBuf::from("."));
    Ok(std::iter::once(project.to_path_buf()).chain(here).collect())
}

fn compose_file(d: &mut Diagnostics, args: &ProjectArgs) -> Result<(PathBuf, Chosen), Reported> {
    let given = if args.file.is_empty() { &args.files } else { &args.file };
    match given.as_slice() {
        [] => find(d),
        [file] if file.as_os_str() == "-" => Err(d
            .error(Code::NotSupported, "reading the Compose file from standard input is not supported yet")
            .emit()),
        [file] => Ok((file.clone(), Chosen::Named)),
        _ => Err(d.error(Code::NotSupported, "merging several Compose files is not supported yet").emit()),
    }
}

/// Looks here and in the directories above, as Compose does. A file that Compose would merge onto the one found is
/// not passed over in silence.
fn find(d: &mut Diagnostics) -> Result<(PathBuf, Chosen), Reported> {
    if let Some(file) = std::env::var_os("COMPOSE_FILE").filter(|file| !file.is_empty()) {
        let separator = std::env::var("COMPOSE_PATH_SEPARATOR").unwrap_or_else(|_| ":".into());
        return if file.to_string_lossy().contains(&separator) {
            Err(d
                .error(Code::NotSupported, "`COMPOSE_FILE` names several files: that is not supported yet")
                .emit())
        } else {
            Ok((file.into(), Chosen::Named))
        };
    }
    let here = std::env::current_dir().map_err(|error| {
        d.error(Code::Unreadable, format!("the working directory cannot be found: {error}")).emit()
    })?;
    let mut prefix = PathBuf::new();
    for directory in here.ancestors() {
        if let Some(name) = NAMES.into_iter().find(|name| directory.join(name).exists()) {
            if let Some(over) = OVERRIDES.into_iter().find(|name| directory.join(name).exists()) {
                let message =
                    format!("`{over}` beside `{name}` would be merged onto it: that is not supported yet");
                let help = format!("name the file to leave the other one out: bundlegen build {name}");
                return Err(d.error(Code::NotSupported, message).help(help).emit());
            }
            return Ok((prefix.join(name), Chosen::Found));
        }
        prefix.push("..");
    }
    let message = "there is no compose.yaml here or in a directory above";
    Err(d.error(Code::Unreadable, message).help("name the file: bundlegen build FILE").emit())
}

/// The way from one directory to another, with links followed as far as the directories exist.
fn way(from: &Path, to: &Path) -> io::Result<PathBuf> {
    let (from, to) = (real(from)?, real(to)?);
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    Ok(up.chain(to.components().skip(common)).collect())
}

/// The real path of what exists, with the rest as it is.
fn real(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut rest = Vec::new();
    let mut at = path.as_path();
    loop {
        match at.canonicalize() {
            Ok(real) => return Ok(rest.iter().rev().fold(real, |path: PathBuf, part| path.join(part))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (Some(parent), Some(name)) = (at.parent(), at.file_name()) else { return Err(error) };
                rest.push(name.to_owned());
                at = parent;
            }
            Err(error) => return Err(error),
        }
    }
}
