//! Findings with the places to go to, in the formats that people and programs read.
//!
//! One file a format. Every format has the same findings in the same order; what stands in files is escaped as the format
//! needs it.

mod asked;
mod listed;
mod location;

pub mod github;
pub mod json;
pub mod rules;
pub mod sarif;
pub mod text;

use std::collections::BTreeMap;

use super::deny::Deny;
use super::{Finding, Rule, Severity, rule};
use crate::project::Service;
use crate::review::{Bundles, Made};

use location::place;
pub use location::{Location, Part};

/// All findings, with their places.
#[derive(Debug)]
pub struct Report<'a> {
    /// In the order of [`lint`](super::lint).
    pub rows: Vec<Row<'a>>,
}

/// A finding with its place.
#[derive(Debug)]
pub struct Row<'a> {
    /// What was found.
    pub finding: &'a Finding,
    /// The rule that found it.
    pub rule: &'static Rule,
    /// The service of the bundle, where that is known: several bundles can be containers of one.
    pub service: Option<&'a str>,
    /// Where to look.
    pub location: Location,
    /// What decided the value, where no file of the project says it.
    pub origin: Option<String>,
    /// Whether it is too much.
    pub denied: bool,
}

impl<'a> Report<'a> {
    /// Looks up the places of findings. `directory` is what the directory of the bundles is called.
    pub fn new(
        findings: &'a [Finding],
        all: &Bundles,
        made: Option<Made<'a>>,
        directory: &str,
        deny: &[Deny],
    ) -> Self {
        let services: BTreeMap<&str, &Service> = made
            .iter()
            .flat_map(|made| &made.project.services)
            .map(|service| (&*service.bundle, service))
            .collect();
        let row = |finding: &'a Finding| {
            let rule = rule(finding.rule)?;
            let service = services.get(&*finding.bundle).copied();
            let denied = deny.iter().any(|deny| deny.refuses(finding));
            let (location, origin) = match &made {
                Some(made) => place(finding, all, made, service, directory),
                None => (Location::of_bundle(directory, &finding.bundle), None),
            };
            let service = service.map(|service| &*service.name.value);
            Some(Row { finding, rule, service, location, origin, denied })
        };
        Report { rows: findings.iter().filter_map(row).collect() }
    }

    /// How many findings are too much.
    pub fn denied(&self) -> usize {
        self.rows.iter().filter(|row| row.denied).count()
    }

    /// How many findings there are of each severity, the worst first; those that are allowed do not count.
    pub fn counts(&self) -> [(Severity, usize); 4] {
        Severity::ALL.map(|severity| {
            let of = |row: &&Row| row.finding.severity == severity && row.finding.allowed.is_none();
            (severity, self.rows.iter().filter(of).count())
        })
    }

    /// How many findings are allowed.
    pub fn allowed(&self) -> usize {
        self.rows.iter().filter(|row| row.finding.allowed.is_some()).count()
    }
}
