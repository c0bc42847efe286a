//! `bundlegen store`.

use std::fmt::Write as _;
use std::sync::OnceLock;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::bar::Bar;
use super::state::{StateArgs, StateError};
use super::{Outcome, complain, say};
use crate::image::{Damaged, Error, Keep, Kept, Pruned, Store};
use crate::printable::printable_line;

/// The images that are kept on this host.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// What to do with them
    #[command(subcommand)]
    pub command: StoreCommand,
}

/// What can be done with the images of this host.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// List the images
    List(ListArgs),
    /// Compare all content with its digests
    ///
    /// What is damaged is removed, so that it is fetched again when it is needed. The exit code is 1 then.
    Verify(VerifyArgs),
    /// Remove what nobody needs
    ///
    /// Keeps the images of every bundlegen.lock and of all bundles that have used this store and are still there.
    /// Waits until nobody else uses the store.
    Prune(PruneArgs),
}

/// How the images are listed.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// How they are printed
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub state: StateArgs,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// As a table
    Text,
    /// As JSON, with all digests
    Json,
}

/// What is verified.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Say nothing but what is wrong
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub state: StateArgs,
}

/// What is removed.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Keep nothing
    #[arg(long)]
    pub all: bool,
    /// Only say what would be removed
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub state: StateArgs,
}

pub(super) fn run(args: &StoreArgs) -> Outcome {
    let done = match &args.command {
        StoreCommand::List(args) => list(args),
        StoreCommand::Verify(args) => verify(args),
        StoreCommand::Prune(args) => prune(args),
    };
    done.unwrap_or_else(|error| {
        complain(&format!("error: {error}\n"));
        match error {
            StateError::Nowhere | StateError::Store(Error::Store { .. }) => Outcome::Wrong,
            StateError::Store(_) => Outcome::Failed,
        }
    })
}

fn list(args: &ListArgs) -> Result<Outcome, StateError> {
    let store = args.state.existing_store()?;
    let (mut images, mut outcome) = (Vec::new(), Outcome::Done);
    for image in store.as_ref().map(Store::images).transpose()?.unwrap_or_default() {
        match image {
            Ok(image) => images.push(image),
            Err(error) => {
                complain(&format!("error: {error}\n"));
                outcome = Outcome::Wrong;
            }
        }
    }
    match args.format {
        ListFormat::Text => say(&table(&images)),
        ListFormat::Json => {
            let images: Value = images.iter().map(json).collect();
            say(&format!("{images:#}\n"));
        }
    }
    Ok(outcome)
}

fn json(image: &Kept) -> Value {
    let Kept { names, platform, index, manifest, config, layers, missing_layers } = image;
    json!({
        "names": names, "platform": platform, "size": image.size(), "index": index, "manifest": manifest,
        "config": config, "layers": layers, "missing_layers": missing_layers,
    })
}

/// More than the longest platform there is has.
const MAX_PLATFORM: usize = 24;

/// A line for each name.
fn table(images: &[Kept]) -> String {
    let mut rows = vec![["NAME", "PLATFORM", "SIZE", "MANIFEST"].map(str::to_owned)];
    for image in images {
        let size = match image.missing_layers {
            0 => amount(image.size()),
            missing => format!("{}, of which {missing} layers are missing", amount(image.size())),
        };
        let digest = image.manifest.digest.to_string().chars().take(19).collect::<String>();
        // Anything may stand in the configuration of an image.
        let platform = printable_line(&image.platform).chars().take(MAX_PLATFORM).collect::<String>();
        let row = |name: &str| [name.to_owned(), platform.clone(), size.clone(), digest.clone()];
        rows.extend(image.names.iter().map(|name| row(name)));
        if image.names.is_empty() {
            rows.push(row("-"));
        }
    }
    rows.sort_by(|one, other| (one[0] != "NAME", one).cmp(&(other[0] != "NAME", other)));
    let mut widths = [0; 4];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 4]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn verify(args: &VerifyArgs) -> Result<Outcome, StateError> {
    let tell = |text: &str| {
        if !args.quiet {
            say(text);
        }
    };
    let Some(store) = args.state.existing_store()? else {
        tell(NOTHING);
        return Ok(Outcome::Done);
    };
    let is_wanted = !args.quiet && Bar::is_wanted();
    let bar = OnceLock::new();
    let found = store.verify(&|read, total| {
        if is_wanted {
            bar.get_or_init(|| Bar::new(total, "verifying".to_owned())).at(read);
        }
    });
    drop(bar);
    let found = found?;
    for Damaged { path, reason, removed } in &found.damaged {
        let then = if *removed { "; removed, so that it is fetched again" } else { "" };
        complain(&format!("error: {}: {reason}{then}\n", path.display()));
    }
    tell(&format!("{}, {}, are what their digests say\n", blobs(found.blobs), amount(found.bytes)));
    Ok(if found.damaged.is_empty() { Outcome::Done } else { Outcome::Wrong })
}

fn prune(args: &PruneArgs) -> Result<Outcome, StateError> {
    let Some(mut store) = args.state.existing_store()? else {
        say(NOTHING);
        return Ok(Outcome::Done);
    };
    let keep = if args.all { Keep::Nothing } else { Keep::Used };
    let pruned = if args.dry_run {
        store.prunable(keep)?
    } else {
        store.prune(keep, &|| complain("waiting for other processes that use the store\n"))?
    };
    say(&report(&pruned, if args.dry_run { "would be removed" } else { "removed" }));
    Ok(Outcome::Done)
}

const NOTHING: &str = "there is no store\n";

fn report(pruned: &Pruned, removed: &str) -> String {
    let mut out = String::new();
    for image in &pruned.images {
        let _infallible = writeln!(out, "{image}: {removed}");
    }
    for path in &pruned.forgotten {
        let _infallible = writeln!(out, "{} is gone, and its images are not kept for it", path.display());
    }
    let partials = match pruned.partials {
        0 => String::new(),
        1 => " and 1 broken download".to_owned(),
        many => format!(" and {many} broken downloads"),
    };
    let (blobs, kept, size) = (blobs(pruned.blobs), pruned.kept, amount(pruned.bytes));
    let _infallible = writeln!(out, "{blobs}{partials} {removed}, {size}; {kept} kept");
    out
}

fn blobs(count: u64) -> String {
    if count == 1 { "1 blob".to_owned() } else { format!("{count} blobs") }
}

/// Three digits and a unit of a thousand each, as Docker prints the size of an image.
pub(super) fn amount(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut whole, mut rest, mut name) = (bytes, 0, "B");
    for unit in UNITS {
        if whole < 1000 {
            break;
        }
        (whole, rest, name) = (whole / 1000, whole % 1000, unit);
    }
    if name == "B" || whole >= 100 {
        format!("{whole} {name}")
    } else {
        format!("{whole}.{} {name}", rest / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        let table = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (41_259_000, "41.2 MB"),
            (999_999_999, "999 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, want) in table {
            assert_eq!(amount(bytes), want);
        }
    }
}
