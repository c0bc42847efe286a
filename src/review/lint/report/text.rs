//! Findings for people: a line for each that editors and terminals can follow, under the name of the service.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Report, Row};
use crate::printable::printable_line;

/// Which findings are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Those that nobody has allowed.
    Open,
    /// Those that are allowed, too.
    All,
}

/// The findings, what to do about them, and how many there are.
pub fn text(report: &Report, shown: Shown) -> String {
    let rows = || report.rows.iter().filter(|row| shown == Shown::All || row.finding.allowed.is_none());
    let mut out = String::new();
    for (names, lines) in groups(rows()) {
        let _infallible = write!(out, "{}\n{lines}\n", printable_line(&names.join(", ")));
    }
    let rules: BTreeMap<_, _> = rows().map(|row| (row.finding.rule, row.rule)).collect();
    for (name, rule) in rules {
        let _infallible = write!(out, "{name}: {}\n  {}\n", rule.title, rule.help);
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out + &counts(report)
}

/// The lines of each bundle. Containers of one service that have the same ones share them.
fn groups<'r>(rows: impl Iterator<Item = &'r Row<'r>>) -> Vec<(Vec<&'r str>, String)> {
    let mut bundles: Vec<(&Row, String)> = Vec::new();
    for row in rows {
        match bundles.last_mut() {
            Some((first, lines)) if first.finding.bundle == row.finding.bundle => *lines += &line(row),
            _ => bundles.push((row, line(row))),
        }
    }
    let mut groups: Vec<(Vec<&str>, String)> = Vec::new();
    let mut known: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for (row, lines) in bundles {
        let name = if row.finding.bundle.is_empty() { "the project" } else { &*row.finding.bundle };
        let service = row.service.unwrap_or(name);
        let at = *known.entry((service, lines.clone())).or_insert(groups.len());
        match groups.get_mut(at) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], lines)),
        }
    }
    groups
}

fn line(row: &Row) -> String {
    let finding = row.finding;
    let place = match row.location.part {
        Some(part) => format!("{}:{}:{}", row.location.file, part.line, part.column),
        None => row.location.file.clone(),
    };
    let mut said = format!("{place}: {}[{}]: {}", finding.severity, finding.rule, finding.message);
    let pointer = row.location.part.is_none().then_some(&finding.pointer);
    let further: BTreeSet<&String> = pointer.into_iter().chain(&row.origin).collect();
    for words in further {
        let _infallible = write!(said, " ({words})");
    }
    if let Some(reason) = &finding.allowed {
        let _infallible = write!(said, "; allowed: {reason}");
    }
    format!("{}\n", printable_line(&said))
}

fn counts(report: &Report) -> String {
    let counts = report.counts().into_iter().map(|(severity, count)| (severity.as_str(), count));
    let counts = counts.chain([("allowed", report.allowed())]);
    let said: Vec<String> =
        counts.filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}")).collect();
    if said.is_empty() { "no findings\n".to_owned() } else { format!("{}\n", said.join(", ")) }
}
