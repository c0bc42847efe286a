//! `bundlegen diff`.

mod directory;
mod driver;
mod git;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::project::{Built, from_lock, output};
use super::{BuildArgs, Outcome, complain, say, value};
use crate::project::Unused;
use crate::review::Bundles;
use crate::review::diff::{Diff, Sign, diff, json, markdown, text};
use crate::review::lint::deny::Deny;

/// What is compared.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The bundles before: a directory of bundles, a bundle, or a revision of git [default: the bundles on disk]
    #[arg(value_name = "A")]
    pub before: Option<String>,
    /// The bundles after, likewise [default: what `build` would write now]
    #[arg(value_name = "B")]
    pub after: Option<String>,
    /// How the changes are printed
    #[arg(long, value_enum, default_value = "text")]
    pub format: DiffFormat,
    /// Fail where a change brings a finding of this rule, or one that matters as much as this or more: low, medium, high
    /// or critical
    #[arg(long, value_name = "RULE|SEVERITY", value_parser = value::<Deny>)]
    pub deny: Vec<Deny>,
    /// End with 1 if there are changes
    #[arg(long)]
    pub exit_code: bool,
    /// Compare the two files that git names: what `diff.NAME.command` calls
    #[arg(long, value_name = "FILE", num_args = 1..=9, allow_hyphen_values = true, conflicts_with_all = ["before", "after"])]
    pub git_driver: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub build: BuildArgs,
}

/// How changes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// As text for a terminal
    Text,
    /// As Markdown for a comment on a pull request
    Markdown,
    /// As JSON
    Json,
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// What was named is not there, or is something else.
    #[error("{0}")]
    Input(String),
    /// The disk or `git` failed.
    #[error("{0}")]
    System(String),
}

pub(super) fn run(args: &DiffArgs) -> Outcome {
    if !args.git_driver.is_empty() {
        return printed(driver::compared(&args.git_driver), args);
    }
    match &args.after {
        Some(after) => printed(between(args, args.before.as_deref().unwrap_or_default(), after), args),
        None => match from_lock(&args.build, &[], Unused::Ignored) {
            Ok(built) => printed(with_build(args, &built), args),
            Err(outcome) => outcome,
        },
    }
}

fn printed(found: Result<Diff, Error>, args: &DiffArgs) -> Outcome {
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            complain(&format!("error: {error}\n"));
            return if matches!(error, Error::Input(_)) { Outcome::Wrong } else { Outcome::Failed };
        }
    };
    say(&match args.format {
        DiffFormat::Text => text(&found),
        DiffFormat::Markdown => markdown(&found),
        DiffFormat::Json => format!("{:#}\n", json(&found)),
    });
    let mut new = found.risks().filter(|risk| risk.sign == Sign::Added);
    let denied = new.any(|risk| args.deny.iter().any(|deny| deny.refuses(&risk.finding)));
    if denied || args.exit_code && !found.is_empty() { Outcome::Wrong } else { Outcome::Done }
}

/// Bundles, and whether they are one bundle that was named by itself.
struct Side {
    bundles: Bundles,
    single: bool,
}

/// What is named, against what a build would write.
fn with_build(args: &DiffArgs, built: &Built) -> Result<Diff, Error> {
    let before = match &args.before {
        Some(before) => side(before, || Ok(built.bundles.clone()))?,
        None => Side { bundles: directory::bundles(&built.bundles)?, single: false },
    };
    let after = Bundles::of_tree(&built.compiled.tree).map_err(|unfit| Error::System(unfit.to_string()))?;
    let (before, after) = matched(before, Side { bundles: after, single: false });
    Ok(diff(&before, &after, Some(built.compiled.made(&built.sources))))
}

fn between(args: &DiffArgs, before: &str, after: &str) -> Result<Diff, Error> {
    let output = || {
        output(&args.build)
            .map_err(|_| Error::Input("the output directory is not known; name it with `-o`".to_owned()))
    };
    let (before, after) = matched(side(before, output)?, side(after, output)?);
    Ok(diff(&before, &after, None))
}

/// A directory if there is one, else a revision. `output` is the directory whose bundles the revision has.
fn side(named: &str, output: impl FnOnce() -> Result<PathBuf, Error>) -> Result<Side, Error> {
    let path = Path::new(named);
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => directory::side(path),
        Ok(_) => Err(Error::Input(format!(
            "{named} is neither a directory nor a revision: name the directory that holds the bundles"
        ))),
        Err(_) => git::side(named, output),
    }
}

/// A bundle that was named by itself is compared with the one of the same name, and with another one that was named by
/// itself whatever their names.
fn matched(mut before: Side, mut after: Side) -> (Bundles, Bundles) {
    match (before.single, after.single) {
        (true, true) => {
            let name = after.bundles.bundles.keys().next().cloned().unwrap_or_default();
            before.bundles.bundles =
                before.bundles.bundles.into_values().map(|bundle| (name.clone(), bundle)).collect();
        }
        (true, false) => keep(&mut after.bundles, &before.bundles),
        (false, true) => keep(&mut before.bundles, &after.bundles),
        (false, false) => {}
    }
    (before.bundles, after.bundles)
}

/// Leaves out what the other side does not have, and the networks: a single bundle comes without them.
fn keep(bundles: &mut Bundles, other: &Bundles) {
    bundles.bundles.retain(|name, _| other.bundles.contains_key(name));
    bundles.networks.clear();
}
