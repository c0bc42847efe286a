//! From arguments and the environment to a [`Request`]: which files, which directory, which variables.
//!
//! The order of the work is that of Docker Compose, as each step may set variables for the next: `.env` beside what was
//! named on the command line, then the files, then `.env` beside them (compose-go: `cli/options.go`).

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::ComposeArgs;
use super::discovery::discover;
use crate::compose::Variables;
use crate::diag::{Code, Diagnostics, Reported};
use crate::load::{Environment, Request};
use crate::source::Sources;
use crate::yaml::Unset;
use crate::yaml::template::Lookup;

/// What becomes of variables.
pub(super) struct How {
    /// Whether they are replaced.
    pub(super) variables: Variables,
    /// What one is that is not set and has no default.
    pub(super) unset: Unset,
    /// The variables of the process that are meant to have a say.
    pub(super) expected: Vec<String>,
}

/// What is to be loaded. `files` are those that were named without an option.
pub(super) fn request(
    d: &mut Diagnostics,
    sources: &mut Sources,
    args: &ComposeArgs,
    files: &[PathBuf],
    how: How,
) -> Result<Request, Reported> {
    let here = working_directory(d)?;
    let named = if files.is_empty() { &args.file } else { files };
    let mut environment = Environment {
        process: process_variables(&here),
        expected: how.expected.into_iter().collect(),
        unset: how.unset,
        ..Environment::default()
    };
    let env_files = env_files(args);
    let first = directory(args, named);
    if !env_files.is_empty() {
        environment.add_files(d, sources, &env_files)?;
    } else if !is_disabled(d, &environment)? {
        environment.add_default(d, sources, &first)?;
    }
    let files = if named.is_empty() { discover(d, &environment, &here, &first)? } else { named.to_vec() };
    let directory = directory(args, &files);
    // What is in `.env` is known by now, and may say that there is none.
    if env_files.is_empty() && directory != first && !is_disabled(d, &environment)? {
        environment.add_default(d, sources, &directory)?;
    }
    Ok(Request {
        files,
        directory_name: base_name(&here.join(&directory)),
        directory,
        project_name: args.project_name.clone(),
        environment,
        variables: how.variables,
        unset: how.unset,
    })
}

/// The directory of the project: the one that was named, else that of the first file.
fn directory(args: &ComposeArgs, files: &[PathBuf]) -> PathBuf {
    let named = args.project_directory.as_deref();
    let file = files.iter().find(|file| *file != Path::new("-"));
    match named.or_else(|| file?.parent()) {
        Some(directory) if directory != Path::new("") => directory.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// The env files that take the place of `.env`.
fn env_files(args: &ComposeArgs) -> Vec<PathBuf> {
    if !args.env_file.is_empty() {
        return args.env_file.clone();
    }
    let files = std::env::var("COMPOSE_ENV_FILES").unwrap_or_default();
    files.split(',').filter(|file| !file.is_empty()).map(PathBuf::from).collect()
}

/// Whether `.env` is not to be read. The words are those of Go.
fn is_disabled(d: &mut Diagnostics, environment: &Environment) -> Result<bool, Reported> {
    match environment.get("COMPOSE_DISABLE_ENV_FILE").as_deref() {
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        None | Some("" | "0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some(other) => {
            let message = format!("`COMPOSE_DISABLE_ENV_FILE` is neither true nor false: `{other}`");
            Err(d.error(Code::InvalidValue, message).help("set it to `1` or `0`").emit())
        }
    }
}

/// The variables of the process whose names and values are text. There is a `PWD` in any case.
fn process_variables(here: &Path) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<_, _> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    if let Some(here) = here.to_str() {
        variables.entry("PWD".to_owned()).or_insert_with(|| here.to_owned());
    }
    variables
}

/// The working directory as the user knows it: by the way that was taken there, if `PWD` still says so.
pub(super) fn working_directory(d: &mut Diagnostics) -> Result<PathBuf, Reported> {
    let known = std::env::var_os("PWD").map(PathBuf::from);
    if let Some(known) = known.filter(|known| known.is_absolute() && Sources::same(known, Path::new("."))) {
        return Ok(known);
    }
    std::env::current_dir().map_err(|error| {
        d.error(Code::Unreadable, format!("the working directory cannot be found: {error}")).emit()
    })
}

/// The name of a directory, as its path is written.
fn base_name(directory: &Path) -> Option<String> {
    let mut names = Vec::new();
    for component in directory.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::ParentDir => drop(names.pop()),
            _ => {}
        }
    }
    names.last().map(|name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_the_name_it_is_written_with() {
        for (path, want) in [("/a/b", Some("b")), ("/a/b/../..", None), ("/a/b/./..", Some("a")), ("/", None)]
        {
            assert_eq!(base_name(Path::new(path)).as_deref(), want, "{path}");
        }
    }

    #[test]
    fn the_first_file_is_in_the_directory_of_the_project() {
        let directory = |directory: Option<&str>, files: &[&str]| {
            let args =
                ComposeArgs { project_directory: directory.map(PathBuf::from), ..ComposeArgs::default() };
            let files: Vec<_> = files.iter().map(PathBuf::from).collect();
            super::directory(&args, &files)
        };
        assert_eq!(directory(None, &[]), Path::new("."));
        assert_eq!(directory(None, &["f.yaml"]), Path::new("."));
        assert_eq!(directory(None, &["-", "a/f.yaml", "b/f.yaml"]), Path::new("a"));
        assert_eq!(directory(Some("d"), &["a/f.yaml"]), Path::new("d"));
    }
}
