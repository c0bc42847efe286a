//! The changes as text for a terminal.

use std::fmt::Write as _;

use super::fold::{Block, Line, blocks};
use super::{Diff, Group, Risk, Sign};
use crate::printable::printable_line;
use crate::review::lint::Severity;

/// The widest that the first column is made for the sake of the others.
const COLUMN: usize = 40;

/// The changes, with a heading for each subject and each group of changes.
pub fn text(diff: &Diff) -> String {
    let blocks = blocks(diff);
    let mut out = String::new();
    for block in &blocks {
        write_block(&mut out, block);
    }
    let _infallible = writeln!(out, "{}", summary(diff));
    out
}

fn write_block(out: &mut String, block: &Block) {
    let _infallible = writeln!(out, "{}", printable_line(&block.heading()));
    let (mut group, mut width) = (None, 0);
    for line in &block.lines {
        if group != Some(line.group) {
            group = Some(line.group);
            width = self::width(&block.lines, line.group);
            let _infallible = writeln!(out, "  {}", line.group.as_str());
        }
        let _infallible = writeln!(out, "    {}", columns(line, width));
    }
    if !block.section.risks.is_empty() {
        let _infallible = writeln!(out, "  findings");
        for risk in &block.section.risks {
            let sign = risk.sign.as_char();
            let message = printable_line(&risk.finding.message);
            let _infallible = writeln!(out, "    {sign} {message}   [{}]", of_risk(risk));
        }
    }
}

/// The lines of one group begin their values at one column.
pub(super) fn width(lines: &[Line], group: Group) -> usize {
    let in_group = lines.iter().filter(|line| line.group == group);
    let widths = in_group.map(|line| what(line).chars().count()).filter(|width| *width <= COLUMN);
    widths.max().unwrap_or_default()
}

fn what(line: &Line) -> String {
    format!("{} {}", line.sign.as_char(), printable_line(&line.what))
}

/// A line of a change; with a width for its first column.
pub(super) fn columns(line: &Line, width: usize) -> String {
    let place = line.place.as_ref().map(|place| printable_line(&place.to_string()).into_owned());
    let risks: Vec<String> = line.risks.iter().map(of_risk).collect();
    let risks = if risks.is_empty() { String::new() } else { format!("[{}]", risks.join(", ")) };
    let first = format!("{:width$}", what(line));
    let parts = [first, printable_line(&line.value).into_owned(), place.unwrap_or_default(), risks];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("   ").trim_end().to_owned()
}

/// A finding in short.
pub(super) fn of_risk(risk: &Risk) -> String {
    let finding = &risk.finding;
    match (risk.sign, &finding.allowed) {
        (Sign::Removed, _) => format!("no more {}", finding.rule.as_str()),
        (_, None) => format!("{}: {}", finding.rule.as_str(), finding.severity),
        (_, Some(reason)) => {
            format!("{}: {}, allowed: {}", finding.rule.as_str(), finding.severity, printable_line(reason))
        }
    }
}

/// How many changes there are, and what they mean for the risk.
pub(super) fn summary(diff: &Diff) -> String {
    let count: usize = diff.sections.iter().map(|section| super::fold::lines(section).len()).sum();
    if diff.is_empty() {
        return "no changes".to_owned();
    }
    let mut parts = vec![if count == 1 { "1 change".to_owned() } else { format!("{count} changes") }];
    let new = || diff.risks().filter(|risk| risk.sign != Sign::Removed && risk.finding.allowed.is_none());
    let by_severity = Severity::ALL.into_iter().filter_map(|severity| {
        let count = new().filter(|risk| risk.finding.severity == severity).count();
        (count > 0).then(|| format!("{count} {severity}"))
    });
    let by_severity: Vec<String> = by_severity.collect();
    let allowed =
        diff.risks().filter(|risk| risk.sign != Sign::Removed && risk.finding.allowed.is_some()).count();
    let gone = diff.risks().filter(|risk| risk.sign == Sign::Removed).count();
    match new().count() {
        0 => {}
        1 => parts.push(format!("1 new finding ({})", by_severity.join(", "))),
        count => parts.push(format!("{count} new findings ({})", by_severity.join(", "))),
    }
    if allowed > 0 {
        parts.push(format!("{allowed} allowed"));
    }
    if gone > 0 {
        parts.push(format!("{gone} gone"));
    }
    parts.join(", ")
}
