//! The command line: the only user of `clap`, and the only reader of arguments, environment and working directory.
#![allow(
    clippy::disallowed_methods,
    reason = "the environment and the working directory become explicit inputs here"
)]

mod build;
mod check;
mod prepare;
mod project;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::diag::Diagnostics;
use crate::image::Platform;
use crate::printable::printable;
use crate::render::{Colour, render};
use crate::source::Sources;

/// Compile a Compose file into OCI bundles that runc and crun execute, with no daemon
#[derive(Debug, Parser)]
#[command(name = "bundlegen", version, max_term_width = 100)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compile the Compose file and write the bundles
    ///
    /// Reads the Compose file, its env files and the images, and writes one bundle for each service, beside a list of
    /// checksums. Nothing is written when there is an error. The output depends on the inputs alone: not on the
    /// machine, the user, the time or the directory.
    Build(ProjectArgs),
    /// Compare the bundles on disk with what `build` would write
    ///
    /// Writes nothing. Says for each file that differs whether it is out of date, edited by hand, missing or extra,
    /// and which command mends it.
    Check(ProjectArgs),
    /// Make the bundles ready to run on this host
    ///
    /// Verifies the checksums, unpacks the root file systems from the images, and creates the directories of volumes
    /// and of bind mounts in short form. A second run does nothing.
    Prepare(PrepareArgs),
}

/// The Compose file and what a build needs beside it.
#[derive(Debug, Args)]
pub struct ProjectArgs {
    /// The Compose file; without one, compose.yaml, compose.yml, docker-compose.yml or docker-compose.yaml here or in
    /// a directory above
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The Compose file, as `docker compose` takes it
    #[arg(short, long = "file", value_name = "FILE", conflicts_with = "files")]
    pub file: Vec<PathBuf>,
    /// Where the bundles are [default: bundles beside the Compose file]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// The name of the project [default: as Compose finds it]
    #[arg(short, long, value_name = "NAME")]
    pub project_name: Option<String>,
    /// An OCI image layout with the images [default: images beside the Compose file]
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
    /// The platform the bundles are for [default: linux/amd64]
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    pub platform: Option<Platform>,
    /// Take warnings for errors
    #[arg(long)]
    pub deny_warnings: bool,
}

/// The bundles to make ready.
#[derive(Debug, Args)]
pub struct PrepareArgs {
    /// Where the bundles are
    #[arg(value_name = "DIR", default_value = "bundles")]
    pub bundles: PathBuf,
    /// The OCI image layout with the images [default: images beside the bundles]
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
}

fn platform(text: &str) -> Result<Platform, String> {
    text.parse().map_err(|invalid: crate::diag::Invalid| match invalid.help {
        Some(help) => format!("{}; {help}", invalid.message),
        None => invalid.message,
    })
}

/// What a run came to: the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or up to date: 0.
    Done,
    /// Errors in the input, or bundles that are not what they should be: 1.
    Wrong,
    /// The disk or another part of the system failed: 3. Wrong usage is 2, which `clap` sees to.
    Failed,
}

impl Outcome {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Outcome::Done => 0,
            Outcome::Wrong => 1,
            Outcome::Failed => 3,
        }
    }
}

/// Runs the process's own command line.
pub fn run() -> Outcome {
    match Cli::parse().command {
        Command::Build(args) => build::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Prepare(args) => prepare::run(&args),
    }
}

/// The columns of a report. Nothing asks the terminal: the same input gives the same text everywhere.
const WIDTH: usize = 100;

/// Shows everything found, on standard error.
fn show(d: &Diagnostics, sources: &Sources) {
    let colour = match (std::env::var_os("NO_COLOR"), io::stderr().is_terminal()) {
        (None, true) => Colour::Ansi,
        _ => Colour::None,
    };
    let _gone = io::stderr().write_all(render(d, sources, WIDTH, colour).as_bytes());
}

/// Writes to standard error. A reader that has gone away is no reason to fail. Names of files may come from
/// strangers, and a terminal must not act on them.
fn complain(text: &str) {
    let _gone = io::stderr().write_all(printable(text).as_bytes());
}

/// Writes to standard output, likewise.
fn say(text: &str) {
    let _gone = io::stdout().write_all(printable(text).as_bytes());
}
