//! `bundlegen lint`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::inspect::bundles;
use super::project::{refused, to_review};
use super::{BuildArgs, Outcome, complain, say, value};
use crate::review::Bundles;
use crate::review::lint::deny::Deny;
use crate::review::lint::report::text::{Shown, text};
use crate::review::lint::report::{Report, github::github, json::json, rules, sarif::sarif};
use crate::review::lint::{RuleName, lint, rule};
use crate::source::Sources;

/// What is held to the rules.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// The Compose files, as with `-f`
    #[arg(value_name = "FILE", conflicts_with = "file")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub build: BuildArgs,
    /// Bundles as they lie on the disk, in place of a Compose file: a bundle, or a directory of bundles
    #[arg(long, value_name = "DIR", conflicts_with_all = ["files", "file"])]
    pub bundles: Option<PathBuf>,
    /// How the findings are printed
    #[arg(long, value_enum, default_value = "text")]
    pub format: LintFormat,
    /// Fail where there is a finding of this rule, or one that matters as much as this or more: low, medium, high or
    /// critical
    #[arg(long, value_name = "RULE|SEVERITY", value_parser = value::<Deny>)]
    pub deny: Vec<Deny>,
    /// Show what the Compose file allows, too
    #[arg(long)]
    pub show_allowed: bool,
    /// List the rules
    #[arg(long, conflicts_with_all = ["files", "bundles", "explain"])]
    pub rules: bool,
    /// Say what a rule minds, and what to do about it
    #[arg(long, value_name = "RULE", value_parser = value::<RuleName>, conflicts_with_all = ["files", "bundles"])]
    pub explain: Option<RuleName>,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// For people: a line for each, and what to do
    Text,
    /// As JSON
    Json,
    /// As SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// As commands of a workflow on GitHub
    Github,
}

pub(super) fn run(args: &LintArgs) -> Outcome {
    if args.rules {
        say(&rules::list());
        return Outcome::Done;
    }
    if let Some(rule) = args.explain.and_then(rule) {
        say(&rules::explained(rule));
        return Outcome::Done;
    }
    match &args.bundles {
        Some(path) => of_disk(args, path),
        None => of_project(args),
    }
}

fn of_project(args: &LintArgs) -> Outcome {
    let (built, warnings) = match to_review(&args.build, &args.files) {
        Ok(built) => built,
        Err(outcome) => return outcome,
    };
    let all = match Bundles::of_tree(&built.compiled.tree) {
        Ok(all) => all,
        Err(error) => return failed(&error.to_string()),
    };
    let made = built.compiled.made(&built.sources);
    let findings = lint(&all, Some(made));
    let directory = built.bundles.to_string_lossy();
    let outcome = print(args, &Report::new(&findings, &all, Some(made), &directory, &args.deny));
    refused(&args.build, warnings).unwrap_or(outcome)
}

fn of_disk(args: &LintArgs, path: &Path) -> Outcome {
    let mut sources = Sources::default();
    let found = match bundles(&mut sources, path) {
        Ok((found, _)) => found,
        Err(message) => return failed(&message),
    };
    let is_one = found.len() == 1 && path.join("config.json").exists();
    let directory = if is_one { above(path) } else { path.to_owned() };
    let bundles = found.into_iter().map(|bundle| (bundle.name.clone(), bundle)).collect();
    let all = Bundles { bundles, ..Bundles::default() };
    let findings = lint(&all, None);
    print(args, &Report::new(&findings, &all, None, &directory.to_string_lossy(), &args.deny))
}

/// The directory that another one is in.
fn above(path: &Path) -> PathBuf {
    match (path.file_name(), path.parent()) {
        (Some(_), Some(parent)) => parent.to_owned(),
        _ => path.join(".."),
    }
}

fn print(args: &LintArgs, report: &Report) -> Outcome {
    let shown = if args.show_allowed { Shown::All } else { Shown::Open };
    say(&match args.format {
        LintFormat::Text => text(report, shown),
        LintFormat::Json => json(report),
        LintFormat::Sarif => sarif(report),
        LintFormat::Github => github(report),
    });
    match report.denied() {
        0 => Outcome::Done,
        1 => failed("1 finding is denied"),
        denied => failed(&format!("{denied} findings are denied")),
    }
}

fn failed(message: &str) -> Outcome {
    complain(&format!("error: {message}\n"));
    Outcome::Wrong
}
