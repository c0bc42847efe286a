//! Where the state of this program is on a host: what is kept from one run to the next, and belongs to no project.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use super::complain;
use crate::image::{self, Store};

/// Where images are kept.
#[derive(Clone, Debug, Default, Args)]
pub struct StateArgs {
    /// Where images are kept [default: `BUNDLEGEN_STATE`, else /var/lib/bundlegen for root and
    /// ~/.local/state/bundlegen for others]
    // The last one counts, so that one can be put before those of a command line.
    #[arg(long, value_name = "DIR", overrides_with = "state")]
    pub state: Option<PathBuf>,
}

/// Why there is no store to use.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Nothing says where it is.
    #[error("there is no place for images: `HOME` is not set; name one with `--state`")]
    Nowhere,
    /// It cannot be used.
    #[error(transparent)]
    Store(#[from] image::Error),
}

impl StateArgs {
    /// The state directory. Follows the [XDG Base Directory Specification] for everybody but root.
    ///
    /// [XDG Base Directory Specification]: https://specifications.freedesktop.org/basedir-spec/latest/
    pub fn directory(&self) -> Result<PathBuf, StateError> {
        let is_root = rustix::process::geteuid().is_root();
        let directory = directory(self.state.as_deref(), is_root, |name| std::env::var_os(name));
        directory.ok_or(StateError::Nowhere)
    }

    /// Where the store is, if there is a place for one.
    pub fn store_directory(&self) -> Option<PathBuf> {
        Some(self.directory().ok()?.join(STORE))
    }

    /// Opens the store in the state directory, and makes it if need be.
    pub fn store(&self) -> Result<Store, StateError> {
        Ok(Store::open_or_wait(&self.directory()?.join(STORE), &waiting)?)
    }

    /// Opens the store if there is one.
    pub fn existing_store(&self) -> Result<Option<Store>, StateError> {
        Ok(Store::open_existing(&self.directory()?.join(STORE), &waiting)?)
    }

    /// A command line for this program with the state directory in it, right after the name of the command, for a
    /// process that runs as another user.
    pub fn handed_on(
        &self,
        command: &str,
        args: impl Iterator<Item = OsString>,
    ) -> Result<Vec<OsString>, StateError> {
        let mut args: Vec<OsString> = args.collect();
        // What may stand before it has no value that is spelt so.
        let after = args.iter().position(|arg| arg == command).map_or(0, |at| at + 1);
        args.splice(after..after, ["--state".into(), self.directory()?.into_os_string()]);
        Ok(args)
    }
}

/// The part of the state directory that has the images.
const STORE: &str = "store";

fn waiting() {
    complain("waiting for another process that prunes the store\n");
}

fn directory(
    given: Option<&Path>,
    is_root: bool,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(given) = given.map(ToOwned::to_owned).or_else(|| path("BUNDLEGEN_STATE")) {
        return Some(given);
    }
    if is_root {
        return Some("/var/lib/bundlegen".into());
    }
    // The specification has paths that are not absolute passed over.
    let absolute = |name| path(name).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    Some(state?.join("bundlegen"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_counts() {
        let all = [("BUNDLEGEN_STATE", "state"), ("XDG_STATE_HOME", "/xdg"), ("HOME", "/home/me")];
        let with = |names: &[(&str, &str)], given: Option<&str>, is_root| {
            let variable = |name: &str| {
                names.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
            };
            directory(given.map(Path::new), is_root, variable)
        };
        let table = [
            (with(&all, Some("given"), false), Some("given")),
            (with(&all, None, false), Some("state")),
            (with(&all, None, true), Some("state")),
            (with(&all[1..], None, false), Some("/xdg/bundlegen")),
            (with(&all[1..], None, true), Some("/var/lib/bundlegen")),
            (with(&all[2..], None, false), Some("/home/me/.local/state/bundlegen")),
            (with(&[("XDG_STATE_HOME", "x"), all[2]], None, false), Some("/home/me/.local/state/bundlegen")),
            (with(&[("BUNDLEGEN_STATE", ""), all[1]], None, false), Some("/xdg/bundlegen")),
            (with(&[("HOME", "")], None, false), None),
            (with(&[], None, true), Some("/var/lib/bundlegen")),
        ];
        for (found, want) in table {
            assert_eq!(found, want.map(PathBuf::from));
        }
    }

    #[test]
    fn the_directory_goes_before_the_arguments_of_the_command() {
        let args = StateArgs { state: Some("/s".into()) };
        let given = ["--color", "never", "prepare", "--state", "/s", "--", "-x"].map(OsString::from);
        let handed = args.handed_on("prepare", given.into_iter()).unwrap();
        assert_eq!(handed, ["--color", "never", "prepare", "--state", "/s", "--state", "/s", "--", "-x"]);
    }
}
