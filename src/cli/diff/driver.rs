//! What git calls to show how one file changed: `PATH OLD-FILE OLD-HEX OLD-MODE NEW-FILE NEW-HEX NEW-MODE`, with the
//! new name and a message after them where the file moved. See gitdiff(1), `GIT_EXTERNAL_DIFF`.

use std::path::Path;

use super::Error;
use crate::cli::inspect;
use crate::review::Bundles;
use crate::review::diff::{Diff, diff};
use crate::source::Sources;

/// What stands for a file that is not there.
const NOTHING: &str = "/dev/null";

/// Compares the two contents of a file.
pub(super) fn compared(args: &[String]) -> Result<Diff, Error> {
    let (path, before, after) = match args {
        [path, before, _, _, after, _, _] | [_, before, _, _, after, _, _, path, ..] => (path, before, after),
        [path] => return Err(Error::Input(format!("{path} is not merged yet"))),
        _ => return Err(Error::Input("git calls this with seven arguments: set `diff.bundlegen.command` to `bundlegen diff --git-driver`".to_owned())),
    };
    let mut sources = Sources::default();
    let before = bundles(&mut sources, path, before)?;
    let after = bundles(&mut sources, path, after)?;
    Ok(diff(&before, &after, None))
}

/// The one bundle, or the one network, that a file is about. `path` is its name in the repository.
fn bundles(sources: &mut Sources, path: &str, file: &str) -> Result<Bundles, Error> {
    let mut bytes = Vec::new();
    if file != NOTHING {
        let value = inspect::json(sources, Path::new(file)).map_err(Error::Input)?;
        bytes = value.map(|value| value.to_string().into_bytes()).unwrap_or_default();
    }
    let mut parts = path.rsplit('/');
    let (name, directory) = (parts.next().unwrap_or_default(), parts.next().unwrap_or("bundle"));
    if name != "config.json" && !name.ends_with(".conflist") {
        return Err(Error::Input(format!(
            "{path} is neither a `config.json` nor a list of plugins: give the driver no other files in `.gitattributes`"
        )));
    }
    let directory = if name == "config.json" { directory } else { "networks" };
    let at = format!("{directory}/{name}");
    let files = (!bytes.is_empty()).then_some((at.as_str(), bytes.as_slice(), false));
    Bundles::of_files(files).map_err(|unfit| Error::Input(unfit.to_string()))
}
