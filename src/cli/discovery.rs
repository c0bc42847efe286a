//! Which Compose files are meant where none is named.

use std::path::{Path, PathBuf};

use crate::diag::{Code, Diagnostics, Reported};
use crate::load::{Environment, in_project};
use crate::yaml::template::Lookup;

/// The names Compose looks for, in its order.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// The files Compose merges onto the one it found, in its order.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// Those that `COMPOSE_FILE` names; else the nearest one in a directory or above it, with the override beside it.
pub(super) fn discover(
    d: &mut Diagnostics,
    environment: &Environment,
    here: &Path,
    directory: &Path,
) -> Result<Vec<PathBuf>, Reported> {
    if let Some(files) = environment.get("COMPOSE_FILE").filter(|files| !files.is_empty()) {
        let separator = environment.get("COMPOSE_PATH_SEPARATOR").filter(|separator| !separator.is_empty());
        return Ok(files.split(separator.as_deref().unwrap_or(":")).map(PathBuf::from).collect());
    }
    let mut at = directory.to_path_buf();
    for directory in here.join(directory).ancestors() {
        if let Some(file) = choose(d, &NAMES, directory, &at) {
            let over = choose(d, &OVERRIDES, directory, &at);
            return Ok(std::iter::once(file).chain(over).collect());
        }
        at = if at == Path::new(".") { PathBuf::from("..") } else { at.join("..") };
    }
    let message = "there is no compose.yaml here or in a directory above";
    Err(d.error(Code::Unreadable, message).help("name the file with `-f FILE`").emit())
}

/// The first of some names that is there, with a warning about the others. `shown` is how the directory is written.
fn choose(d: &mut Diagnostics, names: &[&str], directory: &Path, shown: &Path) -> Option<PathBuf> {
    let mut there = names.iter().filter(|name| directory.join(name).exists());
    let chosen = in_project(there.next()?, shown);
    for other in there {
        let other = in_project(other, shown);
        let message = format!("{} is passed over, as {} is there too", other.display(), chosen.display());
        d.warning(Code::Conflict, message).help("remove one of them, or name the file with `-f`").emit();
    }
    Some(chosen)
}
